"""In which order queued runs are opened while there is not room for all of them.

The next one is that of the tenant with the fewest runs at work; among equals the one that has waited longest, counted from when it was
requested or from the last turn of its tenant, whichever is later. Both are one number:

    score = the later of: when it was requested, when a run of its tenant was last admitted
          + :data:`RUN_WEIGHS` for each run that its tenant has at work or that goes before it

and the lowest goes first. So a tenant's thousandth run, however long ago it was requested, does not hold up another's first. And nothing starves:
a tenant's first run in the queue keeps its score while others are served, and whatever comes later, or has just had its turn, has a later time; so
it is behind for no longer than its tenant's runs at work weigh. A restore, for which a person waits, counts from :data:`RESTORE_AHEAD`
before it was requested, whatever turns its tenant had.

:mod:`shared.db.admission` does the same in SQL, on rows; this is its specification, and tests compare the two.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

RUN_WEIGHS: Final = dt.timedelta(hours=1)
RESTORE_AHEAD: Final = dt.timedelta(days=1)
RESTORES_BESIDE: Final = 2
"""So many restores more than the limits say may be at work: they are not to wait for a backup that takes a day."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued run."""

    run_id: int
    tenant_id: str
    requested_at: dt.datetime
    is_restore: bool = False

    @property
    def since(self) -> dt.datetime:
        """When it was requested, or would have been if it were no restore."""
        return self.requested_at - RESTORE_AHEAD if self.is_restore else self.requested_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """What decides beside the runs themselves."""

    now: dt.datetime
    busy: Mapping[str, int]
    """Runs at work, by tenant."""
    turns: Mapping[str, dt.datetime]
    """When a run of a tenant was last admitted."""
    limits: Mapping[str, int]
    """Of tenants that have one."""
    at_once: int | None
    """The limit over all tenants; None: there is none."""


def admitted(waiting: Iterable[Waiting], given: Queueing) -> list[int]:
    """The runs that are opened now, in order."""
    before: dict[str, int] = {}
    placed: list[tuple[dt.datetime, Waiting]] = []
    for run in sorted(waiting, key=lambda run: (run.since, run.run_id)):
        earlier = before.get(run.tenant_id, 0)
        before[run.tenant_id] = earlier + 1
        number = given.busy.get(run.tenant_id, 0) + earlier + 1
        if number <= given.limits.get(run.tenant_id, inf) + _beside(run):
            turn = given.now if earlier else given.turns.get(run.tenant_id, run.since)
            counted = run.since if run.is_restore else max(run.since, turn)
            placed.append((counted + (number - 1) * RUN_WEIGHS, run))
    placed.sort(key=lambda p: (p[0], p[1].run_id))
    room = inf if given.at_once is None else given.at_once - sum(given.busy.values())
    return [run.run_id for place, (_, run) in enumerate(placed, 1) if place <= room + _beside(run)]


def _beside(run: Waiting) -> int:
    return RESTORES_BESIDE if run.is_restore else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a queued run is in the queue."""

    before: int
    """Queued runs that go before it, held ones left out."""
    tenant_busy: int
    tenant_limit: int | None
    busy: int
    at_once: int | None
    held_until: dt.datetime | None = None


def told(place: Place) -> str:
    """What the run waits for, for people; empty if it is its turn, and it waits for nobody but whoever opens it."""
    if place.held_until is not None:
        return f"the next window of its share, which opens at {place.held_until.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    full: Sequence[str] = [
        text
        for text, is_full in (
            (
                f"its tenant has {place.tenant_busy} runs at work of {place.tenant_limit}",
                place.tenant_limit is not None and place.tenant_busy >= place.tenant_limit,
            ),
            (
                f"{place.busy} runs are at work of {place.at_once}",
                place.at_once is not None and place.busy >= place.at_once,
            ),
        )
        if is_full
    ]
    ahead = f"{place.before} queued before it" if place.before else "it is the next"
    return f"its turn: {'; '.join([*full, ahead])}" if full or place.before else ""
