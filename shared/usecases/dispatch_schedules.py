"""Start what is due, once, whoever looks how often.

An occurrence, the run that it becomes and the time of the next one are written in one transaction, and the occurrence has a key of its own. So a
crash leaves either a schedule that is still due or a queued run, which the next admission sees. Two that look at once lock
different schedules.

* Its last run is still at work, or paused: it is skipped, and the journal of that run says so. It would do the same work again.
* There is nothing to do: a prune of restore points that are all kept, a sweep when nothing was let go. It is skipped, and no run is made of it.
* Something else works on the share (a scan, a restore of a catalogue): it waits for that, as long as its limit for catching up allows.
* The share's windows are closed: it waits for the next one, likewise.
* Its time has passed and others after it: the last of them is made good, once, if it is within that limit.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from shared.core import schedule as times_of
from shared.core import windows
from shared.errors import BackupError, Rejected
from shared.model.run import Run, RunKey
from shared.model.schedule import Occurrence, Outcome, Schedule, Times
from shared.ports.journal import Journal, event
from shared.ports.schedules import Dispatch, Due, Idle, Schedules

AT_ONCE: Final = 100
"""Schedules in one transaction: their shares' rows are locked until it ends, some tens of milliseconds."""
AT_MOST: Final = 100
"""Transactions in one go: ten thousand schedules, some tens of seconds."""
LOOK_AGAIN: Final = dt.timedelta(minutes=2)
"""How often an occurrence that waits for another run looks again."""
NOTE_CHARS: Final = 500


async def dispatch_schedules(schedules: Schedules, journal: Journal, now: dt.datetime) -> list[Run]:
    """Queue a run for each occurrence that is due; the runs, which are yet to be admitted."""
    started: list[Run] = []
    for _ in range(AT_MOST):
        lines: list[tuple[RunKey, int, str]] = []
        async with schedules.dispatch(now, AT_ONCE) as dispatch:
            queued = await _some(dispatch, now, lines)
        started += queued
        for key, line_no, reason in lines:
            try:
                await journal.write(key, line_no, [event(now, "occurrence_skipped", reason)])
            except BackupError:  # the schedule's own list has it
                continue
        if len(dispatch.due) < AT_ONCE:
            break
    return started


@dataclass(frozen=True, slots=True)
class _Occurring:
    """One occurrence that is due."""

    due: Due
    times: Times
    following: Times

    @property
    def schedule(self) -> Schedule:
        return self.due.schedule


async def _some(dispatch: Dispatch, now: dt.datetime, lines: list[tuple[RunKey, int, str]]) -> list[Run]:
    """Decide about the occurrences that this transaction has locked."""
    found = [_occurring(due, now) for due in dispatch.due]
    known = await dispatch.were_decided([(o.schedule.schedule_id, o.times.due_at) for o in found]) if found else set()
    begins: list[_Occurring] = []
    became: list[tuple[Occurrence, Times]] = []
    for o in found:
        if o.schedule.schedule_id in known:
            await dispatch.pass_by(o.schedule.schedule_id, o.following)
        elif why := _too_late(o, now):
            became.append((_occurrence(o, now, Outcome.SKIPPED, note=why), o.following))
        elif not windows.are_open(o.due.settings, now):
            opens = windows.next_opening(o.due.settings, now)
            why = f"its share's next window, which opens at {_minute(opens)}"
            await dispatch.wait(o.schedule.schedule_id, opens, why)
        else:
            begins.append(o)
    queued = dict(await dispatch.start_many([o.due for o in begins])) if begins else {}
    for o in begins:
        outcome = queued.get(o.schedule.schedule_id) or await _start(dispatch, o, now, lines)
        if isinstance(outcome, Run):
            queued[o.schedule.schedule_id] = outcome
            outcome = _occurrence(o, now, Outcome.STARTED, run_no=outcome.run_no)
        if outcome is not None:
            became.append((outcome, o.following))
    if became:
        await dispatch.decided(became)
    return list(queued.values())


def _occurring(due: Due, now: dt.datetime) -> _Occurring:
    schedule = due.schedule
    assert schedule.due_at is not None
    times = times_of.last_started(schedule.timing, schedule.share_id, now, since=schedule.due_at)
    return _Occurring(due, times, times_of.next_after(schedule.timing, schedule.share_id, times.due_at))


def _too_late(o: _Occurring, now: dt.datetime) -> str:
    """Why an occurrence is not to begin any more; empty if it is."""
    if o.due.is_gone:
        return "its share is deleted"
    if not times_of.is_too_late(o.schedule, o.times, now):
        return ""
    if o.schedule.waits_for:
        return f"waited until it was too late for {o.schedule.waits_for}"
    late_s = o.schedule.timing.catch_up_s
    return f"missed: it should have begun at {_minute(o.times.starts_at)}, and may begin {late_s} s later"


async def _start(
    dispatch: Dispatch, o: _Occurring, now: dt.datetime, lines: list[tuple[RunKey, int, str]]
) -> Run | Occurrence | None:
    """Start one, or what became of it; None if it waits."""
    try:
        started = await dispatch.start(o.due)
    except Rejected as error:
        return _occurrence(o, now, Outcome.REFUSED, note=str(error))
    if isinstance(started, Run):
        return started
    if isinstance(started, Idle):
        return _occurrence(o, now, Outcome.SKIPPED, note=started.reason)
    if not started.is_same:
        await dispatch.wait(o.schedule.schedule_id, now + LOOK_AGAIN, started.reason[:NOTE_CHARS])
        return None
    if started.run is not None:
        told = f"schedule {o.schedule.name!r} came round at {_minute(o.times.due_at)} and was skipped, because this run was not over"
        lines.append((started.run, started.line_no, told))
    return _occurrence(o, now, Outcome.SKIPPED, note=f"its previous run is not over: {started.reason}")


def _occurrence(
    o: _Occurring, now: dt.datetime, outcome: Outcome, *, run_no: int | None = None, note: str = ""
) -> Occurrence:
    return Occurrence(
        schedule_id=o.schedule.schedule_id,
        share_id=o.schedule.share_id,
        due_at=o.times.due_at,
        decided_at=now,
        outcome=outcome,
        run_no=run_no,
        note=note[:NOTE_CHARS],
    )


def _minute(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
