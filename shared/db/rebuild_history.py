"""The runs of a share, its restore points and sums as a rebuild has found them in the vault, written as if they had happened here."""

from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db import adoption, retention, rollups
from shared.db.pool import Connection
from shared.db.rebuild_items import int_array
from shared.db.rebuild_staging import for_share
from shared.model.node import ROOT_ID
from shared.model.rebuild import Rebuilt
from shared.model.run import RunState

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


async def record(conn: Connection, share_id: int, rebuilt: Rebuilt) -> None:
    """Write runs, batches, restore points, permissions and roll-ups; what is there of runs and restore points stays."""
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


async def _record_runs(conn: Connection, share_id: int, rebuilt: Rebuilt) -> None:
    add_run = for_share(_ADD_RUN, share_id)
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
    for (run_no,) in await (await conn.execute(for_share(_OTHER_RUNS, share_id))).fetchall():
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
    await conn.execute(for_share(_ADD_BATCHES, share_id))
    if rebuilt.swept:
        columns = [
            [one.run_no for one in rebuilt.swept],
            [one.batch_no for one in rebuilt.swept],
            [int_array(one.bundles) for one in rebuilt.swept],
        ]
        await conn.execute(for_share(_ADD_SWEPT, share_id), columns)


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
