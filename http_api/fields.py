"""Forms of pages: what a browser sends (``application/x-www-form-urlencoded``), and how it becomes the body of an endpoint.

A field is called what the API calls it, with dots between levels (``settings.exclude``), so what the API says of a field is said beside it.
A field that is left empty was not given. What is no number stays what was typed, and the model says what was expected.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from http_api.models.base import Problem

FIELDS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form as they were sent; several of one name are a choice of several."""

    given: Mapping[str, Sequence[str]]

    @classmethod
    def parse(cls, raw: bytes) -> "Fields":
        """:raises ValueError: it is no form."""
        text = raw.decode("utf-8")
        return cls(parse_qs(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=FIELDS_MAX))

    @classmethod
    def of_address(cls, url: str) -> "Fields":
        """What a form with ``method="get"`` has made of its fields; what is no field is passed over."""
        return cls(parse_qs(urlsplit(url).query, keep_blank_values=True, errors="replace", separator="&"))

    def text(self, name: str) -> str:
        """What was typed, without blanks around it; empty if nothing was."""
        return self.given[name][-1].strip() if self.given.get(name) else ""

    def flag(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.text(name) not in ("", "false")

    def chosen(self, name: str) -> list[str]:
        """All that was chosen of several."""
        return [value for value in self.given.get(name, ()) if value]

    def lines(self, name: str) -> list[str]:
        """The lines of a text that are not empty."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def nested(self, *names: str, **read: Callable[[str], Any]) -> dict[str, Any]:
        """A body of the texts of ``names``, those with dots in levels; what is empty is left out.

        :param read: how a field's text becomes a value; names have two underscores for a dot.
        """
        body: dict[str, Any] = {}
        how: dict[str, Callable[[str], Any]] = dict.fromkeys(names, str)
        how.update({name.replace("__", "."): function for name, function in read.items()})
        for name, function in how.items():
            if text := self.text(name):
                *levels, last = name.split(".")
                inner = body
                for level in levels:
                    inner = inner.setdefault(level, {})
                inner[last] = function(text)
        return body


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that is shown as it was filled in: what was in it and, if it was refused, why."""

    fields: Fields
    problem: Problem | None
    """None: it was not sent yet, and is looked at in a preview."""

    def wrong(self, name: str) -> str:
        """What was expected of a field, where it was not given; empty if nothing is wrong with it."""
        for error in self.problem.errors if self.problem else ():
            if error.field == name or error.field.startswith(name + "."):
                return error.expected
        return ""

    def others(self, shown: Sequence[str]) -> str:
        """What was wrong and is told beside none of the fields ``shown``; empty if there is nothing."""
        if self.problem is None:
            return ""
        told = [
            error
            for error in self.problem.errors
            if any(error.field == one or error.field.startswith(one + ".") for one in shown)
        ]
        return "" if self.problem.errors and len(told) == len(self.problem.errors) else self.problem.detail


def scaled(factor: float) -> Callable[[str], Any]:
    """How a number is read that is typed in a unit of ``factor``: ``scaled(1024 * 1024)`` of MiB is bytes."""

    def read(text: str) -> Any:
        try:
            value = float(text.replace(",", "")) * factor
        except ValueError:
            return text
        return round(value) if factor >= 1 else value

    return read


def no_fields(_: Fields) -> dict[str, Any]:
    """Of a form that is a button."""
    return {}
