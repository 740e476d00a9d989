"""What is measured: the one list of metrics, which the code counts by, ``/metrics`` shows, OTLP carries and docs/OBSERVABILITY.md tells.

Two kinds of truth. What is read from the catalogue (``CATALOGUE``) is the same whichever process is asked, and survives them all. What a
process counts itself (``PROCESS``) begins at zero when it starts and is told apart by the process.

Labels have few values each: kinds, states, operations, routes. What has a value per share is in ``PER_SHARE`` and shown only when asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class MetricKind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    """Only grows, but for restarts; its name ends in ``_total`` where it is shown."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    """Counts of values up to each bound, with their sum."""


class Source(StrEnum):
    """Who knows it."""

    CATALOGUE = "catalogue"
    PROCESS = "process"
    PER_SHARE = "per share"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``name`` is without ``_total``; the unit is its last word, as OpenMetrics wants it."""

    name: str
    kind: MetricKind
    source: Source
    told: str
    """What it counts, in a sentence."""
    labels: tuple[str, ...] = ()
    unit: str = ""
    bounds: tuple[float, ...] = ()
    """Of a histogram: upper bounds of its buckets, rising; one without bound follows."""


class Sample(NamedTuple):
    """One value of a metric: the values of its labels, in their order."""

    labels: tuple[str, ...]
    value: float


class Spread(NamedTuple):
    """One histogram: how many values were at most each bound and above the one before, and beyond all; and their sum."""

    labels: tuple[str, ...]
    counts: tuple[int, ...]
    total: float


Family = tuple[Metric, Sequence[Sample | Spread]]
"""A metric and what it shows now."""

_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
_CATALOGUE, _PROCESS, _PER_SHARE = Source.CATALOGUE, Source.PROCESS, Source.PER_SHARE

_REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STEP_S: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

AGES_S: Final = (3600, 4 * 3600, 12 * 3600, 26 * 3600, 50 * 3600, 8 * 86400, 32 * 86400)
"""Ages by which restore points are counted: an hour, then some more than the usual distances between backups, up to a month."""

TENANTS: Final = Metric("afb_tenants", _GAUGE, _CATALOGUE, "Tenants.")
SHARES: Final = Metric("afb_shares", _GAUGE, _CATALOGUE, "Shares under protection.")
SHARES_WITHOUT_POINT: Final = Metric(
    "afb_shares_without_restore_point", _GAUGE, _CATALOGUE, "Shares that have no restore point at all."
)
SHARES_OLDER: Final = Metric(
    "afb_shares_point_older",
    _GAUGE,
    _CATALOGUE,
    "Shares whose newest restore point is older than so many seconds; those without any are in none.",
    ("seconds",),
)
OLDEST_POINT: Final = Metric(
    "afb_newest_restore_point_age_max_seconds",
    _GAUGE,
    _CATALOGUE,
    "Of the newest restore points of all shares, the age of the oldest.",
    unit="seconds",
)
PROTECTED_FILES: Final = Metric("afb_protected_files", _GAUGE, _CATALOGUE, "Files in the newest restore points.")
PROTECTED_BYTES: Final = Metric(
    "afb_protected_bytes", _GAUGE, _CATALOGUE, "Bytes of files in the newest restore points.", unit="bytes"
)
RUNS_ACTIVE: Final = Metric("afb_runs_active", _GAUGE, _CATALOGUE, "Runs that have not ended.", ("kind", "state"))
RUNS_ENDED: Final = Metric("afb_runs_ended", _COUNTER, _CATALOGUE, "Runs that have ended.", ("kind", "state"))
RUN_ERRORS: Final = Metric(
    "afb_run_errors",
    _COUNTER,
    _CATALOGUE,
    "Nodes that could not be saved or restored, of runs that have ended.",
    ("kind",),
)
RUN_FILES: Final = Metric(
    "afb_run_files",
    _COUNTER,
    _CATALOGUE,
    "Files seen (backup, scan) or written (restore), of runs that have ended.",
    ("kind",),
)
RUN_BYTES: Final = Metric("afb_run_bytes", _COUNTER, _CATALOGUE, "Bytes of these files.", ("kind",), unit="bytes")
SAVED_FILES: Final = Metric(
    "afb_saved_files", _COUNTER, _CATALOGUE, "Files whose content was read and saved, of backups that have ended."
)
SAVED_BYTES: Final = Metric("afb_saved_bytes", _COUNTER, _CATALOGUE, "Bytes of these files.", unit="bytes")
VAULT_BYTES: Final = Metric(
    "afb_vault_written_bytes", _COUNTER, _CATALOGUE, "Bytes written to the vault by runs that have ended.", unit="bytes"
)
RUN_REQUESTS: Final = Metric(
    "afb_run_requests",
    _COUNTER,
    _CATALOGUE,
    "Requests to storage services by runs that have ended, by the classes they are charged in.",
    ("service", "class"),
)
WORK_LEFT: Final = Metric(
    "afb_work_left",
    _GAUGE,
    _CATALOGUE,
    "Work items of active runs that are not finished: directories, spans of large files, pieces.",
    ("kind",),
)
BATCHES_HELD: Final = Metric("afb_batches_held", _GAUGE, _CATALOGUE, "Batches that workers hold now.")
BATCHES_OVERDUE: Final = Metric(
    "afb_batches_overdue", _GAUGE, _CATALOGUE, "Batches held beyond their lease: their worker has died."
)
BATCH_AGE: Final = Metric(
    "afb_batch_age_max_seconds",
    _GAUGE,
    _CATALOGUE,
    "Of the batches that workers hold now, for how long the oldest has been held: for hours only by one that hangs.",
    unit="seconds",
)
SHARES_PACED: Final = Metric(
    "afb_shares_braked", _GAUGE, _CATALOGUE, "Azure shares whose requests are slowed down since the service said 503."
)

