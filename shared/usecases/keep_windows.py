"""Keep scheduled runs within their shares' windows.

A queued one is not admitted before a window opens. One at work is paused when its window ends, if its share's settings say so, and goes on when
the next one opens. What a person does outdoes that: a run that a person paused stays paused, one that a person resumed is left alone.
"""

import datetime as dt

from shared.core import windows
from shared.errors import BackupError
from shared.model.run import RunState
from shared.ports.journal import Journal, event
from shared.ports.schedules import Schedules, Windowed


async def keep_windows(schedules: Schedules, journal: Journal, now: dt.datetime) -> int:
    """Pause, resume, hold and let go; how many runs were paused or resumed. Safe to repeat."""
    changed = 0
    for run in await schedules.windowed():
        is_open = windows.are_open(run.settings, now)
        opens = None if is_open else windows.next_opening(run.settings, now)
        if run.state is RunState.QUEUED and not run.is_admitted:
            if run.held_until != opens:
                await schedules.hold(run.run_id, opens)
        elif run.state is RunState.PAUSED:
            if is_open or not run.settings.pause_outside_windows:
                line_no = await schedules.resume_in_window(run.run_id)
                changed += await _tell(journal, run, now, line_no, "resumed", "its share's window has opened")
        elif opens is not None and run.settings.pause_outside_windows:
            line_no = await schedules.pause_for_window(run.run_id, opens)
            told = f"its share's window has ended; the next one opens at {opens.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
            changed += await _tell(journal, run, now, line_no, "paused", told)
    return changed


async def _tell(journal: Journal, run: Windowed, now: dt.datetime, line_no: int | None, what: str, reason: str) -> bool:
    if line_no is None:
        return False
    try:
        await journal.write(run.key, line_no, [event(now, what, reason)])
    except BackupError:  # it is done, whether the journal can be written or not
        return True
    return True
