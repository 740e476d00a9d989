"""When a schedule comes round, and what to do about a time that was missed.

An occurrence is *due* when its cron expression says, and *starts* somewhat later: by the share's part of the spread, so that a thousand
shares with the same expression do not start together. The part depends on the share alone, so a share's backups are a day apart
if they are due a day apart, and it is never more than half of the time until the next occurrence.

Of times that were missed, because nothing ran or the share was in use, the last one is made good, once, unless it is older than the
schedule's limit.
"""

import datetime as dt
import hashlib
import itertools
from typing import Final

from shared.core import cron
from shared.errors import InvalidInput
from shared.model.schedule import Schedule, ScheduleOptions, Times, Timing, What
from shared.model.verify_order import VerifyLevel

LEAST_APART_S: Final = 300
"""No schedule comes round more often: opening and closing a run takes some seconds, and each leaves a restore point."""
LOOKED_AHEAD: Final = 50
"""Occurrences that are looked at to see how far they are apart."""


def part_of(share_id: int) -> float:
    """Which part of a spread a share waits: at least 0, less than 1, evenly spread over shares."""
    digest = hashlib.blake2b(share_id.to_bytes(8, "big"), digest_size=7, person=b"schedule").digest()
    return int.from_bytes(digest, "big") / 2**56


def next_after(timing: Timing, share_id: int, moment: dt.datetime) -> Times:
    """The first occurrence that is due later than ``moment``."""
    parsed = cron.parse(timing.cron, timing.time_zone)
    return _spread(parsed, timing, share_id, parsed.after(moment))


def upcoming(timing: Timing, share_id: int, moment: dt.datetime, count: int) -> list[Times]:
    """The next ``count`` occurrences due later than ``moment``."""
    found: list[Times] = []
    while len(found) < count:
        found.append(next_after(timing, share_id, found[-1].due_at if found else moment))
    return found


def last_started(timing: Timing, share_id: int, now: dt.datetime, *, since: dt.datetime) -> Times:
    """The last occurrence whose start is not later than ``now``, due at ``since`` or later; that of ``since`` if there is none."""
    parsed = cron.parse(timing.cron, timing.time_zone)
    due = parsed.at_or_before(now)
    while due > since:
        found = _spread(parsed, timing, share_id, due)
        if found.starts_at <= now:
            return found
        due = parsed.at_or_before(due - dt.timedelta(seconds=1))
    return _spread(parsed, timing, share_id, since)


def _spread(parsed: cron.Cron, timing: Timing, share_id: int, due: dt.datetime) -> Times:
    apart_s = (parsed.after(due) - due).total_seconds()
    wait_s = int(part_of(share_id) * min(timing.spread_s, apart_s / 2))
    return Times(due, due + dt.timedelta(seconds=wait_s))


def check(what: What, timing: Timing, options: ScheduleOptions, now: dt.datetime) -> None:
    """Refuse what does not make a schedule.

    :raises InvalidInput: naming the field.
    """
    cron.parse(timing.cron, timing.time_zone)
    times = upcoming(timing, 0, now, LOOKED_AHEAD)
    apart_s = min((b.due_at - a.due_at).total_seconds() for a, b in itertools.pairwise(times))
    if apart_s < LEAST_APART_S:
        raise InvalidInput(
            f"cron {timing.cron!r} comes round every {apart_s:g} s; expected at least {LEAST_APART_S} s between two times",
            field="cron",
        )
    is_drill, is_sample = what is What.DRILL, what is What.VERIFY and options.level is VerifyLevel.SAMPLE
    given: tuple[tuple[str, bool, bool, str], ...] = (
        ("level", options.level is not VerifyLevel.QUICK, what is What.VERIFY, "a verify"),
        ("all_points", options.all_points, what is What.VERIFY, "a verify"),
        ("over_runs", options.over_runs is not None, is_drill or is_sample, "a sample or a drill"),
        ("files", options.files is not None, is_drill, "a drill"),
        ("margin_days", options.margin_days is not None, what is What.SWEEP, "a sweep"),
    )
    for name, is_given, belongs, of in given:
        if is_given and not belongs:
            raise InvalidInput(f"{name} is an option of {of}; expected none of {what}", field=f"options.{name}")
    if options.level is VerifyLevel.DRILL:
        raise InvalidInput(
            "a drill is a schedule of its own; expected level quick, sample or full", field="options.level"
        )
    if options.files is not None and options.over_runs is not None:
        raise InvalidInput("over_runs says how much already; expected no files beside it", field="options.files")


def upkeep_of(time_zone: str) -> list[tuple[What, Timing]]:
    """What a share that is given a policy is to have done, by its own clock: prunes each night, a sweep each week.

    Both are spread widely, because most shares have no others: a platform's sweeps over all of Sunday. What is missed is made good the longer the
    rarer it comes: a sweep waits for a verify that takes two days.
    """
    return [
        (What.PRUNE, Timing(cron="0 0 * * *", time_zone=time_zone, spread_s=6 * 3_600)),
        (What.SWEEP, Timing(cron="0 0 * * sun", time_zone=time_zone, spread_s=86_400, catch_up_s=3 * 86_400)),
    ]


def is_too_late(schedule: Schedule, times: Times, now: dt.datetime) -> bool:
    """Whether an occurrence that has not begun is not to begin any more."""
    return now > times.starts_at + dt.timedelta(seconds=max(schedule.timing.catch_up_s, ON_TIME_S))


ON_TIME_S: Final = 300
"""What begins within this time is in time, whatever a schedule's limit: timers come once a minute, and a deployment takes some."""
