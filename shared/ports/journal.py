"""The journal: what was skipped or failed in a run and why, and what happened to the run itself."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.model.run import RunKey


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One thing that went wrong with one node, or one thing someone did."""

    at: dt.datetime
    kind: str
    """``unreadable``, ``not_listed``, ``not_restored``, ``stale`` ...: one word."""
    path: str
    node_id: int = 0
    reason: str = ""
    hint: str = ""
    """What to do about it."""
    details: Mapping[str, str] = field(default_factory=dict)


EVENT: Final = "event"
"""Kind of the lines about the run itself."""
OPENED: Final = 0
"""Batch number of the lines that tell of a run's opening: before all others."""
WARNED: Final = 99_999_998
"""Batch number of the lines about what is no node's and no step's, such as the share's other snapshots: after all batches."""
CLOSED: Final = 99_999_999
"""Batch number of the lines that tell how a run ended: after all others."""


def event(at: dt.datetime, what: str, reason: str = "", **details: str) -> JournalLine:
    """A line about the run itself: ``opened``, ``paused``, ``resumed``, ``cancel``, ``ended`` ..."""
    return JournalLine(at=at, kind=EVENT, path="", reason=reason or what, details={"event": what, **details})


class Journal(Protocol):
    """Append-only lines of one run, too many for the catalogue.

    Besides those of batches there are events of the run, each under a batch number of its own: so a step that is repeated
    tells once, and the order of numbers is the order of time.
    """

    async def write(self, run: RunKey, batch_no: int, lines: Sequence[JournalLine]) -> None:
        """Append ``lines``. Writing the same batch again replaces its lines, so that a repeated batch tells once."""
        ...

    async def page(
        self, run: RunKey, *, after: str = "", kind: str = "", limit: int = 1_000
    ) -> tuple[list[JournalLine], str]:
        """Up to ``limit`` lines after a cursor, in the order of :meth:`read`, and the cursor to go on from; "" if that was all.

        Reads nothing before the cursor, which is what an earlier call gave. ``kind``: only lines of this kind.
        Raises ``InvalidInput`` for a cursor that no call gave.
        """
        ...

    def read(self, run: RunKey) -> AsyncIterator[JournalLine]:
        """The lines of a run, oldest batch first."""
        ...

    async def forget(self, run: RunKey, limit: int) -> bool:
        """Delete up to ``limit`` lines of a run whose share is purged; whether there may be more."""
        ...
