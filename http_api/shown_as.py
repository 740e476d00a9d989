"""How values are written for people: sizes, numbers, durations, times, words. Filters of the templates; pure."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from markupsafe import Markup, escape

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_NONE: Final = "\u2013"


def size(value: float | None) -> str:
    """Bytes: ``0 B``, ``1.5 MiB``, ``312 GiB``: three digits at least where there are more than bytes."""
    if value is None:
        return _NONE
    amount, unit = float(value), 0
    # 1023.6 KiB would be written as 1,024 KiB.
    while abs(amount) >= (1023.5 if unit else 1024) and unit < len(_UNITS) - 1:
        amount /= 1024
        unit += 1
    if unit == 0:
        return f"{amount:.0f} B"
    digits = 2 if abs(amount) < 9.995 else 1 if abs(amount) < 99.95 else 0
    return f"{amount:,.{digits}f} {_UNITS[unit]}"


def number(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return _NONE if value is None else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """A large number in few characters: ``999``, ``12.3 k``, ``1.02 M``, ``3 G``."""
    if value is None:
        return _NONE
    amount, unit = float(value), 0
    while abs(amount) >= 999.5 and unit < 4:
        amount /= 1000
        unit += 1
    if unit == 0:
        return f"{amount:.0f}"
    return f"{amount:.3g} {' kMGT'[unit]}"


def per_s(value: float | None, unit: str = "") -> str:
    """A rate: ``1.50 MiB/s`` of bytes, else ``12.3 k/s``, ``4.2/s``, ``0.05/s``."""
    if value is None:
        return _NONE
    if unit == "bytes":
        return f"{size(value)}/s"
    return f"{compact(value) if value >= 9.95 or value == 0 else f'{value:.2g}'}/s"


def duration(seconds: float | None) -> str:
    """``0.4 s``, ``45 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``: its two largest units."""
    if seconds is None:
        return _NONE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    parts: list[tuple[int, str]] = []
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


def period(seconds: float | None) -> str:
    """A length of time that somebody has set, in the largest unit that it is a whole number of: ``26 hours``, ``7 days``."""
    if seconds is None:
        return _NONE
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            return plural(int(seconds // length), name)
    return plural(int(seconds), "second")


def ago(value: dt.datetime | None, now: dt.datetime) -> str:
    """How long ago in its largest unit: ``just now``, ``5 min ago``, ``3 days ago``; or in how long, ``in 2 h``."""
    if value is None:
        return _NONE
    seconds = (now - value).total_seconds()
    far = abs(seconds)
    if far < 45:
        return "just now" if seconds >= 0 else "in a moment"
    for name, length, spoken in (("d", 86_400, "day"), ("h", 3_600, ""), ("min", 60, "")):
        if far >= length * 0.95 or name == "min":
            count = max(1, round(far / length))
            told = plural(count, spoken) if spoken else f"{count} {name}"
            return f"{told} ago" if seconds >= 0 else f"in {told}"
    return ""


def plural(count: float, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"


def money(value: float | None, currency: str = "USD") -> str:
    """An amount: cents, and of less than a cent its first two digits, down to a hundredth of one."""
    if value is None:
        return _NONE
    sign = "$" if currency == "USD" else f"{currency} "
    if 0 < value < 0.0001:
        return f"< {sign}0.0001"
    return f"{sign}{value:,.2f}" if value == 0 or abs(value) >= 0.01 else f"{sign}{value:.2g}"


def percent(part: float | None) -> str:
    """A part of a whole, 0 to 1. Never 100 % of what is not all of it, nor 0 % of what is something."""
    if part is None:
        return _NONE
    if 0 < part < 0.001:
        return "< 0.1 %"
    if 0.999 < part < 1:
        return "> 99.9 %"
    return f"{part * 100:.3g} %"


def words(value: object) -> str:
    """A name of ours as people read it: ``completed_with_errors`` is ``completed with errors``."""
    return str(value).replace("_", " ")


def plain(value: float | None) -> str:
    """A number as it is typed into a field: no more digits than it has; empty if there is none."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def sentence(text: str) -> str:
    """A reason of ours as a sentence begins: ``daily 3 of 7`` is ``Daily 3 of 7``."""
    return text[:1].upper() + text[1:]


def who(told: str) -> str:
    """Who did something, by the name that is noted beside their id: ``key 7 (nightly)`` is ``nightly``."""
    _, begins, name = told.partition(" (")
    return name[:-1] if begins and name.endswith(")") and len(name) > 1 else told


def when(value: dt.datetime | str | None, only: str = "") -> Markup | str:
    """A time as ``<time>``: UTC in the page, made the viewer's own by ``app.js``, with UTC on hover.

    :param value: as a text, one of the API's: ISO 8601 of UTC. What no calendar has is shown as it is.
    :param only: ``date`` or ``time``: that part alone is shown.
    """
    if not value:
        return _NONE
    try:
        at = dt.datetime.fromisoformat(value[:19]).replace(tzinfo=dt.UTC) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    # A page has a hundred of them. Digits are all there is in them, so nothing is to be escaped, which takes ten times as long as the rest.
    text = at.astimezone(dt.UTC).isoformat(" ", "seconds")
    date, time = text[:10], text[11:19]
    shown = {"date": date, "time": time[:5]}.get(only) or f"{date} {time[:5]}"
    part = f' data-only="{escape(only)}"' if only else ""
    zone = ' <span class="utc">UTC</span>' if only != "date" else ""
    return Markup(f'<time datetime="{date}T{time}Z" title="{date} {time} UTC"{part}>{shown}{zone}</time>')  # noqa: S704


def exact(value: str) -> str:
    """A time of the API with all its digits, as people write it: ``2022-09-28 21:24:10.5185260``. UTC."""
    return value.replace("T", " ").removesuffix("Z")


def path_parts(path: str) -> list[tuple[str, str]]:
    """The names on a path, each with the path to it."""
    names = [name for name in path.split("/") if name]
    return [(name, "/".join(names[: index + 1])) for index, name in enumerate(names)]


def parent(path: str) -> str:
    """The path of what holds it; empty for the root."""
    return path.rpartition("/")[0]


def hint(text: str) -> Markup:
    """A message of ours with what to do about it on a line of its own: they are parted by ``; hint: ``."""
    told, _, to_do = text.partition("; hint: ")
    if not to_do:
        return escape(told)
    return Markup('{}<span class="hint">{}</span>').format(told, sentence(to_do))


class Told(dict[str, Any]):
    """What a report or an order says; what it does not say is None."""

    def __missing__(self, key: str) -> None:
        return None


def told(value: Any) -> Any:
    """A report or an order, as templates may read it: earlier releases say less, and each kind says other things."""
    return Told() if value is None else _told(value)


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return Told({key: _told(inner) for key, inner in value.items()})
    return [_told(inner) for inner in value] if isinstance(value, list) else value


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": size,
    "number": number,
    "compact": compact,
    "per_s": per_s,
    "duration": duration,
    "period": period,
    "ago": ago,
    "plural": plural,
    "money": money,
    "percent": percent,
    "words": words,
    "plain": plain,
    "sentence": sentence,
    "who": who,
    "when": when,
    "exact": exact,
    "path_parts": path_parts,
    "parent": parent,
    "told": told,
    "hint": hint,
}
