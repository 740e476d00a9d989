"""What is being done now, and for whom: the ids that log lines and spans carry; and telemetry that goes nowhere.

A scope says once what it works on (``with tagged(run_id=7)``), and everything below it, tasks that it starts included, is told with that.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, Self

from shared.model.metric import Metric
from shared.model.run import Run
from shared.ports.telemetry import Attribute, Span

_TAGS: ContextVar[Mapping[str, Attribute]] = ContextVar("afb_tags", default=MappingProxyType({}))


def tags() -> Mapping[str, Attribute]:
    """The ids of what is being done: ``run_id``, ``tenant_id``, ``share_id``, ``run_no``, ``batch_no``, ``trace_id`` and such."""
    return _TAGS.get()


@contextmanager
def tagged(**ids: Attribute) -> Iterator[None]:
    """Add ``ids`` to what is done within the block."""
    token = _TAGS.set({**_TAGS.get(), **ids})
    try:
        yield
    finally:
        _TAGS.reset(token)


def ids_of(run: Run) -> dict[str, Attribute]:
    """What names a run wherever it is told of."""
    return {
        "run_id": run.run_id,
        "tenant_id": run.tenant_id,
        "share_id": run.share_id,
        "run_no": run.run_no,
        "run_kind": run.kind.value,
    }


class NoSpan:
    """A span that nobody sees; entering it costs a tenth of a microsecond."""

    __slots__ = ()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""

    def set(self, **attributes: Attribute) -> None:
        """Nothing."""

    def drop(self) -> None:
        """Nothing."""


NO_SPAN: Final = NoSpan()


class NoTelemetry:
    """A :class:`shared.ports.telemetry.Telemetry` that keeps nothing."""

    def span(
        self,
        name: str,  # noqa: ARG002
        /,
        *,
        of: Run | None = None,  # noqa: ARG002
        caller: str | None = None,  # noqa: ARG002
        **attributes: Attribute,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """Nothing."""
        return NO_SPAN

    def run_started(self, run: Run) -> None:
        """Nothing."""

    def run_ended(self, run: Run) -> None:
        """Nothing."""

    def count(self, metric: Metric, /, *labels: str) -> None:
        """Nothing."""

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """Nothing."""
