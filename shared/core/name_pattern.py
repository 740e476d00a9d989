"""Patterns for names, as people know them from shells: ``*`` for anything, ``?`` for one character, ``[a-z]``, ``[!a-z]``.

One pattern has two forms that accept the same names: one for Postgres, which looks through the catalogue, and one for Python, which
looks through manifests. Upper and lower case are told apart by neither collation nor locale: where they count as equal, each letter is
spelled out with its variants.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self

from shared.errors import InvalidInput

LENGTH_MAX: Final = 255
"""No name is longer."""


@dataclass(frozen=True)
class NamePattern:
    """A pattern that a whole name is to match."""

    text: str
    ignore_case: bool = True
    _parts: tuple[str, ...] = field(default=(), repr=False)
    """Stars as ``*``, everything else as expressions for one character each."""

    @classmethod
    def parse(cls, text: str, *, ignore_case: bool = True) -> Self:
        """:raises InvalidInput: empty, too long, or something no name can hold; ``field`` is ``pattern``."""
        if not text or len(text) > LENGTH_MAX:
            raise InvalidInput(f"pattern has {len(text)} characters; expected 1 to {LENGTH_MAX}", field="pattern")
        for bad, said in (("/", "'/'"), ("\0", "a null character")):
            if bad in text:
                raise InvalidInput(
                    f"pattern is {text!r}; expected one for a name, and no name holds {said}", field="pattern"
                )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"pattern is {text!r}; expected whole characters", field="pattern") from error
        return cls(text, ignore_case, tuple(_parts(text, ignore_case)))

    @property
    def sql(self) -> str:
        """For Postgres's ``~``, of a whole name, and without what says so: where names follow one another with ``/`` between, it finds one."""
        return "".join("[^/]*" if part == "*" else part for part in self._parts)

    def matches(self, name: str) -> bool:
        """Whether the whole of ``name`` is meant."""
        return self._compiled.fullmatch(name) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        # Each star but the last takes the shortest stretch after which the characters up to the next star match, and sticks to it: no
        # pattern takes more than length x length steps. (As the standard library's fnmatch does.)
        stretches = "".join(" * " if part == "*" else part for part in self._parts).split(" * ")
        first, *middle = stretches
        if not middle:
            return re.compile(first, re.DOTALL)
        last = middle.pop()
        return re.compile(f"{first}{''.join(f'(?>.*?{part})' for part in middle)}.*{last}", re.DOTALL)


def _parts(text: str, ignore_case: bool) -> list[str]:
    parts: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "*":
            if parts[-1:] != ["*"]:
                parts.append("*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "[" and (end := _end_of_set(text, at)) is not None:
            parts.append(_set(text[at:end], ignore_case))
            at = end + 1
        else:
            parts.append(_one(character, ignore_case))
    return parts


def _end_of_set(text: str, at: int) -> int | None:
    """Where the ``]`` is that ends a set which begins at ``at``; one right at the beginning is a member. None: it is no set."""
    begin = at + 1 if text[at : at + 1] == "!" else at
    end = text.find("]", begin + 1)
    return None if end < 0 else end


def _set(inside: str, ignore_case: bool) -> str:
    negated = inside.startswith("!")
    members: list[str] = []
    rest = inside[1:] if negated else inside
    at = 0
    while at < len(rest):
        if rest[at + 1 : at + 2] == "-" and at + 2 < len(rest):
            low, high = rest[at], rest[at + 2]
            if low > high:
                raise InvalidInput(
                    f"pattern has the range {low}-{high}; expected it the other way round", field="pattern"
                )
            members.append(f"{_escaped(low)}-{_escaped(high)}")
            if ignore_case and low.isalpha() and high.isalpha():
                cased = [(f(low), f(high)) for f in (str.lower, str.upper)]
                members += [f"{_escaped(a)}-{_escaped(b)}" for a, b in cased if len(a) == len(b) == 1 and a <= b]
            at += 3
        else:
            members += [_escaped(c) for c in (_variants(rest[at]) if ignore_case else rest[at])]
            at += 1
    return f"[{'^/' if negated else ''}{''.join(members)}]"


def _one(character: str, ignore_case: bool) -> str:
    variants = _variants(character) if ignore_case else character
    if len(variants) == 1:
        return _escaped(character)
    return f"[{''.join(_escaped(c) for c in variants)}]"


def _variants(character: str) -> str:
    """A character and what it is in the other case, as far as that is one character too."""
    return "".join(sorted({character} | {c for c in (character.lower(), character.upper()) if len(c) == 1}))


def _escaped(character: str) -> str:
    return (
        f"\\{character}"
        if character.isascii() and not character.isalnum() and character != "_" and character > " "
        else character
    )
