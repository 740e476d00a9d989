"""In which order queued runs are opened while there is not room for all of them.

The next one is that of the tenant with the fewest runs at work; among equals the one that has waited longest. Both are one number:

    score = when it was requested
          + :data:`RUN_WEIGHS` for each run that its tenant has at work or that goes before it
          - :data:`RESTORE_AHEAD` for a restore, which a person waits for

and the lowest goes first. So a tenant's thousandth run does not hold up another's first; and nothing starves: what comes later has a later
time, and how much a run can be behind because of the others is limited by its tenant's limit, not by how many come.

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


def admitted(
    waiting: Iterable[Waiting], busy: Mapping[str, int], limits: Mapping[str, int], at_once: int | None
) -> list[int]:
    """The runs that are opened now, in order.

    :param busy: runs at work, by tenant.
    :param limits: of tenants that have one.
    :param at_once: the limit over all tenants; None: there is none.
    """
    nth = dict(busy)
    placed: list[tuple[dt.datetime, Waiting]] = []
    for run in sorted(waiting, key=lambda run: (run.since, run.run_id)):
        number = nth.get(run.tenant_id, 0) + 1
        nth[run.tenant_id] = number
        if number <= limits.get(run.tenant_id, inf) + _beside(run):
            placed.append((run.since + (number - 1) * RUN_WEIGHS, run))
    placed.sort(key=lambda p: (p[0], p[1].run_id))
    room = inf if at_once is None else at_once - sum(busy.values())
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
    """What the run waits for, for people."""
    if place.held_until is not None:
        return f"the next window of its share, which opens at {place.held_until.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    full: Sequence[str] = [
        text
        for text, is_full in (
            (
                f"its tenant has {place.tenant_busy} runs at work of {place.tenant_limit}",
                place.tenant_limit is not None and place.tenant_busy >= place.tenant_limit,
            ),
            (f"{place.busy} runs are at work of {place.at_once}", place.at_once is not None and place.busy >= place.at_once),
        )
        if is_full
    ]
    ahead = f"{place.before} queued before it" if place.before else "it is the next"
    return f"its turn: {'; '.join([*full, ahead])}" if full or place.before else "its turn, which is now"
