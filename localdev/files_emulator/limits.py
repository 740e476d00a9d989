"""How fast a share or an account may be: token buckets that refuse, and a latency that every answer waits for.

A bucket of operations gives one token a request. A bucket of bytes lets a request pass while there is anything in it
and goes into debt for the rest, since how much a request moves is known only afterwards; the long-run rate is the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.messages import Request

MIB = 1024 * 1024

#: Operations that move content; all others are metadata operations.
DATA_OPERATIONS = frozenset({"file_download", "file_upload_range", "file_upload_range_from_url", "file_start_copy"})

#: Share types and what the service documents for one share at its largest; bandwidth of the account for pay-as-you-go.
PRESETS: dict[str, dict[str, float]] = {
    "ssd-provisioned-v2": {"iops": 102_400, "metadata_iops": 12_000, "throughput_mib_s": 10_340},
    "ssd-provisioned-v1": {"iops": 102_400, "metadata_iops": 12_000, "throughput_mib_s": 10_340},
    "hdd-provisioned-v2": {"iops": 50_000, "metadata_iops": 12_000, "throughput_mib_s": 5_120},
    "hdd-pay-as-you-go": {"iops": 20_000, "metadata_iops": 12_000, "ingress_mib_s": 3_200, "egress_mib_s": 6_400},
}
RATES = ("iops", "metadata_iops", "ingress_mib_s", "egress_mib_s", "throughput_mib_s")

_OPERATIONS_TEXT = "Operations per second is over the account limit."
_INGRESS_TEXT = "Ingress is over the account limit."
_EGRESS_TEXT = "Egress is over the account limit."


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What limits one share or the account; ``None`` is unlimited, MiB are of bodies, milliseconds of latency.

    A bucket holds what ``burst_s`` seconds bring. ``throughput_mib_s`` is both directions together.
    """

    iops: float | None = None
    metadata_iops: float | None = None
    ingress_mib_s: float | None = None
    egress_mib_s: float | None = None
    throughput_mib_s: float | None = None
    burst_s: float = 1.0
    retry_after: bool = False
    metadata_ms: float = 0.0
    data_ms: float = 0.0
    jitter_ms: float = 0.0
    per_mib_ms: float = 0.0
    seed: int = 0


class Bucket:
    """Tokens that come at ``rate`` a second, at most ``burst_s`` seconds' worth and at least one."""

    def __init__(self, rate: float, burst_s: float, now_s: float) -> None:
        self._rate, self._capacity = rate, max(rate * burst_s, 1.0)
        self._level, self._at_s = self._capacity, now_s

    def lacks(self, tokens: float, now_s: float) -> float:
        """Return the seconds until ``tokens`` are there; 0 if they are."""
        self._level = min(self._capacity, self._level + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return max(tokens - self._level, 0.0) / self._rate

    def take(self, tokens: float) -> None:
        """Take tokens, into debt if need be."""
        self._level -= tokens


class Limits:
    """The limits of one share or of the account; ``clock`` gives seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self._clock = clock
        self._random = Random(settings.seed)  # noqa: S311 - latency, no secret
        now_s = clock()

        def bucket(rate: float | None, unit: int = 1) -> Bucket | None:
            return None if rate is None else Bucket(rate * unit, settings.burst_s, now_s)

        self._iops, self._metadata_iops = bucket(settings.iops), bucket(settings.metadata_iops)
        self._ingress, self._egress = bucket(settings.ingress_mib_s, MIB), bucket(settings.egress_mib_s, MIB)
        self._throughput = bucket(settings.throughput_mib_s, MIB)

    def over(self, request: Request) -> tuple[str, ServiceError] | None:
        """Return the name of a limit that ``request`` finds exhausted and how it is refused; takes nothing."""
        now_s = self._clock()
        sends, reads = request.body_bytes > 0, request.method == "GET"
        for name, bucket, tokens, text in (
            ("iops", self._iops, 1.0, _OPERATIONS_TEXT),
            ("metadata_iops", self._metadata_of(request), 1.0, _OPERATIONS_TEXT),
            ("ingress", self._ingress if sends else None, 0.0, _INGRESS_TEXT),
            ("egress", self._egress if reads else None, 0.0, _EGRESS_TEXT),
            (
                "throughput",
                self._throughput if sends or reads else None,
                0.0,
                _INGRESS_TEXT if sends else _EGRESS_TEXT,
            ),
        ):
            wait_s = bucket.lacks(tokens, now_s) if bucket is not None else 0.0
            if wait_s > 0:
                return name, ServiceError("ServerBusy", message=text, headers=self._retry_after(wait_s))
        return None

    def take(self, request: Request) -> None:
        """Take what a request is known to need when it is let in."""
        for bucket, tokens in (
            (self._iops, 1.0),
            (self._metadata_of(request), 1.0),
            (self._ingress, request.body_bytes),
            (self._throughput, request.body_bytes),
        ):
            if bucket is not None:
                bucket.take(tokens)

    def answered(self, request: Request, bytes_out: int) -> float:
        """Take what the answer needs, and return the seconds it takes to come."""
        for bucket in (self._egress, self._throughput):
            if bucket is not None:
                bucket.take(bytes_out)
        given = self.settings
        base_ms = given.data_ms if request.operation in DATA_OPERATIONS else given.metadata_ms
        jitter_ms = self._random.random() * given.jitter_ms if given.jitter_ms else 0.0
        return (base_ms + jitter_ms + given.per_mib_ms * (request.body_bytes + bytes_out) / MIB) / 1000

    def _metadata_of(self, request: Request) -> Bucket | None:
        return None if request.operation in DATA_OPERATIONS else self._metadata_iops

    def _retry_after(self, wait_s: float) -> tuple[tuple[str, str], ...]:
        if not self.settings.retry_after:
            return ()
        wait_ms = max(math.ceil(wait_s * 1000), 1)
        return (("Retry-After", str(math.ceil(wait_ms / 1000))), ("x-ms-retry-after-ms", str(wait_ms)))
