r"""Metrics as text for whoever scrapes them: OpenMetrics 1.0, and the older text format of Prometheus.

::

    family    = comments sample*
    comments  = "# HELP" SP name SP text LF   "# TYPE" SP name SP kind LF   ["# UNIT" SP name SP unit LF]
    sample    = name [ "{" label "=" '"' value '"' *( "," ... ) "}" ] SP number LF
    document  = family*  and, in OpenMetrics only, "# EOF" LF

The two differ in the end, the unit, and the name of a counter's family, which in the older one has the ``_total`` of its samples. In
values of labels ``\``, ``"`` and line feeds are escaped. Source: the OpenMetrics specification (RFC draft), prometheus.io "Exposition formats".
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from shared.model.metric import Family, Metric, MetricKind, Sample, Spread

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def exposition(families: Iterable[Family], *, openmetrics: bool) -> str:
    """The whole document. A family without samples is left out."""
    lines = [line for metric, samples in families if samples for line in _family(metric, samples, openmetrics)]
    if openmetrics:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines)


def _family(metric: Metric, samples: Iterable[Sample | Spread], openmetrics: bool) -> Iterator[str]:
    shown = f"{metric.name}_total" if metric.kind is MetricKind.COUNTER else metric.name
    name = metric.name if openmetrics else shown
    yield f"# HELP {name} {metric.told.translate(_ESCAPES) if openmetrics else metric.told}"
    yield f"# TYPE {name} {metric.kind.value}"
    if openmetrics and metric.unit:
        yield f"# UNIT {name} {metric.unit}"
    for sample in samples:
        if isinstance(sample, Spread):
            yield from _histogram(metric, sample)
        else:
            yield f"{shown}{_labels(metric.labels, sample.labels)} {_number(sample.value)}"


def _histogram(metric: Metric, spread: Spread) -> Iterator[str]:
    so_far = list(accumulate(spread.counts))
    bounds = [*(_number(bound) for bound in metric.bounds), "+Inf"]
    for bound, count in zip(bounds, so_far, strict=True):
        labels = _labels((*metric.labels, "le"), (*spread.labels, bound))
        yield f"{metric.name}_bucket{labels} {count}"
    labels = _labels(metric.labels, spread.labels)
    yield f"{metric.name}_sum{labels} {_number(spread.total)}"
    yield f"{metric.name}_count{labels} {so_far[-1]}"


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    """A bound must read alike whoever writes it: ``1.0`` and not ``1`` (OpenMetrics, "canonical numbers")."""
    return str(value) if isinstance(value, float) else str(int(value))
