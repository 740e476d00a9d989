"""List directories ahead of whoever takes the listings in.

As soon as one answer is back the next directory is asked for, so the share always has as many requests to work on as there may be.
Waves, each of which waits for its slowest answer and then for the catalogue, had 49 of 64 on their way on average.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
        self._jobs: dict[asyncio.Task[Listed], Visit] = {}
        """In the order in which they began, which is that of the tree, nearly."""
        self._listed: set[asyncio.Task[Listed]] = set()
        """Those of them that have told so. A task is done a turn of the loop before it tells: who took it then would wait for ever for another."""
        self._is_paused = False
        self._enough = asyncio.Event()

    @property
    def under_way(self) -> int:
        """Directories asked for whose listings are not there yet."""
        return len(self._jobs) - len(self._listed)

    def visits(self) -> list[Visit]:
        """Directories under way or listed, and not taken."""
        return list(self._jobs.values())

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
            self._jobs[task] = visit
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
        taken: dict[asyncio.Task[Listed], Listed] = {}
        entries = 0
        for task in self._jobs:
            if entries >= most_entries:
                break
            if task in self._listed:
                taken[task] = task.result()
                entries += taken[task].entries_to_compare
        for task in taken:
            del self._jobs[task]
            self._listed.remove(task)
        self.start()
        return list(taken.values())

    async def close(self) -> None:
        """Stop asking, and give back the listings that were not taken."""
        tasks, self._jobs, self._listed = list(self._jobs), {}, set()
        for task in tasks:
            task.cancel()
        for listed in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(listed, Listed) and isinstance(listed.found, Listing):
                listed.found.close()

    def _is_enough(self) -> bool:
        listed = len(self._listed)
        return listed >= self._group or (listed > 0 and not self._stack)

    def _back(self, task: asyncio.Task[Listed]) -> None:
        if task not in self._jobs:  # closed
            return
        self._listed.add(task)
        self.start()
        if self._is_enough():
            self._enough.set()
