"""Real Functions host processes for tests: start, call, kill."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).parent / "functions_apps"
KEY = "the host key"

OVER = ("Completed", "Failed", "Terminated")


@dataclass
class Answer:
    """One HTTP response."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class RunningHost:
    """One host process and its log."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("functions host ready on "), f"host did not start: {line!r}\n{log.read_text()}"
        self.url = line.split()[-1]

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        request = urllib.request.Request(f"{self.url}{path}", data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, value: Any = None) -> Answer:
        return self.call("POST", path, None if value is None else json.dumps(value).encode())

    def start(self, name: str, value: Any = None, *, id: str | None = None) -> str:  # noqa: A002
        """Start an instance through the app's own starter and the real client."""
        answer = self.post(f"/start/{name}" + (f"?id={id}" if id else ""), value)
        assert answer.status == 202, answer.text
        return answer.json["id"]

    def status(self, instance_id: str) -> dict[str, Any]:
        answer = self.get(f"/status/{instance_id}")
        assert answer.status == 200, answer.text
        return answer.json

    def finish(self, instance_id: str, *, seconds: float = 15) -> dict[str, Any]:
        """Wait until the instance is over."""
        return self.until(instance_id, lambda status: status["runtimeStatus"] in OVER, seconds=seconds)

    def until(self, instance_id: str, reached: Any, *, seconds: float = 10) -> dict[str, Any]:
        """Wait until ``reached(status)``."""
        deadline = time.monotonic() + seconds
        while not reached(status := self.status(instance_id)):
            assert time.monotonic() < deadline, f"{instance_id}: {status}\n{self.log.read_text()[-4000:]}"
            time.sleep(0.03)
        return status

    def run(self, name: str, value: Any = None) -> dict[str, Any]:
        """Start an instance and wait until it is over."""
        return self.finish(self.start(name, value))

    def events(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


def command(app: Path, postgres_url: str, *options: str) -> list[str]:
    return [
        *(sys.executable, "-W", "error::RuntimeWarning", "-m", "localdev.functions_host", "--port", "0"),
        *("--app", str(app), "--postgres", postgres_url, "--key", KEY, *options),
    ]


@contextmanager
def running_host(
    app: Path, postgres_url: str, log_dir: Path, *options: str, environ: dict[str, str] | None = None
) -> Iterator[RunningHost]:
    """A host on a free port; killed at the end if it still runs."""
    log = log_dir / f"host-{time.monotonic_ns()}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command(app, postgres_url, *options),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, **(environ or {})},
        )
    host = RunningHost(process, log)
    try:
        yield host
    finally:
        host.close()
