"""The pieces a verify works through, and what it finds."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Final

from shared.model.run import Counters


class ItemKind(IntEnum):
    """What a piece of a verify is about; claimed in this order."""

    OBJECTS = 0
    """What the catalogue knows of the share's objects, against the vault's listing; and the commit records."""
    SEGMENTS = 1
    """Segments of run ``low`` to be read whole; ``details`` has the numbers of their batches."""
    CHUNKS = 2
    """Chunks ``[low, high)`` of a very large file; ``details`` says of which."""
    PAGES = 3
    """Rows of the tree with ``low <= page_id < high``, and the records they lead to."""
    RESTORED = 4
    """Directories of a drill to be compared with what was restored of them: ``details`` has them as ``[node_id, path, page]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyItem:
    """A piece of a verify."""

    kind: ItemKind
    low: int = 0
    high: int = 0
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyClaim:
    """A piece that is ours until the lease ends. ``batch_no`` is the fence."""

    run_id: int
    batch_no: int
    item: VerifyItem


PATHS_TOLD: Final = 20
"""Paths that a finding names; it counts all."""


class FindingKind(StrEnum):
    """What is wrong, the gravest first; the ``kind`` of the finding's line in the journal."""

    LOST = "object_lost"
    """An object that something refers to is not in the vault."""
    SIZE = "object_size"
    """An object is not as long as it was when it was written, or shorter than what is said to be in it."""
    DAMAGED = "object_damaged"
    """The bytes of an object are not those that were written."""
    ROW = "row_differs"
    """A row of the catalogue is missing, unreadable, or says other things than the vault."""
    HISTORY = "history_broken"
    """Records of a page that do not lead to one another as they should."""
    POINT = "point_differs"
    """A restore point that catalogue and vault tell different things of, or that does not add up."""
    NOT_RESTORED = "drill_missing"
    """Nodes that a drill could not restore, although their content is whole in the vault."""
    RESTORED_OTHERWISE = "drill_differs"
    """Nodes that a drill restored, and that are not on the scratch share what they were when they were saved."""
    ORPHANS = "orphans"
    """Objects that nothing refers to: no damage."""

    @property
    def is_damage(self) -> bool:
        """Whether somebody has to do something."""
        return self is not FindingKind.ORPHANS


@dataclass(slots=True, kw_only=True)
class Finding:
    """What is wrong with one object, or one row, and what that concerns. Those of several batches are added up."""

    kind: FindingKind
    object: str
    """Name of a vault object, or which row."""
    reason: str
    current: bool = False
    """The newest state of what is concerned is among it: a backup can save it again."""
    files: int = 0
    """Versions of files concerned."""
    bytes: int = 0
    paths: list[str] = field(default_factory=list)
    """Up to :data:`PATHS_TOLD` of them."""
    points: set[int] = field(default_factory=set)
    """``run_no`` of the restore points concerned."""
    node_id: int = 0
    """One of the nodes concerned."""


ROW: Final = -1


@dataclass(frozen=True, slots=True)
class Damage:
    """Something of a share's newest state that the next backup is to save again."""

    page_id: int
    node_id: int = 0
    """The file; 0: the page itself."""
    saved_run: int = 0
    """The version of the file. Of a page 0 if it is the record that is damaged, :data:`ROW` if it is the row."""


@dataclass(slots=True, kw_only=True)
class VerifyCommit:
    """What one piece came to; applied in one transaction or not at all."""

    run_id: int
    share_id: int
    batch_no: int
    following: list[VerifyItem] = field(default_factory=list)
    """What is still to be done: the rest of the piece, and what was found on the way."""
    findings: list[Finding] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    checksums: dict[str, int] = field(default_factory=dict)
    """XXH3-64 of security descriptors, by key, of which none was known."""
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What a committed batch of a backup wrote to the vault, as the catalogue knows it."""

    run_no: int
    batch_no: int
    segment_bytes: int
    """0: none."""
    bundle_bytes: tuple[int, ...]
    """By part; of one that was swept, 0 or less."""
    segment_swept: bool = False
    """The segment was, or is about to be."""
