"""What has to be done now and then, whoever drives runs: a timer of the app, or the workers.

Every part may be done by many at once and as often as they like; each leaves to others what they are at.
"""

import datetime as dt
from typing import Final

from shared.model.run import Driver, Run
from shared.ports.alerts import Alerts
from shared.ports.journal import Journal
from shared.ports.schedules import Schedules
from shared.usecases.dispatch_schedules import dispatch_schedules
from shared.usecases.keep_windows import keep_windows
from shared.usecases.raise_alerts import Pin, pin_clean, raise_alerts

TIDY_EVERY: Final = dt.timedelta(hours=6)
SENT_FOR: Final = dt.timedelta(days=30)
"""How long it can be seen what was sent."""
REST_FOR: Final = dt.timedelta(days=400)
"""How long closed alerts, and what became of occurrences, can be seen: a year and some."""


async def begin_due(schedules: Schedules, journal: Journal, now: dt.datetime, driver: Driver) -> list[Run]:
    """Queue what is due, keep windows, and admit what there is room for: the runs of a driver that are yet to be opened."""
    await dispatch_schedules(schedules, journal, now)
    await keep_windows(schedules, journal, now)
    return await schedules.admit(now, driver, wait=True)


async def look_after(schedules: Schedules, alerts: Alerts, pin: Pin, now: dt.datetime) -> None:
    """Judge what has ended, keep what may be needed to undo it, and forget what is old."""
    await raise_alerts(alerts, now)
    await pin_clean(alerts, pin)
    if await schedules.begin("tidy", now, TIDY_EVERY):
        await alerts.tidy(now, sent_for=SENT_FOR, rest_for=REST_FOR)
