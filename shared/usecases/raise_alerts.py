"""Look at what has ended and at who has no new restore point; open and close alerts.

A run is marked as judged in the transaction that writes its alerts and what is to be told of them, so each is judged once, and a crash loses none.
"""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Final

from shared.core import alerts
from shared.core.unusual import signs
from shared.errors import BackupError, NotFound
from shared.model.alert import Condition
from shared.model.run import Run, RunKind, RunState
from shared.ports.alerts import Alerts, Judging

Pin = Callable[[str, int, int, str], Awaitable[object]]
"""Keep a restore point (tenant, share, number) until somebody unpins it, for a reason. Raises ``NotFound`` when it is gone."""

AT_ONCE: Final = 50
AT_MOST: Final = 200
OLD: Final = dt.timedelta(days=7)
"""Runs that ended longer ago are not judged: they come from a rebuild, or from a time in which nothing looked."""


async def raise_alerts(book: Alerts, now: dt.datetime) -> int:
    """Judge all that is to be judged; how many runs and shares that was."""
    judged = 0
    for _ in range(AT_MOST):
        async with book.judging(AT_ONCE) as judging:
            for run in judging.runs:
                if run.finished_at is not None and run.finished_at > now - OLD:
                    await _judge(judging, run, now)
            late = await judging.late(now, AT_ONCE)
            for share in late:
                await judging.see(share.tenant_id, share.share_id, alerts.of_late(share, now), now)
            for share_id in await judging.in_time(now):
                await judging.over(share_id, Condition.NO_RESTORE_POINT, "", now)
        judged += len(judging.runs) + len(late)
        if len(judging.runs) < AT_ONCE and len(late) < AT_ONCE:
            break
    return judged


async def _judge(judging: Judging, run: Run, now: dt.datetime) -> None:
    found = alerts.of_run(run)
    for sighting in found.holds:
        await judging.see(run.tenant_id, run.share_id, sighting, now)
    for condition, about in found.over:
        await judging.over(run.share_id, condition, about, now)
    if run.kind is RunKind.BACKUP and run.state in (RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS):
        await _look_for_changes(judging, run, now)


async def _look_for_changes(judging: Judging, run: Run, now: dt.datetime) -> None:
    """Compare a backup with those before it; keep the newest restore point before it if it is out of the ordinary."""
    if not (await judging.settings(run.share_id)).watch_changes:
        return
    numbers = await judging.history(run.share_id, run.run_no)
    if not numbers or numbers[0].run_no != run.run_no:
        return
    unusual = signs(numbers[0], numbers[1:])
    if not unusual:
        await judging.over(run.share_id, Condition.UNUSUAL_CHANGE, "", now, if_acknowledged=True)
        return
    await judging.see(run.tenant_id, run.share_id, alerts.of_changes(run.run_no, unusual, numbers[1].run_no), now)


async def pin_clean(book: Alerts, pin: Pin) -> int:
    """Pin the restore points that are needed to undo unusual changes; how many. What cannot be pinned now is tried again.

    That is done after the alert is written, because the vault has a part in it. A crash in between leaves an alert whose restore point is not
    pinned yet, which the next look finds.
    """
    pinned = 0
    for alert in await book.unpinned(AT_ONCE):
        clean = alert.details["clean_restore_point"]
        reason = f"the newest restore point before the unusual change that backup run {alert.run_no} found (alert {alert.alert_id})"
        try:
            await pin(alert.tenant_id, alert.share_id, clean, reason)
        except NotFound:
            await book.pinned(alert.alert_id, alerts.with_pin(alert, pinned=None))
        except BackupError:
            continue
        else:
            await book.pinned(alert.alert_id, alerts.with_pin(alert, pinned=True))
            pinned += 1
    return pinned
