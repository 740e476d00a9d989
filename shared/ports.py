"""What use cases need from the world, in our nouns, with the promises every implementation keeps.

All are ``async``. All raise :mod:`shared.errors` and nothing else: ``Retryable`` after the implementation's own retries have
run out, ``Rejected`` and ``OutOfReach`` at once. Wrappers (metered, fault-injecting) implement the same protocols.
"""

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from shared.core.alert_message import Mail
from shared.core.alerts import Late
from shared.core.pace import Part, Report
from shared.core.rate import Spent
from shared.core.unusual import Numbers
from shared.model.alert import Alert, Condition, Delivery, Parcel, Sighting
from shared.model.audit import AuditEntry
from shared.model.entry import Entry, Posix
from shared.model.found import FoundNode
from shared.model.manifest import ContentHeaders, ManifestRef
from shared.model.metric import Metric
from shared.model.page import DirectoryHead, DirectoryPages, Page, PageHead
from shared.model.point import Origin
from shared.model.rebuild import FoundShare, RebuildClaim, RebuildItem, Rebuilt, Row, Staged, StagedDirectory
from shared.model.retention import Dated, Decision, KeepEvent, RetentionPolicy, Said
from shared.model.run import Counters, Driver, RebuildOrder, RestorePoint, Run, RunKey, RunState
from shared.model.schedule import Occurrence, Schedule, Times
from shared.model.share import Share, ShareSettings, ShareSnapshot
from shared.model.sweep import Condemned, SweepClaim, SweepCommit, SweepItem, SweepOrder, TreeRow
from shared.model.verify import Damage, Finding, StoredBatch, VerifyClaim, VerifyCommit, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.model.work import (
    BatchCommit,
    Claim,
    ClaimedDirectory,
    Kept,
    LargeContent,
    LinkToMake,
    RestoreClaim,
    RestoreCommit,
    RestoreItem,
    RestoreLink,
    SpanClaim,
    SpanResult,
    Tombstones,
)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> dt.datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class Ids(Protocol):
    """Where fresh identifiers come from."""

    def new(self) -> str:
        """32 lower-case hexadecimal digits, never given before."""
        ...

    def secret(self) -> bytes:
        """32 bytes that nobody can guess."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Azure Files


@dataclass(frozen=True, slots=True)
class NodeProperties:
    """What a node's own response headers say, beyond the listing."""

    headers: ContentHeaders
    metadata: tuple[tuple[str, str], ...]
    size_bytes: int
    changed: int
    """ChangeTime in ticks, which is the ETag."""
    created: int = 0
    written: int = 0
    attributes: int = 0
    permission_key: str = ""
    file_id: int = 0
    posix: Posix | None = None
    """On NFS shares. The text of a symbolic link is not in it: :meth:`ShareReader.link_text`."""
    is_symbolic_link: bool = False


class ByteRange(NamedTuple):
    """Bytes ``[start, end)`` of a file."""

    start: int
    end: int
    cleared: bool = False
    """They were cleared, and read as zeros now."""


