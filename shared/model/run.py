"""Runs: one execution of a job on a share."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self

from shared.model.restore import RestoreOrder
from shared.model.share import ShareSettings
from shared.model.verify_order import VerifyOrder


class RunKind(StrEnum):
    """What a run does."""

    BACKUP = "backup"
    RESTORE = "restore"
    SCAN = "scan"
    """List and compare, and move no content."""
    VERIFY = "verify"
    """Prove that what restore points refer to is in the vault and is what it was."""
    REBUILD = "rebuild"
    """Make the catalogue of a share from the vault."""
    PRUNE = "prune"
    """Let go of restore points that nothing keeps."""
    SWEEP = "sweep"
    """Delete from the vault what no restore point needs."""
    PURGE = "purge"
    """Delete all there is of a share. When it is done there is no run, for there is no share."""


class RunKey(NamedTuple):
    """A run as the vault knows it: still the same run after the catalogue was rebuilt."""

    tenant_id: str
    share_id: int
    run_no: int


class RunState(StrEnum):
    """Where a run is. ``TRANSITIONS`` says what may follow what."""

    QUEUED = "queued"
    """Somebody is to open it: for the first time, or again after a pause."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing of it is claimed; batches that were claimed before may still be committed. It keeps its share and its frontier."""
    CANCELLING = "cancelling"
    """Nothing is claimed or committed; somebody is to clean up after it."""
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    """Everything was tried; what could not be saved or restored is in the journal."""
    FAILED = "failed"
    CANCELLED = "cancelled"


