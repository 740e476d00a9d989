"""What this process has counted since it started: a dictionary for each metric, added to in the event loop's thread only.

Counting costs a third of a microsecond, so it is always on; who shows it is another matter (``/metrics``, OTLP).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.model.metric import METRICS, Family, Metric, MetricKind, Sample, Source, Spread
from shared.telemetry import NoTelemetry


@dataclass(slots=True)
class _Histogram:
    counts: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Measures:
    """The counters and histograms of one process."""

    counters: dict[str, Counter[tuple[str, ...]]] = field(default_factory=dict)
    histograms: dict[str, dict[tuple[str, ...], _Histogram]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin at nothing."""
        for metric in METRICS:
            if metric.source is Source.PROCESS:
                if metric.kind is MetricKind.HISTOGRAM:
                    self.histograms[metric.name] = {}
                else:
                    self.counters[metric.name] = Counter()

    def families(self) -> list[Family]:
        """Everything as it is now, in the order of the list."""
        return [(metric, self._samples(metric)) for metric in METRICS if metric.source is Source.PROCESS]

    def _samples(self, metric: Metric) -> Sequence[Sample | Spread]:
        if metric.kind is MetricKind.HISTOGRAM:
            found = sorted(self.histograms[metric.name].items())
            return [Spread(labels, tuple(values.counts), values.total) for labels, values in found]
        return [Sample(labels, value) for labels, value in sorted(self.counters[metric.name].items())]


class LocalTelemetry(NoTelemetry):
    """A :class:`shared.ports.telemetry.Telemetry` that counts for this process and tells of no spans."""

    def __init__(self, measures: Measures) -> None:
        self.measures = measures

    def count(self, metric: Metric, /, *labels: str) -> None:
        """Add one."""
        self.measures.counters[metric.name][labels] += 1

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """Add ``value`` to the bucket of the first bound that it is not above."""
        by_labels = self.measures.histograms[metric.name]
        histogram = by_labels.get(labels)
        if histogram is None:
            histogram = by_labels[labels] = _Histogram([0] * (len(metric.bounds) + 1))
        histogram.counts[bisect_left(metric.bounds, value)] += 1
        histogram.total += value

    async def push_catalogue(self, families: Sequence[Family]) -> None:
        """Send what was read from the catalogue to whoever is configured: here nobody."""

    @property
    def pushes(self) -> bool:
        """Whether anybody is."""
        return False

    async def aclose(self) -> None:
        """Send what is left."""
