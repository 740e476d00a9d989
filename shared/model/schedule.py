"""Schedules of a share, and what becomes of their occurrences."""

import datetime as dt
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

from shared.model.run import RunKind
from shared.model.verify_order import VerifyLevel


class What(StrEnum):
    """What is done when a schedule comes round."""

    BACKUP = "backup"
    SCAN = "scan"
    VERIFY = "verify"
    DRILL = "drill"
    PRUNE = "prune"
    """Let go of what the share's policy does not keep."""
    SWEEP = "sweep"
    """Delete what no restore point needs any more."""

    @property
    def run_kind(self) -> RunKind:
        """The kind of run that does it."""
        return RunKind.VERIFY if self is What.DRILL else RunKind(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOptions:
    """How it is done; what is not given has the default that it has when a person orders it."""

    level: VerifyLevel = VerifyLevel.QUICK
    """VERIFY: quick, sample or full."""
    all_points: bool = False
    """VERIFY: all restore points, and not the newest alone."""
    over_runs: int | None = None
    """VERIFY as a sample, DRILL: after so many of them everything was read."""
    files: int | None = None
    """DRILL: restore about so many files. Its scratch share is made in the share's own account."""
    margin_days: int | None = None
    """SWEEP: delete what was let go, or left behind, so many days ago; None: as when a person orders it."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON, without what is as it is by default."""
        default = type(self)()
        told = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(default, f.name)
        }
        return {name: value.value if isinstance(value, VerifyLevel) else value for name, value in told.items()}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; unknown names are ignored."""
        known = {f.name: wire[f.name] for f in fields(cls) if f.name in wire}
        if "level" in known:
            known["level"] = VerifyLevel(known["level"])
        return cls(**known)


SPREAD_S: Final = 900
"""Unless a schedule says otherwise: a quarter of an hour spreads a thousand shares so that one begins every second."""
CATCH_UP_S: Final = 86_400
"""Unless a schedule says otherwise: what should have begun more than a day ago is not begun any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a schedule comes round."""

    cron: str
    """See :mod:`shared.core.cron`."""
    time_zone: str = "UTC"
    spread_s: int = SPREAD_S
    """It begins up to so many seconds after its time, always as many for one share."""
    catch_up_s: int = CATCH_UP_S
    """What could not begin in time begins until so many seconds later; then it is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule as its row says."""

    schedule_id: int
    tenant_id: str
    share_id: int
    name: str
    what: What
    timing: Timing
    enabled: bool = True
    options: ScheduleOptions = field(default_factory=ScheduleOptions)
    due_at: dt.datetime | None = None
    """Its next occurrence; None while it is not enabled."""
    next_at: dt.datetime | None = None
    """When that is started."""
    waits_for: str = ""
    """Why it was not started yet, though it was due."""
    last_at: dt.datetime | None = None
    last_outcome: str | None = None
    last_run_no: int | None = None
    version: int = 1
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Times:
    """One occurrence."""

    due_at: dt.datetime
    """What the cron expression says."""
    starts_at: dt.datetime
    """The same, spread."""


class Outcome(StrEnum):
    """What became of an occurrence."""

    STARTED = "started"
    SKIPPED = "skipped"
    REFUSED = "refused"
    """It cannot be started as it is: something has to be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """An occurrence that was decided upon."""

    schedule_id: int
    share_id: int
    due_at: dt.datetime
    decided_at: dt.datetime
    outcome: Outcome
    run_no: int | None = None
    note: str = ""
