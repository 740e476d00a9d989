"""Compare a directory's listing with what was saved of it: what to keep, read, place and give up.

Entries are matched by FileId, never by name alone: a FileId lives as long as the node does, so a renamed file keeps its slot and
a file replaced by another of the same name gets a new one. Several entries of a directory can have one FileId: hard links of an NFS
share. Each is a node of its own, so of those with equal FileId the ones with equal names belong together, then any. Equal FileId and ETag mean an equal node (AZURE-FILES: the ETag is
the ChangeTime, which every change of content, times, attributes, permission or metadata moves).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.model.content import ContentKind
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.node import SLOT_MAX, file_node_id
from shared.model.page import DirectoryHead


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What to do about one file."""

    entry: Entry
    node_id: int
    """0 when the directory has no slot left."""
    previous: SavedEntry | None
    """What was saved of the same node, if anything."""
    unchanged: bool
    """``previous`` is this very version and safe: nothing to read."""

    def kept(self) -> SavedEntry:
        """The saved entry of an unchanged file, under its present name."""
        assert self.previous is not None
        return replace(self.previous, entry=self.entry)


def plan_files(
    entries: Iterable[Entry],
    previous: Iterable[SavedEntry],
    *,
    directory_id: int,
    next_slot: int,
    scanned: Mapping[str, int] | None = None,
) -> tuple[list[FilePlan], int]:
    """Plan every file of ``entries``, in order.

    :param previous: of all pages that changed. Each is the ``previous`` of at most one plan.
    :param scanned: by name, the slots of files that a scan has numbered and no run has saved: no record has their FileIds.
    :param next_slot: lowest slot the directory has never given out.
    :returns: the plans and the new ``next_slot``. Slots are never given twice: a node id names one file for ever.
    """
    files = [entry for entry in entries if not entry.is_directory]
    left = {(saved.entry.file_id, saved.entry.name): saved for saved in previous if not saved.entry.is_directory}
    same = [left.pop((entry.file_id, entry.name), None) for entry in files]
    renamed: defaultdict[int, list[SavedEntry]] = defaultdict(list)
    for saved in left.values():
        renamed[saved.entry.file_id].append(saved)
    plans: list[FilePlan] = []
    for entry, before in zip(files, same, strict=True):
        if before is None and (others := renamed.get(entry.file_id)):
            before = others.pop(0)
        if before is not None:
            node_id = before.node_id
        elif scanned and entry.name in scanned:
            node_id, before = file_node_id(directory_id, scanned[entry.name]), None
        elif next_slot <= SLOT_MAX:
            node_id = file_node_id(directory_id, next_slot)
            next_slot += 1
        else:
            node_id = 0
        unchanged = before is not None and before.entry.changed == entry.changed and _is_safe(before)
        plans.append(FilePlan(entry, node_id, before, unchanged))
    return plans, next_slot


def _is_safe(saved: SavedEntry) -> bool:
    return saved.content.kind is not ContentKind.UNSAVED and not saved.stale


@dataclass(frozen=True, slots=True)
class Subdirectories:
    """How the subdirectories of a listing relate to the catalogue's children of the directory."""

    same: list[tuple[Entry, DirectoryHead]]
    """Known children, renamed or not."""
    unknown: list[Entry]
    """Not children before: moved here from elsewhere, or new."""
    missing: list[DirectoryHead]
    """Children no longer listed: deleted, or moved elsewhere."""


def match_subdirectories(entries: Iterable[Entry], children: Sequence[DirectoryHead]) -> Subdirectories:
    """Match the directories among ``entries`` with the known ``children`` by FileId."""
    by_file_id = {child.file_id: child for child in children}
    same: list[tuple[Entry, DirectoryHead]] = []
    unknown: list[Entry] = []
    for entry in entries:
        if entry.is_directory:
            child = by_file_id.pop(entry.file_id, None)
            if child is None:
                unknown.append(entry)
            else:
                same.append((entry, child))
    return Subdirectories(same, unknown, list(by_file_id.values()))
