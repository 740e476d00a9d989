"""Rebuilding a share's catalogue from the vault: what is asked for, what there is to do, and what was found."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, NamedTuple

from shared.model.deletion import NOT_DELETED, SaidOfDeletion
from shared.model.manifest import ManifestRef
from shared.model.note import PageNote
from shared.model.point import PointRecord, RunChange
from shared.model.retention import NOTHING_SAID, Expired, Said, SaidPolicy
from shared.model.run import Counters, RestorePoint


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShare:
    """A share that the vault has restore points of."""

    tenant_id: str
    share_id: int
    point: PointRecord
    """The newest that can be read, and is not newer than what is asked for."""
    run_id: int
    """The highest that any restore point knows; 0 if none does."""
    next_run_no: int
    """Higher than any that has left a trace which is quickly found."""
    credential: str
    """For the share, if the vault does not say which it has."""
    deleted: SaidOfDeletion = NOT_DELETED
    """What the vault says of that."""
    tenant_deleted: SaidOfDeletion = NOT_DELETED
    policy: SaidPolicy | None = None
    """Which policy it has; None if it never had one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgingShare:
    """A share whose purge has begun, by what the vault says: what is left of it is not worth a catalogue, and is to go."""

    tenant_id: str
    share_id: int
    said: SaidOfDeletion
    tenant_said: SaidOfDeletion


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A share of which no rebuild was queued, and why."""

    tenant_id: str
    share_id: int
    reason: str


class Task(IntEnum):
    """What kind of work an item is. Those of one kind are all done before the next kind begins."""

    SEGMENT = 0
    """Read one."""
    PLAN = 1
    """Divide the directories that were found into ranges."""
    RANGE = 2
    """Make the rows of a range of directories."""
    INDEX = 3
    """Make one index on the rows."""


@dataclass(frozen=True, slots=True)
class RebuildItem:
    """One piece of work; by ``(task, item_no)``, taken in this order."""

    task: Task
    item_no: int
    """SEGMENT: by :func:`segment_item_no`. RANGE: its first page. INDEX: which."""
    bytes: int = 0
    """SEGMENT: size of the object, -1 if the vault does not have it."""
    bundles: tuple[int, ...] = ()
    """SEGMENT: sizes of the bundles of the same batch, by part."""


def segment_item_no(run_no: int, batch_no: int) -> int:
    """The newest segment has the least number."""
    return -(run_no << 32 | batch_no)


def segment_of_item(item_no: int) -> tuple[int, int]:
    """The opposite of :func:`segment_item_no`."""
    return -item_no >> 32, -item_no & 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildClaim:
    """Items of one kind, ours until the lease ends."""

    run_id: int
    share_id: int
    batch_no: int
    """Fence."""
    items: tuple[RebuildItem, ...]

    @property
    def task(self) -> Task:
        """Of all its items."""
        return self.items[0].task


class StagedRecord(NamedTuple):
    """What a record says of its page, packed as the page's row will be."""

    page_id: int
    ref: ManifestRef
    depth: int
    noted: bool
    """``packed`` and ``lower`` are as the segment noted them. False: the segment is from before there were notes."""
    next_slot: int
    lower: str
    page_nos: tuple[int, ...]
    names: str
    packed: bytes


class StagedPlace(NamedTuple):
    """A subdirectory as a record names it."""

    node_id: int
    page_id: int
    """The page of the parent."""
    ref: ManifestRef
    depth: int
    file_id: int
    mtime: int
    name: str


@dataclass(slots=True)
class Staged:
    """What was read of some segments."""

    records: dict[int, StagedRecord] = field(default_factory=dict)
    """By page, the newest."""
    notes: dict[int, tuple[int, int, PageNote]] = field(default_factory=dict)
    """By page, the newest of those that speak of a record in another segment, with run and batch of its own."""
    places: dict[tuple[int, int], StagedPlace] = field(default_factory=dict)
    """By subdirectory and page of the parent, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Something of the vault that is gone or damaged, and what that means."""

    object: str
    reason: str
    restore_points: tuple[int, ...]
    """Those that may lack something because of it."""
    directories: int
    """How many directories have a record in it; 0: nobody knows."""
    hint: str

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"restore_points": list(self.restore_points)}


@dataclass(slots=True)
class StagedDirectory:
    """All that was read of one directory."""

    node_id: int
    pages: list[tuple[StagedRecord | None, tuple[int, int, PageNote] | None]] = field(default_factory=list)
    """In order of page number: its newest record, and the newest note that speaks of a record in another segment."""
    place: StagedPlace | None = None
    is_there: bool = False
    """The newest record of the parent's page is the one that names it at ``place``."""


class Row(NamedTuple):
    """A row of the tree, packed."""

    page_id: int
    parent_id: int | None
    file_id: int | None
    name: str
    names: str
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuiltRun:
    """A backup run whose restore point the vault has."""

    point: RestorePoint
    run_id: int | None
    requested_at: dt.datetime
    started_at: dt.datetime
    counters: Counters
    share_snapshot: str
    settings: dict[str, Any] | None
    expired: Expired | None = None
    """Its restore point was let go."""
    said: tuple[Said, int] = (NOTHING_SAID, 1)
    """What was said about its restore point, and the number of what is said next."""


class SweptBatch(NamedTuple):
    """A batch whose segment is gone, and bundles of which are not."""

    run_no: int
    batch_no: int
    bundles: tuple[int, ...]
    """Sizes by part, 0 of those that are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What is recorded beside the tree."""

    runs: Sequence[RebuiltRun]
    """In order of their numbers."""
    changes: Sequence[RunChange] | None
    """What all runs changed per top folder since the share had nothing but its root; None: not known."""
    permissions: Sequence[str]
    next_directory_no: int
    """At least; the tree may know of more."""
    swept: Sequence[SweptBatch] = ()
    was_swept: bool = False
    """Programs that do not know of sweeps are to be kept away from it, as they were."""
