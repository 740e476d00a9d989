"""Repacking: what a backup is to write into other bundles though it has not changed (docs/adr/0016)."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.model.verify import Damage

BundleKey = tuple[int, int, int]
"""A bundle: run, batch and part."""


class Repack(NamedTuple):
    """A page has files in a bundle that is worth leaving."""

    page_id: int
    bundle: BundleKey
    live_bytes: int
    """What the page has in it."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What earlier runs have noted about some directories, for a backup to see to."""

    damaged: list[Damage] = field(default_factory=list)
    """What verifies found damaged, and no backup has saved again."""
    repacks: list[Repack] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repacked:
    """What a backup has done of it."""

    bundles: int
    """Bundles that the share has nothing in any more."""
    bundle_bytes: int
    """Their sizes."""
    live_bytes: int
    """The part of them that was copied; the rest is what is saved."""
    left_bundles: int
    """Bundles of which some is still to be done, by the next backup."""

    def to_wire(self, saves_per_month: float, currency: str) -> dict[str, Any]:
        """Plain JSON, for the run's report."""
        return {
            "bundles": self.bundles,
            "copied_bytes": self.live_bytes,
            "freed_bytes": self.bundle_bytes - self.live_bytes,
            "saves_per_month": round(saves_per_month, 6),
            "currency": currency,
            "left_bundles": self.left_bundles,
        }
