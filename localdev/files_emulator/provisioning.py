"""What a share is promised: IOPS and throughput by its size, or as provisioned, with the documented limits of each kind.

Three kinds of share differ here. *Pay as you go* is promised nothing. *Provisioned v1* (tier Premium) is promised what
its size earns. *Provisioned v2* (any tier, as soon as IOPS or throughput were asked for) is promised what was asked
for. Figures: Microsoft's "Understand Azure Files billing" and "Scalability and performance targets".
"""

from dataclasses import dataclass
from math import ceil

PREMIUM = "Premium"
_V1_SIZE_GIB = (100, 102_400)
_V2_SIZE_GIB = (32, 262_144)
_PAY_AS_YOU_GO_SIZE_GIB = (1, 102_400)
MAX_SSD_IOPS, MAX_SSD_MIBPS = 102_400, 10_340
_MAX_HDD_IOPS, _MAX_HDD_MIBPS = 50_000, 5_120
_SECONDS_OF_BURST = 3_600


@dataclass(frozen=True, slots=True)
class Promise:
    """What a provisioned share is promised; ingress and egress are 0 where they are not told apart."""

    iops: int
    mibps: int
    burst_iops: int
    ingress_mbps: int = 0
    egress_mbps: int = 0

    @property
    def burst_credits(self) -> int:
        """Return how many operations above its IOPS the share can save up for."""
        return (self.burst_iops - self.iops) * _SECONDS_OF_BURST


def size_limits_gib(tier: str, *, is_v2: bool) -> tuple[int, int]:
    """Return the smallest and largest quota of a share."""
    return _V2_SIZE_GIB if is_v2 else _V1_SIZE_GIB if tier == PREMIUM else _PAY_AS_YOU_GO_SIZE_GIB


def iops_limits(tier: str) -> tuple[int, int]:
    """Return the fewest and most IOPS that can be provisioned."""
    return (3_000, MAX_SSD_IOPS) if tier == PREMIUM else (500, _MAX_HDD_IOPS)


def mibps_limits(tier: str) -> tuple[int, int]:
    """Return the least and most throughput that can be provisioned."""
    return (100, MAX_SSD_MIBPS) if tier == PREMIUM else (60, _MAX_HDD_MIBPS)


def recommended(tier: str, quota_gib: int) -> tuple[int, int]:
    """Return the IOPS and throughput a v2 share gets where it did not ask for them."""
    if tier == PREMIUM:
        return min(3_000 + quota_gib, MAX_SSD_IOPS), min(100 + ceil(quota_gib / 10), MAX_SSD_MIBPS)
    return min(1_000 + ceil(quota_gib / 5), _MAX_HDD_IOPS), min(60 + ceil(quota_gib / 50), _MAX_HDD_MIBPS)


def promise(tier: str, quota_gib: int, iops: int, mibps: int) -> Promise | None:
    """Return what a share is promised; ``iops`` and ``mibps`` as provisioned, 0 if they are not."""
    if iops:
        floor, top = (10_000, MAX_SSD_IOPS) if tier == PREMIUM else (5_000, _MAX_HDD_IOPS)
        return Promise(iops, mibps, min(max(3 * iops, floor), top))
    if tier == PREMIUM:
        earned = min(3_000 + quota_gib, MAX_SSD_IOPS)
        ingress, egress = 40 + ceil(quota_gib / 25), 60 + ceil(3 * quota_gib / 50)
        burst = max(min(max(3 * quota_gib, 10_000), MAX_SSD_IOPS), earned)
        return Promise(earned, min(ingress + egress, MAX_SSD_MIBPS), burst, ingress, egress)
    return None
