"""Times as ticks (100 ns since 0001-01-01), and their spellings on the wire."""

import re
import time
from calendar import timegm
from datetime import UTC, date, datetime
from functools import lru_cache

TICKS_PER_SECOND = 10_000_000
SECONDS_PER_DAY = 86_400
UNIX_EPOCH_TICKS = 621_355_968_000_000_000
FIRST_FILE_TIME_TICKS = 504_911_232_000_000_000  # 1601-01-01, where NTFS time starts
LAST_TICKS = 3_155_378_975_999_999_999  # 9999-12-31T23:59:59.9999999

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAX_DAYS = 20_000  # of 150 bytes each
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?Z?", re.ASCII)
_RFC1123 = re.compile(r"[A-Za-z]{3}, (\d\d) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)


class Clock:
    """Hands out strictly increasing ticks, so that no two changes share an ETag."""

    def __init__(self) -> None:
        self._last = 0

    def tick(self) -> int:
        """Return now, or one tick after the previous answer if the clock has not moved on."""
        now = now_ticks()
        self._last = now if now > self._last else self._last + 1
        return self._last


def now_ticks() -> int:
    """Return the present, not necessarily later than the last answer."""
    return UNIX_EPOCH_TICKS + time.time_ns() // 100


class _Days(dict[int, tuple[str, str]]):
    """Each day (counted from year 1) as ISO 8601 and as an HTTP date have it; spelled when first asked for."""

    def __missing__(self, day: int) -> tuple[str, str]:
        if len(self) >= _MAX_DAYS:
            self.clear()
        d = date.fromordinal(day + 1)
        spelled = (
            f"{d.year:04d}-{d.month:02d}-{d.day:02d}",
            f"{_DAYS[d.weekday()]}, {d.day:02d} {_MONTHS[d.month - 1]} {d.year:04d}",
        )
        self[day] = spelled
        return spelled


class _Clocks(dict[int, str]):
    """Each second of a day as both spell it."""

    def __missing__(self, second: int) -> str:
        self[second] = spelled = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        return spelled


#: A date takes a microsecond to spell, and listings are made of dates; ``DAYS[day][0]``, ``CLOCKS[second]``.
DAYS = _Days()
CLOCKS = _Clocks()


def iso(ticks: int) -> str:
    """Spell ``ticks`` as ISO 8601 with exactly seven digits of fraction."""
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    day, second = divmod(seconds, SECONDS_PER_DAY)
    return f"{DAYS[day][0]}T{CLOCKS[second]}.{fraction:07d}Z"


def rfc1123(ticks: int) -> str:
    """Spell ``ticks`` as an HTTP date, dropping the fraction."""
    day, second = divmod(ticks // TICKS_PER_SECOND, SECONDS_PER_DAY)
    return f"{DAYS[day][1]} {CLOCKS[second]} GMT"


def etag(ticks: int) -> str:
    """Return the ETag of something that last changed at ``ticks``, quotes included."""
    return f'"0x{ticks:X}"'


@lru_cache(maxsize=1024)
def parse_iso(text: str) -> int | None:
    """Read an ISO 8601 UTC time; ``None`` if it is malformed or before year 1 or after 9999."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - datetime(1, 1, 1, tzinfo=UTC)
    except ValueError:
        return None
    fraction = int((match[7] or "").ljust(7, "0"))
    return (whole.days * 86_400 + whole.seconds) * TICKS_PER_SECOND + fraction


@lru_cache(maxsize=256)
def parse_rfc1123(text: str) -> float | None:
    """Read an HTTP date as Unix seconds; ``None`` if malformed."""
    match = _RFC1123.fullmatch(text)
    if match is None or match[2].capitalize() not in _MONTHS:
        return None
    month = _MONTHS.index(match[2].capitalize()) + 1
    try:
        moment = datetime(int(match[3]), month, int(match[1]), int(match[4]), int(match[5]), int(match[6]), tzinfo=UTC)
    except ValueError:
        return None
    return float(timegm(moment.timetuple()))
