"""Count what came, changed, went and moved between two states of a tree.

A file that went from one directory and came to another is one file that moved: its FileId says so. That can be known only when both ends
were counted, so what came and went is kept by FileId until :func:`settle`, and counted for good when there is too much to keep.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from shared.core.changes import Change, changes
from shared.model.manifest import SavedEntry

KEPT_MAX: Final = 100_000
"""Files that came or went and are kept to be matched: 20 MB. Those beyond are added or deleted, and the tally says so."""


@dataclass(slots=True)
class Tally:
    """Nodes by what happened to them; each is counted once. Bytes are sizes: of what was deleted its last, else its newest."""

    added_files: int = 0
    added_bytes: int = 0
    added_directories: int = 0
    changed_files: int = 0
    """Files with other content or properties, moved or not within their directory."""
    changed_bytes: int = 0
    changed_directories: int = 0
    """Directories whose own properties changed; their times change when something comes or goes."""
    deleted_files: int = 0
    deleted_bytes: int = 0
    deleted_directories: int = 0
    moved_files: int = 0
    """Files that have another name or are in another directory. Of a subtree also those that moved out of it."""
    moved_bytes: int = 0
    moved_directories: int = 0

    def add(self, other: "Tally") -> None:
        """Add ``other`` to this."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return any(getattr(self, f.name) for f in fields(self))


@dataclass(slots=True)
class Reckoning:
    """The counts of one subtree while they are made."""

    counted: Tally = field(default_factory=Tally)
    """What is certain already."""
    come: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Files that are only in the newer state: FileId to the size of each (hard links have one FileId)."""
    gone: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    moved_directories: set[int] = field(default_factory=set)
    moves_known: bool = True
    """False: there was too much to keep, and some of what moved is counted as deleted and added."""

    def file(self, before: SavedEntry | None, after: SavedEntry | None) -> None:
        """Count one file of a directory: in the older state, in the newer, or in both."""
        counted = self.counted
        if before is not None and after is not None:
            found = changes(before, after)
            if found == (Change.NAME,):
                counted.moved_files += 1
                counted.moved_bytes += after.entry.size_bytes
            elif found:
                counted.changed_files += 1
                counted.changed_bytes += after.entry.size_bytes
            return
        one_sided = after if after is not None else before
        assert one_sided is not None
        side = self.come if after is not None else self.gone
        if len(self.come) + len(self.gone) < KEPT_MAX:
            side[one_sided.entry.file_id].append(one_sided.entry.size_bytes)
            return
        self.moves_known = False
        _count(counted, "added" if after is not None else "deleted", [one_sided.entry.size_bytes])

    def directory(self, before: SavedEntry, after: SavedEntry) -> None:
        """Count a directory that is in both states of its parent."""
        found = changes(before, after)
        if found == (Change.NAME,):
            self.moved_directories.add(after.node_id)
        elif found:
            self.counted.changed_directories += 1


def settle(reckonings: Sequence[Reckoning]) -> tuple[list[Tally], Tally]:
    """The tally of each, and that of all together.

    What moved from one to another is a move in both, and one in all.
    """
    moved = _by_file([r.come for r in reckonings]) & _by_file([r.gone for r in reckonings])
    to_come, to_go = moved.copy(), moved.copy()
    total, tallies = Tally(), []
    for r in reckonings:
        tally = Tally()
        tally.add(r.counted)
        arrived = _take(to_come, r.come, tally, "added")
        departed = _take(to_go, r.gone, tally, "deleted")
        total.add(tally)
        for sizes in arrived.values():
            _count(tally, "moved", sizes)
            _count(total, "moved", sizes)
        for file_id, sizes in departed.items():
            _count(tally, "moved", sizes[len(arrived.get(file_id, ())) :])
        tally.moved_directories += len(r.moved_directories)
        tallies.append(tally)
    total.moved_directories += len(set().union(*(r.moved_directories for r in reckonings)))
    return tallies, total


def _by_file(sides: Sequence[Mapping[int, list[int]]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for side in sides:
        for file_id, sizes in side.items():
            found[file_id] += len(sizes)
    return found


def _take(moved: Counter[int], side: Mapping[int, list[int]], tally: Tally, otherwise: str) -> dict[int, list[int]]:
    """The sizes of those of one side that moved, taken from ``moved``; the others are counted as ``otherwise``."""
    taken: dict[int, list[int]] = {}
    for file_id, sizes in side.items():
        count = min(moved[file_id], len(sizes))
        if count:
            moved[file_id] -= count
            taken[file_id] = sizes[:count]
        _count(tally, otherwise, sizes[count:])
    return taken


def _count(tally: Tally, what: str, sizes: Sequence[int]) -> None:
    setattr(tally, f"{what}_files", getattr(tally, f"{what}_files") + len(sizes))
    setattr(tally, f"{what}_bytes", getattr(tally, f"{what}_bytes") + sum(sizes))
