"""A month of restore points as a grid of weeks; pure. Days are those of the share's time zone."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from shared.db.standing import MarkedPoint

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_YEARS: Final = (1970, 9998)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the calendar."""

    year: int
    number: int

    @classmethod
    def of(cls, at: dt.date) -> Self:
        """The month of a day."""
        return cls(at.year, at.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2026-11``. Raises ``ValueError``."""
        found = _MONTH.fullmatch(text)
        if found is None or not (1 <= int(found[2]) <= 12 and _YEARS[0] <= int(found[1]) <= _YEARS[1]):
            raise ValueError("a month as YYYY-MM")
        return cls(int(found[1]), int(found[2]))

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def before(self) -> "Month":
        """The month before."""
        return Month.of(self.first - dt.timedelta(days=1))

    @property
    def after(self) -> "Month":
        """The month after."""
        return Month.of(self.first + dt.timedelta(days=32))

    @property
    def title(self) -> str:
        """``November 2026``."""
        return f"{self.first:%B %Y}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and what its restore points are."""

    date: dt.date
    points: int = 0
    pinned: int = 0
    held: int = 0
    verified: int = 0
    wrong: int = 0
    """With files that could not be saved, or in which a verify found something."""

    @property
    def told(self) -> str:
        """In words, for who does not see the marks."""
        count = f"{self.points} restore point{'' if self.points == 1 else 's'}"
        more = [
            f"{number} {word}"
            for number, word in (
                (self.pinned, "pinned"),
                (self.held, "under legal hold"),
                (self.verified, "verified"),
                (self.wrong, "with errors"),
            )
            if number
        ]
        return ", ".join([f"{self.date.day} {self.date:%B %Y}: {count}", *more])


@dataclass(slots=True)
class _Count:
    points: int = 0
    pinned: int = 0
    held: int = 0
    verified: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """A month of days, in weeks from Monday to Sunday; None: a day of another month."""

    month: Month
    weeks: tuple[tuple[Day | None, ...], ...]
    today: dt.date
    before: Month | None
    """None: there is nothing before."""
    after: Month | None
    names: tuple[str, ...] = field(
        default=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    )


def bounds(begin: dt.date, end: dt.date, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """From the beginning of a day to that of another."""
    midnight = dt.time()
    return dt.datetime.combine(begin, midnight, zone), dt.datetime.combine(end, midnight, zone)


def calendar(
    month: Month,
    points: Iterable[MarkedPoint],
    zone: dt.tzinfo,
    now: dt.datetime,
    oldest: dt.datetime | None,
    newest: dt.datetime | None,
) -> Calendar:
    """The grid of a month.

    :param points: those of the month; of others nothing is shown.
    :param oldest: when the first restore point of all was taken; None: there is none.
    """
    counts: dict[dt.date, _Count] = {}
    for point in points:
        count = counts.setdefault(point.taken_at.astimezone(zone).date(), _Count())
        count.points += 1
        count.pinned += point.pinned(now)
        count.held += point.held_by is not None
        count.verified += point.verified
        count.wrong += bool(point.errors or point.doubtful)
    cells: list[Day | None] = [None] * month.first.weekday()
    day = month.first
    while day.month == month.number:
        found = counts.get(day, _Count())
        cells.append(Day(day, found.points, found.pinned, found.held, found.verified, found.wrong))
        day += dt.timedelta(days=1)
    cells += [None] * (-len(cells) % 7)
    first = Month.of(oldest.astimezone(zone)).first if oldest else month.first
    last = Month.of((newest or now).astimezone(zone)).first
    last = max(last, Month.of(now.astimezone(zone)).first)
    return Calendar(
        month=month,
        weeks=tuple(tuple(cells[at : at + 7]) for at in range(0, len(cells), 7)),
        today=now.astimezone(zone).date(),
        before=month.before if month.first > first else None,
        after=month.after if month.first < last else None,
    )
