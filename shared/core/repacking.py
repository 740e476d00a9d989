"""Whether it saves money to write what is current of a bundle anew: the arithmetic of docs/adr/0016.

A bundle stays whole as long as anything needs one of its members. If those that the share still has are written into another bundle, the old one
goes when the last restore point from before is let go; until then both are paid for::

    without     size * (dies + tail)
    with        size * held  +  live * (dies + tail)  +  copying          nothing counts that is further off than HORIZON

*held* is for how long restore points hold the old bundle, *dies* how long it would take until the share has none of its members any more, and *tail* for
how long restore points go on holding what the share has no more. How fast members go is told by the bundle itself: of ``size`` bytes ``live``
are left after ``age``, so they go at the rate ln(size / live) / age, and the last of n is gone after H(n) times the mean of that.

That it pays some day is not enough: who copies too soon copies again and again. So it is done when what was paid until now for the bytes that are
not current, half of them on the average since the bundle was written, comes to what it costs. As of renting and buying, nobody who knew what is to come
would have paid less than half.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.core.cost import GB, VaultPrices

HORIZON_MONTHS: Final = 60.0
"""What is later is not reckoned with: nobody knows what a share and its prices are like in five years."""
SURE: Final = 1.5
"""So many times what it costs it has to bring: prices are known to 20 %, and how fast members go is a guess."""
RECORD_BYTES: Final = 4_096
"""Of the new record of a page: 64 entries are some 3 KB."""
GAP_BYTES: Final = 256 * 1024
"""Members that lie closer together than this come in one read (:mod:`shared.usecases.read_content`)."""
COPY_BYTES_MAX: Final = 16 << 30
"""Copied for one sweep at most; what is left is found by the next. Some five minutes of one worker."""
PAGES_MAX: Final = 50_000
"""Pages noted for one sweep at most: 3 MB of rows."""

Floats = NDArray[np.float64]
_EULER: Final = 0.5772156649


@dataclass(frozen=True, slots=True)
class Bundles:
    """Some bundles, as columns."""

    size: Floats
    """Bytes."""
    live: Floats
    """Bytes of the members that the share has now."""
    members: Floats
    """How many those are; from 1 up."""
    pages: Floats
    """Pages that have one or more of them."""
    age: Floats
    """Months since it was written."""
    held: Floats
    """Months until no restore point of today needs it any more; may be infinite."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What writing their current members anew comes to, as columns, in the currency of the prices."""

    brings: Floats
    """What is not paid any more for the bytes that are not current."""
    costs: Floats
    """What is paid for having the others twice, and for copying them."""
    paid: Floats
    """What was paid so far for the bytes that are not current."""

    @property
    def saves(self) -> Floats:
        """What is left."""
        return self.brings - self.costs


def worth(bundles: Bundles, tail_months: float, prices: VaultPrices) -> Worth:
    """Reckon what rewriting each of ``bundles`` would bring and cost."""
    size, live, n = bundles.size, np.minimum(bundles.live, bundles.size), np.maximum(bundles.members, 1)
    held = np.minimum(bundles.held, HORIZON_MONTHS)
    with np.errstate(divide="ignore"):
        mean = np.maximum(bundles.age, 1e-6) / np.log(size / live)  # infinite while nothing has gone
    dies = np.where(live > 0, mean * (np.log(n) + _EULER), 0.0)
    end = np.minimum(dies + np.minimum(bundles.held, tail_months), HORIZON_MONTHS)
    per_byte = prices.gb_month / GB
    brings = (size - live) * per_byte * np.maximum(0.0, end - held)
    costs = live * per_byte * np.minimum(held, end) + copying(bundles, prices)
    early = np.maximum(0.0, prices.early_deletion_months - (bundles.age + held))
    paid = (size - live) * per_byte * bundles.age / 2
    return Worth(brings, costs + size * per_byte * early, paid)


def copying(bundles: Bundles, prices: VaultPrices) -> Floats:
    """What the copying itself costs: members read from one object and written into another, and a new record for each page."""
    reads = np.minimum(bundles.members, np.ceil(bundles.size / GAP_BYTES)) + bundles.pages
    operations = (reads * prices.read + 2 * prices.write) / 10_000
    records = bundles.pages * RECORD_BYTES / GB
    moved = bundles.live / GB * (prices.read_gb + prices.written_gb)
    total: Floats = operations + moved + records * (prices.written_gb + prices.gb_month * HORIZON_MONTHS)
    return total


def choose(
    bundles: Bundles,
    tail_months: float,
    prices: VaultPrices,
    *,
    most_bytes: int = COPY_BYTES_MAX,
    most_pages: int = PAGES_MAX,
) -> NDArray[np.int64]:
    """Indices of the bundles that are to be rewritten, those first that save most for each byte that is copied."""
    found = worth(bundles, tail_months, prices)
    pays = np.flatnonzero((bundles.live > 0) & (found.paid >= found.costs) & (found.brings > SURE * found.costs))
    order = pays[np.argsort(-(found.saves[pays] / bundles.live[pays]), kind="stable")]
    fits = (np.cumsum(bundles.live[order]) <= most_bytes) & (np.cumsum(bundles.pages[order]) <= most_pages)
    chosen: NDArray[np.int64] = order[: len(fits) if fits.all() else int(np.argmin(fits))]
    return chosen
