"""What rules would do to the restore points of a share, in as much as a page shows: how many stay and go, some of each, and all on a line of time; pure.

A share that is backed up each hour has thousands of restore points; what becomes of each is decided for all, and written out for a few.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.core.retention import decide
from shared.model.retention import Dated, Decision, RetentionPolicy

SHOWN: Final = 100
"""Restore points that are named, of those that stay and of those that go."""
WIDTH: Final = 1_000
"""Of the line of time; marks closer than :data:`STEP` are one."""
STEP: Final = 3
_TOP, _BOTTOM = 4, 26
_LOW: Final = 12
"""Where the marks of what goes begin: they are shorter, so that colour is not all that tells."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A restore point and what becomes of it."""

    restore_point: int
    taken_at: dt.datetime
    keep: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """Two paths of an SVG, each with a stroke for each restore point; and the times at the ends."""

    staying: str
    going: str
    begin: dt.datetime
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """What rules do to the restore points of a share."""

    kept: int
    expiring: int
    going: Sequence[Decided]
    """The newest of them, first."""
    staying: Sequence[Decided]
    strip: Strip | None
    """None: of fewer than two there is nothing to see."""


def outlook(points: Sequence[Dated], rules: RetentionPolicy | None, now: dt.datetime) -> Outlook:
    """What becomes of all restore points of a share.

    :param rules: None: no policy, and nothing goes.
    """
    by_number = {point.run_no: point for point in points}
    decisions = decisions_of(points, rules, now)
    stay = [one for one in decisions if one.keep]
    go = [one for one in decisions if not one.keep]
    return Outlook(
        kept=len(stay),
        expiring=len(go),
        going=[_decided(one, by_number) for one in go[:SHOWN]],
        staying=[_decided(one, by_number) for one in stay[:SHOWN]],
        strip=_strip(decisions, by_number),
    )


def outlook_of(points: Sequence[Dated], rules: RetentionPolicy | None, now: dt.datetime, run_no: int) -> Decided | None:
    """What becomes of one of them."""
    by_number = {point.run_no: point for point in points}
    return next((_decided(one, by_number) for one in decisions_of(points, rules, now) if one.run_no == run_no), None)


def decisions_of(points: Sequence[Dated], rules: RetentionPolicy | None, now: dt.datetime) -> list[Decision]:
    """Of all, the newest first."""
    if rules is not None:
        return decide(points, rules, now)
    newest_first = sorted((point.run_no for point in points), reverse=True)
    return [Decision(run_no, keep=True, reasons=("nothing is pruned",)) for run_no in newest_first]


def _decided(decision: Decision, by_number: Mapping[int, Dated]) -> Decided:
    return Decided(decision.run_no, by_number[decision.run_no].taken_at, decision.keep, decision.reasons)


def _strip(newest_first: Sequence[Decision], by_number: Mapping[int, Dated]) -> Strip | None:
    if len(newest_first) < 2:
        return None
    begin, end = (by_number[one.run_no].taken_at for one in (newest_first[-1], newest_first[0]))
    length = max(1.0, (end - begin).total_seconds())
    places: dict[bool, set[int]] = {True: set(), False: set()}
    for one in newest_first:
        part = (by_number[one.run_no].taken_at - begin).total_seconds() / length
        places[one.keep].add(STEP + round(part * (WIDTH - 2 * STEP) / STEP) * STEP)
    staying = "".join(f"M{x} {_TOP}V{_BOTTOM}" for x in sorted(places[True]))
    going = "".join(f"M{x} {_LOW}V{_BOTTOM}" for x in sorted(places[False] - places[True]))
    return Strip(staying, going, begin, end)
