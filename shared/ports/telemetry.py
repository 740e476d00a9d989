"""Telemetry: spans and counts."""

from contextlib import AbstractContextManager
from typing import Protocol

from shared.model.metric import Metric
from shared.model.run import Run

Attribute = str | int | float | bool


class Span(Protocol):
    """A stretch of work that is being told of."""

    def set(self, **attributes: Attribute) -> None:
        """Say more about it: ids and numbers, never a path or content."""
        ...

    def drop(self) -> None:
        """Forget it: it came to nothing."""
        ...


class Telemetry(Protocol):
    """Tells what is done, as spans, and how often, as metrics. Nothing of it fails or waits: what cannot be told is lost.

    Metrics are those of :mod:`shared.model.metric`; labels are given in the order that they have there.
    """

    def span(
        self, name: str, /, *, of: Run | None = None, caller: str | None = None, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """Tell of the block as one span, below the one that it is entered in.

        :param of: below this run instead, wherever and by whatever process the rest of it is done.
        :param caller: it is a request from outside, below the span that this ``traceparent`` header (W3C) names, if it is readable.
        """
        ...

    def run_started(self, run: Run) -> None:
        """Link the span that is under way with the run that it asked for."""
        ...

    def run_ended(self, run: Run) -> None:
        """Tell of a whole run. Once more for a run whose closing is repeated."""
        ...

    def count(self, metric: Metric, /, *labels: str) -> None:
        """Add one to a counter."""
        ...

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """Add a value to a histogram."""
        ...
