"""The verify's side of the catalogue on Postgres; transactions and order of locks are those of :mod:`shared.db.catalogue`."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db import (
    batches,
    damaged,
    pages,
    permissions,
    restore_frontier,
    restore_points,
    runs,
    verify_findings,
    verify_items,
)
from shared.db.batches import BatchKind
from shared.db.catalogue import COMMITTING, PostgresCatalogue
from shared.db.pages import partition_sql
from shared.db.pool import Connection
from shared.db.restore_frontier import RestoreState
from shared.errors import IntegrityError
from shared.formats import packed
from shared.model.node import SLOT_MAX
from shared.model.page import Page, PageHead
from shared.model.run import RestorePoint, Run, RunState
from shared.model.verify import Finding, StoredBatch, VerifyClaim, VerifyCommit, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.model.work import RestoreItem

_ROWS: Final[LiteralString] = """
    SELECT page_id, parent_id, file_id, name, names, packed
      FROM {page} WHERE page_id >= %b AND page_id < %b ORDER BY page_id LIMIT %b
"""
_HEADS: Final[LiteralString] = """
    SELECT page.page_id, page.name, page.head
      FROM unnest(%b::int8[]) AS wanted (id)
     CROSS JOIN LATERAL (
               SELECT page_id, name, substring(packed FOR 72) AS head FROM {page} WHERE page_id = wanted.id OFFSET 0
           ) AS page
"""
# One look into batch_segments per key.
_STORED: Final[LiteralString] = """
    SELECT batch.run_no, batch.batch_no, batch.segment_bytes, batch.bundle_bytes, batch.segment_swept
      FROM unnest(%(run_nos)s::int[], %(batch_nos)s::int[]) AS wanted (run_no, batch_no)
     CROSS JOIN LATERAL (
               SELECT run_no, batch_no, segment_bytes, bundle_bytes, segment_swept
                 FROM batch
                WHERE share_id = %(share_id)s AND run_no = wanted.run_no AND batch_no = wanted.batch_no
                  AND segment_bytes > 0
               OFFSET 0
           ) AS batch
"""
_STORED_OF_RUN: Final[LiteralString] = """
    SELECT run_no, batch_no, segment_bytes, bundle_bytes, segment_swept
      FROM batch WHERE share_id = %s AND run_no = %s AND segment_bytes > 0 ORDER BY batch_no
"""
_RUNS_STORED: Final[LiteralString] = """
    SELECT DISTINCT run_no FROM batch WHERE share_id = %s AND run_no <= %s AND segment_bytes > 0 ORDER BY run_no
"""
_SECONDS: Final[LiteralString] = """
    SELECT coalesce(extract(epoch FROM max(committed_at) - min(claimed_at)), 0) FROM batch WHERE run_id = %s AND kind = %s
