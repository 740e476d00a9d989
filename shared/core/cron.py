"""Cron expressions in a time zone: when is the next time, and when was the last.

::

    expression = minute hour day-of-month month day-of-week       (separated by blanks)
    field      = "*" | value | value "-" value | either of these "/" step | a list of these with ","

Months and weekdays may be named by the first three letters of their English names; Sunday is 0 or 7. If both day fields say something, a day
that satisfies *either* is meant, as cron has always had it.

Clocks are put forward and back. A time of day that does not exist on that day comes at the next moment that does; one that comes
twice counts the first time. That is for schedules that name hours. One whose hour is ``*`` means every hour that passes, and not every
hour on the clock: it comes in both of the hours that have the same name, and not for the one that is left out.

Croniter finds times on an ideal clock; which moments these are in a zone is decided here.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from shared.errors import InvalidInput

_FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")
_FIELD: Final = re.compile(r"[0-9A-Za-z*,/-]{1,100}")
_WORD: Final = re.compile(r"[A-Za-z]+")
_MONTHS: Final = frozenset("jan feb mar apr may jun jul aug sep oct nov dec".split())
_DAYS: Final = frozenset("sun mon tue wed thu fri sat".split())
_WORDS: Final = (frozenset[str](), frozenset[str](), frozenset[str](), _MONTHS, _DAYS)

SCAN_MAX: Final = 10_000
"""Times on the clock that are looked at for one moment: an hour that comes twice has 60 of them, and no clock was ever put back a day."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression in its zone."""

    text: str
    zone: ZoneInfo

    @property
    def every_hour(self) -> bool:
        """Whether it means hours that pass, and not hours on the clock."""
        return self.text.split()[1] in ("*", "*/1")

    def after(self, moment: dt.datetime) -> dt.datetime:
        """The first time later than ``moment``; both aware, the answer in UTC."""
        return min(self._after(moment, fold) for fold in self._folds())

    def at_or_before(self, moment: dt.datetime) -> dt.datetime:
        """The last time not later than ``moment``."""
        return max(self._before(moment, fold) for fold in self._folds())

    def _folds(self) -> tuple[int, ...]:
        return (0, 1) if self.every_hour else (0,)

    def _after(self, moment: dt.datetime, fold: int) -> dt.datetime:
        """Moments of a clock's times, each taken at its ``fold``, rise with them. So it is enough to begin early enough."""
        local = moment.astimezone(self.zone)
        repeated = _repeated(local)
        start = _ideal(local) - (repeated if fold and not local.fold else dt.timedelta())
        times = croniter(self.text, start)
        for _ in range(SCAN_MAX):
            found = self._moment(times.get_next(dt.datetime), fold)
            if found is not None and found > moment:
                return found
        raise AssertionError(f"no time of {self.text!r} after {moment}")

    def _before(self, moment: dt.datetime, fold: int) -> dt.datetime:
        local = moment.astimezone(self.zone)
        repeated = _repeated(local)
        start = _ideal(local) + (repeated if not fold and local.fold else dt.timedelta())
        times = croniter(self.text, start + dt.timedelta(seconds=1))
        for _ in range(SCAN_MAX):
            found = self._moment(times.get_prev(dt.datetime), fold)
            if found is not None and found <= moment:
                return found
        raise AssertionError(f"no time of {self.text!r} before {moment}")

    def _moment(self, ideal: dt.datetime, fold: int) -> dt.datetime | None:
        """When a clock of the zone shows ``ideal``; None if it never does and that hour is not to be made good."""
        shown = ideal.replace(tzinfo=self.zone, fold=fold)
        moment = shown.astimezone(dt.UTC)
        if _ideal(moment.astimezone(self.zone)) == ideal:
            return moment
        if self.every_hour:
            return None
        # Taken by the offset before the change a time that is left out is after it, by the one after the change before it.
        late, early = (ideal.replace(tzinfo=self.zone, fold=f).astimezone(dt.UTC) for f in (0, 1))
        old = early.astimezone(self.zone).utcoffset()
        while late - early > dt.timedelta(seconds=1):
            middle = early + (late - early) // 2
            if middle.astimezone(self.zone).utcoffset() == old:
                early = middle
            else:
                late = middle
        return late.replace(microsecond=0)  # clocks are changed at whole seconds


def parse(text: str, zone: str) -> Cron:
    """Read an expression and the IANA name of its zone, such as ``Europe/Berlin``.

    :raises InvalidInput: malformed, out of range, or a time that never comes; ``field`` is ``cron`` or ``time_zone``.
    """
    known = time_zone(zone)
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise InvalidInput(
            f"cron {text!r} has {len(fields)} fields; expected 5: minute, hour, day of month, month, day of week,"
            ' such as "30 2 * * mon-fri"',
            field="cron",
        )
    for name, field, words in zip(_FIELDS, fields, _WORDS, strict=True):
        if not _FIELD.fullmatch(field):
            raise InvalidInput(
                f"cron {text!r}: {name} {field!r} has something else than digits, names and * , - /", field="cron"
            )
        for word in _WORD.findall(field):
            if word.lower() not in words:
                expected = "/".join(sorted(words)) or "a number"
                raise InvalidInput(f"cron {text!r}: {name} {word!r}; expected {expected}", field="cron")
    parsed = Cron(" ".join(fields).lower(), known)
    try:
        croniter(parsed.text, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)).get_next(dt.datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise InvalidInput(f"cron {text!r} is out of range or never comes: {error}", field="cron") from error
    return parsed


def time_zone(name: str) -> ZoneInfo:
    """A zone by its IANA name.

    :raises InvalidInput: there is none of that name.
    """
    try:
        if not name or len(name) > 60:
            raise ValueError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidInput(
            f"time_zone {name!r} is not known; expected an IANA name such as Europe/Berlin, or UTC", field="time_zone"
        ) from error


def _ideal(local: dt.datetime) -> dt.datetime:
    """What the clock shows, as a time of a clock that is never put forward or back."""
    return local.replace(tzinfo=dt.UTC, fold=0, microsecond=0)


def _repeated(local: dt.datetime) -> dt.timedelta:
    """How much of the clock comes twice, if ``local`` is in such a time; else nothing."""
    first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    return max(first - second, dt.timedelta())
