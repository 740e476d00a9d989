"""The sides of prunes and sweeps of the catalogue on Postgres; transactions and order of locks are those of :mod:`shared.db.catalogue`."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.core.outlook import held_for
from shared.db import batches, condemned, pages, policies, repacks, restore_points, retention, runs, shares, sweep_items
from shared.db.batches import BatchKind
from shared.db.catalogue import COMMITTING, PostgresCatalogue
from shared.db.pages import partition_sql
from shared.db.pool import Connection
from shared.errors import Conflict
from shared.formats import packed
from shared.model.repack import Repack
from shared.model.retention import Dated, Decision, KeepEvent, RetentionPolicy, Said
from shared.model.run import ACTIVE, RunKind, RunState
from shared.model.sweep import Condemned, SweepClaim, SweepCommit, SweepItem, SweepOrder, TreeRow
from shared.ports.retention import ExpiredPoint, UntoldPolicy

SpanKey = tuple[int, int, int, int]

_ACTIVE: Final[LiteralString] = """
    SELECT kind, run_no, state FROM run
     WHERE share_id = %s AND run_id <> %s AND kind IN ('backup', 'rebuild')
       AND state IN ('queued', 'running', 'paused', 'cancelling')
"""
_SET_ORDER: Final[LiteralString] = "UPDATE run SET retention_order = %s WHERE run_id = %s"
_ROOTS: Final[LiteralString] = """
    SELECT run_no FROM restore_point WHERE share_id = %(share_id)s
     UNION
    SELECT run_no FROM expired_point WHERE share_id = %(share_id)s AND expired_at > %(until)s
  ORDER BY run_no
"""
# Of a tombstone the whole row, which is short; else the header.
_ROWS: Final[LiteralString] = """
    SELECT page_id,
           CASE WHEN get_byte(substring(packed FOR 4), 1) & 8 = 8 THEN packed ELSE substring(packed FOR 72) END
      FROM {page} WHERE page_id >= %b AND page_id < %b ORDER BY page_id LIMIT %b
"""
# Not one that a backup has taken for other names meanwhile, nor one that the vault does not know to be gone.
_DROP: Final[LiteralString] = """
    DELETE FROM {page} AS page
     USING unnest(%b::int8[], %b::bytea[]) AS row (page_id, packed)
     WHERE page.page_id = row.page_id AND page.packed = row.packed
       AND NOT EXISTS (SELECT FROM tombstone WHERE share_id = {share_id} AND page_id = row.page_id)
 RETURNING page.page_id
"""
# As shared/db/pages.py: the index is on groups of parents.
_CHILDREN: Final[LiteralString] = """
    SELECT child.parent_id, child.page_id
      FROM unnest(%b::int8[]) AS parent (id)
     CROSS JOIN LATERAL (
               SELECT parent_id, page_id FROM {page}
                WHERE parent_id >> 28 = parent.id >> 28 AND parent_id = parent.id
               OFFSET 0
           ) AS child
"""
_MARKS: Final[LiteralString] = """
    SELECT batch_no, bundle_bytes[1] FROM batch
     WHERE run_id = %s AND kind = %s AND state = 1 AND cardinality(bundle_bytes) = 1
  ORDER BY batch_no
"""
_FORGET_SEGMENTS: Final[LiteralString] = """
    UPDATE batch SET segment_swept = true
      FROM unnest(%s::int[], %s::int[]) AS gone (run_no, batch_no)
     WHERE batch.share_id = %s AND batch.run_no = gone.run_no AND batch.batch_no = gone.batch_no AND batch.segment_bytes > 0
"""
# Sizes below zero are of bundles that are gone.
_FORGET_BUNDLES: Final[LiteralString] = """
    UPDATE batch SET bundle_bytes[gone.part + 1] = -batch.bundle_bytes[gone.part + 1]
      FROM unnest(%s::int[], %s::int[], %s::int[]) AS gone (run_no, batch_no, part)
     WHERE batch.share_id = %s AND batch.run_no = gone.run_no AND batch.batch_no = gone.batch_no
       AND batch.bundle_bytes[gone.part + 1] > 0
