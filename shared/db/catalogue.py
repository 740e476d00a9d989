"""The catalogue port on Postgres: which queries make one transaction, and in which order they lock.

Order of locks, the same in every method so that none waits for another crosswise: run (key share; the methods that begin or
end a run lock it for good), batch, large files, frontier, pages. What is still met crosswise, Postgres ends and we repeat.

A transaction whose COMMIT got no answer may or may not have happened. It is repeated, and each method is such that the
second time changes nothing: claims give up what the same worker holds, a batch remembers that it was committed, a run that
it was seeded or has ended. ``allocate_directories`` leaves a gap in the numbers, which nobody minds.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, LiteralString, TypeVar

from shared.db import (
    batches,
    condemned,
    damaged,
    frontier,
    large_files,
    origins,
    pages,
    past,
    permissions,
    rebuild_items,
    repacks,
    restore_frontier,
    restore_links,
    restore_points,
    rollups,
    runs,
    shares,
    sweep_items,
    tombstones,
    verify_findings,
    verify_items,
)
from shared.db.batches import BatchKind
from shared.db.pool import Connection, Connections
from shared.db.restore_frontier import RestoreState
from shared.db.translate import translation
from shared.errors import Conflict, Retryable
from shared.model.found import FoundNode, SearchPlace
from shared.model.manifest import ManifestRef
from shared.model.node import ROOT_ID
from shared.model.page import DirectoryHead, DirectoryPages, Page, PageHead
from shared.model.point import Origin
from shared.model.repack import Noted, Repacked
from shared.model.run import ACTIVE, Counters, RestorePoint, Run, RunKind, RunState
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

T = TypeVar("T")

COMMITTING: Final = (RunState.QUEUED, RunState.RUNNING, RunState.PAUSED)
"""What was claimed before a run was paused is committed, also when it is already queued to go on: nothing that was read is lost."""

TRIES: Final = 5
"""Four pauses of up to 0.2, 0.4, 0.8 and 1.6 s: a failover takes longer, which is the activity's to retry."""
FIRST_PAUSE_S: Final = 0.2

# Mostly nothing is noted, and then this is all that is asked.
_ANY_NOTED: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM damaged WHERE share_id = %(share_id)s),
           EXISTS (SELECT FROM repack WHERE share_id = %(share_id)s AND done_run IS NULL)
