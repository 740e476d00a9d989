"""The frontier of a backup: directories still to visit, and directories found missing.

A row is pending, claimed by a batch, or waiting for its large files; a finished directory has none.
"""

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString

from shared.db.pages import partition_sql
from shared.db.pool import Connection

COUNTED_UP_TO: Final = 1_000
"""Enough to tell an orchestrator how wide to fan out; an exact count would read the whole frontier at each claim."""

_ADD: Final[LiteralString] = """
    INSERT INTO frontier (run_id, node_id, mtime, state)
         SELECT %b, node_id, mtime, 0 FROM unnest(%b::int8[], %b::int8[]) AS row (node_id, mtime)
    ON CONFLICT DO NOTHING
"""
_RELEASE: Final[LiteralString] = """
    UPDATE frontier SET state = 0, batch_no = NULL WHERE run_id = %s AND state = 1 AND batch_no = ANY(%s)
"""
# Walks frontier_pending and stops at LIMIT: neither sorts nor meets a claimed row.
_PICK: Final[LiteralString] = """
    SELECT node_id, mtime
      FROM frontier
     WHERE run_id = %s AND state = 0
  ORDER BY node_id
     LIMIT %s
FOR UPDATE SKIP LOCKED
"""
_PICK_ONE: Final[LiteralString] = """
    SELECT node_id, mtime FROM frontier WHERE run_id = %s AND state = 0 AND node_id = %s FOR UPDATE SKIP LOCKED
"""
_CLAIM: Final[LiteralString] = """
    UPDATE frontier SET state = 1, batch_no = %s WHERE run_id = %s AND node_id = ANY(%s::int8[])
"""
_PENDING: Final[LiteralString] = """
    SELECT count(*) FROM (SELECT FROM frontier WHERE run_id = %s AND state = 0 LIMIT %s) AS first
"""
_CLAIMED: Final[LiteralString] = "SELECT node_id, mtime FROM frontier WHERE run_id = %s AND state = 1 AND batch_no = %s"
# One that was found may be somebody's: found a second time in a share that is written to, which only a scan reads.
_KEEP: Final[LiteralString] = """
       UPDATE frontier SET state = 1, batch_no = %(next_no)s
        WHERE run_id = %(run_id)s AND node_id = ANY(%(node_ids)s::int8[])
          AND (state = 0 OR state = 1 AND batch_no = %(batch_no)s)
    RETURNING node_id
"""
_DONE: Final[LiteralString] = "DELETE FROM frontier WHERE run_id = %s AND node_id = ANY(%s::int8[])"
_RETURN: Final[LiteralString] = """
    UPDATE frontier SET state = 0, batch_no = NULL WHERE run_id = %s AND node_id = ANY(%s::int8[])
"""
_PUT_ASIDE: Final[LiteralString] = """
    INSERT INTO frontier (run_id, node_id, mtime, state)
         SELECT %b, node_id, mtime, CASE WHEN node_id = ANY(%b::int8[]) THEN 2 ELSE 0 END
           FROM unnest(%b::int8[], %b::int8[]) AS row (node_id, mtime)
    ON CONFLICT (run_id, node_id) DO UPDATE SET state = EXCLUDED.state, batch_no = NULL
"""
_RESUME: Final[LiteralString] = "UPDATE frontier SET state = 0 WHERE run_id = %s AND node_id = %s AND state = 2"
_LEFT: Final[LiteralString] = "SELECT count(*) FROM frontier WHERE run_id = %s"

_MISS: Final[LiteralString] = """
    INSERT INTO missing (run_id, node_id, parent_id)
         SELECT %b, node_id, parent_id FROM unnest(%b::int8[], %b::int8[]) AS row (node_id, parent_id)
    ON CONFLICT (run_id, node_id) DO UPDATE SET parent_id = EXCLUDED.parent_id
"""
# In the server: a directory may have a million of them.
_MISS_BELOW: Final[LiteralString] = """
    INSERT INTO missing (run_id, node_id, parent_id)
         SELECT %b, child.page_id, child.parent_id
           FROM unnest(%b::int8[]) AS parent (id)
          CROSS JOIN LATERAL (
                    SELECT page_id, parent_id
                      FROM {page}
                     WHERE parent_id >> 28 = parent.id >> 28 AND parent_id = parent.id
                       AND {live}
                    OFFSET 0
                ) AS child
       ORDER BY child.page_id
    ON CONFLICT (run_id, node_id) DO UPDATE SET parent_id = EXCLUDED.parent_id
"""
_TAKE_MISSING: Final[LiteralString] = """
    DELETE FROM missing
     WHERE run_id = %(run_id)s
       AND node_id IN (
               SELECT node_id FROM missing WHERE run_id = %(run_id)s ORDER BY node_id LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED
           )
 RETURNING node_id, parent_id
"""
_MISSING_LEFT: Final[LiteralString] = "SELECT count(*) FROM missing WHERE run_id = %s"

