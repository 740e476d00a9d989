"""The five fields of a cron expression, and when they hold on an ideal clock: one that is never put forward or back.

::

    expression = minute hour day-of-month month day-of-week       (separated by blanks)
    field      = part ("," part)*
    part       = ("*" | value | value "-" value) ["/" step]       ("value/step" goes on to the end)

Months and weekdays may be named by the first three letters of their English names; Sunday is 0 or 7. If both day fields say something, that
is, neither begins with ``*``, a day that satisfies *either* is meant: as in Vixie's cron, from which everybody has it.

Why not the library croniter: it takes ``0-0`` for every hour, and a schedule that runs twenty-four times as often as it says is not
what one wants to find out later.
"""

import datetime as dt
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

from shared.errors import InvalidInput

_MONTHS: Final = dict(
    zip(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], range(1, 13), strict=True)
)
_DAYS: Final = dict(zip(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], range(7), strict=True))
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART: Final = re.compile(r"(?:\*|(?P<first>\w{1,3})(?:-(?P<last>\w{1,3}))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)
TEXT_MAX: Final = 500
DAYS_MAX: Final = 366 * 9
"""The 29th of February is eight years away at most."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed expression."""

    times: tuple[int, ...]
    """Minutes of the day, rising."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    either: bool
    """A day that satisfies one of the day fields will do."""
    every_hour: bool
    """The hour is ``*``."""

    def after(self, at: dt.datetime) -> dt.datetime:
        """The first time later than ``at``; both naive."""
        day, minute = at.date(), at.hour * 60 + at.minute
        for _ in range(DAYS_MAX):
            if self._is_day(day):
                place = bisect_right(self.times, minute)
                if place < len(self.times):
                    return _moment(day, self.times[place])
            day, minute = day + dt.timedelta(days=1), -1
        raise AssertionError("a time that never comes was parsed")

    def before(self, at: dt.datetime) -> dt.datetime:
        """The last time earlier than ``at``; both naive."""
        day, minute = at.date(), at.hour * 60 + at.minute + (at.second > 0 or at.microsecond > 0)
        for _ in range(DAYS_MAX):
            if self._is_day(day):
                place = bisect_left(self.times, minute)
                if place:
                    return _moment(day, self.times[place - 1])
            day, minute = day - dt.timedelta(days=1), 24 * 60
        raise AssertionError("a time that never came was parsed")

    def _is_day(self, day: dt.date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return of_month or of_week if self.either else of_month and of_week


def parse(text: str) -> Fields:
    """Read an expression.

    :raises InvalidInput: malformed, out of range, or a time that never comes; under ``cron``.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS) or len(text) > TEXT_MAX:
        raise InvalidInput(
            f"cron {text[:TEXT_MAX]!r} has {len(fields)} fields; expected 5: minute, hour, day of month, month, day of week,"
            ' such as "30 2 * * mon-fri"',
            field="cron",
        )
    minutes, hours, days, months, weekdays = (
        _numbers(text, field, *known) for field, known in zip(fields, _FIELDS, strict=True)
    )
    found = Fields(
        times=tuple(sorted(hour * 60 + minute for hour in hours for minute in minutes)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either=not fields[2].startswith("*") and not fields[4].startswith("*"),
        every_hour=fields[1] in ("*", "*/1"),
    )
    try:
        found.after(dt.datetime(2024, 1, 1))  # noqa: DTZ001 - any time of an ideal clock
    except AssertionError as error:
        raise InvalidInput(f"cron {text!r} never comes; expected a day that there is", field="cron") from error
    return found


def _numbers(text: str, field: str, name: str, low: int, high: int, words: dict[str, int]) -> frozenset[int]:
    """The numbers that a field stands for."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _wrong(text, name, part, "numbers, names and * , - /")
        step = int(match["step"]) if match["step"] else 1
        if match["first"] is None:
            first, last = low, min(high, 6) if words is _DAYS else high
        else:
            first = _value(text, name, match["first"], low, high, words)
            last = first if match["step"] is None else high
            if match["last"] is not None:
                last = _value(text, name, match["last"], low, high, words)
                if words is _DAYS and last == 0 < first:
                    last = 7  # fri-sun
        if last < first or step < 1:
            raise _wrong(text, name, part, "a range that rises, and a step of 1 or more")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _value(text: str, name: str, word: str, low: int, high: int, words: dict[str, int]) -> int:
    value = words.get(word, int(word) if word.isdigit() else -1)
    if not low <= value <= high:
        named = f", or {', '.join(words)}" if words else ""
        raise _wrong(text, name, word, f"{low} to {high}{named}")
    return value


def _wrong(text: str, name: str, part: str, expected: str) -> InvalidInput:
    return InvalidInput(f"cron {text!r}: {name} {part!r}; expected {expected}", field="cron")


def _moment(day: dt.date, minute: int) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - of an ideal clock
