"""What the services have in common: start, wait until ready, stop.

A subclass says which command to run and how to tell that it is ready; everything about the process is here.
"""

import os
import shlex
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from localdev.services.processes import Child, Identity, last_lines, wait_until

ROOT = Path(__file__).resolve().parents[2]

# What a service may see of the developer's environment.  The rest could change its behaviour: PGHOST, AZURE_*, NODE_OPTIONS.
_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ")


class ServiceFailed(Exception):
    """A service did not start, or ended by itself.  The message holds the last lines of its log."""


class Cancelled(Exception):
    """Somebody no longer wants what was being started."""


class Service(ABC):
    """One program of the stack.  A context manager: started on entry, stopped on exit.

    ``start`` after ``stop`` or ``kill`` gives the same service again: same ports, same data.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float] = 60.0
    """How long a cold start may take on a machine that is busy with other things."""
    stop_seconds: ClassVar[float] = 15.0
    gently: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, *, log: Path, environ: Mapping[str, str] | None = None) -> None:
        self.log = log
        self.extra_environ = dict(environ or {})
        self._child: Child | None = None
        self.on_begin: Callable[[], None] = lambda: None
        """Called when a process was started, before anybody waits for it: a chance to write down its identity."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is reached, for people."""

    @abstractmethod
    def command(self) -> Sequence[str | Path]:
        """Return the command line."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does its work now.  Never raises; may take up to a second."""

    def prepare(self) -> None:  # noqa: B027  most programs need nothing
        """Make ready what the program needs on disk.  Called before every start, so it must be idempotent."""

    @property
    def identity(self) -> Identity | None:
        """The process, if it was started here."""
        return self._child.identity if self._child else None

    @property
    def running(self) -> bool:
        """Whether the process started here is still there."""
        return self._child is not None and self._child.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended; ``None`` while it runs or before it was started."""
        return self._child.exit_code if self._child else None

    def start(self) -> None:
        """Start the program and return when it is ready; do nothing if it is running.

        :raises ServiceFailed: it ended, or was not ready in time.  It is not left running.
        """
        self.begin()
        self.wait_ready()

    def begin(self) -> None:
        """Start the program without waiting, so that several can come up side by side."""
        if self.running:
            return
        self.prepare()
        environ = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        self._child = Child(self.command(), log=self.log, environ=environ | self.extra_environ, cwd=ROOT)
        self.on_begin()

    def wait_ready(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when the program begun before is ready.

        :raises Cancelled: ``cancelled`` said so; the program is left as it is.
        :raises ServiceFailed: as ``start``.
        """
        child = self._child
        if child is None:
            raise RuntimeError(f"{self.name}: wait_ready() before begin()")
        if wait_until(lambda: child.exit_code is not None or cancelled() or self.is_ready(), self.start_seconds):
            if cancelled():
                raise Cancelled
            if child.exit_code is None:
                return
            problem = f"ended with {child.exit_code} while starting"
        else:
            problem = f"not ready after {self.start_seconds:.0f} s"
        child.kill()
        raise ServiceFailed(self.describe(problem))

    def describe(self, problem: str) -> str:
        """Say what happened to this service, with what is needed to look into it."""
        tail = "\n".join(f"    {line}" for line in last_lines(self.log).splitlines()) or "    (empty)"
        return f"{self.name}: {problem}\n  command: {shlex.join(map(str, self.command()))}\n  last lines of {self.log}:\n{tail}"

    def stop(self) -> None:
        """End the program in the way it likes best; do nothing if it is not running."""
        if self._child:
            self._child.stop(self.stop_seconds, gently=self.gently)

    def kill(self) -> None:
        """End the program as a power cut would."""
        if self._child:
            self._child.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
