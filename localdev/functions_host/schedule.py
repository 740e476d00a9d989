"""NCRONTAB schedules: when is the next time.  Pure; all times are UTC.

::

    expression = [second] minute hour day-of-month month day-of-week      (separated by blanks)
    field      = "*" | value | value "-" value | either of these "/" step | a list of these with ","

Without the seconds field a schedule fires at second 0.  Months and weekdays may be English names.
Unlike cron, a day must satisfy *both* day fields.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import CroniterError, croniter

_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")

#: Months and weekdays may be written out; the parser knows the first three letters.
_NAME = re.compile(r"[A-Za-z]+")

_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
    *("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
)


class ScheduleError(ValueError):
    """Not a schedule this host can follow."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed expression; ``text`` is as the app wrote it."""

    text: str
    expression: str

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time strictly after ``moment``."""
        found: datetime = _iterate(self.expression, moment).get_next(datetime)
        return found


def parse(text: str) -> Schedule:
    """Read an NCRONTAB expression.

    :raises ScheduleError: malformed, out of range, or never (the 31st of February).
    """
    fields = text.split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6 or not all(_FIELD.fullmatch(field) for field in fields):
        raise ScheduleError(
            f"schedule {text!r}: expected 5 or 6 NCRONTAB fields, [second] minute hour day month day-of-week"
        )
    for name in _NAME.findall(" ".join(fields)):
        if len(name) < 3 or not any(full.startswith(name.lower()) for full in _NAMES):
            raise ScheduleError(f"schedule {text!r}: {name!r} is neither a month nor a weekday")
    expression = _NAME.sub(lambda match: match.group()[:3].lower(), " ".join(fields))
    try:
        _iterate(expression, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise ScheduleError(f"schedule {text!r}: {error}") from error
    return Schedule(text, expression)


def _iterate(expression: str, start: datetime) -> croniter:
    return croniter(expression, start.astimezone(UTC), second_at_beginning=True, day_or=False)
