"""What use cases need from the world, in our nouns, with the promises every implementation keeps.

All are ``async``. All raise :mod:`shared.errors` and nothing else: ``Retryable`` after the implementation's own retries have
run out, ``Rejected`` at once. Wrappers (metered, fault-injecting) implement the same protocols.
"""

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from shared.model.manifest import ContentHeaders, ManifestRef
from shared.model.page import DirectoryHead, DirectoryPages
from shared.model.run import Counters, RestorePoint, Run, RunKey, RunState
from shared.model.share import Share, ShareSnapshot
from shared.model.work import (
    BatchCommit,
    Claim,
    LargeContent,
    RestoreClaim,
    RestoreCommit,
    RestoreItem,
    SpanClaim,
    SpanResult,
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

    async def permission(self, key: str) -> str:
        """The SDDL behind a permission key, asked of the live share (a share snapshot cannot answer)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProperties:
    """SMB properties to give a node. Times in ticks."""

    created: int
    written: int
    changed: int
    attributes: int
    permission_key: str = ""
    """Key on the target share; empty: inherit."""


class ShareWriter(Protocol):
    """Writes one live share. Every call may be repeated: the second has the same effect as the first."""

    async def create_directory(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Make a directory, or find it there; its metadata is ``metadata`` either way. The parent must exist."""
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
        A read-only file that stands in the way is replaced.
        """
        ...

    async def put_range(self, path: str, offset: int, data: bytes) -> None:
        """Write at most 4 MiB at ``offset``."""
        ...

    async def set_file_properties(self, path: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Give a file its times, attributes, permission and content headers."""
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
        """Quota, tier, protocols, what is provisioned, and metadata of the share. Raises ``NotFound``."""
        ...

    async def create(self) -> None:
        """Make the share; one that is already there is fine."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Vault


class Vault(Protocol):
    """Immutable objects of one tenant by name.

    Every implementation promises: an object is visible whole or not at all; after ``put`` returns, any process sees it;
    ``put`` never replaces.
    """

    async def put(self, name: str, data: bytes) -> bool:
        """Store ``data``; False if the name was taken (nothing was written)."""
        ...

    async def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Exactly ``length`` bytes at ``offset`` (None: to the end). Raises ``NotFound``; ``IntegrityError`` if shorter."""
        ...

    def names(self, prefix: str) -> AsyncIterator[tuple[str, int]]:
        """Names and sizes of the objects below ``prefix``, in order."""
        ...

    async def prepare(self) -> None:
        """Make the tenant's container; one that is already there is fine."""
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


class Journal(Protocol):
    """Append-only lines of one run, too many for the catalogue."""

    async def write(self, run: RunKey, batch_no: int, lines: Sequence[JournalLine]) -> None:
        """Append ``lines``. Writing the same batch again replaces its lines, so that a repeated batch tells once."""
        ...

    def read(self, run: RunKey) -> AsyncIterator[JournalLine]:
        """The lines of a run, oldest batch first."""
        ...


# ---------------------------------------------------------------------------------------------------------------------
# Catalogue


class Catalogue(Protocol):
    """The Postgres side of runs, in whole transactions: each method is one, applied or not at all."""

    # runs
    async def run(self, run_id: int) -> tuple[Run, Share]:
        """A run with its counters so far, and its share. Raises ``NotFound``."""
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

    async def left(self, run_id: int) -> int:
        """Directories and spans not finished: waiting, claimed or pending."""
        ...

    # backup walk
    async def seed(self, run_id: int, share_id: int, found: Sequence[tuple[int, int]]) -> None:
        """Put ``(node_id, mtime)`` in the frontier if the run has never had any directory there."""
        ...

    async def claim(
        self, run_id: int, worker: str, *, limit: int, lease_s: float, only: int | None = None
    ) -> Claim | None:
        """Claim up to ``limit`` directories with a fresh ``batch_no``; None when none can be claimed now.

        With ``only`` it is that directory or none: somebody else may hold it, or have finished it.

        Claims still held under the same ``worker`` name are given up first: whoever held them is a former delivery of the same
        activity. Expired leases can be claimed. The paths of all come from one query.
        """
        ...

    async def renew(self, run_id: int, batch_no: int, lease_s: float) -> None:
        """Prolong the lease of a claim (directories, span or restore). Raises ``Fenced``."""
        ...

    async def child_heads(self, share_id: int, parent_ids: Sequence[int]) -> dict[int, list[DirectoryHead]]:
        """Live child directories of each of ``parent_ids`` (every one of them is a key)."""
        ...

    async def page_heads(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, DirectoryPages]:
        """The pages of each of ``directory_ids`` (every one of them is a key), dissolved ones included.

        Memory: some 200 bytes per page, and the files of page 0.
        """
        ...

    async def heads_by_file_id(self, share_id: int, file_ids: Sequence[int]) -> dict[int, DirectoryHead]:
        """Live directories with these FileIds, wherever they are."""
        ...

    async def allocate_directories(self, share_id: int, count: int) -> range:
        """``count`` fresh ``directory_no``. Raises ``Rejected`` when the share has used up 2**39 of them."""
        ...

    async def known_permissions(self, share_id: int) -> set[str]:
        """Permission keys whose SDDL is in the vault."""
        ...

    async def commit(self, batch: BatchCommit, *, lease_s: float = 0) -> int | None:
        """Apply a batch. Raises ``Fenced`` if its claim is no longer wholly ours; then nothing is applied.

        Returns the number of the batch that has ``batch.kept``, for ``lease_s``; None if there are none, or when the answer to the
        first try was lost. In that case :meth:`claim` them.
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

    async def totals(self, share_id: int) -> tuple[int, int, int]:
        """Live directories, files and bytes of the share's tree."""
        ...

    async def committed_batches(self, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int]]:
        """``(run_no, batch_no)`` of segments committed by runs in ``(after, up_to]``, in order."""
        ...

    async def last_restore_point(self, share_id: int) -> RestorePoint | None:
        """The newest restore point of a share."""
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

    async def seed_restore(self, run_id: int, items: Sequence[RestoreItem]) -> None:
        """Put ``items`` in the frontier of a restore if it has never had any."""
        ...

    async def claim_restore(self, run_id: int, worker: str, *, limit: int, lease_s: float) -> RestoreClaim | None:
        """Claim directories to restore; when all are restored, directories to finish (deepest paths first)."""
        ...

    async def commit_restore(self, batch: RestoreCommit) -> None:
        """Apply a batch of a restore. Raises ``Fenced``."""
        ...