API_SECONDS: Final = Metric(
    "afb_api_request_seconds",
    _HISTOGRAM,
    _PROCESS,
    "How long requests to the API took.",
    ("method", "route", "status"),
    "seconds",
    _REQUEST_S,
)
STEP_SECONDS: Final = Metric(
    "afb_step_seconds",
    _HISTOGRAM,
    _PROCESS,
    "How long a worker's steps took: opening a run, a share of its work, closing it.",
    ("kind", "step", "outcome"),
    "seconds",
    _STEP_S,
)
BATCHES: Final = Metric("afb_batches", _COUNTER, _PROCESS, "Batches that were committed.", ("kind",))
LEASES_LOST: Final = Metric(
    "afb_leases_lost",
    _COUNTER,
    _PROCESS,
    "Batches that came too late and were refused: others had taken them over.",
    ("kind",),
)
STORAGE_ANSWERS: Final = Metric(
    "afb_storage_answers",
    _COUNTER,
    _PROCESS,
    "Requests sent to storage services by what was answered; status none: nothing.",
    ("service", "operation", "status"),
)
STORAGE_RETRIES: Final = Metric(
    "afb_storage_retries", _COUNTER, _PROCESS, "Requests that were sent again.", ("service", "reason")
)

POINT_AGE: Final = Metric(
    "afb_share_restore_point_age_seconds",
    _GAUGE,
    _PER_SHARE,
    "Age of a share's newest restore point.",
    ("tenant_id", "share_id", "share"),
    "seconds",
)
SHARE_FILES: Final = Metric(
    "afb_share_files",
    _GAUGE,
    _PER_SHARE,
    "Files in a share's newest restore point.",
    ("tenant_id", "share_id", "share"),
)
SHARE_BYTES: Final = Metric(
    "afb_share_bytes",
    _GAUGE,
    _PER_SHARE,
    "Bytes of files in a share's newest restore point.",
    ("tenant_id", "share_id", "share"),
    "bytes",
)
SHARE_LEFT: Final = Metric(
    "afb_share_work_left",
    _GAUGE,
    _PER_SHARE,
    "Work items of a share's active runs that are not finished.",
    ("tenant_id", "share_id", "kind"),
)

METRICS: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
BY_NAME: Final[Mapping[str, Metric]] = {metric.name: metric for metric in METRICS}
