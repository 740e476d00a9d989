"""Metrics as text, read by Prometheus' own parsers."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from shared.adapters.measures import LocalTelemetry, Measures
from shared.formats.exposition import exposition
from shared.model import metric as m
from shared.model.metric import METRICS, MetricKind, Sample, Source

ODD = 'a"b\\c\nd'


def test_every_metric_is_read_back_by_both_parsers_with_its_type_and_unit():
    families = [
        (metric, [Sample(tuple("x" for _ in metric.labels), 1.5)])
        for metric in METRICS
        if metric.kind is not MetricKind.HISTOGRAM
    ]
    for openmetrics, parse in ((True, parse_openmetrics), (False, parse_prometheus)):
        found = {family.name: family for family in parse(exposition(families, openmetrics=openmetrics))}
        for metric, _ in families:
            assert found[metric.name].type == metric.kind.value
            assert found[metric.name].documentation == metric.told
            assert [sample.value for sample in found[metric.name].samples] == [1.5]
            if openmetrics:
                assert found[metric.name].unit == metric.unit


def test_labels_may_hold_anything():
    for openmetrics, parse in ((True, parse_openmetrics), (False, parse_prometheus)):
        text = exposition([(m.POINT_AGE, [Sample(("t", "1", ODD), 2.0)])], openmetrics=openmetrics)
        (family,) = parse(text)
        assert family.samples[0].labels == {"tenant_id": "t", "share_id": "1", "share": ODD}


def test_a_histogram_counts_each_value_in_the_buckets_of_the_bounds_that_it_is_not_above():
    telemetry = LocalTelemetry(Measures())
    for seconds in (0.004, 0.005, 0.0051, 3.0, 11.0):
        telemetry.observe(m.API_SECONDS, seconds, "GET", "/api/health", "200")
    for openmetrics, parse in ((True, parse_openmetrics), (False, parse_prometheus)):
        families = parse(exposition(telemetry.measures.families(), openmetrics=openmetrics))
        (family,) = [family for family in families if family.name == m.API_SECONDS.name]
        buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
        assert (buckets["0.005"], buckets["0.01"], buckets["2.5"], buckets["5.0"]) == (2, 3, 3, 4)
        assert (buckets["10.0"], buckets["+Inf"]) == (4, 5)
        sums = {sample.name: sample.value for sample in family.samples if not sample.name.endswith("_bucket")}
        assert sums[f"{m.API_SECONDS.name}_count"] == 5
        assert abs(sums[f"{m.API_SECONDS.name}_sum"] - 14.0141) < 1e-9


def test_what_has_nothing_to_show_is_left_out():
    assert exposition([(m.RUNS_ENDED, [])], openmetrics=False) == ""
    assert exposition([], openmetrics=True) == "# EOF\n"


def test_names_are_what_openmetrics_wants():
    for metric in METRICS:
        assert metric.name.startswith("afb_")
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_info", "_created"))
        assert not metric.unit or metric.name.endswith(f"_{metric.unit}")
        assert (metric.kind is MetricKind.HISTOGRAM) == bool(metric.bounds)
        assert list(metric.bounds) == sorted(set(metric.bounds))
        assert metric.told.endswith(".")
        if metric.source is Source.PROCESS:
            assert metric.kind is not MetricKind.GAUGE
    assert len({metric.name for metric in METRICS}) == len(METRICS)
