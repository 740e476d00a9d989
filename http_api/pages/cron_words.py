"""Cron expressions as people say them: presets that make the usual ones, and words for those that are; pure. All others stay what they are."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Every(StrEnum):
    """How often, in the choices of a form."""

    DAY = "day"
    WEEKDAY = "weekday"
    """Monday to Friday."""
    WEEK = "week"
    MONTH = "month"
    HOURS = "hours"
    CRON = "cron"
    """As a cron expression says."""


WEEKDAYS: Final = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
HOURS: Final = (1, 2, 3, 4, 6, 8, 12)
"""Of which a day is a whole number, so that the distance is always the same."""
_NUMBERED: Final = ("sun", *WEEKDAYS)
"""Cron's numbers of weekdays: Sunday is 0 and 7."""
_AT: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::00)?")
_NUMBER: Final = re.compile(r"[0-9]{1,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What the fields of a form say about when."""

    every: Every
    at: str = "02:00"
    """``HH:MM``."""
    weekday: str = "sun"
    month_day: int = 1
    hours: int = 1
    cron: str = ""

    def to_cron(self) -> str:
        """The expression. What is no time of day becomes one that is refused."""
        found = _AT.fullmatch(self.at)
        hour, minute = (str(int(found[1])), str(int(found[2]))) if found else ("?", "?")
        match self.every:
            case Every.DAY:
                return f"{minute} {hour} * * *"
            case Every.WEEKDAY:
                return f"{minute} {hour} * * mon-fri"
            case Every.WEEK:
                return f"{minute} {hour} * * {self.weekday}"
            case Every.MONTH:
                return f"{minute} {hour} {self.month_day} * *"
            case Every.HOURS:
                return "0 * * * *" if self.hours == 1 else f"0 */{self.hours} * * *"
            case Every.CRON:
                return self.cron


def preset_of(cron: str) -> Preset:
    """The preset that makes an expression; the expression itself if none does."""
    fields = cron.lower().split()
    if len(fields) == 5:
        minute, hour, month_day, month, weekday = fields
        if month == "*" and minute == "0" and month_day == weekday == "*":
            step = (
                1 if hour == "*" else int(hour[2:]) if _NUMBER.fullmatch(hour.removeprefix("*/")) and "/" in hour else 0
            )
            if step in HOURS:
                return Preset(every=Every.HOURS, hours=step, cron=cron)
        if month == "*" and _is_below(minute, 60) and _is_below(hour, 24):
            at = f"{int(hour):02d}:{int(minute):02d}"
            if month_day == "*" and weekday == "*":
                return Preset(every=Every.DAY, at=at, cron=cron)
            if month_day == "*" and weekday in ("mon-fri", "1-5"):
                return Preset(every=Every.WEEKDAY, at=at, cron=cron)
            named = _NUMBERED[int(weekday)] if _is_below(weekday, 8) else weekday
            if month_day == "*" and named in WEEKDAYS:
                return Preset(every=Every.WEEK, at=at, weekday=named, cron=cron)
            if weekday == "*" and _is_below(month_day, 29) and int(month_day):
                return Preset(every=Every.MONTH, at=at, month_day=int(month_day), cron=cron)
    return Preset(every=Every.CRON, cron=cron)


def in_words(cron: str) -> str:
    """``every day at 02:30``; the expression itself where there are no words for it."""
    preset = preset_of(cron)
    match preset.every:
        case Every.DAY:
            return f"every day at {preset.at}"
        case Every.WEEKDAY:
            return f"Monday to Friday at {preset.at}"
        case Every.WEEK:
            return f"every {WEEKDAYS[preset.weekday]} at {preset.at}"
        case Every.MONTH:
            return f"on day {preset.month_day} of each month at {preset.at}"
        case Every.HOURS:
            return "every hour" if preset.hours == 1 else f"every {preset.hours} hours"
        case Every.CRON:
            return cron


def _is_below(text: str, limit: int) -> bool:
    return _NUMBER.fullmatch(text) is not None and int(text) < limit
