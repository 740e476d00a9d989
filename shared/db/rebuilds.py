"""Rebuilds: the tree that is made of what was read of the vault.

What there is to do is in :mod:`shared.db.rebuild_items`, what was read in :mod:`shared.db.rebuild_staging`, and what is written of the
past in the end in :mod:`shared.db.rebuild_history`. The rows are made in a table without indexes beside what was read, range by range in
the order of keys, get their indexes when all are there, and become the share's partition at the end: nobody sees half a tree, and heap
and indexes are as compact as after a first backup.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, LiteralString

from shared.db import adoption, batches, frontier, pages, rebuild_history, rebuild_items, rebuild_staging, runs, shares
from shared.db.batches import BatchKind
from shared.db.catalogue import COMMITTING, PostgresCatalogue, delete_missed
from shared.db.pool import Connection
from shared.errors import Conflict
from shared.model.rebuild import (
    FoundShare,
    PurgingShare,
    RebuildClaim,
    RebuildItem,
    Rebuilt,
    Row,
    Staged,
    StagedDirectory,
    Task,
)
from shared.model.run import Counters, Driver, RebuildOrder, Run, RunKind, RunState

_IS_EMPTY: Final[LiteralString] = """
    SELECT NOT EXISTS (SELECT FROM restore_point WHERE share_id = %(share_id)s)
       AND NOT EXISTS (SELECT FROM batch WHERE share_id = %(share_id)s AND state = 1 AND segment_bytes > 0)
"""
_WIPE: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM restore_point WHERE share_id = %(share_id)s",
    "DELETE FROM expired_point WHERE share_id = %(share_id)s",
    "DELETE FROM condemned_chunk WHERE share_id = %(share_id)s",
    "DELETE FROM repack WHERE share_id = %(share_id)s",
    "DELETE FROM permission WHERE share_id = %(share_id)s",
    "DELETE FROM missing WHERE run_id IN (SELECT run_id FROM run WHERE share_id = %(share_id)s)",
    # Segments that the restore point does not reach must not be named by the next one.
    "DELETE FROM batch WHERE share_id = %(share_id)s AND run_id <> %(run_id)s",
)
_NUMBERS: Final[LiteralString] = """
    UPDATE share
       SET next_run_no = greatest(next_run_no, %(run_no)s), next_directory_no = greatest(next_directory_no, %(directory_no)s)
     WHERE share_id = %(share_id)s
