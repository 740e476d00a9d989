"""From our metrics to the data classes that exporters of OpenTelemetry take."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from shared.model import metric as ours
from shared.model.metric import Family, MetricKind, Sample, Spread

_SCOPE: Final = InstrumentationScope("azure-files-backup")
_UNITS: Final = {"seconds": "s", "bytes": "By", "": "1"}
"""In UCUM, as OpenTelemetry wants them."""


class Converter:
    """Converts for one exporter and one resource, and remembers what that exporter was told."""

    def __init__(self, resource: Resource, *, delta: bool, totals: bool = False) -> None:
        """Nothing was told so far.

        :param delta: counters as what was added since the last time.
        :param totals: but these as they are, because what was told before may have been told by another process.
        """
        self._resource = resource
        self._delta = delta
        self._totals_as_gauges = delta and totals
        self._told: dict[tuple[str, tuple[str, ...]], tuple[float, ...]] = {}
        self._told_at: dt.datetime | None = None

    def data(self, families: Sequence[Family], started_at: dt.datetime, now: dt.datetime) -> MetricsData:
        """``families`` as they are ``now``, counted since ``started_at``."""
        since = self._told_at if self._delta and self._told_at is not None else started_at
        self._told_at = now
        span = (_ns(since), _ns(now))
        metrics = [self._metric(metric, samples, span) for metric, samples in families if samples]
        scopes = [ScopeMetrics(_SCOPE, metrics, "")]
        return MetricsData([ResourceMetrics(self._resource, scopes, "")])

    def _metric(self, metric: ours.Metric, samples: Sequence[Sample | Spread], span: tuple[int, int]) -> Metric:
        temporality = AggregationTemporality.DELTA if self._delta else AggregationTemporality.CUMULATIVE
        data: Gauge | Sum | Histogram
        if metric.kind is MetricKind.HISTOGRAM:
            spreads = [self._spread(metric, sample, span) for sample in samples if isinstance(sample, Spread)]
            data = Histogram(spreads, temporality)
        elif metric.kind is MetricKind.COUNTER and not self._totals_as_gauges:
            data = Sum([self._number(metric, s, span) for s in samples if isinstance(s, Sample)], temporality, True)
        else:
            points = [
                NumberDataPoint(dict(zip(metric.labels, s.labels, strict=True)), *span, s.value)
                for s in samples
                if isinstance(s, Sample)
            ]
            data = Gauge(points)
        return Metric(metric.name, metric.told, _UNITS[metric.unit], data)

    def _number(self, metric: ours.Metric, sample: Sample, span: tuple[int, int]) -> NumberDataPoint:
        (value,) = self._added(metric, sample.labels, (sample.value,))
        return NumberDataPoint(dict(zip(metric.labels, sample.labels, strict=True)), *span, value)

    def _spread(self, metric: ours.Metric, spread: Spread, span: tuple[int, int]) -> HistogramDataPoint:
        total, *counts = self._added(metric, spread.labels, (spread.total, *spread.counts))
        return HistogramDataPoint(
            attributes=dict(zip(metric.labels, spread.labels, strict=True)),
            start_time_unix_nano=span[0],
            time_unix_nano=span[1],
            count=int(sum(counts)),
            sum=total,
            bucket_counts=[int(count) for count in counts],
            explicit_bounds=metric.bounds,
            min=0.0,
            max=0.0,
        )

    def _added(self, metric: ours.Metric, labels: tuple[str, ...], values: tuple[float, ...]) -> tuple[float, ...]:
        if not self._delta:
            return values
        before = self._told.get((metric.name, labels), (0,) * len(values))
        self._told[metric.name, labels] = values
        return tuple(now - then for now, then in zip(values, before, strict=True))


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
