"""Reads a JSON object strictly: every field is named, of the right kind and in range, or the sender is told which is not.

Take the fields one by one, then ``done``, which refuses what is left over::

    fields = Fields(ask.body)
    seed = fields.integer("seed", 0, low=0)
    shape = fields.text("shape", "home")
    fields.done()
"""

import re
from collections.abc import Collection
from typing import TypeVar

_Default = TypeVar("_Default")


class Unexpected(Exception):
    """A request cannot be understood; says which field, what was expected of it and what was there."""

    def __init__(self, field: str, expected: str, got: object = None) -> None:
        shown = repr(got)
        self.field, self.expected = field, expected
        self.got = shown if len(shown) <= 200 else f"{shown[:200]}..."
        super().__init__(f"{field or 'body'}: expected {expected}, got {self.got}")


class Fields:
    """The fields of one JSON object; ``where`` is put before their names in complaints.

    :raises Unexpected: ``value`` is not an object, and so do all methods for a field that is not as asked.
    """

    def __init__(self, value: object, where: str = "") -> None:
        if not isinstance(value, dict):
            raise Unexpected(where, "a JSON object", value)
        self._left: dict[str, object] = dict(value)
        self._known: list[str] = []
        self._where = f"{where}." if where else ""

    def __contains__(self, name: str) -> bool:
        return self._left.get(name) is not None

    def refuse(self, name: str, expected: str, got: object = None) -> Unexpected:
        """Return the complaint that a field is not what was expected."""
        return Unexpected(self._where + name, expected, got)

    def text(
        self, name: str, default: _Default, *, one_of: Collection[str] = (), max_length: int = 4096
    ) -> str | _Default:
        """Return a string, one of ``one_of`` if there are any."""
        value = self._take(name)
        if value is None:
            return default
        if one_of and value not in one_of:
            raise self.refuse(name, "one of " + ", ".join(sorted(one_of)), value)
        if not isinstance(value, str) or len(value) > max_length:
            raise self.refuse(name, f"a string of at most {max_length} characters", value)
        return value

    def integer(self, name: str, default: _Default, *, low: int = 0, high: int = 2**63 - 1) -> int | _Default:
        """Return a whole number from ``low`` to ``high``."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(name, f"a whole number from {low} to {high}", value)
        return value

    def number(self, name: str, default: _Default, *, low: float = 0.0, high: float = 1e12) -> float | _Default:
        """Return a number from ``low`` to ``high``."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(name, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def flag(self, name: str, default: _Default) -> bool | _Default:
        """Return true or false."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false", value)
        return value

    def pattern(self, name: str, default: str = "") -> re.Pattern[str]:
        """Return a compiled regular expression."""
        value = self.text(name, default)
        try:
            return re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise self.refuse(name, f"a regular expression ({error})", value) from None

    def items(self, name: str) -> dict[str, object]:
        """Return the fields of an object within, empty if there is none."""
        value = self._take(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.refuse(name, "a JSON object", value)
        return value

    def anything(self, name: str) -> object:
        """Return a field of whatever kind, ``None`` if it is not there."""
        return self._take(name)

    def done(self) -> None:
        """Refuse fields that nobody asked for."""
        for name, value in self._left.items():
            raise self.refuse(name, "no such field; there are " + ", ".join(sorted(self._known)), value)

    def _take(self, name: str) -> object:
        self._known.append(name)
        return self._left.pop(name, None)