"""
_EVERYTHING: Final = 1 << 30


class PostgresVerifies(PostgresCatalogue):
    """Implements :class:`shared.ports.verifies.Verifies`."""

    async def verify_points(self, share_id: int) -> list[RestorePoint]:
        """See the port."""

        async def work(conn: Connection) -> list[RestorePoint]:
            return (await restore_points.of_share(conn, share_id, limit=_EVERYTHING))[::-1]

        return await self._once(work)

    async def seed_verify(self, run_id: int, items: Sequence[VerifyItem]) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            if await runs.first_seed(conn, run_id):
                await verify_items.add(conn, run_id, items)

        await self._once(work)

    async def seed_drill(
        self, run_id: int, items: Sequence[RestoreItem], passed: Sequence[RestoreItem], compare: Sequence[VerifyItem]
    ) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            if await runs.first_seed(conn, run_id):
                await restore_frontier.add(conn, run_id, items, RestoreState.PENDING)
                await restore_frontier.add(conn, run_id, passed, RestoreState.FILLED)
                await verify_items.add(conn, run_id, compare)

        await self._once(work)

    async def restore_left(self, run_id: int) -> int:
        """See the port."""
        return await self._once(lambda conn: restore_frontier.left(conn, run_id))

    async def restored_seconds(self, run_id: int) -> float:
        """See the port."""

        async def work(conn: Connection) -> float:
            row = await (await conn.execute(_SECONDS, [run_id, BatchKind.RESTORE.value])).fetchone()
            return float(row[0]) if row is not None else 0.0

        return await self._once(work)

    async def drills_left(self, share_id: int, before_run_no: int, limit: int) -> list[Run]:
        """See the port."""
        return await self._once(lambda conn: runs.drills_left(conn, share_id, before_run_no, limit))

    async def claim_verify(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> VerifyClaim | None:
        """See the port."""

        async def work(conn: Connection) -> VerifyClaim | None:
            share_id, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            given_up = await batches.give_up(conn, run_id, BatchKind.VERIFY, worker)
            await verify_items.release(conn, run_id, given_up)
            if not await verify_items.pending(conn, run_id):
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.VERIFY, worker, lease_s)
            item = await verify_items.claim(conn, run_id, batch_no, share_id, most_pages)
            if item is None:
                await batches.give_back(conn, run_id, batch_no)
                return None
            return VerifyClaim(run_id=run_id, batch_no=batch_no, item=item)

        return await self._once(work)

    async def commit_verify(self, batch: VerifyCommit) -> None:
        """See the port. A batch that was committed before is left as it is."""

        async def work(conn: Connection) -> None:
            _, _, state = await runs.hold(conn, batch.run_id)
            if not await batches.lock_open(conn, batch.run_id, batch.batch_no):
                return
            if state not in COMMITTING or not await verify_items.done(conn, batch.run_id, batch.batch_no):
                raise batches.fenced(batch.run_id, batch.batch_no)
            await verify_items.add(conn, batch.run_id, batch.following)
            batch.counters.errors = await verify_findings.add(conn, batch.run_id, batch.findings)
            await damaged.mark(conn, batch.share_id, batch.damaged)
            await permissions.set_checksums(conn, batch.share_id, batch.checksums)
            await batches.close(conn, batch.run_id, batch.batch_no, batch.counters)

        await self._once(work)

    async def findings(self, run_id: int, after: str, limit: int) -> list[Finding]:
        """See the port."""
        return await self._once(lambda conn: verify_findings.page(conn, run_id, after, limit))

    async def rows(self, share_id: int, low: int, high: int, limit: int) -> list[Page | tuple[int, str]]:
        """See the port."""

        async def work(conn: Connection) -> list[Page | tuple[int, str]]:
            found = await (await conn.execute(partition_sql(_ROWS, share_id), [low, high, limit])).fetchall()
            return [_page_or_reason(row) for row in found]

        return await self._once(work)

    async def heads_of(self, share_id: int, page_ids: Sequence[int]) -> dict[int, PageHead]:
        """See the port."""

        async def work(conn: Connection) -> dict[int, PageHead]:
            found = await (await conn.execute(partition_sql(_HEADS, share_id), [list(page_ids)])).fetchall()
            heads: dict[int, PageHead] = {}
            for page_id, name, data in found:
                try:
                    head = packed.unpack_head(data)
                except IntegrityError:
                    continue  # who looks at that row itself tells
                heads[page_id] = PageHead(
                    page_id & SLOT_MAX, name, head.page_fingerprint, head.manifest, head.deleted_run
                )
            return heads

        return await self._once(work)

    async def directory_paths(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
        """See the port."""

        async def work(conn: Connection) -> dict[int, str]:
            try:
                found = await pages.with_paths(conn, share_id, directory_ids)
                return {node_id: path for node_id, (_, path) in found.items()}
            except IntegrityError:
                paths: dict[int, str] = {}
                for node_id in directory_ids:
                    try:
                        paths[node_id] = (await pages.with_paths(conn, share_id, [node_id]))[node_id][1]
                    except IntegrityError:
                        paths[node_id] = f"(directory {node_id})"
                return paths

        return await self._once(work)

    async def stored(self, share_id: int, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], StoredBatch]:
        """See the port."""
        args = {"share_id": share_id, "run_nos": [run_no for run_no, _ in keys], "batch_nos": [no for _, no in keys]}

        async def work(conn: Connection) -> dict[tuple[int, int], StoredBatch]:
            rows = await (await conn.execute(_STORED, args)).fetchall()
            return {(row[0], row[1]): StoredBatch(row[0], row[1], row[2], tuple(row[3]), row[4]) for row in rows}

        return await self._once(work)

    async def stored_of_run(self, share_id: int, run_no: int) -> list[StoredBatch]:
        """See the port."""

        async def work(conn: Connection) -> list[StoredBatch]:
            rows = await (await conn.execute(_STORED_OF_RUN, [share_id, run_no])).fetchall()
            return [StoredBatch(row[0], row[1], row[2], tuple(row[3]), row[4]) for row in rows]

        return await self._once(work)

    async def runs_stored(self, share_id: int, up_to_run_no: int) -> list[int]:
        """See the port."""

        async def work(conn: Connection) -> list[int]:
            return [row[0] for row in await (await conn.execute(_RUNS_STORED, [share_id, up_to_run_no])).fetchall()]

        return await self._once(work)

    async def sampled_runs(self, share_id: int, before_run_no: int, parts: int, level: VerifyLevel) -> list[Run]:
        """See the port."""
        return await self._once(lambda conn: runs.sampled(conn, share_id, before_run_no, parts, level))

    async def permission_checksums(self, share_id: int) -> dict[str, int | None]:
        """See the port."""
        return await self._once(lambda conn: permissions.checksums(conn, share_id))


def _page_or_reason(row: tuple[int, int | None, int | None, str, str, bytes]) -> Page | tuple[int, str]:
    page_id, parent_id, file_id, name, names, data = row
    try:
        unsigned = None if file_id is None else pages.unsigned(file_id)
        return packed.unpack(page_id, parent_id, unsigned, name, names, data)
    except (IntegrityError, ValueError, LookupError) as error:
        return page_id, str(error)