_LEFT_MISSING: Final[LiteralString] = """
    DELETE FROM missing
     USING run
     WHERE run.share_id = %s AND run.state IN ('failed', 'cancelled') AND missing.run_id = run.run_id
 RETURNING missing.node_id, missing.parent_id
"""
_FORGET_MISSING: Final[LiteralString] = "DELETE FROM missing WHERE run_id = %s"
_FORGET: Final[LiteralString] = "DELETE FROM frontier WHERE run_id = %s"


async def add(conn: Connection, run_id: int, found: Iterable[tuple[int, int]]) -> None:
    """Make ``(node_id, mtime)`` pending, unless it is in the frontier in whatever state."""
    rows = sorted(found)
    if rows:
        await conn.execute(_ADD, [run_id, [node_id for node_id, _ in rows], [mtime for _, mtime in rows]])


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending what these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


async def pick(conn: Connection, run_id: int, limit: int, only: int | None = None) -> dict[int, int]:
    """Lock up to ``limit`` pending directories, or ``only`` this one, that nobody else is picking; node id -> mtime."""
    query, last = (_PICK, limit) if only is None else (_PICK_ONE, only)
    return dict(await (await conn.execute(query, [run_id, last])).fetchall())


async def claim(conn: Connection, run_id: int, batch_no: int, node_ids: Iterable[int]) -> None:
    """Give picked directories to a batch."""
    await conn.execute(_CLAIM, [batch_no, run_id, list(node_ids)])


async def pending(conn: Connection, run_id: int) -> int:
    """Pending directories, counted up to :data:`COUNTED_UP_TO`."""
    row = await (await conn.execute(_PENDING, [run_id, COUNTED_UP_TO])).fetchone()
    return int(row[0]) if row else 0


async def claimed(conn: Connection, run_id: int, batch_no: int) -> dict[int, int]:
    """What a batch holds: node id -> mtime."""
    return dict(await (await conn.execute(_CLAIMED, [run_id, batch_no])).fetchall())


async def keep(conn: Connection, run_id: int, batch_no: int, next_no: int, node_ids: Iterable[int]) -> frozenset[int]:
    """Pass on what a batch holds, or what is pending, to the ``next_no``; returns those it now has."""
    args = {"run_id": run_id, "batch_no": batch_no, "next_no": next_no, "node_ids": list(node_ids)}
    return frozenset(row[0] for row in await (await conn.execute(_KEEP, args)).fetchall())


async def done(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """Take finished directories out."""
    if node_ids:
        await conn.execute(_DONE, [run_id, list(node_ids)])


async def give_back(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """Make claimed directories pending."""
    if node_ids:
        await conn.execute(_RETURN, [run_id, list(node_ids)])


async def put_aside(conn: Connection, run_id: int, mtimes: dict[int, int], unfinished: set[int]) -> None:
    """Make directories wait for their large files; those not among ``unfinished`` have none to wait for and are pending."""
    if mtimes:
        args = [run_id, list(unfinished), list(mtimes), list(mtimes.values())]
        await conn.execute(_PUT_ASIDE, args)


async def resume(conn: Connection, run_id: int, node_id: int) -> None:
    """Make a directory pending if it waits."""
    await conn.execute(_RESUME, [run_id, node_id])


async def left(conn: Connection, run_id: int) -> int:
    """Directories not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def miss(conn: Connection, run_id: int, rows: Iterable[tuple[int, int]]) -> None:
    """Queue ``(node_id, parent_id)`` of directories not found below that parent."""
    ordered = sorted(rows)
    if ordered:
        args = [run_id, [node_id for node_id, _ in ordered], [parent_id for _, parent_id in ordered]]
        await conn.execute(_MISS, args)


async def miss_below(conn: Connection, run_id: int, share_id: int, parent_ids: Sequence[int]) -> None:
    """Queue all live directories right below these."""
    if parent_ids:
        await conn.execute(partition_sql(_MISS_BELOW, share_id), [run_id, list(parent_ids)])


async def take_missing(conn: Connection, run_id: int, limit: int) -> dict[int, int]:
    """Take up to ``limit`` out of the queue: node id -> parent it was missed at."""
    return dict(await (await conn.execute(_TAKE_MISSING, {"run_id": run_id, "limit": limit})).fetchall())


async def missing_left(conn: Connection, run_id: int) -> int:
    """How many are queued."""
    row = await (await conn.execute(_MISSING_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def take_left_missing(conn: Connection, share_id: int) -> dict[int, int]:
    """Take out what failed and cancelled runs of the share found missing and did not delete: node id -> parent it was missed at."""
    return dict(await (await conn.execute(_LEFT_MISSING, [share_id])).fetchall())


async def forget_missing(conn: Connection, run_id: int) -> None:
    """Take out what a run found missing."""
    await conn.execute(_FORGET_MISSING, [run_id])


async def forget(conn: Connection, run_id: int) -> None:
    """Remove a run from the frontier. What a run that made no restore point found missing is for the next one."""
    await conn.execute(_FORGET, [run_id])
