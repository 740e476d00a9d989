"""Worker processes of a test: started, killed with -9, stopped in their tracks, replaced."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from localdev.services.service import ROOT

_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ")


class WorkerProcess:
    """One worker process, whose name nobody else has."""

    def __init__(self, name, environ, log):
        self.name, self.log = name, log
        passed = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.torture_worker", "--name", name],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**passed, "PYTHONPATH": str(ROOT), **environ},
                cwd=ROOT,
                start_new_session=True,
            )

    @property
    def running(self):
        return self._process.poll() is None

    def processor_s(self):
        """How long it has kept a processor busy."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def pause(self):
        """Stop it in its tracks; all of its memory and connections stay."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def events(self):
        """What it told so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def errors(self):
        return [event["error"] for event in self.events() if event.get("error")]


class Crew:
    """Some workers, always as many as there were at first."""

    def __init__(self, app, logs, limits, environ=None):
        settings = app.settings
        self._logs, self._numbers = logs, count(1)
        self._environ = {
            "AFB_POSTGRES_URL": settings.postgres_url,
            "AFB_VAULT_CONNECTION": settings.vault_connection,
            "AFB_LEASE_SECONDS": str(limits["lease_s"]),
            "AFB_TORTURE_LIMITS": json.dumps(limits),
            **{f"AFB_CREDENTIAL_{name}": secret for name, secret in settings.credentials.items()},
            **(environ or {}),
        }
        self.workers = []

    def hire(self):
        """One more worker."""
        name = f"worker-{next(self._numbers)}"
        worker = WorkerProcess(name, self._environ, self._logs / f"{name}.log")
        self.workers.append(worker)
        return worker

    def kill(self, number):
        """Kill one of them."""
        worker = self.workers.pop(number)
        assert worker.running, f"{worker.name} ended by itself: {worker.log.read_text()[-2000:]}"
        worker.kill()
        return worker

    def freeze(self):
        """Stop all of them where they are."""
        for worker in self.workers:
            worker.pause()

    def thaw(self):
        for worker in self.workers:
            worker.go_on()

    def ended(self):
        """What a worker that ended by itself said last; nothing if none did."""
        return [worker.log.read_text()[-2000:] for worker in self.workers if not worker.running]

    def dismiss(self):
        """Kill all of them."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()


@contextmanager
def crew(app, logs, limits, *, size, environ=None):
    """Workers for a while, and no longer."""
    found = Crew(app, logs, limits, environ)
    try:
        for _ in range(size):
            found.hire()
        yield found
    finally:
        found.dismiss()
