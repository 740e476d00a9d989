"""Rebuilds: what there is to do, what was read, and the tree that is made of it.

What is read is kept in a schema of the share's own, ``rebuild_<share_id>``, until the run ends: per page the newest record and the newest
note, per subdirectory where records name it. Adding the same twice, or something older, changes nothing, so segments may be read
in any order and by any number of workers. The rows are made in a table of that schema without indexes, range by range in the order of
keys, get their indexes when all are there, and become the share's partition at the end: nobody sees half a tree, and heap and
indexes are as compact as after a first backup.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, LiteralString, TypeVar

from psycopg import sql
from psycopg.types.json import Jsonb

from shared.core.rebuilt import rank
from shared.db import adoption, batches, frontier, pages, rebuild_items, retention, rollups, runs, shares
from shared.db.batches import BatchKind
from shared.db.catalogue import COMMITTING, PostgresCatalogue, delete_missed
from shared.db.pool import Connection
from shared.errors import Conflict
from shared.model.manifest import ManifestRef
from shared.model.node import ROOT_ID
from shared.model.note import PageNote, Place
from shared.model.rebuild import (
    FoundShare,
    PurgingShare,
    RebuildClaim,
    RebuildItem,
    Rebuilt,
    Row,
    Staged,
    StagedDirectory,
    StagedPlace,
    StagedRecord,
    Task,
    segment_of_item,
)
from shared.model.run import Counters, Driver, RebuildOrder, Run, RunKind, RunState

T = TypeVar("T")

ITEMS_MOST: Final = 64
RANGE_DIRECTORIES: Final = 2_048
"""Directories of one range; with ten files each some 3 MB of rows."""

_BEGIN: Final[LiteralString] = """
    CREATE SCHEMA {schema};
    CREATE TABLE {schema}.run (run_id bigint NOT NULL);
    CREATE TABLE {schema}.segment (
        run_no int NOT NULL, batch_no int NOT NULL, bytes bigint NOT NULL, bundles int[] NOT NULL, PRIMARY KEY (run_no, batch_no)
    );
    CREATE TABLE {schema}.record (
        page_id bigint PRIMARY KEY, run_no int NOT NULL, depth bigint NOT NULL, batch_no int NOT NULL, at bigint NOT NULL,
        length bigint NOT NULL, next_slot int NOT NULL, noted boolean NOT NULL, lower text COLLATE "C" NOT NULL, page_nos int[],
        names text COLLATE "C" NOT NULL, packed bytea NOT NULL
    );
    CREATE TABLE {schema}.note (
        page_id bigint PRIMARY KEY, run_no int NOT NULL, rank smallint NOT NULL, batch_no int NOT NULL, mtime bigint NOT NULL,
        fingerprint bigint, page_fingerprint bigint, deleted_run int, next_slot int, of_run int NOT NULL, of_batch int NOT NULL,
        lower text COLLATE "C" NOT NULL, parent_id bigint, file_id bigint, name text COLLATE "C"
    );
    CREATE TABLE {schema}.place (
        node_id bigint, page_id bigint, run_no int NOT NULL, depth bigint NOT NULL, batch_no int NOT NULL, file_id bigint NOT NULL,
        mtime bigint NOT NULL, name text COLLATE "C" NOT NULL, PRIMARY KEY (node_id, page_id)
    );
    CREATE TABLE {schema}.loss (object text COLLATE "C" PRIMARY KEY, loss jsonb NOT NULL);
