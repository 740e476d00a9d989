"""Times as .NET ticks: 100 ns since 0001-01-01 UTC, the resolution Azure Files keeps.

An entry's ETag is the hexadecimal tick count of its ChangeTime, so an int carries both.
"""

import datetime as dt
from typing import Final

PER_SECOND: Final = 10_000_000
UNIX_EPOCH: Final = 621_355_968_000_000_000
"""Ticks at 1970-01-01T00:00:00Z."""

_ORDINAL_SECONDS: Final = 86_400


def from_text(text: str) -> int:
    """Ticks of ``2022-09-28T21:24:10.5185260Z`` (1 to 7 fractional digits, or none).

    :raises ValueError: not of that form.
    """
    if not text.endswith("Z") or text[10:11] != "T":
        raise ValueError(f"{text!r} is not a UTC time like 2022-09-28T21:24:10.5185260Z")
    days = dt.date.fromisoformat(text[:10]).toordinal() - 1
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    fraction = text[20:-1] if text[19:20] == "." else ""
    return (days * _ORDINAL_SECONDS + seconds) * PER_SECOND + (int(fraction.ljust(7, "0")[:7]) if fraction else 0)


def to_text(ticks: int) -> str:
    """Exactly seven fractional digits and ``Z``, as the service writes and accepts."""
    seconds, fraction = divmod(ticks, PER_SECOND)
    days, seconds = divmod(seconds, _ORDINAL_SECONDS)
    date = dt.date.fromordinal(days + 1)
    return f"{date.isoformat()}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:07d}Z"


def from_datetime(moment: dt.datetime) -> int:
    """Ticks of an aware time."""
    since = moment.astimezone(dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return UNIX_EPOCH + (since // dt.timedelta(microseconds=1)) * (PER_SECOND // 1_000_000)


def to_unix(ticks: int) -> int:
    """Whole Unix seconds, rounded down: what the catalogue keeps."""
    return (ticks - UNIX_EPOCH) // PER_SECOND


def from_unix(seconds: int) -> int:
    """Ticks at a whole Unix second."""
    return seconds * PER_SECOND + UNIX_EPOCH
