"""What a person types to name a share, a path in it and a restore point.

::

    address = [tenant "/"] share [":" path] ["@" point]
    point   = "latest" | number | time | age
    time    = 2026-11-27 | 2026-11-27T14:05 | 2026-11-27T14:05:30Z      the newest restore point of then or before; a day: its end
    age     = number ("m" | "h" | "d" | "w")                            the same, so long ago

Tenant and share are names, in whatever case, or ids. A path may have ``@`` in it: only what is a point after the last one is taken for one. Where
that is not enough, as for a file that is called ``a@1``, ``--at`` names the restore point, and no ``@`` is looked for.
"""

import datetime as dt
import re
from dataclasses import dataclass, replace
from typing import Final

from cli.errors import USAGE, CliError

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

POINT_HELP: Final = "a number, latest, a time (2026-11-27, 2026-11-27T14:05) or an age (30m, 6h, 2d, 1w)"


@dataclass(frozen=True, slots=True)
class Point:
    """Which restore point: by its number, or as the newest not after a time; neither: the newest."""

    number: int | None = None
    until: dt.datetime | None = None

    @property
    def is_latest(self) -> bool:
        """Whether it is the newest there is."""
        return self.number is None and self.until is None


LATEST: Final = Point()


@dataclass(frozen=True, slots=True)
class Address:
    """Something in a share. ``path`` is from its root, without slashes at its ends."""

    tenant: str
    """Empty: the one that was chosen otherwise, or the only one."""
    share: str
    path: str = ""
    point: Point | None = None

    def __str__(self) -> str:
        """As it would be typed, but for the point."""
        place = f"{self.tenant}/{self.share}" if self.tenant else self.share
        return f"{place}:/{self.path}" if self.path else place


def parse_point(text: str, now: dt.datetime) -> Point | None:
    """The restore point that ``text`` names, None if it is none.

    :param now: aware; times without a zone are in its zone.
    """
    if text == "latest":
        return LATEST
    if _NUMBER.fullmatch(text):
        return Point(number=int(text))
    age = _AGE.fullmatch(text)
    if age:
        return Point(until=now - dt.timedelta(**{_UNITS[age[2]]: int(age[1])}))
    try:
        if _DAY.fullmatch(text):
            day = dt.datetime.fromisoformat(text).replace(tzinfo=now.tzinfo)
            return Point(until=day + dt.timedelta(days=1) - dt.timedelta(microseconds=1))
        if _TIME.fullmatch(text):
            moment = dt.datetime.fromisoformat(text)
            return Point(until=moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))
    except ValueError:
        return None
    return None


def parse_address(text: str, now: dt.datetime, at: str | None = None) -> Address:
    """What ``text`` names; ``at`` is the restore point if it was given apart.

    :raises CliError: it names nothing.
    """
    point = None
    if at is not None:
        point = parse_point(at, now)
        if point is None:
            raise CliError(f"--at is {at!r}; expected {POINT_HELP}", USAGE)
    place, colon, path = text.partition(":")
    if at is None:
        before, sign, after = (path if colon else place).rpartition("@")
        point = parse_point(after, now) if sign else None
        if point is not None:
            place, path = (place, before) if colon else (before, path)
        elif sign and not colon:
            raise CliError(f"{text!r}: {after!r} is no restore point; expected {POINT_HELP}", USAGE)
    tenant, _, share = place.rpartition("/")
    if not share:
        raise CliError(f"{text!r} names no share; expected TENANT/SHARE:/PATH@POINT, of which SHARE is needed", USAGE)
    return Address(tenant=tenant, share=share, path=clean(path), point=point)


def clean(path: str) -> str:
    """A path as the API takes it, from the root and with single slashes."""
    return "/".join(part for part in path.replace("\\", "/").split("/") if part)


def below(address: Address, name: str) -> Address:
    """The address of something in a directory."""
    return replace(address, path=f"{address.path}/{name}" if address.path else name)
