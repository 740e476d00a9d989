"""What a commit record says of the catalogue, for whoever has to make one of the vault alone."""

from typing import Final, LiteralString

from shared.db import runs
from shared.db.pool import Connection
from shared.model.point import Origin, RunChange

_SHARE: Final[LiteralString] = """
    SELECT t.name, t.created_at, s.name, s.credential, s.settings || coalesce(kept.schedules, '{}'), s.created_at, s.snapshot_mark, s.next_directory_no
      FROM share AS s JOIN tenant AS t USING (tenant_id)
      LEFT JOIN LATERAL (
               SELECT jsonb_build_object('schedules', jsonb_agg(jsonb_build_object(
                          'name', name, 'what', what, 'cron', cron, 'time_zone', time_zone, 'spread_s', spread_s,
                          'catch_up_s', catch_up_s, 'options', options
                      ) ORDER BY schedule_id)) AS schedules
                 FROM schedule WHERE share_id = s.share_id HAVING count(*) > 0
           ) AS kept ON true
     WHERE s.share_id = %s
"""
_CHANGES: Final[LiteralString] = """
    SELECT run_no, top_id, sum(directories)::bigint, sum(files)::bigint, sum(bytes)::bigint,
           sum(new_files)::bigint, sum(changed_files)::bigint, sum(deleted_files)::bigint
      FROM rollup_change
     WHERE share_id = %s AND run_no > %s AND run_no <= %s
  GROUP BY run_no, top_id
    HAVING (sum(directories), sum(files), sum(bytes), sum(new_files), sum(changed_files), sum(deleted_files)) <> (0, 0, 0, 0, 0, 0)
  ORDER BY run_no, top_id
"""


async def of_run(conn: Connection, run_id: int, after_run_no: int) -> Origin:
    """What there is to say at the end of a run, after the restore point ``after_run_no`` (0: there is none)."""
    run = await runs.get(conn, run_id)
    row = await (await conn.execute(_SHARE, [run.share_id])).fetchone()
    assert row is not None
    changes = await (await conn.execute(_CHANGES, [run.share_id, after_run_no, run.run_no])).fetchall()
    return Origin(
        tenant_name=row[0],
        tenant_created_at=row[1],
        name=row[2],
        credential=row[3],
        settings=row[4],
        created_at=row[5],
        snapshot_mark=row[6],
        next_directory_no=row[7],
        run_id=run_id,
        requested_at=run.requested_at,
        started_at=run.started_at or run.requested_at,
        counters={name: number for name, number in run.counters.to_wire().items() if number},
        changes=tuple(RunChange(*change) for change in changes),
    )
