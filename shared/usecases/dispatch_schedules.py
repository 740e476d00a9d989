"""Start what is due, once, whoever looks how often.

An occurrence, the run that it becomes and the time of the next one are written in one transaction, and the occurrence has a key of its own. So a
crash leaves either a schedule that is still due or a queued run, which the next admission sees. Two that look at once lock
different schedules.

* Its last run is still at work, or paused: it is skipped, and the journal of that run says so. It would do the same work again.
* Something else works on the share (a scan, a restore of a catalogue): it waits for that, as long as its limit for catching up allows.
* The share's windows are closed: it waits for the next one, likewise.
* Its time has passed and others after it: the last of them is made good, once, if it is within that limit.
"""

import datetime as dt
from typing import Final

from shared.core import schedule as times_of
from shared.core import windows
from shared.errors import BackupError, Rejected
from shared.model.run import Run, RunKey
from shared.model.schedule import Occurrence, Outcome, Schedule, Times
from shared.ports import Busy, Dispatch, Due, Journal, Schedules, event

AT_ONCE: Final = 50
"""Schedules in one transaction: their shares' rows are locked until it ends, some tens of milliseconds."""
AT_MOST: Final = 200
"""Transactions in one go: ten thousand schedules, some tens of seconds."""
LOOK_AGAIN: Final = dt.timedelta(minutes=2)
"""How often an occurrence that waits for another run looks again."""
NOTE_CHARS: Final = 500


async def dispatch_schedules(schedules: Schedules, journal: Journal, now: dt.datetime) -> list[Run]:
    """Queue a run for each occurrence that is due; the runs, which are yet to be admitted."""
    started: list[Run] = []
    for _ in range(AT_MOST):
        lines: list[tuple[RunKey, int, str]] = []
        queued: list[Run] = []
        async with schedules.dispatch(now, AT_ONCE) as dispatch:
            for due in dispatch.due:
                run = await _one(dispatch, due, now, lines)
                if run is not None:
                    queued.append(run)
        started += queued
        for key, line_no, reason in lines:
            try:
                await journal.write(key, line_no, [event(now, "occurrence_skipped", reason)])
            except BackupError:  # the schedule's own list has it
                continue
        if len(dispatch.due) < AT_ONCE:
            break
    return started


async def _one(dispatch: Dispatch, due: Due, now: dt.datetime, lines: list[tuple[RunKey, int, str]]) -> Run | None:
    """Decide about the occurrence of one schedule."""
    schedule = due.schedule
    assert schedule.due_at is not None
    times = times_of.last_started(schedule.timing, schedule.share_id, now, since=schedule.due_at)
    following = times_of.next_after(schedule.timing, schedule.share_id, times.due_at)
    if await dispatch.is_decided(schedule.schedule_id, times.due_at):
        await dispatch.pass_by(schedule.schedule_id, following)
        return None
    if times_of.is_too_late(schedule, times, now):
        why = f"missed: it should have begun at {_minute(times.starts_at)}, and may begin {schedule.timing.catch_up_s} s later"
        if schedule.waits_for:
            why = f"waited until it was too late for {schedule.waits_for}"
        await _skip(dispatch, schedule, times, following, now, why)
        return None
    if not windows.are_open(due.settings, now):
        opens = windows.next_opening(due.settings, now)
        await dispatch.wait(schedule.schedule_id, opens, f"its share's next window, which opens at {_minute(opens)}")
        return None
    try:
        started = await dispatch.start(due)
    except Rejected as error:
        note = str(error)[:NOTE_CHARS]
        await dispatch.decided(_occurrence(schedule, times, now, Outcome.REFUSED, note=note), following)
        return None
    if isinstance(started, Run):
        await dispatch.decided(_occurrence(schedule, times, now, Outcome.STARTED, run_no=started.run_no), following)
        return started
    if started.is_same:
        why = f"its previous run is not over: {started.reason}"
        await _skip(dispatch, schedule, times, following, now, why)
        _tell(lines, started, schedule, times)
    else:
        await dispatch.wait(schedule.schedule_id, now + LOOK_AGAIN, started.reason[:NOTE_CHARS])
    return None


async def _skip(
    dispatch: Dispatch, schedule: Schedule, times: Times, following: Times, now: dt.datetime, why: str
) -> None:
    await dispatch.decided(_occurrence(schedule, times, now, Outcome.SKIPPED, note=why[:NOTE_CHARS]), following)


def _tell(lines: list[tuple[RunKey, int, str]], busy: Busy, schedule: Schedule, times: Times) -> None:
    if busy.run is not None:
        told = f"schedule {schedule.name!r} came round at {_minute(times.due_at)} and was skipped, because this run was not over"
        lines.append((busy.run, busy.line_no, told))


def _occurrence(
    schedule: Schedule, times: Times, now: dt.datetime, outcome: Outcome, *, run_no: int | None = None, note: str = ""
) -> Occurrence:
    return Occurrence(
        schedule_id=schedule.schedule_id,
        share_id=schedule.share_id,
        due_at=times.due_at,
        decided_at=now,
        outcome=outcome,
        run_no=run_no,
        note=note,
    )


def _minute(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
