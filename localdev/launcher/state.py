"""What is known on disk about a stack: who runs it, which processes belong to it, at which ports.

``state.json`` is replaced as a whole, and before anybody waits for a process that it names, so that whoever comes after
a crash of the launcher finds the orphans.  ``lock`` is held (flock) for as long as the launcher lives: the kernel lets
go of it however the launcher ends, so it can be trusted where a file that says "running" cannot.
"""

import fcntl
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from localdev.launcher.addresses import Addresses
from localdev.services.processes import Identity

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One process of a stack."""

    name: str
    address: str
    log: str
    stop_signal: str
    process: Identity

    def stop(self, grace_seconds: float = 15.0) -> None:
        """End the process if it is still the one that was started."""
        self.process.stop(grace_seconds, gently=signal.Signals[self.stop_signal])


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A stack as its launcher last wrote it.  ``members`` are in the order they were started."""

    launcher: Identity
    ready: bool
    addresses: Addresses
    settings: dict[str, str]
    members: tuple[Member, ...]

    @classmethod
    def read(cls, data: Path) -> Self | None:
        """Return what the stack in ``data`` left; ``None`` if nothing.

        :raises ValueError: the file is not ours to understand.
        """
        file = _file(data)
        try:
            wire: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError:
            return None
        if wire.get("version") != VERSION:
            raise ValueError(
                f"{file} has version {wire.get('version')}, expected {VERSION}; "
                "hint: stop that stack with the checkout that started it"
            )
        return cls(
            launcher=Identity(**wire["launcher"]),
            ready=wire["ready"],
            addresses=Addresses(**wire["addresses"]),
            settings=wire["settings"],
            members=tuple(Member(**{**member, "process": Identity(**member["process"])}) for member in wire["members"]),
        )

    def write(self, data: Path) -> None:
        """Replace what is known about the stack in ``data``."""
        unfinished = _file(data).with_suffix(".unfinished")
        unfinished.touch(mode=0o600)  # the host's key is in it
        unfinished.write_text(json.dumps({"version": VERSION, **asdict(self)}, indent=2))
        unfinished.replace(_file(data))

    def stop_members(self) -> list[str]:
        """End every process that still runs, last started first; return their names."""
        left = [member for member in reversed(self.members) if member.process.alive]
        for member in left:
            member.stop()
        return [member.name for member in left]


def forget(data: Path) -> None:
    """Remove the state of a stack of which nothing runs any more."""
    _file(data).unlink(missing_ok=True)


class Lock:
    """The right to run the stack in a data directory."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._path = data / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take it; return ``False`` at once if a live process has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back; do nothing if it is not ours."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _file(data: Path) -> Path:
    return data / "state.json"
