"""Copies that take time: each fills its file piece by piece in the background, and can be aborted until it is done.

A file that is being copied to is in the tree from the start, with its full size and the copy's status. A piece is one
transaction, like a request. Whatever ends a copy before its time leaves the file empty, and says why in its status.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from localdev.files_emulator import content
from localdev.files_emulator.blocks import Block
from localdev.files_emulator.elsewhere import PIECE_BYTES, Elsewhere, SourceBroken
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.share import Share
from localdev.files_emulator.tree import File, Path, find

T = TypeVar("T")


class Transact(Protocol):
    """Does a step as a request is done: all of it, durable when this returns, or nothing."""

    def __call__(self, step: Callable[[], T], /) -> T:
        """Return what the step returns."""


_log = logging.getLogger(__name__)


def _at_once(step: Callable[[], T], /) -> T:
    return step()


@dataclass(slots=True)
class Pending:
    """One copy under way; ``sets_change_time``: whether the request left that to the end of the copy."""

    share: Share
    path: Path
    size: int
    sets_change_time: bool
    task: asyncio.Task[None] | None = None


class Copies:
    """The copies of an account that are under way, by their id."""

    def __init__(self, tick: Callable[[], int], keep: Callable[[bytes], Block]) -> None:
        self.transact: Transact = _at_once  # until a service says how it does its steps
        self._tick = tick
        self._keep = keep
        self.pending: dict[str, Pending] = {}

    def begin(self, id_: str, pending: Pending, source: Elsewhere) -> None:
        """Start to fill a file that is in the tree already."""
        self.pending[id_] = pending
        pending.task = asyncio.get_running_loop().create_task(self._run(id_, pending, source))

    def end(self, id_: str, status: str, description: str = "") -> None:
        """End a copy before its time, within the step of a request."""
        pending = self.pending.pop(id_)
        if pending.task is not None:
            pending.task.cancel()
        self._end(pending, status, description)

    def fail_in(self, share: Share) -> None:
        """End all copies into a share, which is about to be deleted."""
        for id_ in [id_ for id_, pending in self.pending.items() if pending.share is share]:
            self.end(id_, "failed", "409 ShareBeingDeleted: the share was deleted")

    def has_below(self, share: Share, path: Path) -> bool:
        """Return whether a copy goes to somewhere below a directory, spelled in any case."""
        folded = [part.upper() for part in path]
        return any(
            pending.share is share and [part.upper() for part in pending.path[: len(path)]] == folded
            for pending in self.pending.values()
        )

    async def stop(self) -> None:
        """Stop working; what is pending is found failed when its account is opened again."""
        tasks = [pending.task for pending in self.pending.values() if pending.task is not None]
        self.pending.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, id_: str, pending: Pending, source: Elsewhere) -> None:
        at = 0
        try:
            while at < pending.size:
                data = await source.read(min(PIECE_BYTES, pending.size - at))
                if not data:
                    raise SourceBroken(f"the source ended after {at} of {pending.size} bytes")
                self.transact(partial(self._grow, pending, at, data))
                at += len(data)
            self.transact(partial(self._end, pending, "success", ""))
        except ServiceError:
            _log.exception("the file of a copy is gone")
        except SourceBroken as error:
            self.transact(partial(self._end, pending, "failed", f"500 InternalError: {error}"))
        finally:
            source.close()
            self.pending.pop(id_, None)

    def _grow(self, pending: Pending, at: int, data: bytes) -> None:
        file = self._file(pending)
        end = at + len(data)
        file.extents = content.write(file.extents, at, end, self._keep(data))
        if file.copied is not None:
            file.copied = replace(file.copied, progress=f"{end}/{pending.size}")
        pending.share.changed(file)

    def _end(self, pending: Pending, status: str, description: str) -> None:
        file = self._file(pending)
        now = self._tick()
        if file.copied is not None:
            file.copied = replace(file.copied, status=status, description=description, completed=now)
        if status != "success":
            file.extents, file.size, file.written = (), 0, now
        if status != "success" or pending.sets_change_time:
            file.changed = now
        pending.share.changed(file)

    @staticmethod
    def _file(pending: Pending) -> File:
        """Return the file, owned; it is where it was, because nobody may move or delete it meanwhile."""
        find(pending.share.root, pending.path)
        file = pending.share.own(pending.path)
        if not isinstance(file, File):
            raise ServiceError("ResourceTypeMismatch")
        return file
