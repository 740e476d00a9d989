"""What a command shows: tables and sentences for people; for programs (``--json``) one JSON object per line, as the API gives it.

A list is as many lines as it has things, so that it may be long; a single thing is one line. Colour, bars and cut columns are for terminals:
elsewhere a table has whole values, two spaces apart. What is not the answer itself (progress, warnings, errors) goes to standard error.
"""

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], Any]]
"""A heading, and what to show of a thing below it. Numbers are to the right."""

CHUNK: Final = 500
"""Rows whose widths are measured together where there is no terminal: so a list of a million begins at once."""

_STYLES: Final = {
    "succeeded": "green",
    "completed_with_errors": "yellow",
    "failed": "bold red",
    "cancelled": "magenta",
    "running": "cyan",
    "paused": "yellow",
}


class Output:
    """Where a command's answer goes."""

    def __init__(self, *, as_json: bool = False, color: bool = True) -> None:
        self.as_json = as_json
        plain = None if color else True
        self.out = Console(highlight=False, no_color=plain, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, no_color=plain, soft_wrap=True)

    def one(self, thing: Row, fields: Sequence[Column] = ()) -> None:
        """A single thing: all it has, or ``fields`` of it for people."""
        if self.as_json:
            self._line(thing)
            return
        shown = [(name, show(thing)) for name, show in fields] or [
            (name, _deep(value)) for name, value in thing.items()
        ]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.out.print(f"[dim]{name:<{width}}[/dim]  {self._cell(value)}")

    def many(self, things: Iterable[Row], columns: Sequence[Column], *, nothing: str = "") -> int:
        """A list; returns how many there were. ``nothing`` is what to say when it is empty."""
        if self.as_json:
            count = 0
            for thing in things:
                self._line(thing)
                count += 1
            return count
        count = self._table(things, columns) if self.out.is_terminal else self._plain(things, columns)
        if not count and nothing:
            self.note(nothing)
        return count

    def text(self, line: str) -> None:
        """A sentence of the answer; nothing for programs."""
        if not self.as_json:
            self.out.print(line, markup=False)

    def note(self, line: str) -> None:
        """A sentence beside the answer."""
        if not self.as_json:
            self.err.print(line, markup=False)

    def _line(self, thing: Row) -> None:
        sys.stdout.write(json.dumps(thing, ensure_ascii=False, separators=(",", ":")) + "\n")

    def _table(self, things: Iterable[Row], columns: Sequence[Column]) -> int:
        rows = [[show(thing) for _, show in columns] for thing in things]
        if not rows:
            return 0
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for n, (name, _) in enumerate(columns):
            numbers = all(isinstance(row[n], int | float | type(None)) for row in rows)
            table.add_column(name, justify="right" if numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*(self._cell(value) for value in row))
        self.out.print(table, soft_wrap=False)
        return len(rows)

    def _plain(self, things: Iterable[Row], columns: Sequence[Column]) -> int:
        count, chunk = 0, list[list[str]]()
        head = [[name for name, _ in columns]]

        def write() -> None:
            lines = (head if count <= CHUNK else []) + chunk
            widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
            for line in lines:
                padded = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
                sys.stdout.write("  ".join(padded).rstrip() + "\n")
            chunk.clear()

        for thing in things:
            count += 1
            chunk.append([_text(show(thing)) for _, show in columns])
            if len(chunk) == CHUNK:
                write()
        if chunk:
            write()
        return count

    def _cell(self, value: Any) -> str:
        text = escape(_text(value))
        style = _STYLES.get(text)
        return f"[{style}]{text}[/{style}]" if style else text


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).splitlines()) if value != "" else "-"


def _deep(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def field(name: str) -> Callable[[Row], Any]:
    """Shows a field as it is; ``a.b`` is ``b`` of ``a``."""

    def show(thing: Row) -> Any:
        value: Any = thing
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    return show


def number(name: str) -> Callable[[Row], Any]:
    """Shows a number that names something: without commas."""
    get = field(name)
    return lambda thing: None if get(thing) is None else str(get(thing))


def size(name: str) -> Callable[[Row], Any]:
    """Shows bytes as people read them."""
    get = field(name)
    return lambda thing: bytes_text(get(thing))


def moment(name: str) -> Callable[[Row], Any]:
    """Shows a time in this machine's zone, to the second."""
    get = field(name)
    return lambda thing: time_text(get(thing))


def bytes_text(value: int | None) -> str:
    """``1.4 GiB``."""
    if value is None:
        return "-"
    if abs(value) < 1024:
        return f"{value} B"
    amount = float(value)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        amount /= 1024
        if abs(amount) < 1024 or unit == "PiB":
            break
    return f"{amount:.1f} {unit}"


def time_text(value: str | None) -> str:
    """``2026-11-27 14:05:30``, local."""
    if not value:
        return "-"
    try:
        # Seven digits are the service's 100 ns; Python reads six.
        whole, dot, rest = value.rstrip("Z").partition(".")
        moment = dt.datetime.fromisoformat(f"{whole}{dot}{rest[:6]}" if dot else whole)
    except ValueError:
        return value
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def seconds_text(value: float | None) -> str:
    """``1:02:03``, ``0.4 s``."""
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.1f} s"
    return str(dt.timedelta(seconds=round(value)))