TRANSITIONS: Final[dict[RunState, frozenset[RunState]]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.PAUSED, RunState.CANCELLING, RunState.FAILED}),
    RunState.RUNNING: frozenset(
        {RunState.PAUSED, RunState.CANCELLING, RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS, RunState.FAILED}
    ),
    RunState.PAUSED: frozenset({RunState.QUEUED, RunState.CANCELLING}),
    RunState.CANCELLING: frozenset({RunState.CANCELLED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.COMPLETED_WITH_ERRORS: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}
ACTIVE: Final = frozenset(state for state, following in TRANSITIONS.items() if following)


class Driver(StrEnum):
    """Who opens and closes a run. Anybody may work on it in between."""

    DURABLE = "durable"
    """An orchestration of Durable Functions."""
    WORKERS = "workers"
    """The worker processes (``python -m worker``)."""


@dataclass(slots=True)
class Counters:
    """What was done, all whole numbers; added up over batches. Mutable while a batch collects it."""

    directories: int = 0
    """Directories visited."""
    files: int = 0
    """Files seen (backup) or written (restore)."""
    bytes: int = 0
    """Bytes of the files seen or written."""
    changed_directories: int = 0
    """Directories whose listing differed."""
    changed_files: int = 0
    """Files whose content was read and saved; by a scan, that a backup has to read."""
    changed_bytes: int = 0
    """Sizes of those files, whatever part of them had to be read."""
    read_bytes: int = 0
    """Bytes of content read from the share: of a sparse file what is allocated, of a large one what changed, to whole chunks."""
    large_files: int = 0
    """Files seen that are above the share's large-file threshold."""
    new_files: int = 0
    """The part of ``changed_files`` of which no version was saved before."""
    new_directories: int = 0
    """Directories of which nothing was saved before."""
    moved_files: int = 0
    """Files with another name than when they were saved, in the same directory."""
    new_endings: int = 0
    """Backup: the part of them that have another ending, as in ``.docx``."""
    excluded_files: int = 0
    """Files left out by the share's rules, in directories whose listing differed: of others nobody looks at the names."""
    excluded_directories: int = 0
    """Directories left out likewise; what is below them is not counted."""
    deleted_files: int = 0
    deleted_directories: int = 0
    moved_directories: int = 0
    """Directories renamed or moved: their subtree cost nothing."""
    planned_reads: int = 0
    """Scan: requests that a backup needs to read ``changed_files``."""
    planned_chunks: int = 0
    """Scan: pieces of files too large to bundle among them."""
    planned_bundle_bytes: int = 0
    """Scan: bytes of the others."""
    replaced_files: int = 0
    """Restore: the part of ``files`` that took the place of others."""
    kept_files: int = 0
    """Restore: the part of ``files`` that were written beside others, under names of their own."""
    same_files: int = 0
    """Restore: files that were at the target as they were saved."""
    left_files: int = 0
    """Restore: files that were not written because something else is in their place, which stays."""
    removed_files: int = 0
    """Restore: files that were deleted because the restore point does not have them."""
    removed_directories: int = 0
    made_directories: int = 0
    """Restore: directories that were not there."""
    planned_writes: int = 0
    """Dry run of a restore: requests that change the target."""
    planned_reads_vault: int = 0
    """Dry run of a restore: requests to the vault for content."""
    errors: int = 0
    """Nodes that could not be saved or restored; each has a line in the journal."""
    pages_written: int = 0
    """Rows of the catalogue's page table written."""
    records: int = 0
    """Verify: manifest records read and checked."""
    reread_files: int = 0
    """Verify: versions of files whose content was read from the vault and hashed; by a drill, from the scratch share and compared."""
    reread_directories: int = 0
    """Drill: directories that were compared."""
    reread_bytes: int = 0
    """Verify: their sizes."""
    unreadable: int = 0
    """Verify: the part of ``reread_files`` that is not what was saved."""
    expired_points: int = 0
    """Prune: restore points that are gone."""
    deleted_objects: int = 0
    """Sweep, purge: objects of the vault that are gone."""
    deleted_bytes: int = 0
    """Their sizes."""
    refused_objects: int = 0
    """Sweep, purge: objects that are to go and may not be deleted yet: an immutability policy, a legal hold or a lease keeps them."""
    refused_bytes: int = 0
    dropped_pages: int = 0
    """Sweep: rows of the tree that are gone: of directories and pages that no restore point shows."""
    unsaved: int = 0
    """Verify: files without content, and directories without a record, since they were backed up: known then, and no damage."""
    repacked_files: int = 0
    """Backup: files that have not changed and whose content was written into another bundle, so that the one it was in can go."""
    repacked_bytes: int = 0
    """What those take in the vault anew; part of ``vault_bytes``."""
    files_requests: int = 0
    """Requests sent to the Azure Files service, repeats included."""
    files_lists: int = 0
    """The part of them that list; with the next two, what the service charges at different prices (:mod:`shared.core.cost`)."""
    files_reads: int = 0
    files_writes: int = 0
    vault_writes: int = 0
    vault_chunk_writes: int = 0
    """The part of ``vault_writes`` that were chunks of files too large to bundle."""
    vault_reads: int = 0
    vault_bytes: int = 0
    """Bytes written to the vault."""

    def add(self, other: "Counters") -> None:
        """Add ``other`` to this."""
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))

    def to_wire(self) -> dict[str, int]:
        """Plain JSON, every field."""
        return dict(zip(COUNTERS, _values_of(self), strict=True))

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; unknown names are ignored, missing ones are 0."""
        return cls(**{name: int(value) for name, value in wire.items() if value and name in _KNOWN})


COUNTERS: Final = tuple(f.name for f in fields(Counters))
"""The names of all. A list of fifty runs reads and writes them all, and asking the class each time took as long as all the rest."""
_KNOWN: Final = frozenset(COUNTERS)
_values_of: Final[Callable[[Counters], tuple[int, ...]]] = attrgetter(*COUNTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOrder:
    """What a rebuild was asked to do."""

    restore_point: int | None = None
    """The catalogue as it was at this restore point; None: at the newest that can be read."""
    replace: bool = False
    """Although the share has a catalogue, which is dropped."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**wire)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as its row says."""

    run_id: int
    tenant_id: str
    share_id: int
    run_no: int
    kind: RunKind
    state: RunState
    requested_at: dt.datetime
    driver: Driver = Driver.DURABLE
    epoch: int = 0
    """How often it was taken up anew; see :func:`shared.model.tickets.instance_id`."""
    seeded: bool = False
    """Whether its frontier was ever filled: an empty one is also how a run looks that has nothing left."""
    paused_at: dt.datetime | None = None
    """Since when it is paused."""
    paused_seconds: float = 0.0
    """How long earlier pauses lasted, together."""
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    share_snapshot: str | None = None
    """Id of the share snapshot a backup reads from, such as ``2022-10-05T22:14:14.0000000Z``."""
    order: RestoreOrder | None = None
    verify: VerifyOrder | None = None
    """What a verify was asked to do."""
    rebuild: RebuildOrder | None = None
    """What a rebuild was asked to do."""
    retention: dict[str, Any] | None = None
    """What a prune (:class:`shared.model.retention.PruneOrder`), a sweep (:class:`shared.model.sweep.SweepOrder`) or a purge
    (:class:`shared.model.deletion.PurgeOrder`) was asked to do."""
    error: str | None = None
    """Why the run failed, for people."""
    counters: Counters = field(default_factory=Counters)
    settings: ShareSettings | None = None
    """The share's when the run was queued: a change of them is for later runs. None: the share's own."""
    report: dict[str, Any] | None = None
    """Of a run that has ended: what it found or did, as the API shows it; of a backup only what it has repacked."""
    schedule_id: int | None = None
    """The schedule whose occurrence it is; None: a person ordered it."""
    admitted_at: dt.datetime | None = None
    """Since when it may be opened, if it is QUEUED: see :mod:`shared.db.admission`."""
    held_until: dt.datetime | None = None
    """When its share's next window opens, if that is what it waits for."""
    paused_by: str | None = None
    """``window``: it goes on by itself when the next one opens. None: a person, if it is PAUSED."""

    @property
    def key(self) -> RunKey:
        """Its name outside the catalogue."""
        return RunKey(self.tenant_id, self.share_id, self.run_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """A committed backup run."""

    run_no: int
    taken_at: dt.datetime
    """When its share snapshot was taken: what the restore point shows is the share at this time."""
    committed_at: dt.datetime
    directories: int
    files: int
    bytes: int
    errors: int
    share_snapshot: str | None = None
    """Id of its share snapshot, if it was kept: what changed in a large file since can be asked for."""
