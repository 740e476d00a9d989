"""Layers: mutations of a synthetic share as rules, so that a million changed files cost no memory.

A layer selects slots: in every block of slots the ``selected`` first places of the layer's own shuffle, so exactly that
many. The place says also what happens. It happens to the newest living file that began its life in the slot. A file
that moves goes to where the slot of another place is, and the other way round that slot knows whose guest it has.
"""

from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from localdev.files_emulator.mixing import Shuffle, derived

CONTENT, METADATA, ATTRIBUTES, DELETED, ADDED, RENAMED, MOVED = KINDS = (
    "content", "metadata", "attributes", "deleted", "added", "renamed", "moved",
)  # fmt: skip
WEIGHTS = (50, 8, 7, 10, 10, 10, 5)  # of 100 changes
STRUCTURAL = frozenset((DELETED, ADDED, RENAMED, MOVED))  # those that change what a directory holds
MAX_LAYERS = 200

_BLOCK = 10_000  # so that a hundredth of a percent is one file


def dealt(selected: int) -> tuple[str, ...]:
    """Return what happens to each of ``selected`` files, in the proportion of the weights."""
    bounds = [(selected * at + 50) // 100 for at in accumulate(WEIGHTS, initial=0)]
    return tuple(kind for kind, (low, high) in zip(KINDS, pairwise(bounds), strict=True) for _ in range(low, high))


@dataclass(slots=True, eq=False)
class Layer:
    """One mutation.

    ``time`` in ticks, ``epoch`` the share's when it was made, ``excluded`` the numbers of computed nodes that somebody
    had changed by then: those are nodes of their own, or gone. ``delta_bytes`` is by how much it made the files grow
    together, ``None`` until somebody counted; nothing else about it ever changes.
    """

    seed: int
    percent: float
    files: int  # of the share, at first
    time: int
    epoch: int
    excluded: frozenset[int] = frozenset()
    delta_bytes: int | None = None
    shuffle: Shuffle = field(init=False)
    kinds: tuple[str, ...] = field(init=False)
    moves_from: int = field(init=False)
    moves: int = field(init=False)

    def __post_init__(self) -> None:
        """Derive what follows from seed, percent and number of files."""
        size = min(_BLOCK, self.files)
        kinds = dealt(round(size * self.percent / 100))
        self.shuffle = Shuffle(derived("layer", self.seed), size)
        self.kinds = kinds
        self.moves = kinds.count(MOVED)
        self.moves_from = len(kinds) - self.moves

    def kind(self, slot: int) -> str | None:
        """Return what happens in a slot, if anything."""
        place = self.shuffle.place(slot)
        return self.kinds[place] if place < len(self.kinds) else None

    def goal(self, slot: int) -> int | None:
        """Return the slot that the file of a slot moves to, if there is such a slot."""
        place = self.shuffle.place(slot) - self.moves_from + len(self.kinds)
        if place >= self.shuffle.size:
            return None
        found = self.shuffle.ordinal(slot // self.shuffle.size, place)
        return found if found < self.files else None

    def origin(self, slot: int) -> int | None:
        """Return the slot whose file would move to this one, if there is one."""
        place = self.shuffle.place(slot) - len(self.kinds)
        if not 0 <= place < self.moves:
            return None
        found = self.shuffle.ordinal(slot // self.shuffle.size, place + self.moves_from)
        return found if found < self.files else None

    def selected(self, block: int) -> list[int]:
        """Return the slots of a block in which something happens."""
        found = (self.shuffle.ordinal(block, place) for place in range(len(self.kinds)))
        return [slot for slot in found if slot < self.files]

    def goals(self, block: int) -> list[int]:
        """Return the slots of a block that a file may move to."""
        places = range(len(self.kinds), min(self.shuffle.size, len(self.kinds) + self.moves))
        found = (self.shuffle.ordinal(block, place) for place in places)
        return [slot for slot in found if slot < self.files]

    def blocks(self) -> int:
        """Return how many blocks of slots there are."""
        return -(-self.files // self.shuffle.size)

    def record(self, known: frozenset[int]) -> list[Any]:
        """Return it as JSON can hold it, without the ``known`` ones of the excluded."""
        return [self.seed, self.percent, self.time, self.epoch, self.delta_bytes, sorted(self.excluded - known)]


def layers_from(records: list[list[Any]], files: int) -> tuple[Layer, ...]:
    """Return the layers that records describe."""
    found: list[Layer] = []
    excluded: frozenset[int] = frozenset()
    for seed, percent, time, epoch, delta, more in records:
        excluded |= frozenset(more)
        found.append(Layer(seed, percent, files, time, epoch, excluded, delta))
    return tuple(found)


def layer_records(layers: tuple[Layer, ...]) -> list[list[Any]]:
    """Return layers as JSON can hold them."""
    before = (frozenset[int](), *(layer.excluded for layer in layers))
    return [layer.record(known) for layer, known in zip(layers, before, strict=False)]
