"""The launcher as its users see it: a command line and what it prints."""

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localdev.launcher.state import State
from localdev.services.service import ROOT

APP = Path(__file__).parent / "launcher_app"


def ping(host_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{host_url}/ping", timeout=10) as response:
        return json.load(response)


@dataclass(frozen=True)
class CommandLine:
    """``python -m localdev`` on one data directory."""

    data: Path

    def words(self, command: str, *flags: str) -> list[str]:
        return [sys.executable, "-m", "localdev", command, "--data", str(self.data), *flags]

    def run(self, command: str, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words(command, *flags), cwd=ROOT, capture_output=True, text=True, timeout=120)

    def up(self, *flags: str) -> State:
        """Start it in the background and return what it wrote about itself."""
        done = self.run("up", "--detach", "--app", str(APP), *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.state()

    def state(self) -> State:
        state = State.read(self.data)
        assert state is not None
        return state

    def status(self) -> tuple[int, dict[str, Any]]:
        done = self.run("status", "--json")
        return done.returncode, json.loads(done.stdout)