"""
_NOTE_RUN: Final[LiteralString] = "INSERT INTO {schema}.run (run_id) VALUES (%s)"
_RUN: Final[LiteralString] = "SELECT run_id FROM {schema}.run"
_STAGE_RECORDS: Final[LiteralString] = """
    INSERT INTO {schema}.record AS known (
        page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed
    )
         SELECT page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos::int[], names, packed
           FROM unnest(
                    %b::int8[], %b::int4[], %b::int8[], %b::int4[], %b::int8[], %b::int8[], %b::int4[], %b::bool[], %b::text[],
                    %b::text[], %b::text[], %b::bytea[]
                ) AS row (page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed)
    ON CONFLICT (page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, depth = EXCLUDED.depth, batch_no = EXCLUDED.batch_no, at = EXCLUDED.at,
                length = EXCLUDED.length, next_slot = greatest(known.next_slot, EXCLUDED.next_slot), noted = EXCLUDED.noted,
                lower = EXCLUDED.lower, page_nos = EXCLUDED.page_nos, names = EXCLUDED.names, packed = EXCLUDED.packed
          WHERE (EXCLUDED.run_no, EXCLUDED.depth, EXCLUDED.batch_no) > (known.run_no, known.depth, known.batch_no)
"""
# Of segments without notes: the highest number that any record of the page knew.
_RAISE_SLOTS: Final[LiteralString] = """
    UPDATE {schema}.record AS known SET next_slot = row.next_slot
      FROM unnest(%b::int8[], %b::int4[]) AS row (page_id, next_slot)
     WHERE known.page_id = row.page_id AND known.next_slot < row.next_slot
"""
_STAGE_NOTES: Final[LiteralString] = """
    INSERT INTO {schema}.note AS known
         SELECT * FROM unnest(
                    %b::int8[], %b::int4[], %b::int2[], %b::int4[], %b::int8[], %b::int8[], %b::int8[], %b::int4[], %b::int4[],
                    %b::int4[], %b::int4[], %b::text[], %b::int8[], %b::int8[], %b::text[]
                )
    ON CONFLICT (page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, rank = EXCLUDED.rank, batch_no = EXCLUDED.batch_no, mtime = EXCLUDED.mtime,
                fingerprint = EXCLUDED.fingerprint, page_fingerprint = EXCLUDED.page_fingerprint,
                deleted_run = EXCLUDED.deleted_run, next_slot = EXCLUDED.next_slot, of_run = EXCLUDED.of_run,
                of_batch = EXCLUDED.of_batch, lower = EXCLUDED.lower, parent_id = EXCLUDED.parent_id,
                file_id = EXCLUDED.file_id, name = EXCLUDED.name
          WHERE (EXCLUDED.run_no, EXCLUDED.rank, EXCLUDED.batch_no) > (known.run_no, known.rank, known.batch_no)
"""
_STAGE_PLACES: Final[LiteralString] = """
    INSERT INTO {schema}.place AS known
         SELECT * FROM unnest(
                    %b::int8[], %b::int8[], %b::int4[], %b::int8[], %b::int4[], %b::int8[], %b::int8[], %b::text[]
                )
    ON CONFLICT (node_id, page_id) DO UPDATE
            SET run_no = EXCLUDED.run_no, depth = EXCLUDED.depth, batch_no = EXCLUDED.batch_no, file_id = EXCLUDED.file_id,
                mtime = EXCLUDED.mtime, name = EXCLUDED.name
          WHERE (EXCLUDED.run_no, EXCLUDED.depth, EXCLUDED.batch_no) > (known.run_no, known.depth, known.batch_no)
"""
_SUPERSEDED: Final[LiteralString] = """
    SELECT page_id FROM {schema}.record WHERE page_id = ANY(%b::int8[]) AND run_no > %b
"""
_ADD_LOSS: Final[LiteralString] = """
    INSERT INTO {schema}.loss SELECT * FROM unnest(%s::text[], %s::jsonb[]) ON CONFLICT DO NOTHING
"""
_LOSSES: Final[LiteralString] = "SELECT loss FROM {schema}.loss ORDER BY object"
_HAS_LOSSES: Final[LiteralString] = "SELECT EXISTS (SELECT FROM {schema}.loss)"

# Bounds of ranges are numbers that exist: directories are numbered without many gaps, and ranges need not be equal.
_PLAN: Final[LiteralString] = """
    INSERT INTO rebuild_item (run_id, kind, item_no, bytes, state)
         SELECT %(run_id)s, 2, first, 0, 0
           FROM generate_series(
                    0::bigint,
                    (
                        SELECT greatest(
                                   (SELECT max(page_id) FROM {schema}.record), (SELECT max(page_id) FROM {schema}.note),
                                   (SELECT max(node_id) FROM {schema}.place), 16777216
                               )
                    ),
                    %(step)s::bigint
                ) AS first
    UNION ALL
        SELECT %(run_id)s, 3, number, 0, 0 FROM generate_series(0, %(indexes)s - 1) AS number
    ON CONFLICT DO NOTHING
"""
_RECORDS_OF: Final[LiteralString] = """
    SELECT page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed
      FROM {schema}.record WHERE page_id >= %b::int8 AND page_id < %b::int8 ORDER BY page_id
"""
_NOTES_OF: Final[LiteralString] = """
    SELECT page_id, run_no, batch_no, mtime, fingerprint, page_fingerprint, deleted_run, next_slot, of_run, of_batch, lower,
           parent_id, file_id, name
      FROM {schema}.note WHERE page_id >= %b::int8 AND page_id < %b::int8 ORDER BY page_id
"""
# Of the places of a directory the newest that its parent's page still says; else the last that one did.
_PLACES_OF: Final[LiteralString] = """
    SELECT DISTINCT ON (p.node_id)
           p.node_id, p.page_id, p.run_no, p.batch_no, p.depth, p.file_id, p.mtime, p.name, stands.it
      FROM {schema}.place AS p
     CROSS JOIN LATERAL (
               SELECT coalesce(
                          (
                              SELECT (
                                         n.page_id IS NULL OR n.deleted_run IS NULL OR r.page_id & 16777215 = 0
                                         OR ((n.of_run, n.of_batch) <> (r.run_no, r.batch_no) AND n.run_no <= r.run_no)
                                     )
                                     AND (
                                         r.noted OR r.page_id & 16777215 = 0
                                         OR (
                                             SELECT (r.page_id & 16777215)::int = ANY(f.page_nos)
                                               FROM {schema}.record AS f WHERE f.page_id = r.page_id & -16777216
                                         )
                                     )
                                FROM {schema}.record AS r LEFT JOIN {schema}.note AS n USING (page_id)
                               WHERE r.page_id = p.page_id AND r.run_no = p.run_no AND r.batch_no = p.batch_no
                          ),
                          false
                      ) AS it
           ) AS stands
     WHERE p.node_id >= %b::int8 AND p.node_id < %b::int8
  ORDER BY p.node_id, stands.it DESC, p.run_no DESC, p.batch_no DESC
"""
_INSERT_ROWS: Final[LiteralString] = """
    INSERT INTO {schema}.page (page_id, parent_id, file_id, share_id, name, names, packed)
         SELECT page_id, parent_id, file_id, {share_id}, name, names, packed
           FROM unnest(%b::int8[], %b::int8[], %b::int8[], %b::text[], %b::text[], %b::bytea[])
             AS row (page_id, parent_id, file_id, name, names, packed)
"""
_END: Final[LiteralString] = "DROP SCHEMA IF EXISTS {schema} CASCADE"
_EXISTS: Final[LiteralString] = "SELECT to_regclass(%s) IS NOT NULL"

# Items

_ADD_ITEMS: Final[LiteralString] = """
    INSERT INTO rebuild_item (run_id, kind, item_no, bytes, bundles, state)
         SELECT %s, kind, item_no, bytes, bundles::int[], 0
           FROM unnest(%s::int2[], %s::int8[], %s::int8[], %s::text[]) AS row (kind, item_no, bytes, bundles)
    ON CONFLICT DO NOTHING
"""
_ADD_SEGMENTS: Final[LiteralString] = """
    INSERT INTO {schema}.segment
         SELECT run_no, batch_no, bytes, bundles::int[]
           FROM unnest(%s::int4[], %s::int4[], %s::int8[], %s::text[]) AS row (run_no, batch_no, bytes, bundles)
    ON CONFLICT DO NOTHING
"""
_TASK_NOW: Final[LiteralString] = "SELECT min(kind) FROM rebuild_item WHERE run_id = %s"
# As many as come to so many bytes, but one.
_PICK: Final[LiteralString] = """
    SELECT kind, item_no, bytes, bundles
      FROM (
               SELECT kind, item_no, bytes, bundles, sum(greatest(bytes, 0)) OVER (ORDER BY item_no) - greatest(bytes, 0) AS before
                 FROM (
                          SELECT * FROM rebuild_item WHERE run_id = %s AND kind = %s AND state = 0
                           ORDER BY item_no LIMIT %s FOR UPDATE SKIP LOCKED
                      ) AS picked
           ) AS item
     WHERE before < %s
"""
_CLAIM: Final[LiteralString] = """
    UPDATE rebuild_item SET state = 1, batch_no = %s WHERE run_id = %s AND kind = %s AND item_no = ANY(%s::int8[])
"""
_CLAIMED: Final[LiteralString] = """
    SELECT kind, item_no FROM rebuild_item WHERE run_id = %s AND state = 1 AND batch_no = %s
"""
_RETURN: Final[LiteralString] = """
    UPDATE rebuild_item SET state = 0, batch_no = NULL
     WHERE run_id = %s AND kind = %s AND item_no = ANY(%s::int8[]) AND state = 1 AND batch_no = %s
"""
_DONE: Final[LiteralString] = "DELETE FROM rebuild_item WHERE run_id = %s AND state = 1 AND batch_no = %s"

# The share and its runs

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
_HIGHEST: Final[LiteralString] = "SELECT max(page_id) >> 24 FROM {schema}.page"
_ADD_RUN: Final[LiteralString] = """
    INSERT INTO run (
        run_id, tenant_id, share_id, run_no, kind, state, subject, requested_at, started_at, finished_at, share_snapshot, error,
        seeded, next_batch_no, final_counters, settings
    )
    SELECT CASE WHEN EXISTS (SELECT FROM run WHERE run_id = %(run_id)s) OR %(run_id)s IS NULL
               THEN nextval(pg_get_serial_sequence('run', 'run_id')) ELSE %(run_id)s END,
           tenant_id, share_id, %(run_no)s, 'backup', %(state)s, lower(rtrim(account_url, '/')) || '/' || share_name,
           %(requested_at)s, %(started_at)s, %(finished_at)s, %(share_snapshot)s, %(error)s, true,
           coalesce((SELECT max(batch_no) FROM {schema}.segment WHERE run_no = %(run_no)s), 0) + 1, %(counters)s, %(settings)s
      FROM share WHERE share_id = {share_id}
    ON CONFLICT (share_id, run_no) DO NOTHING
"""
# Those that left segments and no restore point of their own.
_OTHER_RUNS: Final[LiteralString] = """
    SELECT s.run_no FROM {schema}.segment AS s
     WHERE NOT EXISTS (SELECT FROM run WHERE share_id = {share_id} AND run.run_no = s.run_no)
  GROUP BY s.run_no ORDER BY s.run_no
"""
_ADD_BATCHES: Final[LiteralString] = """
    INSERT INTO batch (
        run_id, batch_no, share_id, run_no, kind, state, worker, claimed_at, lease_until, committed_at, segment_bytes,
        bundle_bytes, rolled_up
    )
         SELECT r.run_id, s.batch_no, {share_id}, s.run_no, 0, 1, '', r.finished_at, r.finished_at, r.finished_at,
                greatest(s.bytes, 1), s.bundles, true
           FROM {schema}.segment AS s JOIN run AS r ON r.share_id = {share_id} AND r.run_no = s.run_no
    ON CONFLICT DO NOTHING
"""
_ADD_SWEPT: Final[LiteralString] = """
    INSERT INTO batch (
        run_id, batch_no, share_id, run_no, kind, state, worker, claimed_at, lease_until, committed_at, segment_bytes,
        bundle_bytes, rolled_up, segment_swept
    )
         SELECT r.run_id, s.batch_no, {share_id}, s.run_no, 0, 1, '', r.finished_at, r.finished_at, r.finished_at,
                1, s.bundles::int[], true, true
           FROM unnest(%s::int4[], %s::int4[], %s::text[]) AS s (run_no, batch_no, bundles)
           JOIN run AS r ON r.share_id = {share_id} AND r.run_no = s.run_no
    ON CONFLICT DO NOTHING
"""
_ADD_POINT: Final[LiteralString] = """
    INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors, share_snapshot)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_ADD_EXPIRED: Final[LiteralString] = """
    INSERT INTO expired_point (
        share_id, run_no, taken_at, committed_at, directories, files, bytes, errors, expired_at, expired_by, reason, marked
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, true)
    ON CONFLICT DO NOTHING
"""
_ADD_PERMISSIONS: Final[LiteralString] = """
    INSERT INTO permission (share_id, key) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING
"""
_ADD_CHANGES: Final[LiteralString] = """
    INSERT INTO rollup_change (
        share_id, run_no, batch_no, top_id, directories, files, bytes, new_files, changed_files, deleted_files
    )
         SELECT %s, run_no, -1, top_id, directories, files, bytes, new_files, changed_files, deleted_files
           FROM unnest(%s::int4[], %s::int8[], %s::int8[], %s::int8[], %s::int8[], %s::int8[], %s::int8[], %s::int8[])
             AS row (run_no, top_id, directories, files, bytes, new_files, changed_files, deleted_files)
    ON CONFLICT DO NOTHING
"""
_SUM_CHANGES: Final[LiteralString] = """
    INSERT INTO rollup (share_id, top_id, directories, files, bytes)
         SELECT %(share_id)s, top_id, sum(directories), sum(files), sum(bytes)
           FROM (
                    SELECT top_id, directories, files, bytes FROM rollup_change WHERE share_id = %(share_id)s
                    UNION ALL
                    SELECT %(root_id)s, 1, 0, 0
                ) AS c
       GROUP BY top_id
         HAVING sum(directories) <> 0 OR top_id = %(root_id)s
"""


async def is_empty(conn: Connection, share_id: int) -> bool:
    """Whether the catalogue has nothing of a share that a rebuild would take away."""
    row = await (await conn.execute(_IS_EMPTY, {"share_id": share_id})).fetchone()
    return bool(row and row[0])


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
            if await _is_at_work(conn, run.share_id, run_id):
                await runs.start(conn, run)  # it may have been paused
                return
            if not run.rebuild.replace and not await is_empty(conn, run.share_id):
                raise Conflict(
                    f"share {run.share_id} has a catalogue; hint: ask for it to be replaced if it is worth less than the vault",
                    "catalogue_not_empty",
                )
            await runs.start(conn, run)
            await shares.lock(conn, run.share_id)
            await conn.execute(_sql(_END, run.share_id))
            await rebuild_items.forget(conn, run_id)
            await pages.drop_partition(conn, run.share_id)
            for statement in _WIPE:
                await conn.execute(statement, {"share_id": run.share_id, "run_id": run_id})
            await conn.execute(_sql(_BEGIN, run.share_id))
            await conn.execute(_sql(_NOTE_RUN, run.share_id), [run_id])
            await pages.create_table(conn, run.share_id, schema_of(run.share_id))

        await self._repeated(work)

    async def add_items(self, run_id: int, share_id: int, items: Sequence[RebuildItem]) -> None:
        """See the port."""
        kinds = [item.task.value for item in items]
        numbers, sizes = [item.item_no for item in items], [item.bytes for item in items]
        bundles = ["{" + ",".join(map(str, item.bundles)) + "}" for item in items]
        segments = [at for at, item in enumerate(items) if item.task is Task.SEGMENT]
        where = [segment_of_item(items[at].item_no) for at in segments]

        async def work(conn: Connection) -> None:
            await conn.execute(_ADD_ITEMS, [run_id, kinds, numbers, sizes, bundles])
            args = [[r for r, _ in where], [b for _, b in where]]
            await conn.execute(
                _sql(_ADD_SEGMENTS, share_id), [*args, [sizes[at] for at in segments], [bundles[at] for at in segments]]
            )

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
            row = await (await conn.execute(_TASK_NOW, [run_id])).fetchone()
            if row is None or row[0] is None:
                return None
            task = Task(row[0])
            most = ITEMS_MOST if task is Task.SEGMENT else 1
            found = await (await conn.execute(_PICK, [run_id, task.value, most, bytes_most])).fetchall()
            if not found:
                return None
            batch_no = await batches.open_one(conn, run_id, BatchKind.REBUILD, worker, lease_s)
            items = tuple(RebuildItem(Task(kind), no, size, tuple(bundles)) for kind, no, size, bundles in found)
            await conn.execute(_CLAIM, [batch_no, run_id, task.value, [item.item_no for item in items]])
            return RebuildClaim(run_id=run_id, share_id=share_id, batch_no=batch_no, items=items)

        return await self._repeated(work)

    async def superseded(self, share_id: int, page_ids: Sequence[int], run_no: int) -> set[int]:
        """See the port."""

        async def work(conn: Connection) -> set[int]:
            found = await (await conn.execute(_sql(_SUPERSEDED, share_id), [list(page_ids), run_no])).fetchall()
            return {row[0] for row in found}

        return await self._repeated(work)

    async def stage(self, claim: RebuildClaim, staged: Staged) -> None:
        """See the port."""
        await self._commit(claim, lambda conn: _stage(conn, claim.share_id, staged), counters=None)

    async def lost(self, claim: RebuildClaim, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """See the port."""
        await self._commit(claim, lambda conn: _add_losses(conn, claim.share_id, losses), counters=None)

    async def lost_at_opening(self, share_id: int, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """See the port."""
        await self._repeated(lambda conn: _add_losses(conn, share_id, losses))

    async def losses(self, share_id: int) -> list[dict[str, Any]]:
        """See the port."""

        async def work(conn: Connection) -> list[dict[str, Any]]:
            return [row[0] for row in await (await conn.execute(_sql(_LOSSES, share_id))).fetchall()]

        return await self._repeated(work)

    async def done(self, claim: RebuildClaim, counters: Counters, returned: Sequence[RebuildItem] = ()) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            if returned:
                numbers = [item.item_no for item in returned]
                await conn.execute(_RETURN, [claim.run_id, claim.task.value, numbers, claim.batch_no])

        await self._commit(claim, work, counters=counters)

    async def plan(self, claim: RebuildClaim) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            args = {"run_id": claim.run_id, "step": RANGE_DIRECTORIES << 24, "indexes": pages.INDEXES}
            await conn.execute(_sql(_PLAN, claim.share_id), args)
            # What was read is about to be looked up by its keys, in ranges that the planner knows nothing of yet.
            for table in ("record", "note", "place"):
                await conn.execute(
                    sql.SQL("ANALYZE {}").format(sql.Identifier(schema_of(claim.share_id), table)).as_bytes(None)
                )

        await self._commit(claim, work, counters=Counters())

    async def directories(self, share_id: int, first: int) -> tuple[list[StagedDirectory], bool]:
        """See the port."""

        async def work(conn: Connection) -> tuple[list[StagedDirectory], bool]:
            bounds = [first, first + (RANGE_DIRECTORIES << 24)]
            found: dict[int, StagedDirectory] = {}

            def of(node_id: int) -> StagedDirectory:
                return found.setdefault(node_id, StagedDirectory(node_id))

            if bounds[0] <= ROOT_ID < bounds[1]:
                of(ROOT_ID)
            notes = {
                row[0]: _note(row)
                for row in await (await conn.execute(_sql(_NOTES_OF, share_id), bounds, binary=True)).fetchall()
            }
            records = await (await conn.execute(_sql(_RECORDS_OF, share_id), bounds, binary=True)).fetchall()
            for row in records:
                record = _record(row)
                of(record.page_id & -16777216).pages.append((record, notes.pop(record.page_id, None)))
            for page_id, note in notes.items():
                of(page_id & -16777216).pages.append((None, note))
            for row in await (await conn.execute(_sql(_PLACES_OF, share_id), bounds, binary=True)).fetchall():
                directory = of(row[0])
                ref = ManifestRef(row[2], row[3], 0, 0)
                file_id = pages.unsigned(row[5])
                directory.place = StagedPlace(row[0], row[1], ref, row[4], file_id, row[6], row[7])
                directory.is_there = row[8]
            for directory in found.values():
                directory.pages.sort(key=_page_id)
            exists = await (await conn.execute(_sql(_HAS_LOSSES, share_id))).fetchone()
            return [found[node_id] for node_id in sorted(found)], bool(exists and exists[0])

        return await self._repeated(work)

    async def add_rows(
        self, claim: RebuildClaim, rows: Sequence[Row], missing: Sequence[tuple[int, int]], counters: Counters
    ) -> None:
        """See the port."""
        columns = [
            [row.page_id for row in rows],
            [row.parent_id for row in rows],
            [None if row.file_id is None else pages.signed(row.file_id) for row in rows],
            [row.name for row in rows],
            [row.names for row in rows],
            [row.packed for row in rows],
        ]

        async def work(conn: Connection) -> None:
            await conn.execute(_sql(_INSERT_ROWS, claim.share_id), columns)
            await frontier.miss(conn, claim.run_id, missing)

        await self._commit(claim, work, counters=counters)

    async def make_index(self, claim: RebuildClaim) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await conn.execute("SET LOCAL statement_timeout = 0")
            for item in claim.items:
                await pages.create_index(conn, claim.share_id, schema_of(claim.share_id), item.item_no)

        await self._commit(claim, work, counters=Counters())

    async def attach(self, run_id: int, share_id: int) -> None:
        """See the port."""

        async def work(conn: Connection) -> None:
            await _hold_to_close(conn, run_id)
            await shares.lock(conn, share_id)
            if await _exists(conn, f"{schema_of(share_id)}.page"):
                row = await (await conn.execute(_sql(_HIGHEST, share_id))).fetchone()
                await raise_numbers(conn, share_id, run_no=1, directory_no=(row[0] if row else 1) + 1)
                await pages.adopt_table(conn, share_id, schema_of(share_id))

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
            await _record_runs(conn, share_id, rebuilt)
            await conn.execute(_ADD_PERMISSIONS, [share_id, sorted(rebuilt.permissions)])
            if rebuilt.changes is None:
                await rollups.count(conn, share_id)
                return
            for table in ("rollup", "rollup_change"):
                await conn.execute(f"DELETE FROM {table} WHERE share_id = %s".encode(), [share_id])
            columns = [list(column) for column in zip(*map(_numbers, rebuilt.changes), strict=True)] or [[]] * 8
            await conn.execute(_ADD_CHANGES, [share_id, *columns])
            await conn.execute(_SUM_CHANGES, {"share_id": share_id, "root_id": ROOT_ID})

        await self._repeated(work)

    async def adopt_purging(self, found: PurgingShare) -> None:
        """See the port."""
        await self._repeated(lambda conn: adoption.adopt_purging(conn, found))

    async def queue(self, found: FoundShare, order: RebuildOrder, driver: Driver) -> Run:
        """See the port."""

        async def work(conn: Connection) -> Run:
            await adoption.adopt(conn, found)
            share = await shares.get(conn, found.share_id, found.tenant_id)
            if not order.replace and not await is_empty(conn, share.share_id):
                raise Conflict(
                    f"share {share.share_id} has a catalogue; hint: say that it may be replaced if it is worth less than the vault",
                    "catalogue_not_empty",
                )
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
            await conn.execute(_sql(_END, run.share_id))

        await self._repeated(work)

    async def _commit(
        self, claim: RebuildClaim, change: Callable[[Connection], Any], *, counters: Counters | None
    ) -> None:
        """Make a change that is fenced by the claim; with ``counters`` the claim ends with it."""

        async def work(conn: Connection) -> None:
            _, _, state = await runs.hold(conn, claim.run_id)
            if not await batches.lock_open(conn, claim.run_id, claim.batch_no):
                return
            held = {
                tuple(row) for row in await (await conn.execute(_CLAIMED, [claim.run_id, claim.batch_no])).fetchall()
            }
            if state not in COMMITTING or held != {(item.task.value, item.item_no) for item in claim.items}:
                raise batches.fenced(claim.run_id, claim.batch_no)
            await change(conn)
            if counters is not None:
                await conn.execute(_DONE, [claim.run_id, claim.batch_no])
                await batches.close(conn, claim.run_id, claim.batch_no, counters)

        await self._repeated(work)


def schema_of(share_id: int) -> str:
    """Where a rebuild of a share keeps what it has read."""
    return f"rebuild_{share_id}"


async def _exists(conn: Connection, table: str) -> bool:
    row = await (await conn.execute(_EXISTS, [table])).fetchone()
    return bool(row and row[0])


async def _is_at_work(conn: Connection, share_id: int, run_id: int) -> bool:
    """Whether what is kept of a share is that of this run; another one's was left behind."""
    if not await _exists(conn, f"{schema_of(share_id)}.run"):
        return False
    row = await (await conn.execute(_sql(_RUN, share_id))).fetchone()
    return row is not None and row[0] == run_id


async def _hold_to_close(conn: Connection, run_id: int) -> int:
    share_id, run_no, state = await runs.hold(conn, run_id)
    if state is not RunState.RUNNING:
        raise Conflict(f"run {run_no} of share {share_id} is {state}: it cannot be closed")
    return share_id


async def _stage(conn: Connection, share_id: int, staged: Staged) -> None:
    # In the order of keys, so that two workers never wait for each other crosswise.
    records = sorted(staged.records.values())
    if records:
        columns = [
            [r.page_id for r in records],
            [r.ref.run_no for r in records],
            [r.depth for r in records],
            [r.ref.batch_no for r in records],
            [r.ref.offset for r in records],
            [r.ref.length for r in records],
            [r.next_slot for r in records],
            [r.noted for r in records],
            [r.lower for r in records],
            [None if r.page_nos == (0,) else "{" + ",".join(map(str, r.page_nos)) + "}" for r in records],
            [r.names for r in records],
            [r.packed for r in records],
        ]
        await conn.execute(_sql(_STAGE_RECORDS, share_id), columns)
        bare = [r for r in records if not r.noted]
        if bare:
            await conn.execute(_sql(_RAISE_SLOTS, share_id), [[r.page_id for r in bare], [r.next_slot for r in bare]])
    if staged.notes:
        rows = [_note_columns(run_no, batch_no, note) for _, (run_no, batch_no, note) in sorted(staged.notes.items())]
        await conn.execute(_sql(_STAGE_NOTES, share_id), [list(column) for column in zip(*rows, strict=True)])
    places = sorted(staged.places.values())
    if places:
        await conn.execute(
            _sql(_STAGE_PLACES, share_id),
            [
                [p.node_id for p in places],
                [p.page_id for p in places],
                [p.ref.run_no for p in places],
                [p.depth for p in places],
                [p.ref.batch_no for p in places],
                [pages.signed(p.file_id) for p in places],
                [p.mtime for p in places],
                [p.name for p in places],
            ],
        )


async def _add_losses(conn: Connection, share_id: int, losses: Iterable[tuple[str, dict[str, Any]]]) -> None:
    rows = list(losses)
    if rows:
        await conn.execute(_sql(_ADD_LOSS, share_id), [[name for name, _ in rows], [Jsonb(wire) for _, wire in rows]])


async def _record_runs(conn: Connection, share_id: int, rebuilt: Rebuilt) -> None:
    add_run = _sql(_ADD_RUN, share_id)
    for run in rebuilt.runs:
        point = run.point
        await conn.execute(
            add_run,
            {
                "run_id": run.run_id,
                "run_no": point.run_no,
                "state": (RunState.COMPLETED_WITH_ERRORS if point.errors else RunState.SUCCEEDED).value,
                "requested_at": run.requested_at,
                "started_at": run.started_at,
                "finished_at": point.committed_at,
                "share_snapshot": run.share_snapshot,
                "error": None,
                "counters": Jsonb(run.counters.to_wire()),
                "settings": None if run.settings is None else Jsonb(adoption.own_settings(run.settings)),
            },
        )
        columns = [point.taken_at, point.committed_at, point.directories, point.files, point.bytes, point.errors]
        if run.expired is not None:
            gone = run.expired
            await conn.execute(_ADD_EXPIRED, [share_id, point.run_no, *columns, gone.at, gone.by, gone.reason])
            continue
        await conn.execute(_ADD_POINT, [share_id, point.run_no, *columns, point.share_snapshot])
        said, next_no = run.said
        if next_no > 1:
            await retention.set_said(conn, share_id, point.run_no, said, next_no)
    for (run_no,) in await (await conn.execute(_sql(_OTHER_RUNS, share_id))).fetchall():
        after = next((run.point for run in rebuilt.runs if run.point.run_no > run_no), rebuilt.runs[-1].point)
        await conn.execute(
            add_run,
            {
                "run_id": None,
                "run_no": run_no,
                "state": RunState.FAILED.value,
                "requested_at": after.taken_at,
                "started_at": after.taken_at,
                "finished_at": after.taken_at,
                "share_snapshot": None,
                "error": "it made no restore point; what it saved was used by later runs (known from the vault)",
                "counters": Jsonb({}),
                "settings": None,
            },
        )
    await conn.execute(_sql(_ADD_BATCHES, share_id))
    if rebuilt.swept:
        columns = [
            [one.run_no for one in rebuilt.swept],
            [one.batch_no for one in rebuilt.swept],
            ["{" + ",".join(map(str, one.bundles)) + "}" for one in rebuilt.swept],
        ]
        await conn.execute(_sql(_ADD_SWEPT, share_id), columns)


def _page_id(page: tuple[StagedRecord | None, tuple[int, int, PageNote] | None]) -> int:
    record, note = page
    return record.page_id if record is not None else note[2].page_id if note is not None else 0


def _record(row: tuple[Any, ...]) -> StagedRecord:
    page_id, run_no, depth, batch_no, at, length, next_slot, noted, lower, page_nos, names, packed = row
    ref = ManifestRef(run_no, batch_no, at, length)
    return StagedRecord(page_id, ref, depth, noted, next_slot, lower, tuple(page_nos or (0,)), names, packed)


def _note_columns(run_no: int, batch_no: int, note: PageNote) -> tuple[Any, ...]:
    assert note.record is not None
    place = note.place
    return (
        note.page_id,
        run_no,
        rank(note),
        batch_no,
        note.mtime,
        None if note.fingerprint is None else pages.signed(note.fingerprint),
        None if note.page_fingerprint is None else pages.signed(note.page_fingerprint),
        note.deleted_run,
        note.next_slot,
        *note.record,
        note.lower,
        None if place is None else place.parent_id,
        None if place is None else pages.signed(place.file_id),
        None if place is None else place.name,
    )


def _note(row: tuple[Any, ...]) -> tuple[int, int, PageNote]:
    page_id, run_no, batch_no, mtime, fingerprint, page_fingerprint, deleted_run, next_slot, *rest = row
    of_run, of_batch, lower, parent_id, file_id, name = rest
    note = PageNote(
        page_id=page_id,
        mtime=mtime,
        fingerprint=None if fingerprint is None else pages.unsigned(fingerprint),
        page_fingerprint=None if page_fingerprint is None else pages.unsigned(page_fingerprint),
        deleted_run=deleted_run,
        next_slot=next_slot,
        record=(of_run, of_batch),
        lower=lower,
        place=None if parent_id is None else Place(parent_id, pages.unsigned(file_id), name),
    )
    return run_no, batch_no, note


def _numbers(change: Any) -> tuple[int, ...]:
    return (
        change.run_no,
        change.top_id,
        change.directories,
        change.files,
        change.bytes,
        change.new_files,
        change.changed_files,
        change.deleted_files,
    )


@lru_cache(maxsize=1024)
def _sql(text: LiteralString, share_id: int) -> bytes:
    """``text`` about the schema of one share's rebuild. The same bytes each time, so that the driver finds them prepared."""
    return (
        sql.SQL(text).format(schema=sql.Identifier(schema_of(share_id)), share_id=sql.Literal(share_id)).as_bytes(None)
    )
