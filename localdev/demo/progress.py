"""Tells somebody who waits how far things are: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

LINE_EVERY_S = 15.0


class Bar(Protocol):
    """Something that moves on."""

    def add(self, files: int, size_bytes: int) -> None:
        """Count more done."""

    def show(self, files: int, size_bytes: int) -> None:
        """Say how much is done in total."""


@dataclass(slots=True)
class Steps:
    """The demo's steps, each announced, followed and timed."""

    console: Console
    took: dict[str, float] = field(default_factory=dict)
    """Seconds by step, in order."""

    @contextmanager
    def step(self, name: str, files: int | None = None) -> Iterator[Bar]:
        """Do one step.

        :param files: how many there are to do; unknown or beside the point if ``None``.
        """
        started = time.monotonic()
        try:
            if self.console.is_terminal:
                with Progress(
                    SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Done(), TimeElapsedColumn(),
                    console=self.console, transient=True,
                ) as progress:  # fmt: skip
                    progress.add_task(name, total=files, size_bytes=0)
                    yield _RichBar(progress)
            else:
                yield _Lines(self.console, name, files)
        finally:
            self.took[name] = time.monotonic() - started
        self.console.print(f"{self.took[name]:6.1f} s  {name}", highlight=False)


class _Done(ProgressColumn):
    """Files, bytes and rate."""

    def render(self, task: Task) -> Text:
        size = task.fields["size_bytes"]
        if not task.completed and not size:
            return Text("")
        rate = task.completed / task.elapsed if task.elapsed else 0.0
        return Text(f"{task.completed:,.0f} files, {_mib(size)}, {rate:,.0f} files/s")


class _RichBar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.tasks[0]
        self._files = self._size_bytes = 0

    def add(self, files: int, size_bytes: int) -> None:
        self.show(self._files + files, self._size_bytes + size_bytes)

    def show(self, files: int, size_bytes: int) -> None:
        self._files, self._size_bytes = files, size_bytes
        self._progress.update(self._task.id, completed=files, size_bytes=size_bytes)


class _Lines:
    def __init__(self, console: Console, name: str, total: int | None) -> None:
        self._console, self._name = console, name
        self._of = f" of {total:,}" if total else ""
        self._files = self._size_bytes = 0
        self._next = time.monotonic() + LINE_EVERY_S

    def add(self, files: int, size_bytes: int) -> None:
        self.show(self._files + files, self._size_bytes + size_bytes)

    def show(self, files: int, size_bytes: int) -> None:
        self._files, self._size_bytes = files, size_bytes
        if time.monotonic() > self._next:
            self._next += LINE_EVERY_S
            self._console.print(
                f"          {self._name}: {files:,}{self._of} files, {_mib(size_bytes)}",
                highlight=False,
                soft_wrap=True,
            )


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:,.0f} MiB"