"""
_SPANS: Final[LiteralString] = """
    SELECT s.run_id, s.directory_id, s.file_id, s.span_no, s.digests
      FROM span AS s
     WHERE s.run_id IN (
               SELECT run_id FROM run
                WHERE share_id = %s AND kind = 'backup' AND state IN ('queued', 'running', 'paused', 'cancelling')
           )
       AND s.state = 2 AND (s.run_id, s.directory_id, s.file_id, s.span_no) > (%s, %s, %s, %s)
  ORDER BY s.run_id, s.directory_id, s.file_id, s.span_no
     LIMIT %s
"""


class PostgresRetentions(PostgresCatalogue):
    """Implements :class:`shared.ports.retention.Retentions`."""

    async def retention(self, share_id: int) -> tuple[list[Dated], RetentionPolicy | None]:
        """See the port."""

        async def work(conn: Connection) -> tuple[list[Dated], RetentionPolicy | None]:
            return await retention.points(conn, share_id), await retention.policy_of(conn, share_id)

        return await self._once(work)

    async def expire(self, run_id: int, share_id: int, decisions: Sequence[Decision], by: str) -> list[Decision]:
        """See the port."""

        async def work(conn: Connection) -> list[Decision]:
            _, run_no, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                raise Conflict(f"run {run_no} of share {share_id} is {state}: nothing more is let go")
            return await retention.expire(conn, share_id, decisions, by)

        return await self._once(work)

    async def unmarked(self, share_id: int, limit: int) -> list[ExpiredPoint]:
        """See the port."""
        return await self._once(lambda conn: retention.unmarked(conn, share_id, limit))

    async def marked(self, share_id: int, run_nos: Sequence[int]) -> None:
        """See the port."""
        await self._once(lambda conn: retention.marked(conn, share_id, run_nos))

    async def expired(self, share_id: int) -> list[ExpiredPoint]:
        """See the port."""
        return await self._once(lambda conn: retention.expired(conn, share_id))

    async def next_event(self, share_id: int, run_no: int) -> tuple[Said, int]:
        """See the port."""
        return await self._once(lambda conn: retention.said(conn, share_id, run_no))

    async def keep(self, share_id: int, event: KeepEvent) -> Said:
        """See the port."""
        return await self._once(lambda conn: retention.say(conn, share_id, event))

    async def untold_policies(self, limit: int, share_id: int | None = None) -> list[UntoldPolicy]:
        """See the port."""
        return await self._once(lambda conn: policies.untold(conn, limit, share_id))

    async def policy_told(self, share_id: int, number: int) -> None:
        """See the port."""
        await self._once(lambda conn: policies.told(conn, share_id, number))


class PostgresSweeps(PostgresCatalogue):
    """Implements :class:`shared.ports.sweeps.Sweeps`."""

    async def begin_sweep(self, run_id: int, opened_at: dt.datetime, *, repack: bool = False) -> SweepOrder | None:
        """See the port."""

        async def work(conn: Connection) -> SweepOrder | None:
            run = await runs.lock(conn, run_id)
            assert run.retention is not None
            await shares.lock(conn, run.share_id)
            order = SweepOrder.from_wire(run.retention)
            newest = await restore_points.last(conn, run.share_id)
            for kind, run_no, state in await (await conn.execute(_ACTIVE, [run.share_id, run_id])).fetchall():
                if kind != RunKind.BACKUP:
                    raise Conflict(f"{kind} run {run_no} of this share is {state}; hint: sweep when it has ended")
                if newest is not None and run_no < newest.run_no:
                    raise Conflict(
                        f"backup run {run_no} is {state}, and restore point {newest.run_no} is newer; hint: resume it or cancel it",
                        "older_backup_active",
                    )
            await runs.start(conn, run)
            await pages.create_partition(conn, run.share_id)
            if order.horizon is None and newest is not None:
                until = opened_at - dt.timedelta(seconds=order.margin_s)
                rows = await (await conn.execute(_ROOTS, {"share_id": run.share_id, "until": until})).fetchall()
                await _keep_older_programs_away(conn, run.share_id)
                order = replace(order, horizon=newest.run_no, roots=tuple(row[0] for row in rows), opened_at=opened_at)
                if repack:
                    order = await _with_outlook(conn, run.share_id, order)
                await conn.execute(_SET_ORDER, [Jsonb(order.to_wire()), run_id])
            return order if order.horizon is not None else None

        return await self._once(work)

    async def is_backing_up(self, share_id: int, run_no: int) -> bool:
        """See the port."""

        async def work(conn: Connection) -> bool:
            run = await runs.by_number(conn, share_id, run_no)
            return run.kind is RunKind.BACKUP and run.state in ACTIVE

        return await self._once(work)

    async def seed_sweep(self, run_id: int, items: Sequence[SweepItem]) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            if await runs.first_seed(conn, run_id):
                await sweep_items.add(conn, run_id, items)

        await self._once(work)

    async def claim_sweep(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> SweepClaim | None:
        """See the port."""

        async def work(conn: Connection) -> SweepClaim | None:
            share_id, _, state = await runs.hold(conn, run_id)
            if state is not RunState.RUNNING:
                return None
            await sweep_items.release(conn, run_id, await batches.give_up(conn, run_id, BatchKind.SWEEP, worker))
            if not await sweep_items.left(conn, run_id):
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.SWEEP, worker, lease_s)
            item = await sweep_items.claim(conn, run_id, batch_no, share_id, most_pages)
            if item is None:
                await batches.give_back(conn, run_id, batch_no)
                return None
            return SweepClaim(run_id=run_id, batch_no=batch_no, item=item)

        return await self._once(work)

    async def commit_sweep(self, commit: SweepCommit) -> None:
        """See the port. A batch that was committed before is left as it is."""

        async def work(conn: Connection) -> None:
            _, _, state = await runs.hold(conn, commit.run_id)
            if not await batches.lock_open(conn, commit.run_id, commit.batch_no):
                return
            if state not in COMMITTING or not await sweep_items.done(conn, commit.run_id, commit.batch_no):
                raise batches.fenced(commit.run_id, commit.batch_no)
            await sweep_items.add(conn, commit.run_id, commit.following)
            if commit.dropped:
                ordered = sorted(commit.dropped)
                args = [[row.page_id for row in ordered], [row.packed for row in ordered]]
                gone = await (await conn.execute(partition_sql(_DROP, commit.share_id), args)).fetchall()
                commit.counters.dropped_pages = len(gone)
            marks = [commit.marks_bytes] if commit.marks_bytes else []
            await batches.close(conn, commit.run_id, commit.batch_no, commit.counters, bundles=marks)

        await self._once(work)

    async def tree_rows(self, share_id: int, low: int, high: int, limit: int) -> list[TreeRow]:
        """See the port."""

        async def work(conn: Connection) -> list[TreeRow]:
            found = await (await conn.execute(partition_sql(_ROWS, share_id), [low, high, limit])).fetchall()
            return [_tree_row(page_id, data) for page_id, data in found]

        return await self._once(work)

    async def children_of(self, share_id: int, page_ids: Sequence[int]) -> list[tuple[int, int]]:
        """See the port."""

        async def work(conn: Connection) -> list[tuple[int, int]]:
            rows = await (await conn.execute(partition_sql(_CHILDREN, share_id), [list(page_ids)])).fetchall()
            return [(row[0], row[1]) for row in rows]

        return await self._once(work)

    async def marks_written(self, run_id: int) -> list[tuple[int, int]]:
        """See the port."""

        async def work(conn: Connection) -> list[tuple[int, int]]:
            rows = await (await conn.execute(_MARKS, [run_id, BatchKind.SWEEP.value])).fetchall()
            return [(row[0], row[1]) for row in rows]

        return await self._once(work)

    async def note_repacks(
        self, run_id: int, batch_no: int, share_id: int, noted: Sequence[Repack], *, anew: bool = False
    ) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await _hold_batch(conn, run_id, batch_no)
            if anew:
                await repacks.clear(conn, share_id)
            await repacks.add(conn, share_id, noted)

        await self._once(work)

    async def forget_repacks(self, share_id: int) -> None:
        """See the port."""
        await self._once(lambda conn: repacks.clear(conn, share_id))

    async def forget_segments(self, share_id: int, segments: Sequence[tuple[int, int]]) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            args = [[run_no for run_no, _ in segments], [batch_no for _, batch_no in segments], share_id]
            await conn.execute(_FORGET_SEGMENTS, args)

        await self._once(work)

    async def forget_bundles(self, share_id: int, bundles: Sequence[tuple[int, int, int]]) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            # One part of a batch at a time: an UPDATE takes a row once.
            for part in sorted({part for _, _, part in bundles}):
                some = [one for one in bundles if one[2] == part]
                args = [[one[0] for one in some], [one[1] for one in some], [part] * len(some), share_id]
                await conn.execute(_FORGET_BUNDLES, args)

        await self._once(work)

    async def condemned_count(self, share_id: int) -> int:
        """See the port."""
        return await self._once(lambda conn: condemned.count(conn, share_id))

    async def condemn(self, run_id: int, batch_no: int, share_id: int, chunks: Sequence[Condemned]) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await _hold_batch(conn, run_id, batch_no)
            await condemned.add(conn, share_id, chunks)

        await self._once(work)

    async def barrier(self, share_id: int) -> None:
        """See the port."""
        await self._once(lambda conn: condemned.barrier(conn, share_id))

    async def span_digests(self, share_id: int, after: SpanKey, limit: int) -> list[tuple[SpanKey, bytes]]:
        """See the port."""

        async def work(conn: Connection) -> list[tuple[SpanKey, bytes]]:
            rows = await (await conn.execute(_SPANS, [share_id, *after, limit])).fetchall()
            return [((row[0], row[1], row[2], row[3]), bytes(row[4] or b"")) for row in rows]

        return await self._once(work)

    async def rescue(self, share_id: int, digests: Sequence[bytes]) -> int:
        """See the port."""
        return await self._once(lambda conn: condemned.rescue(conn, share_id, digests))

    async def doom(self, run_id: int, batch_no: int, share_id: int, low: int, high: int, limit: int) -> list[Condemned]:
        """See the port."""

        async def work(conn: Connection) -> list[Condemned]:
            await _hold_batch(conn, run_id, batch_no)
            return await condemned.doom(conn, share_id, low, high, limit)

        return await self._once(work)

    async def being_deleted(self, share_id: int, digests: Sequence[bytes] | None = None) -> list[Condemned]:
        """See the port."""
        return await self._once(lambda conn: condemned.being_deleted(conn, share_id, digests))

    async def settle_chunks(self, share_id: int, gone: Sequence[bytes], spared: Sequence[bytes]) -> None:
        """See the port."""
        await self._once(lambda conn: condemned.settle(conn, share_id, gone, spared))

    async def tidy_condemned(self, share_id: int) -> None:
        """See the port."""
        await self._once(lambda conn: condemned.tidy(conn, share_id))


async def _keep_older_programs_away(conn: Connection, share_id: int) -> None:
    """See that no program works on a share, or ever will, that does not know of sweeps. The share's row is locked.

    :raises Conflict: one has something of it in hand.
    """
    older = await batches.of_older_program(conn, share_id)
    if older is not None:
        raise Conflict(
            f"{older[1]} has a batch of run {older[0]} in hand and is of a release from before sweeps; hint: bring all workers up to date, and"
            " sweep when that run has ended",
            "older_program",
        )
    await shares.demand(conn, share_id, batches.KNOWS)


async def _with_outlook(conn: Connection, share_id: int, order: SweepOrder) -> SweepOrder:
    """With for how long the roots are likely to be held."""
    assert order.opened_at is not None
    points, policy = await retention.points(conn, share_id), await retention.policy_of(conn, share_id)
    expired = {point.run_no: point.expired_at for point in await retention.expired(conn, share_id)}
    found = held_for(order.roots, points, policy, expired, order.opened_at, order.margin_s)
    return order if found is None else replace(order, held_s=found.held_s, tail_s=found.tail_s)


async def _hold_batch(conn: Connection, run_id: int, batch_no: int) -> None:
    """See that a piece is still ours, until the transaction ends. Raises ``Fenced``.

    What a worker does that was taken for dead would come after those who look at what is on the list.
    """
    _, _, state = await runs.hold(conn, run_id)
    if state not in COMMITTING or not await batches.lock_open(conn, run_id, batch_no):
        raise batches.fenced(run_id, batch_no)


def _tree_row(page_id: int, data: bytes) -> TreeRow:
    head = packed.unpack_head(data)
    return TreeRow(page_id, head.manifest, head.deleted_run, b"" if head.deleted_run is None else bytes(data))
