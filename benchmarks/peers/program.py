"""Run a program to its end, and say what it used."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import usage
from benchmarks.report import BenchmarkFailed

_LOOK_EVERY_S: Final = 0.02
"""The peak of a process is read while it is there: at most this much of its end goes unseen."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a program took."""

    wall_s: float
    cpu_s: float
    rss_mib: float

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.wall_s:.1f} s, {self.cpu_s:.2f} s of CPU, {self.rss_mib:.0f} MiB"


def run(command: Sequence[str | Path], home: Path, timeout_s: float = 3_600.0) -> Used:
    """Run ``command`` with nothing of the person's own: no configuration, no credentials, no proxies.

    :raises BenchmarkFailed: it ended with an error, or not in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "RCLONE_CONFIG": str(home / "rclone.conf"),
        "AZCOPY_LOG_LOCATION": str(home / "azcopy"),
        "AZCOPY_JOB_PLAN_LOCATION": str(home / "azcopy"),
        "AZCOPY_DISABLE_SYSLOG": "true",
    }
    (home / "rclone.conf").touch()
    log = home / "output.log"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        peak = _Peak(process.pid)
        peak.start()
        killer = threading.Timer(timeout_s, process.kill)
        killer.start()
        try:
            _, status, rusage = os.wait4(process.pid, 0)
        finally:
            killer.cancel()
            peak.over.set()
            peak.join()
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
        what = "took too long" if wall_s >= timeout_s else f"ended with {process.returncode}"
        raise BenchmarkFailed(f"{Path(command[0]).name} {command[1]} {what}:\n" + "\n".join(tail))
    return Used(wall_s, rusage.ru_utime + rusage.ru_stime, peak.mib)


class _Peak(threading.Thread):
    """Looks at a process' peak for as long as it is there."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.over = threading.Event()
        self.mib = 0.0

    def run(self) -> None:
        while not self.over.wait(_LOOK_EVERY_S):
            with suppress(OSError):
                self.mib = usage.rss_mib(self._pid, peak=True)
