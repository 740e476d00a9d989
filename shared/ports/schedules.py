"""Schedules: what is due, and runs that are bound to windows."""

import datetime as dt
from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.model.run import Driver, Run, RunKey, RunState
from shared.model.schedule import Occurrence, Schedule, Times
from shared.model.share import ShareSettings


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule whose next occurrence is to be started."""

    schedule: Schedule
    settings: ShareSettings
    """Its share's."""
    is_gone: bool = False
    """Its share, or its tenant, is deleted, and may come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Why a run could not be queued."""

    reason: str
    """What is in its way, for people."""
    run: RunKey | None = None
    """That run, if it is of the same share."""
    is_same: bool = False
    """That run does what this one would."""
    line_no: int = 0
    """A batch number for a line in its journal, which nothing else has."""


@dataclass(frozen=True, slots=True)
class Idle:
    """There is nothing for a run to do: none is queued, and that is well."""

    reason: str


class Dispatch(Protocol):
    """Due schedules, locked until the transaction ends in which all of this happens."""

    due: Sequence[Due]

    async def start_many(self, dues: Sequence[Due]) -> Mapping[int, Run]:
        """Queue as many runs as can be queued without looking at each, by schedule. What is not among them is for :meth:`start`."""
        ...

    async def start(self, due: Due) -> Run | Busy | Idle:
        """Queue the run of an occurrence. Changes nothing if it raises ``Rejected``: it cannot be queued as things are."""
        ...

    async def were_decided(self, occurrences: Sequence[tuple[int, dt.datetime]]) -> Set[int]:
        """The schedules of which it was noted before what became of these occurrences, ``(schedule_id, due_at)``."""
        ...

    async def decided(self, occurrences: Sequence[tuple[Occurrence, Times]]) -> None:
        """Note what became of occurrences, once, and which comes next."""
        ...

    async def pass_by(self, schedule_id: int, following: Times) -> None:
        """Note which comes next, and no more."""
        ...

    async def wait(self, schedule_id: int, until: dt.datetime, why: str) -> None:
        """Have the occurrence looked at again ``until``; ``why`` is for people."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed:
    """A scheduled run of a share that has windows."""

    run_id: int
    key: RunKey
    state: RunState
    is_admitted: bool
    held_until: dt.datetime | None
    settings: ShareSettings
    """Of its share as they are now."""


class Schedules(Protocol):
    """Schedules whose time has come, and runs that are bound to windows."""

    def dispatch(self, now: dt.datetime, limit: int) -> AbstractAsyncContextManager[Dispatch]:
        """Lock some due schedules that nobody else has locked. What is done with them is committed when the block ends well."""
        ...

    async def windowed(self) -> list[Windowed]:
        """Runs that windows hold, or may stop."""
        ...

    async def hold(self, run_id: int, until: dt.datetime | None) -> None:
        """Have a queued run wait until a window opens, if nobody has admitted it."""
        ...

    async def pause_for_window(self, run_id: int, until: dt.datetime) -> int | None:
        """Pause a run until its window opens; a batch number for the journal. None: it is paused, or ends, or is ended."""
        ...

    async def resume_in_window(self, run_id: int) -> int | None:
        """Have it go on; a batch number for the journal. None: it does already, or somebody paused or ended it."""
        ...

    async def admit(self, now: dt.datetime, driver: Driver, *, wait: bool) -> list[Run]:
        """Admit queued runs of a driver while there is room, the first first; see :mod:`shared.core.queueing`.

        ``wait``: for an admission that is under way; else leave it to that.
        """
        ...

    async def begin(self, name: str, now: dt.datetime, every: dt.timedelta) -> bool:
        """Whether something that one process does every so often is this one's to do now."""
        ...
