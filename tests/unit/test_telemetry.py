"""Spans and metrics as the SDK is given them."""

import datetime as dt
from dataclasses import replace

import pytest
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.adapters.measures import LocalTelemetry, Measures
from shared.adapters.otel_metrics import Converter
from shared.adapters.system import SystemClock
from shared.adapters.telemetry_otel import OtelTelemetry
from shared.model import metric as m
from shared.model.metric import Sample
from shared.model.run import Run, RunKind, RunState
from shared.telemetry import NO_SPAN, NoTelemetry, ids_of, tagged

NOW = dt.datetime(2026, 11, 29, 3, 0, tzinfo=dt.UTC)
RUN = Run(
    run_id=7,
    tenant_id="contoso",
    share_id=3,
    run_no=41,
    kind=RunKind.BACKUP,
    state=RunState.SUCCEEDED,
    requested_at=NOW,
    finished_at=NOW + dt.timedelta(hours=2),
)


class Kept(MetricExporter):
    def __init__(self):
        super().__init__()
        self.sent = []

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        self.sent.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass


@pytest.fixture
async def telemetry():
    made = []

    def make(sample=1.0):
        spans = InMemorySpanExporter()
        made.append(
            OtelTelemetry(Measures(), spans=[spans], metrics=[], sample=sample, instance="p", clock=SystemClock())
        )
        return made[-1], spans

    yield make
    for one in made:
        await one.aclose()


def finished(one, spans):
    one._provider.force_flush()
    return {span.name: span for span in spans.get_finished_spans()}


async def test_two_processes_tell_of_one_run_in_one_trace(telemetry):
    first, in_first = telemetry()
    second, in_second = telemetry()
    with first.span("open", of=RUN):
        pass
    with second.span("work", of=RUN), second.span("batch"):
        pass
    second.run_ended(RUN)
    found = finished(first, in_first) | finished(second, in_second)
    root = found["run.backup"]
    assert root.parent is None
    assert root.end_time - root.start_time == 2 * 3600 * 1_000_000_000
    assert {span.context.trace_id for span in found.values()} == {root.context.trace_id}
    assert found["open"].parent.span_id == found["work"].parent.span_id == root.context.span_id
    assert found["batch"].parent.span_id == found["work"].context.span_id
    for other in (
        replace(RUN, run_no=42),
        replace(RUN, tenant_id="x"),
        replace(RUN, requested_at=NOW + dt.timedelta(microseconds=1)),
    ):
        assert first.run_context(other).trace_id != root.context.trace_id


async def test_spans_have_the_ids_of_what_is_being_done_and_no_message_of_an_error(telemetry):
    one, spans = telemetry()
    with pytest.raises(ValueError, match="secret"), tagged(**ids_of(RUN)), one.span("step", of=RUN, worker="w"):
        raise ValueError("/secret/path.txt")
    found = finished(one, spans)["step"]
    assert dict(found.attributes) == {**ids_of(RUN), "worker": "w", "error.type": "ValueError"}
    assert found.status.is_ok is False
    assert "secret" not in found.to_json()


async def test_what_came_to_nothing_is_not_told(telemetry):
    one, spans = telemetry()
    with one.span("claim") as span:
        span.drop()
    with one.span("next") as span:
        span.set(batch_no=3)
    found = finished(one, spans)
    assert found.keys() == {"next"}
    assert found["next"].parent is None
    assert found["next"].attributes["batch_no"] == 3


async def test_of_a_run_everything_is_told_or_nothing(telemetry):
    processes = [telemetry(0.5) for _ in range(3)]
    told = set()
    for number in range(40):
        run = replace(RUN, run_no=number)
        for n, (one, _) in enumerate(processes):
            with one.span(f"{number}-{n}", of=run):
                pass
        processes[0][0].run_ended(run)
    for one, spans in processes:
        told |= {span.name for span in spans.get_finished_spans()} if one._provider.force_flush() else set()
    numbers = {int(name.split("-")[0]) for name in told if name[0].isdigit()}
    assert 5 < len(numbers) < 35
    assert {name for name in told if name[0].isdigit()} == {f"{number}-{n}" for number in numbers for n in range(3)}


async def test_a_callers_trace_is_gone_on_with_and_nonsense_is_ignored(telemetry):
    one, spans = telemetry()
    with one.span("good", caller="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        pass
    with one.span("bad", caller="00-nonsense"):
        pass
    found = finished(one, spans)
    assert f"{found['good'].context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert found["bad"].parent is None


async def test_metrics_are_pushed_at_the_end_with_all_that_was_counted():
    kept = Kept()
    one = OtelTelemetry(Measures(), spans=[], metrics=[(kept, False)], sample=1.0, instance="p", clock=SystemClock())
    one.count(m.BATCHES, "backup")
    one.count(m.BATCHES, "backup")
    one.observe(m.API_SECONDS, 0.03, "GET", "/x", "200")
    await one.push_catalogue([(m.SHARES, [Sample((), 5)])])
    await one.aclose()
    catalogue, own = kept.sent
    by_name = {metric.name: metric for metric in own.resource_metrics[0].scope_metrics[0].metrics}
    (point,) = by_name["afb_batches"].data.data_points
    assert (point.value, dict(point.attributes)) == (2, {"kind": "backup"})
    assert by_name["afb_batches"].data.is_monotonic
    (spread,) = by_name["afb_api_request_seconds"].data.data_points
    assert (spread.count, sum(spread.bucket_counts), by_name["afb_api_request_seconds"].unit) == (1, 1, "s")
    (shares,) = catalogue.resource_metrics[0].scope_metrics[0].metrics
    assert shares.data.data_points[0].value == 5
    assert catalogue.resource_metrics[0].resource.attributes["service.instance.id"] == "catalogue"


def numbers(converter, value, now):
    data = converter.data([(m.RUNS_ENDED, [Sample(("backup", "succeeded"), value)])], NOW, now)
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    return metric.data, metric.data.data_points[0]


def test_whoever_wants_differences_is_told_what_was_added_and_since_when():
    converter = Converter(Resource({}), delta=True)
    later = NOW + dt.timedelta(minutes=1)
    data, first = numbers(converter, 5, later)
    _, second = numbers(converter, 7, later + dt.timedelta(minutes=1))
    assert (first.value, second.value) == (5, 2)
    assert data.aggregation_temporality is AggregationTemporality.DELTA
    assert second.start_time_unix_nano == first.time_unix_nano


def test_totals_that_another_process_may_have_told_are_told_as_they_are():
    data, point = numbers(Converter(Resource({}), delta=True, totals=True), 5, NOW)
    assert point.value == 5
    assert not hasattr(data, "is_monotonic")


def test_without_anybody_to_tell_a_span_is_nothing_and_counting_goes_on():
    assert NoTelemetry().span("x", of=RUN, a=1) is NO_SPAN
    local = LocalTelemetry(Measures())
    assert local.span("x") is NO_SPAN
    local.count(m.BATCHES, "backup")
    assert dict(local.measures.families())[m.BATCHES] == [Sample(("backup",), 1)]
