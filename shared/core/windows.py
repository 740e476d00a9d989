"""Whether a time of day is within windows, and when that changes.

Windows are as the clock shows them. On the day on which clocks are put forward a window is as much shorter, and longer on the other;
one that lies wholly in the hour that is left out does not open that day.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final
from zoneinfo import ZoneInfo

from shared.core.cron import time_zone
from shared.core.pace import Rates
from shared.errors import InvalidInput
from shared.model.share import ShareSettings
from shared.model.window import DAY_MINUTES, DAYS, PaceWindow, Window

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
WINDOWS_MAX: Final = 28
"""Four for each day of the week."""
AHEAD_DAYS: Final = 16
"""How far ahead a window is looked for: one that opens once a week may not open in one of them, when clocks are put forward."""


def check(windows: Sequence[Window], field: str) -> None:
    """:raises InvalidInput: naming the window and the part of it, under ``field``."""
    if len(windows) > WINDOWS_MAX:
        raise InvalidInput(f"{field} has {len(windows)} entries; expected {WINDOWS_MAX} at most", field=field)
    for number, window in enumerate(windows):
        where = f"{field}.{number}"
        if not window.days or set(window.days) - set(DAYS) or len(set(window.days)) < len(window.days):
            raise InvalidInput(
                f"{where}.days is {list(window.days)}; expected some of {', '.join(DAYS)}, each once",
                field=f"{where}.days",
            )
        for name, value in (("begin", window.begin), ("end", window.end)):
            if not _TIME.fullmatch(value) or (name == "begin" and value == "24:00"):
                last = "23:59" if name == "begin" else "24:00"
                raise InvalidInput(f"{where}.{name} is {value!r}; expected 00:00 to {last}", field=f"{where}.{name}")


def is_within(window: Window, zone: ZoneInfo, moment: dt.datetime) -> bool:
    """Whether the clock shows a time of the window."""
    local = moment.astimezone(zone)
    minute = local.hour * 60 + local.minute
    begin, end = _minutes(window)
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    return (today in window.days and begin <= minute < end) or (
        yesterday in window.days and begin <= minute + DAY_MINUTES < end
    )


def are_open(settings: ShareSettings, moment: dt.datetime) -> bool:
    """Whether scheduled runs of a share may be at work; always, if it has no windows."""
    if not settings.windows:
        return True
    zone = time_zone(settings.time_zone)
    return any(is_within(window, zone, moment) for window in settings.windows)


def next_opening(settings: ShareSettings, moment: dt.datetime) -> dt.datetime:
    """The first moment from ``moment`` on at which a window is open; to the minute, later than ``moment`` by a week at most as a rule."""
    if are_open(settings, moment):
        return moment
    zone = time_zone(settings.time_zone)
    for day in range(AHEAD_DAYS):
        date = (moment.astimezone(zone) + dt.timedelta(days=day)).date()
        found = [
            opens
            for window in settings.windows
            if DAYS[date.weekday()] in window.days
            and (opens := _begin(window, zone, date)) is not None
            and opens > moment
        ]
        if found:
            return min(found)
    return moment + dt.timedelta(days=AHEAD_DAYS)


def _begin(window: Window, zone: ZoneInfo, date: dt.date) -> dt.datetime | None:
    """When it opens on a day: its first minute that the clock shows; None if it shows none of them."""
    begin, end = _minutes(window)
    ideal = dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC)
    for minute in range(begin, end):
        shown = (ideal + dt.timedelta(minutes=minute)).replace(tzinfo=zone)
        moment = shown.astimezone(dt.UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
            return moment
    return None


def _minutes(window: Window) -> tuple[int, int]:
    """Begin and end, counted from the beginning of the day."""
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (window.begin, window.end))
    return begin, end if end > begin else end + DAY_MINUTES


def pace_now(settings: ShareSettings, moment: dt.datetime) -> Rates:
    """The limits of a share's pace: those of the first window that it is in, else those that always hold."""
    if settings.pace_windows:
        zone = time_zone(settings.time_zone)
        for paced in settings.pace_windows:
            if is_within(paced, zone, moment):
                return _rates(paced)
    return _rates(settings)


def pace_of_all(settings: Iterable[ShareSettings], moment: dt.datetime) -> Rates:
    """The same of one Azure share that several tenants protect: the lowest of each."""
    found = [pace_now(each, moment) for each in settings]
    return Rates(min((r.requests for r in found), default=inf), min((r.bytes for r in found), default=inf))


def _rates(of: PaceWindow | ShareSettings) -> Rates:
    return Rates(
        inf if of.requests_per_s is None else of.requests_per_s, inf if of.bytes_per_s is None else of.bytes_per_s
    )
