"""What sweeps have left, by what they wrote in the vault: the newest ledger, and the pages that were dropped."""

from dataclasses import dataclass, field

from shared.formats import ledger


@dataclass
class Swept:
    """Nothing of a share that was never swept."""

    horizon: int = 0
    segments: set[tuple[int, int]] = field(default_factory=set)
    dropped: dict[int, int] = field(default_factory=dict)
    """Page id to the highest horizon at which it was dropped."""
    by: int = 0
    """Number of the sweep."""

    def counts(self, key):
        """Whether a segment counts, for all that sweeps say."""
        return key[0] > self.horizon or key in self.segments

    def is_dropped(self, key, run_no):
        """Whether what a run said of a page, by directory and number, counts no more."""
        return run_no <= self.dropped.get(key[0] | key[1], 0)


def read(stored):
    found = Swept()
    numbers = [int(name.split("/")[1].removesuffix(".fb")) for name in stored.objects if name.startswith("ledger/")]
    if numbers:
        last = ledger.decode(stored.objects[f"ledger/{max(numbers)}.fb"])
        found.horizon, found.segments, found.by = last.horizon, set(last.segments), last.run_no
    for name, data in stored.objects.items():
        if name.startswith("dropped/"):
            horizon, page_ids = ledger.decode_dropped(data)
            for page_id in page_ids.tolist():
                found.dropped[page_id] = max(horizon, found.dropped.get(page_id, 0))
    return found
