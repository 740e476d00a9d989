"""Decide which restore points are kept (GFS: grandfather, father, son), and say why.

Each rule looks at the restore points alone, newest first: ``daily 7`` keeps the last restore point of each of the seven newest days that
have one. Days without any do not count, so that a share which was not backed up for a month does not lose its history meanwhile. Of a period
the *last* point is kept. The newest period is not over yet, and its last point is the newest of all, which is kept anyway; as soon as the
period is over its last point stays what it is. Hence the property that matters: **a point that was let go is never wanted later.** A rule
keeps the last points of the newest n periods; time only adds newer periods. So once a point is not among them it never will be:

* with points added at the end (backups only ever make newer ones);
* with the policy unchanged: who raises ``daily`` from 7 to 30 does not get days back;
* with the rules alone. A point that is kept by a pin, or for its age, or because a restore reads it, can take its period with it: it is
  counted like the others, so that what is kept besides does not depend on who pinned what.

It does not hold for the *last point of a period that is not over*: two backups of one day, a prune in between: the earlier of them was
the last of its day, and was kept; afterwards it is let go. That is the right way round.

Periods are those of the policy's time zone. An hour that the clock repeats in autumn is two hours here, because they are two: hours are told apart by
their offset from UTC too.
"""

import datetime as dt
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import InvalidInput
from shared.model.retention import (
    COUNT_MAX,
    NOTHING_SAID,
    Dated,
    Decision,
    Hold,
    KeepEvent,
    KeepKind,
    Pin,
    RetentionPolicy,
    Rule,
    Said,
)

_PERIODS: Final[dict[Rule, Callable[[dt.datetime], Hashable]]] = {
    Rule.HOURLY: lambda at: (at.date(), at.hour, at.utcoffset()),
    Rule.DAILY: lambda at: at.toordinal(),
    Rule.WEEKLY: lambda at: (at.toordinal() - 1) // 7,  # day 1 was a Monday, with which weeks begin
    Rule.MONTHLY: lambda at: at.year * 12 + at.month,
    Rule.YEARLY: lambda at: at.year,
}


def period_of(rule: Rule) -> Callable[[dt.datetime], Hashable]:
    """What tells in which of its periods a local time lies."""
    return _PERIODS[rule]


def check(policy: RetentionPolicy) -> None:
    """Refuse a policy that makes no sense. Raises ``InvalidInput`` that names the field."""
    if not 1 <= policy.keep_last <= COUNT_MAX:
        raise _invalid("keep_last", policy.keep_last, f"1 to {COUNT_MAX}: the newest restore point is always kept")
    for rule in Rule:
        if not 0 <= policy.count(rule) <= COUNT_MAX:
            raise _invalid(rule.value, policy.count(rule), f"0 to {COUNT_MAX}")
    if not 0 <= policy.keep_days <= 36_500:
        raise _invalid("keep_days", policy.keep_days, "0 to 36,500 days")
    zone(policy.time_zone)


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ``InvalidInput``."""
    try:
        return _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"time_zone is {name!r}; expected an IANA name such as Europe/Berlin or UTC", field="time_zone"
        ) from None


def decide(points: Sequence[Dated], policy: RetentionPolicy, now: dt.datetime) -> list[Decision]:
    """What is to become of each restore point, newest first.

    :param points: all of a share, in any order.
    :param now: aware.
    """
    ordered = sorted(points, key=lambda point: point.run_no, reverse=True)
    time_zone = zone(policy.time_zone)
    local = [point.taken_at.astimezone(time_zone) for point in ordered]
    reasons: list[list[str]] = [[] for _ in ordered]
    last_kept: list[list[str]] = [[] for _ in ordered]
    for place in range(min(policy.keep_last, len(ordered))):
        reasons[place].append("the newest" if place == 0 else f"last {place + 1} of {policy.keep_last}")
    if policy.keep_days:
        since = now - dt.timedelta(days=policy.keep_days)
        for place, point in enumerate(ordered):
            if point.taken_at > since:
                reasons[place].append(f"younger than {policy.keep_days} days")
    for rule in Rule:
        _apply(rule, policy.count(rule), local, reasons, last_kept)
    return [
        _decision(point, now, by_rules, once) for point, by_rules, once in zip(ordered, reasons, last_kept, strict=True)
    ]


def reasons_against(point: Dated, now: dt.datetime, *, is_newest: bool) -> list[str]:
    """Why a restore point may not go at this moment, whatever a policy or a person says."""
    found: list[str] = []
    pin, hold = point.said.pin, point.said.hold
    if is_newest:
        found.append("the newest")
    if hold is not None:
        found.append(f"legal hold by {hold.by}: {hold.reason}")
    if pin is not None and (pin.until is None or pin.until > now):
        until = "" if pin.until is None else f" until {pin.until.isoformat(timespec='seconds')}"
        found.append(f"pinned by {pin.by}{until}: {pin.reason}")
    if point.used_by:
        found.append(f"in use: {point.used_by}")
    return found


def said_after(said: Said, event: KeepEvent) -> Said:
    """What counts after one more thing was said."""
    match event.kind:
        case KeepKind.PIN:
            return replace(said, pin=Pin(by=event.by, reason=event.reason, at=event.at, until=event.until))
        case KeepKind.UNPIN:
            return replace(said, pin=None)
        case KeepKind.HOLD:
            return replace(said, hold=Hold(by=event.by, reason=event.reason, at=event.at))
        case KeepKind.RELEASE:
            return replace(said, hold=None)


def said_in_all(events: Iterable[KeepEvent]) -> Said:
    """What counts after all that was said about a restore point."""
    said = NOTHING_SAID
    for event in sorted(events, key=lambda event: event.event_no):
        said = said_after(said, event)
    return said


def _apply(
    rule: Rule, count: int, local: Sequence[dt.datetime], reasons: list[list[str]], last_kept: list[list[str]]
) -> None:
    """Add what a rule keeps to ``reasons``; to ``last_kept`` the last points of periods that are too old for it."""
    if not count:
        return
    name, units = rule.value, _UNITS[rule]
    periods = list(map(_PERIODS[rule], local))
    last_points = sorted({period: place for place, period in reversed(list(enumerate(periods)))}.values())
    for number, place in enumerate(last_points[:count], start=1):
        reasons[place].append(f"{name} {number} of {count}")
    for newer, place in enumerate(last_points[count:], start=1):
        last_kept[place].append(f"{name} until {newer} newer {units} had one")


_UNITS: Final = {
    Rule.HOURLY: "hours",
    Rule.DAILY: "days",
    Rule.WEEKLY: "weeks",
    Rule.MONTHLY: "months",
    Rule.YEARLY: "years",
}


def _decision(point: Dated, now: dt.datetime, by_rules: Sequence[str], once: Sequence[str]) -> Decision:
    told = [*by_rules, *reasons_against(point, now, is_newest=False)]
    pin = point.said.pin
    if told:
        return Decision(point.run_no, keep=True, reasons=tuple(told))
    if pin is not None and pin.until is not None:
        once = [*once, f"a pin of {pin.by} until {pin.until.isoformat(timespec='seconds')}"]
    why = "no rule keeps it"
    if once:
        why += "; it was kept by " + ", ".join(once)
    return Decision(point.run_no, keep=False, reasons=(why,))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    if not name or name.startswith("/") or ".." in name:
        raise ValueError(name)
    return ZoneInfo(name)


def _invalid(field: str, value: int, expected: str) -> InvalidInput:
    return InvalidInput(f"{field} is {value}; expected {expected}", field=field)
