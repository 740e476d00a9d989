"""``afb`` as a process of its own."""

import json
import os
import subprocess
import sys

from localdev.services.service import ROOT


class Afb:
    """The command, signed in by its environment."""

    def __init__(self, product, tmp_path):
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "TZ": "UTC",
            "AFB_CONFIG": str(tmp_path / "config.json"),
            "AFB_URL": product.host_url,
        }
        self.cwd = tmp_path

    def command(self, *words):
        return [sys.executable, "-W", "error", "-m", "cli", *words]

    def __call__(self, *words, typed="", code=0, **environ):
        done = subprocess.run(
            self.command(*words),
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            cwd=self.cwd,
            env={**self.environ, **environ},
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words, **kwargs):
        """The answer of one line."""
        (line,) = self(*words, "--json", **kwargs).stdout.splitlines()
        return json.loads(line)

    def lines(self, *words, **kwargs):
        return [json.loads(line) for line in self(*words, "--json", **kwargs).stdout.splitlines()]
