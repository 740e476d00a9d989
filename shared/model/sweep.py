"""The pieces a sweep works through, and what it has to know."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple, Self

from shared.model.manifest import ManifestRef
from shared.model.run import Counters

MARGIN_S: Final = 7 * 24 * 3600
"""How long a restore point that was let go, and an object that nothing ever referred to, stay in the vault. A week: time to notice that a policy was
wrong (the objects are there, and a copy of the catalogue from before leads to them), and longer than any download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """What a sweep was asked to do; when it is opened it is decided, once for all workers, what it holds on to."""

    by: str
    margin_s: int = MARGIN_S
    horizon: int | None = None
    """Run number of the newest restore point when the sweep was opened: objects of later runs are left alone. None: not opened yet."""
    roots: Sequence[int] = ()
    """Restore points that must stay whole, the horizon among them: all there are, and those let go within the margin; in order."""
    opened_at: dt.datetime | None = None
    """Objects written after this less the margin are left alone."""
    held_s: Sequence[float | None] = ()
    """Of each root, for how many more seconds it is likely to hold what it needs; None: for ever. Empty: nothing is to be repacked."""
    tail_s: float = 0.0
    """For how long restore points to come are likely to hold what the share has no more."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "by": self.by,
            "margin_s": self.margin_s,
            "horizon": self.horizon,
            "roots": list(self.roots),
            "opened_at": None if self.opened_at is None else self.opened_at.isoformat(),
            "held_s": list(self.held_s),
            "tail_s": self.tail_s,
        }

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        opened_at = wire.get("opened_at")
        return cls(
            by=wire["by"],
            margin_s=wire["margin_s"],
            horizon=wire.get("horizon"),
            roots=tuple(wire.get("roots", ())),
            opened_at=None if opened_at is None else dt.datetime.fromisoformat(opened_at),
            held_s=tuple(wire.get("held_s", ())),
            tail_s=wire.get("tail_s", 0.0),
        )


class SweepKind(IntEnum):
    """What a piece of a sweep or a purge is about. All of one kind are done before the next begins."""

    MARK = 0
    """Rows of the tree with ``low <= page_id < high``: mark what they lead to at the restore points that stay."""
    SEGMENTS = 1
    """Write down which segments stay, and delete the others."""
    OBJECTS = 2
    """Bundles, plain objects and content lists: delete those that are not marked."""
    CONDEMN = 3
    """Chunks whose first hexadecimal digit is in ``[low, high)``: note those that are not marked."""
    BARRIER = 4
    """From here on every backup that commits sees what is condemned; what was committed before is looked at."""
    RESCUE = 5
    """Segments of run ``low``, later than the horizon: take the chunks that they refer to off the list; ``details`` has the batches."""
    DELETE = 6
    """Delete condemned chunks, by first digit as CONDEMN."""
    PURGE_POINTS = 7
    """Of a purge: delete the objects whose names begin with ``details["prefix"]`` and come after ``details["after"]``: restore points, first of all."""
    PURGE_OBJECTS = 8
    """The same of all others."""
    PURGE_JOURNAL = 9
    """Delete the journals of the runs with ``low <= run_no < high``."""
    PURGE_ROWS = 10
    """Delete what there is much of in the catalogue, but the tree, which goes at once."""
    AGAIN = 11
    """The list was full: condemn the chunks that come ``details["after"]`` a name, by first digit as CONDEMN, now that there is room. One
    of these at a time: it adds CONDEMN, BARRIER and DELETE."""
    REPACK = 12
    """Find the bundles that are worth leaving, and note which pages have files in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepItem:
    """A piece of a sweep."""

    kind: SweepKind
    low: int = 0
    high: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepClaim:
    """A piece that is ours until the lease ends. ``batch_no`` is the fence."""

    run_id: int
    batch_no: int
    item: SweepItem


class TreeRow(NamedTuple):
    """As much of a row of the tree as a sweep needs."""

    page_id: int
    manifest: ManifestRef | None
    deleted_run: int | None
    packed: bytes
    """Of a tombstone, to recognize it by; else empty."""


@dataclass(slots=True, kw_only=True)
class SweepCommit:
    """What one piece came to; applied in one transaction or not at all."""

    run_id: int
    share_id: int
    batch_no: int
    following: list[SweepItem] = field(default_factory=list)
    """What is still to be done."""
    marks_bytes: int = 0
    """MARK: size of the object with the marks; 0 for other pieces."""
    dropped: list[TreeRow] = field(default_factory=list)
    """MARK: tombstones that no restore point needs: they go, if they are still what they were."""
    counters: Counters = field(default_factory=Counters)


BEING_DELETED: Final = "chunk_being_deleted"
"""Code of the ``Conflict`` with a sweep that a batch is refused for: it refers to a chunk that is being deleted."""


class Condemned(NamedTuple):
    """A chunk on the list."""

    digest: bytes
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a sweep left of a share: for whoever makes a catalogue of the vault, and for whoever misses something."""

    run_no: int
    """Of the sweep."""
    horizon: int
    """It speaks of the segments of runs up to this one; later ones are told by restore points."""
    segments: tuple[tuple[int, int], ...]
    """``(run_no, batch_no)`` of those that stay, in order. All others of these runs count no more, be they there or not."""
