"""What a person types for times of day: ``20:00-06:00``, ``mon-fri 20:00-06:00``, ``sat,sun 00:00-24:00 requests_per_s=50``.

::

    window = [days] begin "-" end (" " limit)*
    days   = day | day "-" day, with "," between them            as mon-fri or sat,sun; left out: every day
    limit  = ("requests_per_s" | "bytes_per_s") "=" (number | "none")

An end that is not later than the beginning is on the following day. What the times and limits may be, the API says.
"""

import re
from typing import Any, Final

from cli.errors import USAGE, CliError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LIMITS: Final = ("requests_per_s", "bytes_per_s")
_SPAN: Final = re.compile(r"([0-9]{1,2}:[0-9]{2})-([0-9]{1,2}:[0-9]{2})")

Window = dict[str, Any]


def parse_window(text: str, *, paced: bool = False) -> Window:
    """A window as the API takes it.

    :param paced: whether limits belong to it, of which there is at least one then.
    :raises CliError: it is none.
    """
    expected = "mon-fri 08:00-18:00 requests_per_s=50" if paced else "mon-fri 20:00-06:00"
    wrong = CliError(f"{text!r} is no window; expected one such as '{expected}'", USAGE)
    words = text.split()
    days = [] if not words or _SPAN.fullmatch(words[0]) else _days(words.pop(0), wrong)
    span = _SPAN.fullmatch(words.pop(0)) if words else None
    if span is None:
        raise wrong
    window: Window = {"begin": f"{span[1]:0>5}", "end": f"{span[2]:0>5}"}
    if days:
        window["days"] = days
    limits = dict(_limit(word, wrong) for word in words)
    if bool(limits) != paced or len(limits) != len(words):
        raise wrong
    return window | limits


def window_text(window: Window) -> str:
    """The same, as it would be typed."""
    days = [day for day in DAYS if day in window["days"]]
    first, last = (DAYS.index(days[0]), DAYS.index(days[-1])) if days else (0, -1)
    together = len(days) > 2 and last - first == len(days) - 1
    named = f"{days[0]}-{days[-1]}" if together else ",".join(days)
    limits = [f"{name}={_number(window[name])}" for name in LIMITS if name in window]
    return " ".join([*([] if len(days) == len(DAYS) else [named]), f"{window['begin']}-{window['end']}", *limits])


def _days(text: str, wrong: CliError) -> list[str]:
    found: list[str] = []
    for part in text.lower().split(","):
        first, sign, last = part.partition("-")
        if first not in DAYS or (sign and last not in DAYS):
            raise wrong
        at, count = DAYS.index(first), (DAYS.index(last) - DAYS.index(first)) % len(DAYS) if sign else 0
        found += [DAYS[(at + n) % len(DAYS)] for n in range(count + 1)]
    return sorted(set(found), key=DAYS.index)


def _limit(text: str, wrong: CliError) -> tuple[str, float | None]:
    name, _, value = text.partition("=")
    if name not in LIMITS:
        raise wrong
    if value == "none":
        return name, None
    try:
        return name, float(value)
    except ValueError:
        raise wrong from None


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}" if value < 1e6 else str(round(value))
