"""An emulator process, and what the kernel says it uses."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import usage
from benchmarks.report import BenchmarkFailed

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A running emulator."""

    pid: int
    port: int
    control_port: int

    def cpu_s(self) -> float:
        """Return the processor seconds it has used so far, its own and the kernel's for it."""
        return usage.cpu_s(self.pid)

    def rss_mib(self, *, peak: bool = False) -> float:
        """Return its resident memory now, or the most it ever had."""
        return usage.rss_mib(self.pid, peak=peak)


@contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """Start an emulator on a free port; stop it, by its process id, at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "localdev.files_emulator", "--port", "0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]  # its URL, and that of its control API
        ports = [urlsplit(line.split()[-1]).port for line in said if line.split()]
        if len(ports) != 2 or ports[0] is None or ports[1] is None:
            raise BenchmarkFailed(f"the emulator did not start; it said {said!r}")
        yield Server(process.pid, ports[0], ports[1])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
