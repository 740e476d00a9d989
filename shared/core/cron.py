"""Cron expressions in a time zone: when is the next time, and when was the last.

Clocks are put forward and back. A time of day that does not exist on that day comes at the next moment that does; one that comes
twice counts the first time. That is for schedules that name hours. One whose hour is ``*`` means every hour that passes, and not every
hour on the clock: it comes in both of the hours that have the same name, and not for the one that is left out.

:mod:`shared.core.cron_fields` finds times on an ideal clock; which moments these are in a zone is decided here.
"""

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.core import cron_fields
from shared.core.cron_fields import Fields
from shared.errors import InvalidInput

SCAN_MAX: Final = 10_000
"""Times on the clock that are looked at for one moment: an hour that comes twice has 60 of them, and no clock was ever put back a day."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression in its zone."""

    fields: Fields
    zone: ZoneInfo

    def after(self, moment: dt.datetime) -> dt.datetime:
        """The first time later than ``moment``; both aware, the answer in UTC."""
        return min(self._after(moment, fold) for fold in self._folds())

    def at_or_before(self, moment: dt.datetime) -> dt.datetime:
        """The last time not later than ``moment``."""
        return max(self._before(moment, fold) for fold in self._folds())

    def _folds(self) -> tuple[int, ...]:
        return (0, 1) if self.fields.every_hour else (0,)

    def _after(self, moment: dt.datetime, fold: int) -> dt.datetime:
        """Moments of a clock's times, each taken at its ``fold``, rise with them. So it is enough to begin early enough."""
        local = moment.astimezone(self.zone)
        at = _ideal(local) - (_repeated(local) if fold and not local.fold else dt.timedelta())
        for _ in range(SCAN_MAX):
            at = self.fields.after(at)
            found = self._moment(at, fold)
            if found is not None and found > moment:
                return found
        raise AssertionError(f"no time after {moment}")

    def _before(self, moment: dt.datetime, fold: int) -> dt.datetime:
        local = moment.astimezone(self.zone)
        at = _ideal(local) + (_repeated(local) if not fold and local.fold else dt.timedelta()) + dt.timedelta(seconds=1)
        for _ in range(SCAN_MAX):
            at = self.fields.before(at)
            found = self._moment(at, fold)
            if found is not None and found <= moment:
                return found
        raise AssertionError(f"no time before {moment}")

    def _moment(self, ideal: dt.datetime, fold: int) -> dt.datetime | None:
        """When a clock of the zone shows ``ideal``; None if it never does and that hour is not to be made good."""
        moment = ideal.replace(tzinfo=self.zone, fold=fold).astimezone(dt.UTC)
        if _ideal(moment.astimezone(self.zone)) == ideal:
            return moment
        if self.fields.every_hour:
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


@lru_cache(maxsize=4096)
def parse(text: str, zone: str) -> Cron:
    """Read an expression and the IANA name of its zone, such as ``Europe/Berlin``.

    :raises InvalidInput: malformed, out of range, or a time that never comes; ``field`` is ``cron`` or ``time_zone``.
    """
    return Cron(cron_fields.parse(text), time_zone(zone))


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
    return local.replace(tzinfo=None, fold=0, microsecond=0)


def _repeated(local: dt.datetime) -> dt.timedelta:
    """How much of the clock comes twice, if ``local`` is in such a time; else nothing."""
    first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    return max(first - second, dt.timedelta())
