"""Child processes that can be told from strangers.

A process id alone is a poor name: after a crash it may belong to somebody else.  So a process is named by its id *and*
the moment it started, and nothing here ever signals one without checking both.  Linux only (``/proc``).
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that is, or was, running.  ``started`` is opaque: boot id and clock ticks since boot."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Identify the process that has ``pid`` now; ``None`` if there is none, or only its zombie."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()  # the command's name, in parentheses, may hold anything
        state, start_ticks = fields[0], fields[19]
        return None if state in "ZX" else cls(pid, f"{_boot_id()}/{start_ticks}")

    @property
    def alive(self) -> bool:
        """Whether exactly this process is still running."""
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Signal this process; do nothing if it is gone."""
        if self.alive:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return  # it went between the look and the kill

    def stop(self, grace_seconds: float, *, gently: signal.Signals = signal.SIGTERM) -> bool:
        """Ask this process to end, insist after ``grace_seconds``.  Returns whether asking was enough."""
        self.send(gently)
        if wait_until(lambda: not self.alive, grace_seconds):
            return True
        self.send(signal.SIGKILL)
        wait_until(lambda: not self.alive, grace_seconds)
        return False


def myself() -> Identity:
    """Identify this process."""
    identity = Identity.of(os.getpid())
    if identity is None:
        raise OSError("/proc does not show this process: the one-machine stack needs Linux with /proc mounted")
    return identity


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Child:
    """A process started here.  Not shared between threads.

    It gets a session of its own, so that Ctrl-C at the terminal reaches the launcher only, which then stops its
    services in the right order.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, environ: Mapping[str, str], cwd: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=cwd,
                start_new_session=True,
            )
        self.log = log
        self.identity = Identity.of(self._process.pid) or Identity(self._process.pid, "gone")

    @property
    def exit_code(self) -> int | None:
        """``None`` while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def stop(self, grace_seconds: float, *, gently: signal.Signals = signal.SIGTERM) -> None:
        """End the process and collect it; do nothing if it already ended."""
        if self.exit_code is None:
            self._process.send_signal(gently)
            try:
                self._process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the process as a power cut would, with SIGKILL, and collect it."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll ``condition``; return whether it held within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def last_lines(log: Path, count: int = 20) -> str:
    """Return the last ``count`` lines of ``log``, or nothing if there is no such file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])
