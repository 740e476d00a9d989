"""Runs that are active now, of many shares: how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from shared.core.progress import is_measured
from shared.db import runs
from shared.db.pool import Connection
from shared.db.seen import Seen
from shared.model.run import Counters, RestorePoint, Run

_ACTIVE: Final[LiteralString] = """
    SELECT r.run_id, t.name, s.name
      FROM (
               SELECT run_id, tenant_id, share_id, state
                 FROM run
                WHERE state IN ('queued', 'running', 'paused', 'cancelling')
                  AND (%(all)s OR tenant_id = ANY (%(tenants)s::text[]) OR share_id = ANY (%(shares)s::int[]))
                  AND (%(tenant_id)s::text IS NULL OR tenant_id = %(tenant_id)s)
             ORDER BY state <> 'running', run_id
                LIMIT %(limit)s
           ) AS r
      JOIN tenant AS t ON t.tenant_id = r.tenant_id
      JOIN share AS s ON s.share_id = r.share_id
  ORDER BY r.state <> 'running', r.run_id
"""
_REACHED: Final = ("directories", "files", "bytes", "records", "same_files", "left_files")
"""What says how far a run is. A run has many batches, and to add up all their counters takes ten times as long."""
_COUNTED: Final[LiteralString] = """
    SELECT run_id, sum((counters->>'directories')::bigint)::bigint, sum((counters->>'files')::bigint)::bigint,
           sum((counters->>'bytes')::bigint)::bigint, sum((counters->>'records')::bigint)::bigint,
           sum((counters->>'same_files')::bigint)::bigint, sum((counters->>'left_files')::bigint)::bigint
      FROM batch
     WHERE run_id = ANY (%s) AND state = 1
  GROUP BY run_id
"""
_EXPECTED: Final[LiteralString] = """
    SELECT w.run_id, p.run_no, p.taken_at, p.committed_at, p.directories, p.files, p.bytes, p.errors
      FROM unnest(%(run_ids)s::bigint[], %(share_ids)s::int[], %(points)s::int[], %(up_to)s::int[]) AS w (run_id, share_id, point, up_to)
     CROSS JOIN LATERAL (
               SELECT *
                 FROM restore_point
                WHERE share_id = w.share_id AND run_no < w.up_to AND (w.point IS NULL OR run_no = w.point)
             ORDER BY run_no DESC
                LIMIT 1
           ) AS p
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A run that has not ended, with what says how far it is. Its other counters are not those of its batches."""

    run: Run
    tenant_name: str
    share_name: str
    expected: RestorePoint | None
    """What it is expected to come to; None: nothing is known to compare with."""


async def running(conn: Connection, seen: Seen, *, tenant_id: str | None, limit: int) -> list[Running]:
    """Active runs, those at work first, in the order in which they were asked for."""
    args = {**seen.args(), "tenant_id": tenant_id, "limit": limit}
    names = {row[0]: (row[1], row[2]) for row in await (await conn.execute(_ACTIVE, args)).fetchall()}
    if not names:
        return []
    found = await runs.of_ids(conn, list(names))
    for run_id, *sums in await (await conn.execute(_COUNTED, [list(names)])).fetchall():
        run = next(run for run in found if run.run_id == run_id)
        run.counters.add(Counters.from_wire(dict(zip(_REACHED, sums, strict=True))))
    expected = await _expected(conn, found)
    return [Running(run, *names[run.run_id], expected.get(run.run_id)) for run in found]


async def _expected(conn: Connection, found: Sequence[Run]) -> dict[int, RestorePoint]:
    compared = [run for run in found if is_measured(run)]
    abouts = [run.verify or run.order for run in compared]
    args = {
        "run_ids": [run.run_id for run in compared],
        "share_ids": [run.share_id for run in compared],
        "points": [None if about is None else about.restore_point for about in abouts],
        "up_to": [run.run_no for run in compared],
    }
    return {
        row[0]: RestorePoint(
            run_no=row[1], taken_at=row[2], committed_at=row[3], directories=row[4], files=row[5], bytes=row[6], errors=row[7]
        )
        for row in await (await conn.execute(_EXPECTED, args)).fetchall()
    }  # fmt: skip
