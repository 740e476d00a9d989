"""List directories ahead of whoever takes the listings in.

As soon as one answer is back the next directory is asked for, so the share always has as many requests to work on as there may be.
Waves, each of which waits for its slowest answer and then for the catalogue, had 49 of 64 on their way on average.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.errors import Rejected
from shared.usecases.changed_directory import Visit
from shared.usecases.list_directory import Listing


@dataclass(frozen=True, slots=True)
class Listed:
    """A directory and its listing, or why there is none."""

    visit: Visit
    found: Listing | Rejected
    differs: bool = False
    """From what is in the catalogue. The listing of one that does not is closed."""

    @property
    def entries_to_compare(self) -> int:
        """How much the listing will take."""
        return self.found.entry_count if self.differs and isinstance(self.found, Listing) else 0


class _Job(NamedTuple):
    visit: Visit
    task: asyncio.Task[Listed]


class ListAhead:
    """Takes visits from the end of a stack and lists them, ``at_once`` at a time. Close it.

    At most one and a half times as many are under way or listed and not taken, which bounds the memory.
    """

    def __init__(self, lists: Callable[[Visit], Coroutine[Any, Any, Listed]], stack: list[Visit], at_once: int) -> None:
        """``stack`` is the caller's, who pushes to it and may empty it."""
        self._lists = lists
        self._stack = stack
        self._at_once = at_once
        self._group = max(at_once // 2, 1)
        self._jobs: list[_Job] = []
        """In the order in which they began, which is that of the tree, nearly."""
        self._finished = 0
        self._is_paused = False
        self._enough = asyncio.Event()

    @property
    def under_way(self) -> int:
        """Directories asked for whose listings are not there yet."""
        return len(self._jobs) - self._finished

    def visits(self) -> list[Visit]:
        """Directories under way or listed, and not taken."""
        return [job.visit for job in self._jobs]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Begin nothing while the block runs, so that the stack stays as it is."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def start(self) -> None:
        """Ask for as many as may be. Called again by itself whenever an answer is back."""
        if self._is_paused:
            return
        while self._stack and self.under_way < self._at_once and len(self._jobs) < self._at_once + self._group:
            visit = self._stack.pop()
            task = asyncio.create_task(self._lists(visit))
            self._jobs.append(_Job(visit, task))
            task.add_done_callback(self._back)

    async def take(self, most_entries: int) -> list[Listed]:
        """What is listed, in the order of the tree: half of what may be under way, or what there is when the stack is empty.

        The last that differs may go beyond ``most_entries`` of those that do. Empty when nothing is under way or listed. Raises what
        the listing raised.
        """
        self.start()
        while self.under_way and not self._is_enough():
            self._enough.clear()
            await self._enough.wait()
        group: list[Listed] = []
        rest: list[_Job] = []
        entries = 0
        for job in self._jobs:
            if not job.task.done() or entries >= most_entries:
                rest.append(job)
                continue
            listed = job.task.result()
            group.append(listed)
            entries += listed.entries_to_compare
        self._jobs = rest
        self._finished -= len(group)
        self.start()
        return group

    async def close(self) -> None:
        """Stop asking, and give back the listings that were not taken."""
        jobs, self._jobs, self._finished = self._jobs, [], 0
        for job in jobs:
            job.task.remove_done_callback(self._back)
            job.task.cancel()
        for listed in await asyncio.gather(*(job.task for job in jobs), return_exceptions=True):
            if isinstance(listed, Listed) and isinstance(listed.found, Listing):
                listed.found.close()

    def _is_enough(self) -> bool:
        return self._finished >= self._group or (self._finished > 0 and not self._stack)

    def _back(self, _: asyncio.Task[Listed]) -> None:
        self._finished += 1
        self.start()
        if self._is_enough():
            self._enough.set()
