"""For how long restore points are likely to be kept, if backups go on as they did.

An estimate, for reckoning what is worth doing: nothing is kept or let go by it (that is :mod:`shared.core.retention`). What nobody can tell counts as
for ever: a share without a policy, a legal hold, a pin without an end.
"""

import datetime as dt
import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from shared.core.repacking import HORIZON_MONTHS
from shared.core.retention import period_of, zone
from shared.model.retention import NOTHING_SAID, Dated, RetentionPolicy, Rule

DAY_S: Final = 86_400.0
MONTH_S: Final = 30.4375 * DAY_S
_LENGTH_S: Final = {
    Rule.HOURLY: 3_600.0,
    Rule.DAILY: DAY_S,
    Rule.WEEKLY: 7 * DAY_S,
    Rule.MONTHLY: MONTH_S,
    Rule.YEARLY: 12 * MONTH_S,
}
_LOOKED_BACK: Final = 30
"""Restore points whose distances tell how often a share is backed up."""


def kept_for(points: Sequence[Dated], policy: RetentionPolicy | None, now: dt.datetime) -> dict[int, float]:
    """By run number, for how many more seconds each restore point is likely to be kept; infinite: nobody can tell.

    :param points: all of a share, in any order.
    :param now: aware.
    """
    ordered = sorted(points, key=lambda point: point.run_no, reverse=True)
    if policy is None:
        return {point.run_no: math.inf for point in ordered}
    every = _every_s(ordered)
    kept = [_for_itself(point, place, policy, every, now) for place, point in enumerate(ordered)]
    local = [point.taken_at.astimezone(zone(policy.time_zone)) for point in ordered]
    for rule in Rule:
        count, period = policy.count(rule), period_of(rule)
        seen: set[Hashable] = set()
        for place, at in enumerate(local if count else ()):
            this = period(at)
            if this in seen:
                continue
            # The newest of all is the last of its period only if the next backup falls into another one.
            if place or period(at + dt.timedelta(seconds=every)) != this:
                kept[place] = max(kept[place], (count - len(seen)) * max(_LENGTH_S[rule], every))
            seen.add(this)
            if len(seen) >= count:
                break
    return {point.run_no: seconds for point, seconds in zip(ordered, kept, strict=True)}


class Outlook(NamedTuple):
    """For how long what a share has now is likely to be held."""

    held_s: tuple[float | None, ...]
    """By restore points that there are; None: for ever."""
    tail_s: float
    """By restore points to come, when the share has it no more."""


def held_for(
    roots: Sequence[int],
    points: Sequence[Dated],
    policy: RetentionPolicy | None,
    expired: Mapping[int, dt.datetime],
    now: dt.datetime,
    margin_s: float,
) -> Outlook | None:
    """For how long each of ``roots``, in order, holds what it needs: until it is let go, and a margin longer.

    None: the newest, which holds all that the share has, holds it for longer than anything is reckoned with.

    :param expired: when roots were let go that are none of ``points`` any more.
    """
    kept = kept_for(points, policy, now)
    gone = {run_no: (at - now).total_seconds() for run_no, at in expired.items()}
    held = [max(0.0, margin_s + (kept[root] if root in kept else gone.get(root, math.inf))) for root in roots]
    if policy is None or not held or held[-1] >= HORIZON_MONTHS * MONTH_S:
        return None
    bare = kept_for([point._replace(said=NOTHING_SAID) for point in points], policy, now)
    told = tuple(None if math.isinf(seconds) else seconds for seconds in held)
    return Outlook(told, margin_s + max(bare.values()))


def _for_itself(point: Dated, place: int, policy: RetentionPolicy, every: float, now: dt.datetime) -> float:
    """Without regard to periods."""
    pin = point.said.pin
    if point.said.hold is not None or (pin is not None and pin.until is None):
        return math.inf
    kept = max(0.0, (policy.keep_last - place) * every)
    if policy.keep_days:
        kept = max(kept, policy.keep_days * DAY_S - (now - point.taken_at).total_seconds())
    if pin is not None and pin.until is not None:
        kept = max(kept, (pin.until - now).total_seconds())
    return kept


def _every_s(newest_first: Sequence[Dated]) -> float:
    """How often the share is backed up: the median of its last distances; a day if there are none."""
    times = [point.taken_at for point in newest_first[: _LOOKED_BACK + 1]]
    distances = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    return max(60.0, statistics.median(distances)) if distances else DAY_S
