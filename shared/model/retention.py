"""Which restore points are kept, and why: policies, pins, legal holds, and what was decided about each restore point."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

COUNT_MAX: Final = 10_000
"""Of periods that a rule keeps: hourly for more than a year."""


class Rule(StrEnum):
    """A kind of period of which a policy keeps some, from the shortest to the longest."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    """From Monday to Sunday (ISO 8601)."""
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """Which restore points of a share are kept. A point that any of the rules keeps is kept; 0 is no such rule."""

    keep_last: int = 1
    """So many of the newest; at least 1."""
    hourly: int = 0
    """So many of the newest hours *that have a restore point*, of each the last one; the same with the longer periods below."""
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    keep_days: int = 0
    """Everything younger than this many times 24 hours."""
    time_zone: str = "UTC"
    """IANA name; by its clock hours, days and so on begin and end."""

    def count(self, rule: Rule) -> int:
        """How many periods of this kind."""
        return int(getattr(self, rule.value))

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; missing names take their defaults, unknown ones are ignored."""
        return cls(**{f.name: wire[f.name] for f in fields(cls) if f.name in wire})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPolicy:
    """A policy as a tenant has it, for any number of its shares."""

    policy_id: int
    tenant_id: str
    name: str
    retention: RetentionPolicy
    version: int
    """Counts up with every change: what somebody has read is what they change."""
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidPolicy:
    """Which policy a share has since something about that changed, as the vault has it: an object of its own that is never changed."""

    number: int
    """Counts up from 1 for each share; the highest counts."""
    name: str = ""
    retention: RetentionPolicy | None = None
    """None: it has no policy any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Somebody wants a restore point kept, until some time or for good; whoever may pin may also unpin."""

    by: str
    reason: str
    at: dt.datetime
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold: the restore point stays until it is released, whatever else is said."""

    by: str
    reason: str
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What people have said about a restore point."""

    pin: Pin | None = None
    hold: Hold | None = None


NOTHING_SAID: Final = Said()


class KeepKind(StrEnum):
    """What somebody can say about a restore point."""

    PIN = "pin"
    UNPIN = "unpin"
    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepEvent:
    """One thing that somebody said, as the vault has it: an object of its own that is never changed."""

    run_no: int
    """Of the restore point."""
    event_no: int
    """Counts up from 1 for each restore point; the highest of a kind and its opposite counts."""
    kind: KeepKind
    by: str
    reason: str
    at: dt.datetime
    until: dt.datetime | None = None
    """Of a pin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A restore point is gone, and why: as the vault has it."""

    run_no: int
    by: str
    reason: str
    at: dt.datetime


class Dated(NamedTuple):
    """A restore point as retention sees it."""

    run_no: int
    taken_at: dt.datetime
    """Aware. The time that the restore point shows, which is what people look for it by."""
    said: Said = NOTHING_SAID
    used_by: str = ""
    """What works with it at this moment, in words; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a restore point."""

    run_no: int
    keep: bool
    reasons: tuple[str, ...] = field(default=())
    """Why, all of them, for people: ``daily 3 of 7``, ``pinned by jo: before the migration``. Never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneOrder:
    """What a prune was asked to do."""

    by: str
    """Who asked: a person, a key, or ``schedule``."""
    run_nos: Sequence[int] | None = None
    """These restore points, whatever the policy says. None: those that the share's policy does not keep."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"by": self.by, "run_nos": None if self.run_nos is None else list(self.run_nos)}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(by=wire["by"], run_nos=wire.get("run_nos"))
