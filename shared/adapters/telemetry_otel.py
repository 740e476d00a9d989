"""Spans and metrics through OpenTelemetry's SDK, for whoever is given as exporter. Imported only when one is configured.

**The trace of a run has an id that is derived, not drawn**: from the run's name, by :func:`run_context`. So whoever works for a run, in
whatever process and on whatever day, tells of it below the same span without having been handed anything: no column in the catalogue and no
field in a ticket, with worker processes as with Durable, also when an activity is delivered twice. That span itself, the run from its
queueing to its end, is told when the run is closed; until then its children have a parent that nobody knows yet, which collectors
are used to. The request that started the run is a trace of its own, and the two link to one another.

Metrics are not the SDK's instruments but what :mod:`shared.adapters.measures` has counted, put into the SDK's data classes once a
minute: hot paths pay for a dictionary and not for an SDK, and every exporter shows the same numbers.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.adapters.measures import LocalTelemetry, Measures
from shared.adapters.otel_metrics import Converter
from shared.model.metric import Family
from shared.model.run import Run, RunState
from shared.ports.system import Clock
from shared.ports.telemetry import Attribute
from shared.telemetry import ids_of, tagged, tags

log = logging.getLogger(__name__)

SERVICE: Final = "azure-files-backup"
PUSH_EVERY_S: Final = 60.0
FLUSH_MS: Final = 5_000
"""How long the end of a process waits for what is not sent yet."""

_CONTEXT_TAGS: Final = frozenset({"trace_id", "span_id"})


class _Ids(RandomIdGenerator):
    """Random ids, but for a span that has one already."""

    def __init__(self) -> None:
        self.pinned: SpanContext | None = None

    def generate_span_id(self) -> int:
        return super().generate_span_id() if self.pinned is None else self.pinned.span_id

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.pinned is None else self.pinned.trace_id


class OtelSpan:
    """A :class:`shared.ports.telemetry.Span` of the SDK."""

    __slots__ = ("_span", "dropped")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.dropped = False

    def set(self, **attributes: Attribute) -> None:
        """Say more about it."""
        self._span.set_attributes(attributes)

    def drop(self) -> None:
        """A span that does not end is never sent."""
        self.dropped = True


class OtelTelemetry(LocalTelemetry):
    """A :class:`shared.ports.telemetry.Telemetry`. Made, used and closed in one event loop; sends in threads of its own."""

    def __init__(
        self,
        measures: Measures,
        *,
        spans: Sequence[SpanExporter],
        metrics: Sequence[tuple[MetricExporter, bool]],
        sample: float,
        instance: str,
        clock: Clock,
    ) -> None:
        """Sending begins at once.

        :param metrics: exporters, and whether each wants what was added since the last time instead of what there is in all.
        :param sample: part of all traces that is told, 0 to 1; of a run everything or nothing.
        :param instance: names this process among others.
        """
        super().__init__(measures)
        self._ids = _Ids()
        self._sampler = TraceIdRatioBased(sample)
        resource = resource_of(instance)
        self._provider = TracerProvider(
            sampler=ParentBased(self._sampler), resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        for exporter in spans:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE)
        self._clock = clock
        self._started_at = clock.now()
        self._own = [(exporter, Converter(resource, delta=delta)) for exporter, delta in metrics]
        catalogue = resource_of("catalogue")
        self._catalogue = [(exporter, Converter(catalogue, delta=delta, totals=True)) for exporter, delta in metrics]
        self._pushing = asyncio.create_task(self._push_for_ever()) if self._own else None

    @contextmanager
    def span(
        self, name: str, /, *, of: Run | None = None, caller: str | None = None, **attributes: Attribute
    ) -> Iterator[OtelSpan]:
        """See the port."""
        parent: Context | None = None
        if of is not None:
            parent = trace.set_span_in_context(NonRecordingSpan(self.run_context(of)), Context())
        elif caller is not None:
            parent = TraceContextTextMapPropagator().extract({"traceparent": caller}, Context())
        told = {key: value for key, value in tags().items() if key not in _CONTEXT_TAGS}
        kind = SpanKind.INTERNAL if caller is None else SpanKind.SERVER
        span = self._tracer.start_span(name, parent, kind=kind, attributes={**told, **attributes})
        known = span.get_span_context()
        handle = OtelSpan(span)
        token = otel_context.attach(trace.set_span_in_context(span))
        try:
            with tagged(trace_id=f"{known.trace_id:032x}", span_id=f"{known.span_id:016x}"):
                yield handle
        except Exception as error:
            # Its type and not its message, which may have a path in it.
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            otel_context.detach(token)
            if not handle.dropped:
                span.end()

    def run_started(self, run: Run) -> None:
        """Link the request and the run, both ways: the run's side of it is a short span in the run's trace."""
        request = trace.get_current_span()
        asked_by = request.get_span_context()
        if not asked_by.is_valid:
            return
        request.add_link(self.run_context(run), ids_of(run))
        below = trace.set_span_in_context(NonRecordingSpan(self.run_context(run)), Context())
        self._tracer.start_span("run.start", below, attributes=ids_of(run), links=[Link(asked_by)]).end()

    def run_ended(self, run: Run) -> None:
        """Tell of the whole run, as the span that everything done for it is below."""
        if run.finished_at is None:
            return
        done = run.counters
        told = {"state": run.state.value, "files": done.files, "bytes": done.bytes, "errors": done.errors}
        self._ids.pinned = self.run_context(run)
        try:
            span = self._tracer.start_span(
                f"run.{run.kind}", Context(), attributes={**ids_of(run), **told}, start_time=_ns(run.requested_at)
            )
        finally:
            self._ids.pinned = None
        if run.state is RunState.FAILED:
            span.set_status(Status(StatusCode.ERROR, "failed"))
        span.end(_ns(run.finished_at))

    def run_context(self, run: Run) -> SpanContext:
        """The span that a run is, by its name: the same in every process."""
        name = f"{run.tenant_id}/{run.share_id}/{run.run_no}/{run.requested_at.astimezone(dt.UTC).isoformat()}"
        digest = blake2b(name.encode(), digest_size=24, person=b"afb run").digest()
        trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:])
        sampled = self._sampler.should_sample(None, trace_id, "run").decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)

    @property
    def pushes(self) -> bool:
        """Whether metrics are sent anywhere."""
        return bool(self._own)

    async def push_catalogue(self, families: Sequence[Family]) -> None:
        """Send what was read from the catalogue. One process at a time is to do so."""
        for exporter, converter in self._catalogue:
            await asyncio.to_thread(exporter.export, converter.data(families, self._started_at, self._clock.now()))

    async def _push(self) -> None:
        families = self.measures.families()
        for exporter, converter in self._own:
            await asyncio.to_thread(exporter.export, converter.data(families, self._started_at, self._clock.now()))

    async def _push_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PUSH_EVERY_S)
            try:
                await self._push()
            except Exception:  # telemetry stops nothing; the exporters retry and complain by themselves, this is a bug
                log.exception("metrics_not_sent")

    async def aclose(self) -> None:
        """Send what is left, for a few seconds at most."""
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)
            await self._push()
        await asyncio.to_thread(self._provider.force_flush, FLUSH_MS)
        await asyncio.to_thread(self._provider.shutdown)
        for exporter, _ in self._own:
            await asyncio.to_thread(exporter.shutdown)


def resource_of(instance: str) -> Resource:
    """Whose telemetry it is."""
    return Resource.create({"service.name": SERVICE, "service.instance.id": instance})


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