class ShareReader(Protocol):
    """Reads one share at one share snapshot (or live). Paths are from the root, ``/`` between components, not escaped."""

    async def list_page(self, path: str, marker: str = "") -> bytes:
        """The raw body of one List Directories and Files page with all four includes; at most 5,000 entries.

        Which bytes: the XML as the service wrote it; :mod:`shared.formats.listing` reads it. Raises ``NotFound``.
        """
        ...

    async def read_file(self, path: str, size_bytes: int) -> tuple[NodeProperties, bytes]:
        """The whole content of a file and its properties, in one request also when it is empty.

        ``size_bytes`` is what the listing said; a body of another length raises ``Unavailable``.
        """
        ...

    def stream_file(self, path: str, size_bytes: int, block_bytes: int) -> AsyncIterator[NodeProperties | bytes]:
        """First the properties, then the content in blocks of exactly ``block_bytes`` but the last; one request."""
        ...

    async def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes at ``offset``."""
        ...

    def ranges(self, path: str, size_bytes: int, since: str | None = None) -> AsyncIterator[Sequence[ByteRange]]:
        """Which parts of a file are allocated; with ``since``, an earlier share snapshot, which were written or cleared since.

        In order of offset, page by page, so that a file in very many pieces fits the memory; none ends beyond ``size_bytes``. What is
        in none is zeros, or as it was at ``since``. A heavily fragmented file that the service takes too long over is asked
        for in smaller parts.

        Raises ``Rejected`` when the service cannot tell: the file, or ``since``, was not there then, or the file was replaced.
        """
        ...

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file, without its content; ``at`` another share snapshot than the reader's."""
        ...

    async def directory_properties(self, path: str) -> NodeProperties:
        """Properties of a directory; the root's path is empty."""
        ...

    async def link_text(self, path: str) -> str:
        """Where a symbolic link points, as it was written. It is never followed."""
        ...

    async def permission(self, key: str) -> str:
        """The SDDL behind a permission key, asked of the live share (a share snapshot cannot answer)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProperties:
    """Properties to give a node. Times in ticks; 0, or a time before the year 1601, leaves one as it is."""

    created: int = 0
    written: int = 0
    changed: int = 0
    attributes: int | None = None
    """None: as they are."""
    permission_key: str = ""
    """Key on the target share; empty: inherited by a new node, and left alone otherwise."""
    posix: Posix | None = None
    """On an NFS share: instead of attributes and permission."""


class ShareWriter(Protocol):
    """Writes one live share. Every call may be repeated: the second has the same effect as the first."""

    async def create_directory(self, path: str, metadata: Sequence[tuple[str, str]]) -> bool:
        """Make a directory, or find it there; its metadata is ``metadata`` either way. The parent must exist.

        Returns whether it was made. The root is always found.
        """
        ...

    async def has_directory(self, path: str) -> bool:
        """Whether there is such a directory."""
        ...

    async def entries(self, path: str, at: str | None = None) -> list[Entry] | None:
        """What is in a directory, at a share snapshot or now; None if there is no such directory."""
        ...

    async def directory_properties(self, path: str, at: str) -> NodeProperties | None:
        """Properties of a directory at a share snapshot; None if it was not there."""
        ...

    async def copy_back(self, path: str, at: str, changed: int) -> None:
        """Make a file what it was at a share snapshot, in place of whatever file is there; the service moves the bytes.

        That takes several requests. Before the last the file has the change time ``changed``, ticks, by which one that was broken off is known
        (:func:`shared.core.conflicts.half_done`).
        """
        ...

    async def create_file(
        self,
        path: str,
        size_bytes: int,
        body: bytes | None,
        properties: NewProperties,
        headers: ContentHeaders,
        metadata: Sequence[tuple[str, str]],
    ) -> None:
        """Make or replace a file.

        With ``body`` (at most 4 MiB, as long as ``size_bytes``) everything is written in one request, times and read-only
        attribute included. With ``None`` the file is made sparse and writable: put ranges, then ``set_file_properties``.
        A read-only file that stands in the way is made writable, with :func:`shared.core.conflicts.half_done` as its change time, and replaced. On an NFS share what stands there keeps its other names, which would
        get the new content: :meth:`make_way` first.
        """
        ...

    async def make_way(self, path: str) -> None:
        """On an NFS share: delete the symbolic link, or the name of a file with several, at ``path``; leave anything else."""
        ...

    async def create_symbolic_link(
        self, path: str, properties: NewProperties, metadata: Sequence[tuple[str, str]]
    ) -> None:
        """Make a symbolic link with the text in ``properties.posix``, in place of whatever file or link is there."""
        ...

    async def create_hard_link(self, path: str, target: str) -> None:
        """Give the file at ``target`` one more name, ``path``, in place of whatever file or link is there."""
        ...

    async def put_range(self, path: str, offset: int, data: bytes) -> None:
        """Write at most 4 MiB at ``offset``."""
        ...

    async def rename_file(self, path: str, target: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Move a file to another path of the share, in place of what file is there, a read-only one too.

        When it is there it has ``properties``, and the content headers that it was made with, which are ``headers``.
        """
        ...

    async def delete_file(self, path: str) -> None:
        """Delete a file or a symbolic link; one that is gone is fine.

        One that is read-only is made writable first, with :func:`shared.core.conflicts.half_done` as its change time.
        """
        ...

    async def delete_directory(self, path: str) -> None:
        """Delete an empty directory; one that is gone is fine. Raises ``Conflict`` for one that is not empty."""
        ...

    async def close_handles(self, path: str) -> int:
        """Close what SMB clients have open of a file; returns how many handles that were."""
        ...

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file, at a share snapshot or now."""
        ...

    async def set_file_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a file's user metadata."""
        ...

    async def set_file_properties(self, path: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Give a file its times, attributes, permission and content headers; of the latter those not given are cleared."""
        ...

    async def set_directory_properties(self, path: str, properties: NewProperties) -> None:
        """Give a directory its times, attributes and permission; the root's path is empty."""
        ...

    async def set_directory_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a directory's user metadata; the root's path is empty."""
        ...

    async def create_permission(self, sddl: str) -> str:
        """Key of ``sddl`` on this share."""
        ...


class ShareAdmin(Protocol):
    """Share-level operations."""

    async def snapshots(self) -> list[ShareSnapshot]:
        """All share snapshots of the share, ours or not, oldest first. Raises ``Denied`` when the credential may not list them."""
        ...

    async def take_snapshot(self, tag: str, *, is_new: bool = False) -> str:
        """Take a share snapshot tagged ``tag``, or return the one that already has that tag. Returns its id.

        ``is_new`` saves looking for it: the caller has just seen that there is none.
        """
        ...

    async def delete_snapshot(self, snapshot: str) -> None:
        """Delete a share snapshot; one that is already gone is fine."""
        ...

    async def properties(self) -> Mapping[str, str]:
        """Quota, tier, protocols, what is provisioned, and metadata of the share. Raises ``ShareGone``."""
        ...

    async def create(self, protocol: str = "SMB", tag: str = "", quota_gib: int = 0) -> None:
        """Make the share, for ``SMB`` or ``NFS``; one that is already there is fine, whatever its protocol.

        With a ``tag`` the share has it; one that is there and has not is ``Conflict``. ``quota_gib``: of a share that is made; 0: what
        the account gives.
        """
        ...

    async def delete(self, tag: str) -> None:
        """Delete the whole share, which has this ``tag``; one that is gone is fine, one that has not is ``Conflict``."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Vault


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it."""

    name: str
    size_bytes: int
    written_at: dt.datetime
    """Aware, by the service's clock."""
    etag: str
    """No two objects ever have the same, be they of one name."""


class Deletion(StrEnum):
    """What came of the wish to delete an object."""

    GONE = "gone"
    """It is not there any more, whoever did it."""
    CHANGED = "changed"
    """Another object has its name now, and stays."""
    REFUSED = "refused"
    """An immutability policy, a legal hold, a lease or somebody's snapshot of it keeps it; later it may go."""


class Vault(Protocol):
    """Immutable objects of one tenant by name.

    Every implementation promises: an object is visible whole or not at all; after ``put`` returns, any process sees it;
    ``put`` never replaces.
    """

    async def put(self, name: str, data: bytes | bytearray) -> bool:
        """Store ``data``; False if the name was taken (nothing was written)."""
        ...

    async def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Exactly ``length`` bytes at ``offset`` (None: to the end). Raises ``NotFound``; ``IntegrityError`` if shorter."""
        ...

    def names(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Names and sizes of the objects below ``prefix``, in order."""
        ...

    def listed(self, prefix: str) -> AsyncIterator[StoredObject]:
        """The objects below ``prefix``, in order of name, with all that a listing says of them."""
        ...

    async def delete(self, name: str, etag: str) -> Deletion:
        """Delete the object that has this ETag. Doing it twice, or much later than it was asked for, deletes no other one.

        Raises ``NoAccess`` where the identity may not delete at all.
        """
        ...

    async def kept_until(self, name: str) -> dt.datetime | None:
        """Until when an immutability policy of its own keeps an object; None if that is not known, or there is none."""
        ...

    def folders(self, prefix: str) -> AsyncIterator[str]:
        """What is between ``prefix`` and the next ``/`` in the names of objects, each once, in order."""
        ...

    async def prepare(self) -> None:
        """Make the tenant's container; one that is already there is fine."""
        ...

    async def try_write(self) -> None:
        """Find out whether objects can be written, and leave nothing that anybody could see."""
        ...


class Vaults(Protocol):
    """The vaults of all tenants."""

    def tenants(self) -> AsyncIterator[str]:
        """Ids of the tenants that have one. Raises ``NoAccess`` if the identity may not list them."""
        ...

    def of(self, tenant_id: str) -> Vault:
        """The vault of one tenant."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One thing that went wrong with one node, or one thing someone did."""

    at: dt.datetime
    kind: str
    """``unreadable``, ``not_listed``, ``not_restored``, ``stale`` ...: one word."""
    path: str
    node_id: int = 0
    reason: str = ""
    hint: str = ""
    """What to do about it."""
    details: Mapping[str, str] = field(default_factory=dict)


EVENT: Final = "event"
"""Kind of the lines about the run itself."""
OPENED: Final = 0
"""Batch number of the lines that tell of a run's opening: before all others."""
WARNED: Final = 99_999_998
"""Batch number of the lines about what is no node's and no step's, such as the share's other snapshots: after all batches."""
CLOSED: Final = 99_999_999
"""Batch number of the lines that tell how a run ended: after all others."""


def event(at: dt.datetime, what: str, reason: str = "", **details: str) -> JournalLine:
    """A line about the run itself: ``opened``, ``paused``, ``resumed``, ``cancel``, ``ended`` ..."""
    return JournalLine(at=at, kind=EVENT, path="", reason=reason or what, details={"event": what, **details})


class Journal(Protocol):
    """Append-only lines of one run, too many for the catalogue.

    Besides those of batches there are events of the run, each under a batch number of its own: so a step that is repeated
    tells once, and the order of numbers is the order of time.
    """

    async def write(self, run: RunKey, batch_no: int, lines: Sequence[JournalLine]) -> None:
        """Append ``lines``. Writing the same batch again replaces its lines, so that a repeated batch tells once."""
        ...

    async def page(
        self, run: RunKey, *, after: str = "", kind: str = "", limit: int = 1_000
    ) -> tuple[list[JournalLine], str]:
        """Up to ``limit`` lines after a cursor, in the order of :meth:`read`, and the cursor to go on from; "" if that was all.

        Reads nothing before the cursor, which is what an earlier call gave. ``kind``: only lines of this kind.
        Raises ``InvalidInput`` for a cursor that no call gave.
        """
        ...

    def read(self, run: RunKey) -> AsyncIterator[JournalLine]:
        """The lines of a run, oldest batch first."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Pace


class PaceBook(Protocol):
    """Where processes that work on the same Azure share agree how fast each may be. ``subject`` names the Azure share."""

    async def look(self, subject: str) -> bool:
        """Whether anything limits the share, by its settings or because it throttled somebody; changes nothing."""
        ...

    async def settle(self, subject: str, worker: str, report: Report) -> Part | None:
        """Report what ``worker`` did and get its next part (:func:`shared.core.pace.settle`); None when nothing limits the share.

        The times in the answer are of no clock but the book's. Doing it twice counts what was reported twice.
        """
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Catalogue


class Catalogue(Protocol):
    """The Postgres side of runs, in whole transactions: each method is one, applied or not at all."""

    # runs
    async def run(self, run_id: int) -> tuple[Run, Share]:
        """A run with its counters so far, and its share with the settings that the run began with. Raises ``NotFound``."""
        ...

    async def start_run(self, run_id: int) -> None:
        """QUEUED to RUNNING; nothing if it is RUNNING. Makes the share's partition and root row if missing.

        Raises ``Conflict`` when the run has ended.
        """
        ...

    async def set_snapshot(self, run_id: int, snapshot: str | None) -> None:
        """Remember which share snapshot the run reads from."""
        ...

    async def add_counters(self, run_id: int, counters: Counters) -> None:
        """Add what was done outside batches to a run's counters. Doing it twice counts twice."""
        ...

    async def finish_run(
        self, run_id: int, state: RunState, *, error: str = "", counters: Counters, point: RestorePoint | None = None
    ) -> None:
        """RUNNING to ``state``; nothing if it is already in that state.

        The counters of opening and closing are added, the restore point is recorded if there is one, and the run's frontier,
        missing, large-file and span rows are removed.
        """
        ...

    async def state_now(self, run_id: int) -> tuple[RunState, int]:
        """State and epoch of a run; cheap enough to ask every second. Raises ``NotFound``."""
        ...

    async def left(self, run_id: int) -> int:
        """Directories and spans not finished: waiting, claimed or pending."""
        ...

    # backup walk
    async def seed(self, run_id: int, share_id: int, found: Sequence[tuple[int, int]]) -> None:
        """Put ``(node_id, mtime)`` in the frontier if the run has never had any directory there."""
        ...

    async def claim(
        self, run_id: int, worker: str, *, limit: int, lease_s: float, only: int | None = None, part: int = 0
    ) -> Claim | None:
        """Claim up to ``limit`` directories with a fresh ``batch_no``; None when none can be claimed now.

        With ``part``, up to one ``part``-th of all there are if that is more.
        With ``only`` it is that directory or none: somebody else may hold it, or have finished it.

        Claims still held under the same ``worker`` name are given up first: whoever held them is a former delivery of the same
        activity. Expired leases can be claimed. The paths of all come from one query.

        Where there are none it is noted that a worker waits: see :meth:`take_want`.
        """
        ...

    async def claim_more(
        self, run_id: int, batch_no: int, known: Set[int], *, limit: int, part: int
    ) -> tuple[ClaimedDirectory, ...]:
        """Claim further directories for a batch, none if there are none; ``limit`` and ``part`` as for :meth:`claim`.

        ``known`` are all that the batch holds as far as we know. What it holds beyond, because an answer was lost, comes first. Where
        there are none, and other batches are open, it is noted that a worker will soon wait. Raises ``Fenced``.
        """
        ...

    async def take_want(self, run_id: int) -> bool:
        """Whether a worker waits for directories and there are none to claim. Who is told so is to hand some over.

        That is one of those who ask: the note is taken away, and there again when the worker next looks in vain.
        """
        ...

    async def renew(self, run_id: int, batch_no: int, lease_s: float) -> None:
        """Prolong the lease of a claim (directories, span or restore). Raises ``Fenced``."""
        ...

    async def give_back(self, run_id: int, batch_no: int) -> None:
        """Let go of a claim (directories, span or restore) without a result; others may claim at once what it held."""
        ...

    async def child_heads(self, share_id: int, parent_ids: Sequence[int]) -> dict[int, list[DirectoryHead]]:
        """Live child directories of each of ``parent_ids`` (every one of them is a key)."""
        ...

    async def page_heads(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, DirectoryPages]:
        """The pages of each of ``directory_ids`` (every one of them is a key), dissolved ones included.

        Memory: some 200 bytes per page, and the files of page 0.
        """
        ...

    async def whole_pages(self, share_id: int, page_ids: Sequence[int]) -> list[Page]:
        """These rows with their files, those that exist."""
        ...

    async def heads_by_file_id(self, share_id: int, file_ids: Sequence[int]) -> dict[int, DirectoryHead]:
        """Live directories with these FileIds, wherever they are."""
        ...

    async def allocate_directories(self, share_id: int, count: int) -> range:
        """``count`` fresh ``directory_no``. Raises ``Rejected`` when the share has used up 2**39 of them."""
        ...

    async def damaged_within(self, share_id: int, directory_ids: Sequence[int]) -> list[Damage]:
        """What verifies found damaged of these directories, and no backup has saved again."""
        ...

    async def reopen_damaged(self, share_id: int, after: int, limit: int) -> int | None:
        """Have up to ``limit`` damaged pages with a page_id above ``after``, and their directories, compared by whoever lists them next.

        Returns the last page_id, None when there are no more.
        """
        ...

    async def known_permissions(self, share_id: int) -> set[str]:
        """Permission keys whose SDDL is in the vault."""
        ...

    async def add_permission(self, share_id: int, key: str, checksum: int) -> None:
        """Remember that this one's SDDL is in the vault, and its XXH3-64; batches bring their own."""
        ...

    async def commit(self, batch: BatchCommit, *, lease_s: float = 0) -> Kept | None:
        """Apply a batch. Raises ``Fenced`` if its claim is no longer wholly ours; then nothing is applied.

        Returns the batch that has ``batch.kept``, for ``lease_s``; None if there are none, or when the answer to the first try was
        lost. In that case :meth:`claim` them.
        """
        ...

    # large files
    async def large_contents(self, run_id: int, directory_ids: Sequence[int]) -> list[LargeContent]:
        """Large files of these directories that are finished, read or not."""
        ...

    async def claim_span(self, run_id: int, worker: str, *, lease_s: float) -> SpanClaim | None:
        """Claim spans of one file that come to one span's worth of reading; same rules as :meth:`claim`."""
        ...

    async def commit_span(self, span: SpanClaim, result: SpanResult) -> None:
        """Record spans. When they were the last of their directory's large files, the directory returns to the frontier.

        An ``error`` ends the whole file: its other spans are dropped. Raises ``Fenced``.
        """
        ...

    # end of a backup
    async def take_missing(self, run_id: int, limit: int) -> int:
        """Delete up to ``limit`` directories found missing and not seen elsewhere.

        Rows become tombstones, and their children are queued. A directory that turned up elsewhere is left alone. Returns how
        many are still queued; call until 0.
        """
        ...

    async def count_missing(self, run_id: int, limit: int) -> int:
        """The same for a scan: add what is below them to the run's deleted directories and files, and change no row."""
        ...

    async def forget_missing(self, run_id: int) -> None:
        """Leave nothing queued."""
        ...

    async def set_report(self, run_id: int, report: Mapping[str, Any]) -> None:
        """Remember what a scan came to."""
        ...

    async def totals(self, share_id: int) -> tuple[int, int, int]:
        """Live directories, files and bytes of the share's tree."""
        ...

    async def claim_tombstones(self, run_id: int, limit: int, *, lease_s: float) -> Tombstones | None:
        """Up to ``limit`` tombstones that no segment notes, with a fresh batch number; None if there are none.

        Those of runs that made no restore point are among them. Asked again before they are committed, the same with another number.
        """
        ...

    async def commit_tombstones(self, run_id: int, noted: Tombstones, segment_bytes: int) -> None:
        """Record their segment. Raises ``Fenced`` if another closing has taken them."""
        ...

    async def origin(self, run_id: int, after_run_no: int) -> Origin:
        """What a commit record says of the catalogue; ``after_run_no`` is the restore point before, 0 if there is none."""
        ...

    async def committed_batches(self, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int]]:
        """``(run_no, batch_no)`` of segments committed by runs in ``(after, up_to]``, in order."""
        ...

    async def last_restore_point(self, share_id: int) -> RestorePoint | None:
        """The newest restore point of a share."""
        ...

    async def forget_undo(self, share_id: int, run_no: int) -> None:
        """Note that a restore cannot be undone any more: its share snapshot is gone."""
        ...

    async def forget_snapshot(self, share_id: int, run_no: int) -> None:
        """Note that the share snapshots of a restore point and of those before it are not there any more."""
        ...

    # restore
    async def restore_point(self, share_id: int, run_no: int) -> RestorePoint:
        """One restore point. Raises ``NotFound``."""
        ...

    async def page_manifests(self, share_id: int, directory_ids: Iterable[int]) -> dict[tuple[int, int], ManifestRef]:
        """Newest manifest of every page of these directories, deleted ones included, by ``(directory_id, page_no)``."""
        ...

    async def seed_restore(self, run_id: int, items: Sequence[RestoreItem], passed: Sequence[RestoreItem] = ()) -> None:
        """Put ``items`` in the frontier of a restore if it has never had any.

        ``passed`` are directories on the way to them, in which there is nothing to do but to finish them.
        """
        ...

    async def restore_above(self, run_id: int, node_ids: Sequence[int]) -> list[RestoreItem]:
        """These directories of a restore's frontier, finished ones too, and all above them."""
        ...

    async def restore_unfilled(self, run_id: int, after: int, limit: int) -> list[tuple[RestoreItem, bool]]:
        """Up to ``limit`` directories of which not everything is written, in order of node id, after ``after``.

        With each, whether a worker ever held it: then something may be written of it, and of what is below.
        """
        ...

    async def note_made(self, run_id: int, node_ids: Sequence[int]) -> None:
        """Note, before it does, that a restore makes these directories on the target."""
        ...

    async def made(self, run_id: int, node_ids: Sequence[int]) -> set[int]:
        """Those of ``node_ids`` that were noted."""
        ...

    async def take_deletes(self, run_id: int, count: int) -> bool:
        """Whether a restore may delete ``count`` more files and directories; then that many fewer are left to it."""
        ...

    async def deleted_runs(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, int]:
        """Of those of ``directory_ids`` that were deleted, the run that found them missing."""
        ...

    async def claim_restore(self, run_id: int, worker: str, *, limit: int, lease_s: float) -> RestoreClaim | None:
        """Claim directories to restore; when all are restored, directories to finish (deepest paths first)."""
        ...

    async def commit_restore(self, batch: RestoreCommit) -> None:
        """Apply a batch of a restore. Raises ``Fenced``."""
        ...

    async def claim_links(self, run_id: int, links: Sequence[RestoreLink]) -> set[int]:
        """Note names of files that have several; returns the node ids of those to be written as files.

        That is one name of each file, the first that any worker asks about, and the answer stays the same. The others are for
        :meth:`links_to_make`.
        """
        ...

    async def links_written(self, run_id: int, node_ids: Sequence[int]) -> None:
        """Note that names which were to be written are there."""
        ...

    async def links_to_make(self, run_id: int, directory_ids: Sequence[int]) -> list[LinkToMake]:
        """The names in these directories that are to be made links. All there are once every directory is filled."""
        ...

    # the past
    async def restore_point_numbers(self, share_id: int) -> list[int]:
        """Numbers of all restore points of a share, in order."""
        ...

    async def segments(self, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int, int]]:
        """``(run_no, batch_no, bytes)`` of segments committed by runs in ``(after, up_to]``, in order."""
        ...

    async def parents_above(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, int | None]:
        """Parents of these directories, tombstones included, and of all directories above them."""
        ...

    async def paths_of(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
        """Where directories are, or where they were last, from the root. Raises ``IntegrityError`` for one without a row."""
        ...

    async def directories_after(self, share_id: int, after: int, limit: int) -> list[int]:
        """Up to ``limit`` directories with higher node ids than ``after``, tombstones included, in order."""
        ...

    async def nodes_matching(
        self, share_id: int, pattern: str, *, after: int, limit: int, pages: int
    ) -> tuple[list[tuple[FoundNode, str]], int | None]:
        """Live nodes with names that match the regular expression, and their paths, among the next ``pages`` pages or a few more.

        Up to ``limit`` with higher node ids than ``after``, in their order, and what to go on ``after``; None if that was all.
        """
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Verify


class Verifies(Protocol):
    """The Postgres side of verifies, in whole transactions as :class:`Catalogue`'s."""

    async def verify_points(self, share_id: int) -> list[RestorePoint]:
        """All restore points of a share, oldest first."""
        ...

    async def seed_verify(self, run_id: int, items: Sequence[VerifyItem]) -> None:
        """Put ``items`` in the frontier of a verify if it has never had any."""
        ...

    async def seed_drill(
        self, run_id: int, items: Sequence[RestoreItem], passed: Sequence[RestoreItem], compare: Sequence[VerifyItem]
    ) -> None:
        """Put the restore of a drill in the frontier, and what is to be compared after it, if the run has never had any of it."""
        ...

    async def restore_left(self, run_id: int) -> int:
        """Directories that a drill has not finished restoring."""
        ...

    async def restored_seconds(self, run_id: int) -> float:
        """From the first batch of a drill's restore to the end of the last, pauses included; 0.0 if there was none."""
        ...

    async def drills_left(self, share_id: int, before_run_no: int, limit: int) -> list[Run]:
        """Some drills of a share that have ended and whose report does not say that their scratch share is gone; newest first."""
        ...

    async def claim_verify(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> VerifyClaim | None:
        """Claim a piece, in order of kind; of rows of the tree the next ``most_pages``. Else as :meth:`Catalogue.claim`."""
        ...

    async def commit_verify(self, batch: VerifyCommit) -> None:
        """Apply what a piece came to. ``counters.errors`` becomes the number of damaged objects that nobody had met. Raises ``Fenced``."""
        ...

    async def findings(self, run_id: int, after: str, limit: int) -> list[Finding]:
        """Up to ``limit`` findings of a run that has not ended, in order of object, those after one."""
        ...

    async def rows(self, share_id: int, low: int, high: int, limit: int) -> list[Page | tuple[int, str]]:
        """The first ``limit`` rows of the tree with ``low <= page_id < high``; of one that is unreadable, its page_id and why."""
        ...

    async def heads_of(self, share_id: int, page_ids: Sequence[int]) -> dict[int, PageHead]:
        """These rows without their files, those that exist and are readable, deleted ones included."""
        ...

    async def directory_paths(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
        """Where these directories are, or were when they were deleted; of one that hangs below nothing, its number."""
        ...

    async def stored(self, share_id: int, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], StoredBatch]:
        """What the batches ``(run_no, batch_no)`` wrote to the vault; those without a segment are left out."""
        ...

    async def stored_of_run(self, share_id: int, run_no: int) -> list[StoredBatch]:
        """The same of all batches of a run, in order."""
        ...

    async def runs_stored(self, share_id: int, up_to_run_no: int) -> list[int]:
        """Runs that wrote segments, in order."""
        ...

    async def permission_checksums(self, share_id: int) -> dict[str, int | None]:
        """XXH3-64 of the security descriptor of each key that is in the vault; None where nobody has noted it."""
        ...

    async def sampled_runs(self, share_id: int, before_run_no: int, parts: int, level: VerifyLevel) -> list[Run]:
        """Verifies of a level and a share that have read their part, of so many ``parts``, newest first; as many as there are parts."""
        ...


class Rebuilds(Protocol):
    """The Postgres side of rebuilds. What is staged may be staged again, or be older than what is there: that changes nothing."""

    async def queue(self, found: FoundShare, order: RebuildOrder, driver: Driver) -> Run:
        """Queue a rebuild of a share, which is made, with its tenant, if the catalogue does not have it.

        Raises ``Conflict`` when a run is active on its Azure share, when it has a catalogue that may not be replaced, or when its
        number is taken.
        """
        ...

    async def begin(self, run_id: int) -> None:
        """QUEUED to RUNNING with a place for what will be read; nothing if that is there.

        A catalogue that the share has is dropped if that was asked for. Raises ``Conflict`` if it was not.
        """
        ...

    async def add_items(self, run_id: int, share_id: int, items: Sequence[RebuildItem]) -> None:
        """Add work; what is there already is left as it is."""
        ...

    async def seed(self, run_id: int, share_id: int, *, run_no: int, directory_no: int) -> None:
        """Note that all work was added, and that lower numbers than these have been given out."""
        ...

    async def claim(self, run_id: int, worker: str, *, bytes_most: int, lease_s: float) -> RebuildClaim | None:
        """Claim work of the kind that is next: segments of up to so many bytes (at least one), or one item of another kind.

        None when there is none to claim now. Otherwise as :meth:`Catalogue.claim`.
        """
        ...

    async def superseded(self, share_id: int, page_ids: Sequence[int], run_no: int) -> set[int]:
        """Which of these pages have been read at a later run."""
        ...

    async def stage(self, claim: RebuildClaim, staged: Staged) -> None:
        """Keep what was read of claimed segments. Raises ``Fenced``."""
        ...

    async def lost(self, claim: RebuildClaim, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Note what is lost, by object: :class:`shared.model.rebuild.Loss` as JSON. Raises ``Fenced``."""
        ...

    async def lost_at_opening(self, share_id: int, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """The same of what no claim is about."""
        ...

    async def losses(self, share_id: int) -> list[dict[str, Any]]:
        """What is lost."""
        ...

    async def done(self, claim: RebuildClaim, counters: Counters, returned: Sequence[RebuildItem] = ()) -> None:
        """The items of a claim are finished, but those that are ``returned``, which others may claim. Raises ``Fenced``."""
        ...

    async def plan(self, claim: RebuildClaim) -> None:
        """Divide what was read into ranges, which are work; the claim is finished. Raises ``Fenced``."""
        ...

    async def directories(self, share_id: int, first: int) -> tuple[list[StagedDirectory], bool]:
        """What was read of the directories of the range that begins at page ``first``, and whether anything at all is lost."""
        ...

    async def add_rows(
        self, claim: RebuildClaim, rows: Sequence[Row], missing: Sequence[tuple[int, int]], counters: Counters
    ) -> None:
        """Write the rows of a range; the claim is finished. Raises ``Fenced``.

        :param missing: ``(node_id, parent_id)`` of directories that are gone although nothing notes it.
        """
        ...

    async def make_index(self, claim: RebuildClaim) -> None:
        """Make the claimed index; the claim is finished. Raises ``Fenced``."""
        ...

    async def attach(self, run_id: int, share_id: int) -> None:
        """Make what was written the share's tree; nothing if that was done."""
        ...

    async def take_missing(self, run_id: int, deleted_run: int, limit: int) -> int:
        """As :meth:`Catalogue.take_missing`, with tombstones of ``deleted_run``."""
        ...

    async def record(self, run_id: int, share_id: int, rebuilt: Rebuilt) -> None:
        """Record what there is beside the tree."""
        ...

    async def finish(self, run_id: int, state: RunState, *, error: str = "", counters: Counters, keep: bool) -> None:
        """RUNNING to ``state``, and drop what was kept while the run lasted; without ``keep`` the tree too.

        Nothing if it is already in that state.
        """
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Schedules


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule whose next occurrence is to be started."""

    schedule: Schedule
    settings: ShareSettings
    """Its share's."""
    is_gone: bool = False
    """Its share, or its tenant, is deleted, and may come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Why a run could not be queued."""

    reason: str
    """What is in its way, for people."""
    run: RunKey | None = None
    """That run, if it is of the same share."""
    is_same: bool = False
    """That run does what this one would."""
    line_no: int = 0
    """A batch number for a line in its journal, which nothing else has."""


class Dispatch(Protocol):
    """Due schedules, locked until the transaction ends in which all of this happens."""

    due: Sequence[Due]

    async def start_many(self, dues: Sequence[Due]) -> Mapping[int, Run]:
        """Queue as many runs as can be queued without looking at each, by schedule. What is not among them is for :meth:`start`."""
        ...

    async def start(self, due: Due) -> Run | Busy:
        """Queue the run of an occurrence. Changes nothing if it raises ``Rejected``: it cannot be queued as things are."""
        ...

    async def were_decided(self, occurrences: Sequence[tuple[int, dt.datetime]]) -> Set[int]:
        """The schedules of which it was noted before what became of these occurrences, ``(schedule_id, due_at)``."""
        ...

    async def decided(self, occurrences: Sequence[tuple[Occurrence, Times]]) -> None:
        """Note what became of occurrences, once, and which comes next."""
        ...

    async def pass_by(self, schedule_id: int, following: Times) -> None:
        """Note which comes next, and no more."""
        ...

    async def wait(self, schedule_id: int, until: dt.datetime, why: str) -> None:
        """Have the occurrence looked at again ``until``; ``why`` is for people."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed:
    """A scheduled run of a share that has windows."""

    run_id: int
    key: RunKey
    state: RunState
    is_admitted: bool
    held_until: dt.datetime | None
    settings: ShareSettings
    """Of its share as they are now."""


class Schedules(Protocol):
    """Schedules whose time has come, and runs that are bound to windows."""

    def dispatch(self, now: dt.datetime, limit: int) -> AbstractAsyncContextManager[Dispatch]:
        """Lock some due schedules that nobody else has locked. What is done with them is committed when the block ends well."""
        ...

    async def windowed(self) -> list[Windowed]:
        """Runs that windows hold, or may stop."""
        ...

    async def hold(self, run_id: int, until: dt.datetime | None) -> None:
        """Have a queued run wait until a window opens, if nobody has admitted it."""
        ...

    async def pause_for_window(self, run_id: int, until: dt.datetime) -> int | None:
        """Pause a run until its window opens; a batch number for the journal. None: it is paused, or ends, or is ended."""
        ...

    async def resume_in_window(self, run_id: int) -> int | None:
        """Have it go on; a batch number for the journal. None: it does already, or somebody paused or ended it."""
        ...

    async def admit(self, now: dt.datetime, driver: Driver, *, wait: bool) -> list[Run]:
        """Admit queued runs of a driver while there is room, the first first; see :mod:`shared.core.queueing`.

        ``wait``: for an admission that is under way; else leave it to that.
        """
        ...

    async def begin(self, name: str, now: dt.datetime, every: dt.timedelta) -> bool:
        """Whether something that one process does every so often is this one's to do now."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Alerts


class Judging(Protocol):
    """Runs that ended and are judged now; when the transaction ends in which all of this happens, they have been."""

    runs: Sequence[Run]
    """The first that ended first."""

    async def settings(self, share_id: int) -> ShareSettings:
        """A share's settings as they are now."""
        ...

    async def history(self, share_id: int, run_no: int) -> list[Numbers]:
        """What the backup run came to and those before it that made restore points, newest first.

        Left out is what was unusual, and what came after it as long as nobody has explained it: that shows what it left.
        """
        ...

    async def see(self, tenant_id: str, share_id: int, sighting: Sighting, now: dt.datetime) -> Alert:
        """Open an alert and have it told to whom it concerns, or note that it was seen again."""
        ...

    async def over(
        self, share_id: int, condition: Condition, about: str, now: dt.datetime, *, if_acknowledged: bool = False
    ) -> None:
        """Close the alert, if it is open, and have it told; ``if_acknowledged``: only if somebody has seen it."""
        ...

    async def late(self, now: dt.datetime, limit: int) -> list[Late]:
        """Some shares whose newest restore point is older than their objective, and of which that was not noted within the hour."""
        ...

    async def in_time(self, now: dt.datetime) -> list[int]:
        """Shares with an open alert about that, of which it is not so any more."""
        ...


class Alerts(Protocol):
    """What is to be judged, and what is to be told to whom."""

    def judging(self, limit: int) -> AbstractAsyncContextManager[Judging]:
        """Take some runs that have ended. What is done with them is committed, and they are judged, when the block ends well."""
        ...

    async def unpinned(self, limit: int) -> list[Alert]:
        """Some alerts about unusual changes whose clean restore point is yet to be pinned."""
        ...

    async def pinned(self, alert_id: int, sighting: Sighting) -> None:
        """It is, or is gone: write what the alert tells now, unless it tells of another restore point meanwhile."""
        ...

    async def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> list[Parcel]:
        """Take some deliveries that are due; unless it is said how they went, others take them from ``until`` on."""
        ...

    async def sent(self, delivery_ids: Sequence[int], now: dt.datetime) -> None:
        """They were made."""
        ...

    async def failed(self, tried: Sequence[Delivery], error: str, now: dt.datetime, *, for_good: bool) -> None:
        """They could not be made: they are tried again later, for a day, or given up at once."""
        ...

    async def tidy(self, now: dt.datetime, *, sent_for: dt.timedelta, rest_for: dt.timedelta) -> None:
        """Forget deliveries that ended longer ago than ``sent_for``, and alerts and occurrences than ``rest_for``."""
        ...


class WebhookSender(Protocol):
    """Posts to addresses that tenants have given, and that are not to be trusted."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post JSON. Returns when the receiver has taken it: answered with 2xx within some seconds.

        Raises ``Retryable`` if it has not, ``Rejected`` if it will not: the address may not be used, or is gone for good.
        """
        ...


class MailSender(Protocol):
    """Sends mail."""

    async def send(self, mail: Mail) -> None:
        """Hand a message over to a server.

        Raises ``Retryable`` if it could not be, ``Rejected`` if it never can: no server is set up, or it refuses all recipients.
        """
        ...


class Secrets(Protocol):
    """Secrets that webhooks are signed with."""

    def signing_secret(self, name: str) -> str:
        """By the name of the credential. Raises ``InvalidInput`` if there is none, or it is for something else."""


# ---------------------------------------------------------------------------------------------------------------------
# Telemetry

Attribute = str | int | float | bool


class Span(Protocol):
    """A stretch of work that is being told of."""

    def set(self, **attributes: Attribute) -> None:
        """Say more about it: ids and numbers, never a path or content."""
        ...

    def drop(self) -> None:
        """Forget it: it came to nothing."""
        ...


class Telemetry(Protocol):
    """Tells what is done, as spans, and how often, as metrics. Nothing of it fails or waits: what cannot be told is lost.

    Metrics are those of :mod:`shared.model.metric`; labels are given in the order that they have there.
    """

    def span(
        self, name: str, /, *, of: Run | None = None, caller: str | None = None, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """Tell of the block as one span, below the one that it is entered in.

        :param of: below this run instead, wherever and by whatever process the rest of it is done.
        :param caller: it is a request from outside, below the span that this ``traceparent`` header (W3C) names, if it is readable.
        """
        ...

    def run_started(self, run: Run) -> None:
        """Link the span that is under way with the run that it asked for."""
        ...

    def run_ended(self, run: Run) -> None:
        """Tell of a whole run. Once more for a run whose closing is repeated."""
        ...

    def count(self, metric: Metric, /, *labels: str) -> None:
        """Add one to a counter."""
        ...

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """Add a value to a histogram."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Access


class RequestBook(Protocol):
    """Where processes tell one another how many requests everybody has made."""

    async def settle(self, told: Sequence[Spent]) -> dict[str, float]:
        """Take from everybody's budget what they spent, and say what each of them has left, which may be less than nothing.

        Doing it twice takes twice.
        """
        ...

    async def forget(self, seconds: float) -> None:
        """Drop the budgets that nobody has taken from for that long."""
        ...


class Audit(Protocol):
    """What people and programs did through the API. Lines are added and never changed; nothing here deletes any."""

    async def write(self, entry: AuditEntry) -> None:
        """Add a line: one about what is intended, and one about what became of it. Writing the same line again changes nothing."""
        ...

    async def page(
        self,
        tenant_id: str | None,
        *,
        after: str = "",
        limit: int = 100,
        actor_id: str = "",
        action: str = "",
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> tuple[list[AuditEntry], str]:
        """Up to ``limit`` requests about a tenant, or about the platform, the newest first, and the cursor to go on from; "" at the end.

        One line for each request: what became of it, if that was written. May come back with fewer, or none, and a cursor, when it has
        looked at much and found little. ``since`` is included, ``until`` is not.

        :raises InvalidInput: ``after`` is not what an earlier call gave.
        """
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredPoint:
    """A restore point that is gone."""

    run_no: int
    taken_at: dt.datetime
    expired_at: dt.datetime
    by: str
    reason: str


class Retentions(Protocol):
    """The Postgres side of what is kept and what is let go, in whole transactions as :class:`Catalogue`'s."""

    async def retention(self, share_id: int) -> tuple[list[Dated], RetentionPolicy | None]:
        """All restore points of a share with what was said about them and what works with them; and its policy."""
        ...

    async def expire(self, run_id: int, share_id: int, decisions: Sequence[Decision], by: str) -> list[Decision]:
        """Let go of the restore points that are not to be kept; returns what came of them.

        In one transaction, in which pins, legal holds and who works with a restore point are looked at once more: they win. So does being the
        newest. One that is gone already is left out.
        """
        ...

    async def unmarked(self, share_id: int, limit: int) -> list[ExpiredPoint]:
        """Some restore points that are gone and of which the vault does not know it yet."""
        ...

    async def marked(self, share_id: int, run_nos: Sequence[int]) -> None:
        """Note that it does."""
        ...

    async def expired(self, share_id: int) -> list[ExpiredPoint]:
        """All restore points of a share that are gone, oldest first."""
        ...

    async def next_event(self, share_id: int, run_no: int) -> tuple[Said, int]:
        """What was said about a restore point, and the number of what is said next. Raises ``NotFound``."""
        ...

    async def keep(self, share_id: int, event: KeepEvent) -> Said:
        """Record what the vault has, and what follows from it. Once; again it changes nothing. Raises ``NotFound``: it is gone meanwhile."""
        ...


class Sweeps(Protocol):
    """The Postgres side of sweeps, in whole transactions as :class:`Catalogue`'s."""

    async def begin_sweep(self, run_id: int, opened_at: dt.datetime) -> SweepOrder | None:
        """QUEUED to RUNNING, and decide what the sweep holds on to, once; None if the share has no restore point.

        Raises ``Conflict`` while a catalogue is being rebuilt, or a backup older than the newest restore point is not finished.
        """
        ...

    async def is_backing_up(self, share_id: int, run_no: int) -> bool:
        """Whether a run is a backup that has not ended."""
        ...

    async def seed_sweep(self, run_id: int, items: Sequence[SweepItem]) -> None:
        """Put ``items`` in the frontier of a sweep if it has never had any."""
        ...

    async def claim_sweep(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> SweepClaim | None:
        """Claim a piece of the kind that is next, None while others hold all there is of it; of rows of the tree the last ``most_pages``.

        Else as :meth:`Catalogue.claim`.
        """
        ...

    async def commit_sweep(self, commit: SweepCommit) -> None:
        """Apply what a piece came to. Raises ``Fenced``."""
        ...

    async def tree_rows(self, share_id: int, low: int, high: int, limit: int) -> list[TreeRow]:
        """The first ``limit`` rows with ``low <= page_id < high``. Raises ``IntegrityError`` for one that is unreadable."""
        ...

    async def children_of(self, share_id: int, page_ids: Sequence[int]) -> list[tuple[int, int]]:
        """``(parent, child)`` of all rows that hang below these, tombstones included."""
        ...

    async def marks_written(self, run_id: int) -> list[tuple[int, int]]:
        """``(batch_no, bytes)`` of the marks that committed pieces of a sweep have written."""
        ...

    async def forget_segments(self, share_id: int, segments: Sequence[tuple[int, int]]) -> None:
        """Note that these segments, ``(run_no, batch_no)``, count no more: they are about to be deleted."""
        ...

    async def forget_bundles(self, share_id: int, bundles: Sequence[tuple[int, int, int]]) -> None:
        """The same of bundles, ``(run_no, batch_no, part)``."""
        ...

    async def condemned_count(self, share_id: int) -> int:
        """Chunks on the list of a share that are not deleted."""
        ...

    async def condemn(self, run_id: int, batch_no: int, share_id: int, chunks: Sequence[Condemned]) -> None:
        """Put chunks on the list; one that is there is left as it is. Raises ``Fenced``."""
        ...

    async def barrier(self, share_id: int) -> None:
        """Wait for all batches that are being committed. Those that commit from now on see what is on the list."""
        ...

    async def span_digests(
        self, share_id: int, after: tuple[int, int, int, int], limit: int
    ) -> list[tuple[tuple[int, int, int, int], bytes]]:
        """Chunks that runs in progress have read of large files, by key of their spans, in order."""
        ...

    async def rescue(self, share_id: int, digests: Sequence[bytes]) -> int:
        """Take chunks off the list that something refers to; how many were on it."""
        ...

    async def doom(self, run_id: int, batch_no: int, share_id: int, low: int, high: int, limit: int) -> list[Condemned]:
        """Some chunks whose first hexadecimal digit is in ``[low, high)`` that are to be deleted, and are from now on being deleted.

        Raises ``Fenced``.
        """
        ...

    async def being_deleted(self, share_id: int, digests: Sequence[bytes] | None = None) -> list[Condemned]:
        """Chunks that are being deleted: all, or those among ``digests``."""
        ...

    async def settle_chunks(self, share_id: int, gone: Sequence[bytes], spared: Sequence[bytes]) -> None:
        """Note what came of chunks that were being deleted: they are gone, or they stay and are off the list."""
        ...

    async def tidy_condemned(self, share_id: int) -> None:
        """Forget chunks that were deleted and that no batch at work can have seen before; take off the list what was not begun with."""
        ...