"""

CLOSER: Final = "closing"
"""The worker of batches that a closing opens for itself: a run has one closing at a time."""

DELETED_PAGES: Final = 1_000
"""Pages made tombstones in one transaction: tens of milliseconds of locks, tens of megabytes of memory."""


class PostgresCatalogue:
    """Implements :class:`shared.ports.catalogue.Catalogue` over an open pool."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    # runs

    async def run(self, run_id: int) -> tuple[Run, Share]:
        """See the port."""

        async def work(conn: Connection) -> tuple[Run, Share]:
            run = await runs.get(conn, run_id)
            share = await shares.get(conn, run.share_id)
            return run, share if run.settings is None else replace(share, settings=run.settings)

        return await self._once(work)

    async def start_run(self, run_id: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            run = await runs.lock(conn, run_id)
            await runs.start(conn, run)
            if run.kind in (RunKind.REBUILD, RunKind.PURGE):
                return  # one makes the tree (shared/db/rebuilds.py), the other is there to drop it
            await shares.lock(conn, run.share_id)
            await pages.create_partition(conn, run.share_id)
            if run.kind in (RunKind.BACKUP, RunKind.SCAN):
                await rollups.ensure(conn, run.share_id, starting=run_id)
            if run.kind is RunKind.BACKUP:
                await _take_over(conn, run.share_id, run_id)

        await self._once(work)

    async def set_snapshot(self, run_id: int, snapshot: str | None) -> None:
        """See the port."""
        await self._once(lambda conn: runs.set_snapshot(conn, run_id, snapshot))

    async def add_counters(self, run_id: int, counters: Counters) -> None:
        """See the port."""
        await self._once(lambda conn: runs.add_counters(conn, run_id, counters))

    async def finish_run(
        self, run_id: int, state: RunState, *, error: str = "", counters: Counters, point: RestorePoint | None = None
    ) -> None:
        """See the port. The lock on the run waits for batches being committed; later ones find it ended."""

        async def work(conn: Connection) -> None:
            run = await runs.lock(conn, run_id)
            if run.state is state:
                return
            await runs.finish(conn, run, state, error=error, counters=counters)
            if point is not None:
                await restore_points.forget_snapshot(conn, run.share_id, point.run_no)  # replaced by this one's, if any
                await restore_points.add(conn, run.share_id, point)
            await batches.end(conn, run_id)
            await rollups.fold(conn, run.share_id, run.run_no)
            for table in (
                frontier,
                large_files,
                restore_frontier,
                restore_links,
                verify_items,
                verify_findings,
                rebuild_items,
                sweep_items,
            ):
                await table.forget(conn, run_id)

        await self._once(work)

    async def abandon_run(self, run_id: int, error: str) -> None:
        """Fail a run that cannot be closed in order; what it left behind at its share stays there. Nothing if it has ended."""
        run, _ = await self.run(run_id)
        if run.state not in ACTIVE:
            return
        if run.state is RunState.CANCELLING:
            await self.finish_run(run_id, RunState.CANCELLED, error=error, counters=Counters())
            return
        await self.start_run(run_id)
        await self.finish_run(run_id, RunState.FAILED, error=error, counters=Counters())

    async def state_now(self, run_id: int) -> tuple[RunState, int]:
        """See the port."""
        return await self._once(lambda conn: runs.state_now(conn, run_id))

    async def claim_control(self, run_id: int, worker: str, *, lease_s: float) -> int | None:
        """Claim the right to open or close a run; the number of the batch that says so, None while somebody else has it.

        It is renewed and given back like any other. Not in the port: of a run that Durable drives, nobody else opens or closes it.
        """

        async def work(conn: Connection) -> int | None:
            if await runs.lock_state(conn, run_id) not in (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING):
                return None
            await batches.give_up(conn, run_id, BatchKind.CONTROL, worker)
            if await batches.held(conn, run_id, [BatchKind.CONTROL]):
                return None
            return await batches.open_one(conn, run_id, BatchKind.CONTROL, worker, lease_s)

        return await self._once(work)

    async def give_back(self, run_id: int, batch_no: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await runs.hold(conn, run_id)
            kind = await batches.give_back(conn, run_id, batch_no)
            if kind is BatchKind.DIRECTORIES:
                await frontier.release(conn, run_id, [batch_no])
            elif kind is BatchKind.SPAN:
                await large_files.release(conn, run_id, [batch_no])
            elif kind is BatchKind.RESTORE:
                await restore_frontier.release(conn, run_id, [batch_no])
            elif kind is BatchKind.VERIFY:
                await verify_items.release(conn, run_id, [batch_no])
            elif kind is BatchKind.REBUILD:
                await rebuild_items.release(conn, run_id, [batch_no])
            elif kind is BatchKind.SWEEP:
                await sweep_items.release(conn, run_id, [batch_no])

        await self._once(work)

    async def left(self, run_id: int) -> int:
        """See the port."""
        return await self._once(lambda conn: runs.left(conn, run_id))

    # backup walk

    async def seed(self, run_id: int, share_id: int, found: Sequence[tuple[int, int]]) -> None:  # noqa: ARG002
        """See the port."""

        async def work(conn: Connection) -> None:
            if await runs.first_seed(conn, run_id):
                await frontier.add(conn, run_id, found)

        await self._once(work)

    async def claim(
        self, run_id: int, worker: str, *, limit: int, lease_s: float, only: int | None = None, part: int = 0
    ) -> Claim | None:
        """See the port."""

        async def work(conn: Connection) -> Claim | None:
            share_id, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            given_up = await batches.give_up(conn, run_id, BatchKind.DIRECTORIES, worker)
            await frontier.release(conn, run_id, given_up)
            most = max(limit, await frontier.pending(conn, run_id) // part) if part else limit
            picked = await frontier.pick(conn, run_id, most, only)
            if not picked:
                if only is None:
                    await runs.want(conn, run_id)
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.DIRECTORIES, worker, lease_s)
            await frontier.claim(conn, run_id, batch_no, picked)
            directories = await _claimed(conn, share_id, picked)
            return Claim(run_id=run_id, batch_no=batch_no, directories=directories)

        return await self._once(work)

    async def claim_more(
        self, run_id: int, batch_no: int, known: Set[int], *, limit: int, part: int
    ) -> tuple[ClaimedDirectory, ...]:
        """See the port."""

        async def work(conn: Connection) -> tuple[ClaimedDirectory, ...]:
            share_id, _, state = await runs.hold(conn, run_id)
            if not await batches.lock_open(conn, run_id, batch_no):
                raise batches.fenced(run_id, batch_no)
            held = await frontier.claimed(conn, run_id, batch_no)
            picked = {node_id: mtime for node_id, mtime in held.items() if node_id not in known}
            if not picked and state is RunState.RUNNING:
                picked = await frontier.pick(conn, run_id, max(limit, await frontier.pending(conn, run_id) // part))
                await frontier.claim(conn, run_id, batch_no, picked)
                if not picked and await batches.others(conn, run_id, BatchKind.DIRECTORIES, batch_no):
                    await runs.want(conn, run_id)
            return await _claimed(conn, share_id, picked)

        return await self._once(work)

    async def take_want(self, run_id: int) -> bool:
        """See the port."""
        return await self._once(lambda conn: runs.take_want(conn, run_id))

    async def renew(self, run_id: int, batch_no: int, lease_s: float) -> None:
        """See the port."""
        await self._once(lambda conn: batches.renew(conn, run_id, batch_no, lease_s))

    async def child_heads(self, share_id: int, parent_ids: Sequence[int]) -> dict[int, list[DirectoryHead]]:
        """See the port."""
        return await self._once(lambda conn: pages.children(conn, share_id, parent_ids))

    async def page_heads(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, DirectoryPages]:
        """See the port."""
        return await self._once(lambda conn: pages.heads_of_pages(conn, share_id, directory_ids))

    async def some_heads(self, share_id: int, directory_id: int, page_nos: Sequence[int]) -> dict[int, PageHead]:
        """See the port."""
        return await self._once(lambda conn: pages.heads_of_some(conn, share_id, directory_id, page_nos))

    async def pages(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, list[Page]]:
        """All rows of each directory, whole, in order of page number: for tools that look at the tree. Not in the port."""
        return await self._once(lambda conn: pages.of_directories(conn, share_id, directory_ids))

    async def whole_pages(self, share_id: int, page_ids: Sequence[int]) -> list[Page]:
        """See the port."""
        return await self._once(lambda conn: pages.of_pages(conn, share_id, page_ids))

    async def heads_by_file_id(self, share_id: int, file_ids: Sequence[int]) -> dict[int, DirectoryHead]:
        """See the port."""
        return await self._once(lambda conn: pages.by_file_id(conn, share_id, file_ids))

    async def allocate_directories(self, share_id: int, count: int) -> range:
        """See the port."""
        return await self._once(lambda conn: shares.allocate_directories(conn, share_id, count))

    async def noted_within(self, share_id: int, directory_ids: Sequence[int]) -> Noted:
        """See the port."""

        async def work(conn: Connection) -> Noted:
            row = await (await conn.execute(_ANY_NOTED, {"share_id": share_id})).fetchone()
            any_damaged, any_repacks = row if row is not None else (False, False)
            return Noted(
                await damaged.within(conn, share_id, directory_ids) if any_damaged else [],
                await repacks.within(conn, share_id, directory_ids) if any_repacks else [],
            )

        return await self._once(work)

    async def reopen_damaged(self, share_id: int, after: int, limit: int) -> int | None:
        """See the port."""
        return await self._once(lambda conn: damaged.reopen(conn, share_id, after, limit))

    async def reopen_repacks(self, share_id: int, after: int, limit: int) -> int | None:
        """See the port."""
        return await self._once(lambda conn: repacks.reopen(conn, share_id, after, limit))

    async def repacked(self, share_id: int, after: int, run_no: int) -> Repacked:
        """See the port."""
        return await self._once(lambda conn: repacks.outcome(conn, share_id, after, run_no))

    async def known_permissions(self, share_id: int) -> set[str]:
        """See the port."""
        return await self._once(lambda conn: permissions.known(conn, share_id))

    async def add_permission(self, share_id: int, key: str, checksum: int) -> None:
        """See the port."""
        await self._once(lambda conn: permissions.add(conn, share_id, [key], {key: checksum}))

    async def commit(self, batch: BatchCommit, *, lease_s: float = 0) -> Kept | None:
        """See the port. A batch that was committed before is left as it is."""

        async def work(conn: Connection) -> Kept | None:
            _, _, state = await runs.hold(conn, batch.run_id)
            if not await batches.lock_open(conn, batch.run_id, batch.batch_no):
                return None
            held = set(await frontier.claimed(conn, batch.run_id, batch.batch_no))
            waiting, found = set(batch.waiting), {found.node_id for found in batch.found}
            kept = set(batch.kept) - (found - held)
            if state not in COMMITTING or held != {*batch.done, *batch.returned, *kept, *(waiting & held)}:
                raise batches.fenced(batch.run_id, batch.batch_no)
            await condemned.check(conn, batch.share_id, batch.run_id, batch.batch_no, batch.chunks)
            await large_files.add(conn, batch.run_id, batch.large)
            unfinished = await large_files.lock_unfinished(conn, batch.run_id, batch.waiting)
            await frontier.done(conn, batch.run_id, batch.done)
            await frontier.give_back(conn, batch.run_id, batch.returned)
            await frontier.add(conn, batch.run_id, [(f.node_id, f.mtime) for f in batch.found])
            seen = await rollups.watch(conn, batch.share_id, batch.pages, batch.placed)
            await pages.upsert(conn, batch.share_id, batch.pages)
            await pages.place(conn, batch.share_id, batch.placed)
            if batch.reopened:
                await pages.lock(conn, batch.share_id, batch.reopened)
                heads = await pages.heads(conn, batch.share_id, batch.reopened)
                await _reopen(conn, batch.share_id, heads.values())
            await rollups.book(conn, seen, batch.run_no, batch.batch_no, batch.pages)
            if waiting:
                await frontier.put_aside(conn, batch.run_id, await _mtimes(conn, batch), unfinished)
            await frontier.miss(conn, batch.run_id, batch.missing)
            await permissions.add(conn, batch.share_id, batch.permissions, batch.checksums)
            await damaged.mended(conn, batch.share_id, batch.mended)
            await repacks.done(conn, batch.share_id, batch.run_no, batch.repacked)
            await batches.close(
                conn,
                batch.run_id,
                batch.batch_no,
                batch.counters,
                segment_bytes=batch.segment_bytes,
                bundles=batch.bundles,
            )
            if not batch.kept:
                return None
            next_no = await batches.open_after(conn, batch.run_id, batch.batch_no, lease_s)
            return Kept(next_no, await frontier.keep(conn, batch.run_id, batch.batch_no, next_no, batch.kept))

        return await self._once(work)

    # large files

    async def large_contents(self, run_id: int, directory_ids: Sequence[int]) -> list[LargeContent]:
        """See the port."""
        return await self._once(lambda conn: large_files.finished(conn, run_id, directory_ids))

    async def claim_span(self, run_id: int, worker: str, *, lease_s: float) -> SpanClaim | None:
        """See the port."""

        async def work(conn: Connection) -> SpanClaim | None:
            share_id, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            given_up = await batches.give_up(conn, run_id, BatchKind.SPAN, worker)
            await large_files.release(conn, run_id, given_up)
            picked = await large_files.pick(conn, run_id)
            if picked is None:
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.SPAN, worker, lease_s)
            await large_files.claim(conn, run_id, batch_no, picked)
            directory_id, file_id = picked.key
            _, path = (await pages.with_paths(conn, share_id, [directory_id]))[directory_id]
            return SpanClaim(
                run_id=run_id,
                batch_no=batch_no,
                directory_id=directory_id,
                file_id=pages.unsigned(file_id),
                path=f"{path}/{picked.name}" if path else picked.name,
                file_size_bytes=picked.size_bytes,
                span_bytes=picked.span_bytes,
                spans=picked.spans,
            )

        return await self._once(work)

    async def commit_span(self, span: SpanClaim, result: SpanResult) -> None:
        """See the port. Spans that were committed before are left as they are."""

        async def work(conn: Connection) -> None:
            share_id, _, state = await runs.hold(conn, span.run_id)
            if not await batches.lock_open(conn, span.run_id, span.batch_no):
                return
            key = large_files.FileKey(span.directory_id, pages.signed(span.file_id))
            await large_files.lock_unfinished(conn, span.run_id, [span.directory_id])
            span_nos = [span_no for span_no, _ in span.spans]
            if state not in COMMITTING or not await large_files.holds(conn, span.run_id, span.batch_no, key, span_nos):
                raise batches.fenced(span.run_id, span.batch_no)
            await condemned.check(conn, share_id, span.run_id, span.batch_no, result.chunks)
            if result.error:
                await large_files.fail(conn, span.run_id, key, result.error)
            else:
                await large_files.finish_spans(conn, span.run_id, span.batch_no, key, result.read)
            if not await large_files.lock_unfinished(conn, span.run_id, [span.directory_id]):
                await frontier.resume(conn, span.run_id, span.directory_id)
            await batches.close(conn, span.run_id, span.batch_no, result.counters)

        await self._once(work)

    # end of a backup

    async def take_missing(self, run_id: int, limit: int) -> int:
        """See the port. What was deleted is added to the run's counters."""

        async def work(conn: Connection) -> int:
            share_id, run_no = await _hold_to_close(conn, run_id)
            missed = await frontier.take_missing(conn, run_id, limit)
            if missed:
                counters = await delete_missed(conn, run_id, share_id, run_no, missed)
                await runs.add_counters(conn, run_id, counters)
            return await frontier.missing_left(conn, run_id)

        return await self._once(work)

    async def count_missing(self, run_id: int, limit: int) -> int:
        """See the port."""

        async def work(conn: Connection) -> int:
            share_id, _ = await _hold_to_close(conn, run_id)
            missed = await frontier.take_missing(conn, run_id, limit)
            counters = Counters()
            for node_id, head in (await pages.heads(conn, share_id, list(missed))).items():
                if head.parent_id == missed[node_id]:
                    below = await rollups.subtree(conn, share_id, node_id, is_top=head.parent_id == ROOT_ID)
                    counters.deleted_directories += below.directories
                    counters.deleted_files += below.files
            await runs.add_counters(conn, run_id, counters)
            return await frontier.missing_left(conn, run_id)

        return await self._once(work)

    async def forget_missing(self, run_id: int) -> None:
        """See the port."""
        await self._once(lambda conn: frontier.forget_missing(conn, run_id))

    async def set_report(self, run_id: int, report: Mapping[str, Any]) -> None:
        """See the port."""
        await self._once(lambda conn: runs.set_report(conn, run_id, report))

    async def totals(self, share_id: int) -> tuple[int, int, int]:
        """See the port."""
        return await self._once(lambda conn: rollups.totals(conn, share_id))

    async def claim_tombstones(self, run_id: int, limit: int, *, lease_s: float) -> Tombstones | None:
        """See the port."""

        async def work(conn: Connection) -> Tombstones | None:
            share_id, _ = await _hold_to_close(conn, run_id)
            page_ids = await tombstones.some(conn, share_id, limit)
            if not page_ids:
                return None
            await batches.give_up(conn, run_id, BatchKind.TOMBSTONES, CLOSER)
            batch_no = await batches.open_one(conn, run_id, BatchKind.TOMBSTONES, CLOSER, lease_s)
            rows = await pages.of_pages(conn, share_id, page_ids)
            # One that a later run found again has a row of its own in some segment.
            return Tombstones(batch_no, tuple(page_ids), tuple(row for row in rows if row.deleted_run is not None))

        return await self._once(work)

    async def commit_tombstones(self, run_id: int, noted: Tombstones, segment_bytes: int) -> None:
        """See the port. A batch that was committed before is left as it is."""

        async def work(conn: Connection) -> None:
            share_id, _ = await _hold_to_close(conn, run_id)
            if await batches.lock_open(conn, run_id, noted.batch_no):
                await tombstones.remove(conn, share_id, noted.page_ids)
                await batches.close(conn, run_id, noted.batch_no, Counters(), segment_bytes=segment_bytes)

        await self._once(work)

    async def origin(self, run_id: int, after_run_no: int) -> Origin:
        """See the port."""
        return await self._once(lambda conn: origins.of_run(conn, run_id, after_run_no))

    async def committed_batches(self, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int]]:
        """See the port."""
        return await self._once(lambda conn: batches.committed_segments(conn, share_id, after_run_no, up_to_run_no))

    async def last_restore_point(self, share_id: int) -> RestorePoint | None:
        """See the port."""
        return await self._once(lambda conn: restore_points.last(conn, share_id))

    async def forget_undo(self, share_id: int, run_no: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            run = await runs.by_number(conn, share_id, run_no)
            await runs.set_snapshot(conn, run.run_id, None)

        await self._once(work)

    async def forget_snapshot(self, share_id: int, run_no: int) -> None:
        """See the port."""
        await self._once(lambda conn: restore_points.forget_snapshot(conn, share_id, run_no))

    # restore

    async def restore_point(self, share_id: int, run_no: int) -> RestorePoint:
        """See the port."""
        return await self._once(lambda conn: restore_points.get(conn, share_id, run_no))

    async def page_manifests(self, share_id: int, directory_ids: Iterable[int]) -> dict[tuple[int, int], ManifestRef]:
        """See the port."""
        wanted = list(directory_ids)  # a retry needs them again
        return await self._once(lambda conn: pages.manifests(conn, share_id, wanted))

    async def seed_restore(self, run_id: int, items: Sequence[RestoreItem], passed: Sequence[RestoreItem] = ()) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            if await runs.first_seed(conn, run_id):
                await restore_frontier.add(conn, run_id, items, RestoreState.PENDING)
                await restore_frontier.add(conn, run_id, passed, RestoreState.FILLED)

        await self._once(work)

    async def restore_above(self, run_id: int, node_ids: Sequence[int]) -> list[RestoreItem]:
        """See the port."""
        return await self._once(lambda conn: restore_frontier.above(conn, run_id, node_ids))

    async def restore_unfilled(self, run_id: int, after: int, limit: int) -> list[tuple[RestoreItem, bool]]:
        """See the port."""
        return await self._once(lambda conn: restore_frontier.unfilled(conn, run_id, after, limit))

    async def note_made(self, run_id: int, node_ids: Sequence[int]) -> None:
        """See the port."""
        await self._once(lambda conn: restore_frontier.note_made(conn, run_id, node_ids))

    async def made(self, run_id: int, node_ids: Sequence[int]) -> set[int]:
        """See the port."""
        return await self._once(lambda conn: restore_frontier.made(conn, run_id, node_ids))

    async def take_deletes(self, run_id: int, count: int) -> bool:
        """See the port."""
        return await self._once(lambda conn: runs.take_deletes(conn, run_id, count))

    async def deleted_runs(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, int]:
        """See the port."""
        return await self._once(lambda conn: pages.deleted_runs(conn, share_id, directory_ids))

    async def claim_restore(self, run_id: int, worker: str, *, limit: int, lease_s: float) -> RestoreClaim | None:
        """See the port."""

        async def work(conn: Connection) -> RestoreClaim | None:
            _, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            given_up = await batches.give_up(conn, run_id, BatchKind.RESTORE, worker)
            await restore_frontier.release(conn, run_id, given_up)
            items = await restore_frontier.pick(conn, run_id, limit)
            finishing = not items
            if finishing:
                items = await restore_frontier.pick_filled(conn, run_id, limit)
            if not items:
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.RESTORE, worker, lease_s)
            await restore_frontier.claim(conn, run_id, batch_no, items)
            return RestoreClaim(run_id=run_id, batch_no=batch_no, items=tuple(items), finishing=finishing)

        return await self._once(work)

    async def commit_restore(self, batch: RestoreCommit) -> None:
        """See the port. A batch that was committed before is left as it is."""

        async def work(conn: Connection) -> None:
            _, _, state = await runs.hold(conn, batch.run_id)
            if not await batches.lock_open(conn, batch.run_id, batch.batch_no):
                return
            held = await restore_frontier.claimed(conn, batch.run_id, batch.batch_no)
            if state not in COMMITTING or held != {*batch.done, *batch.returned}:
                raise batches.fenced(batch.run_id, batch.batch_no)
            await restore_frontier.done(conn, batch.run_id, batch.done)
            await restore_frontier.give_back(conn, batch.run_id, batch.returned)
            await restore_frontier.advance(conn, batch.run_id, batch.advanced)
            await restore_frontier.add(conn, batch.run_id, batch.filled, RestoreState.FILLED)
            await restore_frontier.add(conn, batch.run_id, batch.found, RestoreState.PENDING)
            await batches.close(conn, batch.run_id, batch.batch_no, batch.counters)

        await self._once(work)

    async def claim_links(self, run_id: int, links: Sequence[RestoreLink]) -> set[int]:
        """See the port."""
        return await self._once(lambda conn: restore_links.claim(conn, run_id, links))

    async def links_written(self, run_id: int, node_ids: Sequence[int]) -> None:
        """See the port."""
        await self._once(lambda conn: restore_links.written(conn, run_id, node_ids))

    async def links_to_make(self, run_id: int, directory_ids: Sequence[int]) -> list[LinkToMake]:
        """See the port."""
        return await self._once(lambda conn: restore_links.within(conn, run_id, directory_ids))

    # the past

    async def restore_point_numbers(self, share_id: int) -> list[int]:
        """See the port."""
        return await self._once(lambda conn: past.points(conn, share_id))

    async def segments(self, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int, int]]:
        """See the port."""
        return await self._once(lambda conn: past.segments(conn, share_id, after_run_no, up_to_run_no))

    async def parents_above(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, int | None]:
        """See the port."""
        return await self._once(lambda conn: pages.parents_above(conn, share_id, directory_ids))

    async def paths_of(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
        """See the port."""
        return await self._once(lambda conn: past.paths_of(conn, share_id, directory_ids))

    async def directories_after(self, share_id: int, after: int, limit: int) -> list[int]:
        """See the port."""
        return await self._once(lambda conn: past.directories(conn, share_id, after, limit))

    async def nodes_matching(
        self, share_id: int, pattern: str, *, after: SearchPlace, limit: int, pages: int
    ) -> tuple[list[tuple[FoundNode, str]], SearchPlace | None]:
        """See the port."""
        return await self._once(
            lambda conn: past.matching(conn, share_id, pattern, after=after, limit=limit, pages=pages)
        )

    # transactions

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction for the query functions of this package, with our errors; not repeated."""
        with translation():
            async with self._pool.connection() as conn:
                yield conn

    async def repeated(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """One transaction of our own making, under the rules of all others here: see the module."""
        return await self._once(work)

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do ``work`` in one transaction; the whole of it again when it failed for a reason that passes."""
        for attempt in range(1, TRIES):
            try:
                async with self.transaction() as conn:
                    return await work(conn)
            except Retryable:
                # Up to, not exactly: workers that failed together should not come back together.
                pause_s = FIRST_PAUSE_S * 2 ** (attempt - 1) * random.random()  # noqa: S311 - not a secret
                await asyncio.sleep(pause_s)
        async with self.transaction() as conn:
            return await work(conn)


async def _hold_to_close(conn: Connection, run_id: int) -> tuple[int, int]:
    """``(share_id, run_no)`` of a run that stays RUNNING until the transaction ends. Raises ``Conflict`` if it is not."""
    share_id, run_no, state = await runs.hold(conn, run_id)
    if state is not RunState.RUNNING:
        raise Conflict(f"run {run_no} of share {share_id} is {state}: it cannot be closed")
    return share_id, run_no


async def _claimed(conn: Connection, share_id: int, picked: Mapping[int, int]) -> tuple[ClaimedDirectory, ...]:
    """What was picked, with heads and paths."""
    found = await pages.with_paths(conn, share_id, list(picked)) if picked else {}
    return tuple(
        ClaimedDirectory(head=found[node_id][0], path=found[node_id][1], mtime=mtime)
        for node_id, mtime in picked.items()
    )


async def _mtimes(conn: Connection, batch: BatchCommit) -> dict[int, int]:
    """What the frontier needs of directories that wait: as found in this batch, else as their row says.

    Of a claimed one the frontier has it already and keeps it.
    """
    found = {f.node_id: f.mtime for f in batch.found}
    heads = await pages.heads(conn, batch.share_id, [node_id for node_id in batch.waiting if node_id not in found])
    known = found | {node_id: head.mtime for node_id, head in heads.items()}
    return {node_id: known.get(node_id, 0) for node_id in sorted(batch.waiting)}


async def _take_over(conn: Connection, share_id: int, run_id: int) -> None:
    """See to what failed runs of the share found missing and did not delete: no listing that is known by its fingerprint tells.

    Below a directory that was deleted, nothing is listed again, so that goes on being missed. A directory that is still
    there is looked at again: what it lacked may have come back.
    """
    missed = await frontier.take_left_missing(conn, share_id)
    parents = sorted(set(missed.values()))
    live = set[int]()
    for start in range(0, len(parents), DELETED_PAGES):
        some = parents[start : start + DELETED_PAGES]
        heads = await pages.heads(conn, share_id, some)
        live |= heads.keys()
        await _reopen(conn, share_id, heads.values())
    await frontier.miss(conn, run_id, [(node_id, parent) for node_id, parent in missed.items() if parent not in live])


async def _reopen(conn: Connection, share_id: int, heads: Iterable[DirectoryHead]) -> None:
    """Take the fingerprints off directories, so that whoever lists them next compares."""
    closed = [head.node_id for head in heads if head.fingerprint is not None]
    rows = await pages.of_pages(conn, share_id, closed) if closed else []
    await pages.upsert(conn, share_id, [replace(page, fingerprint=None) for page in rows])


async def delete_missed(conn: Connection, run_id: int, share_id: int, run_no: int, missed: dict[int, int]) -> Counters:
    """Make tombstones of those that are still where they were missed, and queue their children; what that came to.

    What remains of a page is its place in the tree and its manifest, by which older restore points find it. A directory with
    more pages than one transaction takes goes from its end, is queued again, and goes with its first page, which is itself.
    """
    heads = await pages.heads(conn, share_id, list(missed))
    doomed = [node_id for node_id, head in heads.items() if head.parent_id == missed[node_id]]
    found = await pages.live_backwards(conn, share_id, doomed, DELETED_PAGES)
    gone = [page.directory_id for page in found if page.page_no == 0]
    # Not to be skipped as unchanged by a run that finds it again, should this one never finish.
    await _reopen(conn, share_id, [heads[node_id] for node_id in {page.directory_id for page in found} - set(gone)])
    dead = [replace(page, fingerprint=None, page_fingerprint=None, deleted_run=run_no, files=()) for page in found]
    seen = await rollups.watch(conn, share_id, dead, before=found)
    await pages.upsert(conn, share_id, dead)
    await tombstones.add(conn, share_id, [page.directory_id | page.page_no for page in dead])
    change = await rollups.book(conn, seen, run_no, rollups.CLOSING, dead, deleted=gone)
    await frontier.miss(conn, run_id, [(node_id, missed[node_id]) for node_id in set(doomed) - set(gone)])
    await frontier.miss_below(conn, run_id, share_id, gone)
    return Counters(deleted_directories=len(gone), deleted_files=change.deleted_files)