"""


async def raise_numbers(conn: Connection, share_id: int, *, run_no: int, directory_no: int = 2) -> None:
    """Have the share give out no lower run and directory numbers than these."""
    await conn.execute(_NUMBERS, {"share_id": share_id, "run_no": run_no, "directory_no": directory_no})


class PostgresRebuilds:
    """Implements :class:`shared.ports.rebuilds.Rebuilds`."""

    def __init__(self, catalogue: PostgresCatalogue) -> None:
        self._repeated = catalogue.repeated

    async def begin(self, run_id: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            run = await runs.lock(conn, run_id)
            assert run.rebuild is not None
            if await rebuild_staging.is_of(conn, run.share_id, run_id):
                await runs.start(conn, run)  # it may have been paused
                return
            await _may_be_made(conn, run.share_id, run.rebuild)
            await runs.start(conn, run)
            await shares.lock(conn, run.share_id)
            await rebuild_staging.end(conn, run.share_id)
            await rebuild_items.forget(conn, run_id)
            await pages.drop_partition(conn, run.share_id)
            for statement in _WIPE:
                await conn.execute(statement, {"share_id": run.share_id, "run_id": run_id})
            await rebuild_staging.begin(conn, run.share_id, run_id)
            await pages.create_table(conn, run.share_id, rebuild_staging.schema_of(run.share_id))

        await self._repeated(work)

    async def add_items(self, run_id: int, share_id: int, items: Sequence[RebuildItem]) -> None:
        """See the port."""
        segments = [item for item in items if item.task is Task.SEGMENT]

        async def work(conn: Connection) -> None:
            await rebuild_items.add(conn, run_id, items)
            await rebuild_staging.add_segments(conn, share_id, segments)

        await self._repeated(work)

    async def seed(self, run_id: int, share_id: int, *, run_no: int, directory_no: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await raise_numbers(conn, share_id, run_no=run_no, directory_no=directory_no)
            await runs.first_seed(conn, run_id)

        await self._repeated(work)

    async def claim(self, run_id: int, worker: str, *, bytes_most: int, lease_s: float) -> RebuildClaim | None:
        """See the port."""

        async def work(conn: Connection) -> RebuildClaim | None:
            share_id, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            await rebuild_items.release(conn, run_id, await batches.give_up(conn, run_id, BatchKind.REBUILD, worker))
            items = await rebuild_items.pick(conn, run_id, bytes_most)
            if not items:
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.REBUILD, worker, lease_s)
            await rebuild_items.claim(conn, run_id, batch_no, items)
            return RebuildClaim(run_id=run_id, share_id=share_id, batch_no=batch_no, items=items)

        return await self._repeated(work)

    async def superseded(self, share_id: int, page_ids: Sequence[int], run_no: int) -> set[int]:
        """See the port."""
        return await self._repeated(lambda conn: rebuild_staging.superseded(conn, share_id, page_ids, run_no))

    async def stage(self, claim: RebuildClaim, staged: Staged) -> None:
        """See the port."""
        await self._commit(claim, lambda conn: rebuild_staging.stage(conn, claim.share_id, staged), counters=None)

    async def lost(self, claim: RebuildClaim, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """See the port."""
        await self._commit(claim, lambda conn: rebuild_staging.add_losses(conn, claim.share_id, losses), counters=None)

    async def lost_at_opening(self, share_id: int, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """See the port."""
        await self._repeated(lambda conn: rebuild_staging.add_losses(conn, share_id, losses))

    async def losses(self, share_id: int) -> list[dict[str, Any]]:
        """See the port."""
        return await self._repeated(lambda conn: rebuild_staging.losses(conn, share_id))

    async def done(self, claim: RebuildClaim, counters: Counters, returned: Sequence[RebuildItem] = ()) -> None:
        """See the port."""
        await self._commit(
            claim,
            lambda conn: rebuild_items.give_back(conn, claim.run_id, claim.batch_no, returned),
            counters=counters,
        )

    async def plan(self, claim: RebuildClaim) -> None:
        """See the port."""
        await self._commit(
            claim, lambda conn: rebuild_staging.plan(conn, claim.run_id, claim.share_id), counters=Counters()
        )

    async def directories(self, share_id: int, first: int) -> tuple[list[StagedDirectory], bool]:
        """See the port."""
        return await self._repeated(lambda conn: rebuild_staging.directories(conn, share_id, first))

    async def add_rows(
        self, claim: RebuildClaim, rows: Sequence[Row], missing: Sequence[tuple[int, int]], counters: Counters
    ) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await rebuild_staging.add_rows(conn, claim.share_id, rows)
            await frontier.miss(conn, claim.run_id, missing)

        await self._commit(claim, work, counters=counters)

    async def make_index(self, claim: RebuildClaim) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await conn.execute("SET LOCAL statement_timeout = 0")
            for item in claim.items:
                await pages.create_index(conn, claim.share_id, rebuild_staging.schema_of(claim.share_id), item.item_no)

        await self._commit(claim, work, counters=Counters())

    async def attach(self, run_id: int, share_id: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await _hold_to_close(conn, run_id)
            await shares.lock(conn, share_id)
            highest = await rebuild_staging.highest_directory(conn, share_id)
            if highest is not None:
                await raise_numbers(conn, share_id, run_no=1, directory_no=highest + 1)
                await pages.adopt_table(conn, share_id, rebuild_staging.schema_of(share_id))

        await self._repeated(work)

    async def take_missing(self, run_id: int, deleted_run: int, limit: int) -> int:
        """See the port."""

        async def work(conn: Connection) -> int:
            share_id = await _hold_to_close(conn, run_id)
            missed = await frontier.take_missing(conn, run_id, limit)
            if missed:
                await delete_missed(conn, run_id, share_id, deleted_run, missed)
            return await frontier.missing_left(conn, run_id)

        return await self._repeated(work)

    async def record(self, run_id: int, share_id: int, rebuilt: Rebuilt) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await _hold_to_close(conn, run_id)
            await raise_numbers(conn, share_id, run_no=1, directory_no=rebuilt.next_directory_no)
            if rebuilt.was_swept:
                await shares.demand(conn, share_id, batches.KNOWS)
            await rebuild_history.record(conn, share_id, rebuilt)

        await self._repeated(work)

    async def adopt_purging(self, found: PurgingShare) -> None:
        """See the port."""
        await self._repeated(lambda conn: adoption.adopt_purging(conn, found))

    async def queue(self, found: FoundShare, order: RebuildOrder, driver: Driver) -> Run:
        """See the port."""

        async def work(conn: Connection) -> Run:
            await adoption.adopt(conn, found)
            share = await shares.get(conn, found.share_id, found.tenant_id)
            await _may_be_made(conn, share.share_id, order)
            await raise_numbers(conn, share.share_id, run_no=found.next_run_no)
            return await runs.create(
                conn, share.tenant_id, share.share_id, RunKind.REBUILD, driver=driver, rebuild=order
            )

        return await self._repeated(work)

    async def finish(self, run_id: int, state: RunState, *, error: str = "", counters: Counters, keep: bool) -> None:
        """See the port. The lock on the run waits for batches being committed; later ones find it ended."""

        async def work(conn: Connection) -> None:
            run = await runs.lock(conn, run_id)
            if run.state is state:
                return
            await runs.finish(conn, run, state, error=error, counters=counters)
            await batches.end(conn, run_id)
            await rebuild_items.forget(conn, run_id)
            await frontier.forget_missing(conn, run_id)
            if not keep:
                await pages.drop_partition(conn, run.share_id)
            await rebuild_staging.end(conn, run.share_id)

        await self._repeated(work)

    async def _commit(
        self, claim: RebuildClaim, change: Callable[[Connection], Awaitable[object]], *, counters: Counters | None
    ) -> None:
        """Make a change that is fenced by the claim; with ``counters`` the claim ends with it."""

        async def work(conn: Connection) -> None:
            _, _, state = await runs.hold(conn, claim.run_id)
            if not await batches.lock_open(conn, claim.run_id, claim.batch_no):
                return
            held = await rebuild_items.claimed(conn, claim.run_id, claim.batch_no)
            if state not in COMMITTING or held != {(item.task.value, item.item_no) for item in claim.items}:
                raise batches.fenced(claim.run_id, claim.batch_no)
            await change(conn)
            if counters is not None:
                await rebuild_items.done(conn, claim.run_id, claim.batch_no)
                await batches.close(conn, claim.run_id, claim.batch_no, counters)

        await self._repeated(work)


async def _may_be_made(conn: Connection, share_id: int, order: RebuildOrder) -> None:
    """Raise ``Conflict`` if the catalogue has something of the share that a rebuild would take away, and nobody said that it may."""
    row = await (await conn.execute(_IS_EMPTY, {"share_id": share_id})).fetchone()
    if not order.replace and not (row and row[0]):
        raise Conflict(
            f"share {share_id} has a catalogue; hint: say that it may be replaced if it is worth less than the vault",
            "catalogue_not_empty",
        )


async def _hold_to_close(conn: Connection, run_id: int) -> int:
    share_id, run_no, state = await runs.hold(conn, run_id)
    if state is not RunState.RUNNING:
        raise Conflict(f"run {run_no} of share {share_id} is {state}: it cannot be closed")
    return share_id
