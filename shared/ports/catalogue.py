"""The catalogue, as backups, scans and restores need it."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Protocol

from shared.model.found import FoundNode, SearchPlace
from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryHead, DirectoryPages, Page, PageHead
from shared.model.point import Origin
from shared.model.repack import Noted, Repacked
from shared.model.run import Counters, RestorePoint, Run, RunState
from shared.model.share import Share
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

    async def some_heads(self, share_id: int, directory_id: int, page_nos: Sequence[int]) -> dict[int, PageHead]:
        """These pages of a directory, those that it has: of one with a million files, some of 16,000."""
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

    async def noted_within(self, share_id: int, directory_ids: Sequence[int]) -> Noted:
        """What verifies and sweeps have noted about these directories, and no backup has seen to."""
        ...

    async def reopen_damaged(self, share_id: int, after: int, limit: int) -> int | None:
        """Have up to ``limit`` damaged pages with a page_id above ``after``, and their directories, compared by whoever lists them next.

        Returns the last page_id, None when there are no more.
        """
        ...

    async def reopen_repacks(self, share_id: int, after: int, limit: int) -> int | None:
        """The same with pages that have files in bundles that are worth leaving."""
        ...

    async def repacked(self, share_id: int, after: int, run_no: int) -> Repacked:
        """What runs after ``after`` and up to this one have done of what the last sweep has noted to be repacked."""
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
        self, share_id: int, pattern: str, *, after: SearchPlace, limit: int, pages: int
    ) -> tuple[list[tuple[FoundNode, str]], SearchPlace | None]:
        """Live nodes with names that match, and their paths, among the next pages of which ``pages`` at most are unpacked.

        ``pattern`` is a regular expression for whole names, no part of which matches a slash. Up to ``limit`` nodes in the order of node
        ids, and where to go on; None if that was all there are.
        """
        ...
