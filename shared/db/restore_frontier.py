"""The frontier of a restore.

A directory is pending, claimed, filled (everything in it is written), and then claimed once more to be finished: a file
written into a directory changes the directory's times, so those come last, deepest first.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pool import Connection
from shared.model.work import RestoreItem


class RestoreState(IntEnum):
    """Where a directory of a restore is."""

    PENDING = 0
    CLAIMED = 1
    FILLED = 2
    FINISHING = 3


_ADD: Final[LiteralString] = """
    INSERT INTO restore_frontier (run_id, node_id, path, properties, state)
         SELECT %s, node_id, path, properties, %s
           FROM unnest(%s::int8[], %s::text[], %s::jsonb[]) AS row (node_id, path, properties)
    ON CONFLICT DO NOTHING
"""
_RELEASE: Final[LiteralString] = """
    UPDATE restore_frontier SET state = state - 1, batch_no = NULL
     WHERE run_id = %s AND state IN (1, 3) AND batch_no = ANY(%s)
"""
_PICK: Final[LiteralString] = """
    SELECT node_id, path, properties
      FROM restore_frontier
     WHERE run_id = %s AND state = 0
  ORDER BY node_id
     LIMIT %s
FOR UPDATE SKIP LOCKED
"""
_UNFILLED: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM restore_frontier WHERE run_id = %(run_id)s AND state = 0)
        OR EXISTS (SELECT FROM restore_frontier WHERE run_id = %(run_id)s AND state = 1)
"""
_PICK_FILLED: Final[LiteralString] = """
    SELECT node_id, path, properties
      FROM restore_frontier
     WHERE run_id = %s AND state = 2
  ORDER BY depth DESC, node_id
     LIMIT %s
FOR UPDATE SKIP LOCKED
"""
_CLAIM: Final[LiteralString] = """
    UPDATE restore_frontier SET state = state + 1, batch_no = %s WHERE run_id = %s AND node_id = ANY(%s::int8[])
"""
_CLAIMED: Final[LiteralString] = """
    SELECT node_id, state FROM restore_frontier WHERE run_id = %s AND state IN (1, 3) AND batch_no = %s
"""
_ADVANCE: Final[LiteralString] = """
    UPDATE restore_frontier SET state = 2, batch_no = NULL WHERE run_id = %s AND node_id = ANY(%s::int8[]) AND state = 1
"""
_REMOVE: Final[LiteralString] = """
    DELETE FROM restore_frontier WHERE run_id = %s AND node_id = ANY(%s::int8[]) AND state = 3
"""
_RETURN: Final[LiteralString] = """
    UPDATE restore_frontier SET state = state - 1, batch_no = NULL
     WHERE run_id = %s AND node_id = ANY(%s::int8[]) AND state IN (1, 3)
"""
_LEFT: Final[LiteralString] = "SELECT count(*) FROM restore_frontier WHERE run_id = %s"
_FORGET: Final[LiteralString] = "DELETE FROM restore_frontier WHERE run_id = %s"


async def add(conn: Connection, run_id: int, items: Iterable[RestoreItem], state: RestoreState) -> None:
    """Add directories, unless they are there in whatever state."""
    ordered = sorted(items, key=lambda item: item.node_id)
    if ordered:
        args = [
            run_id,
            state.value,
            [item.node_id for item in ordered],
            [item.path for item in ordered],
            [Jsonb(item.properties) for item in ordered],
        ]
        await conn.execute(_ADD, args)


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Give up what these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


async def pick(conn: Connection, run_id: int, limit: int) -> list[RestoreItem]:
    """Lock up to ``limit`` pending directories that nobody else is picking."""
    return [_item(row) for row in await (await conn.execute(_PICK, [run_id, limit])).fetchall()]


async def pick_filled(conn: Connection, run_id: int, limit: int) -> list[RestoreItem]:
    """Lock up to ``limit`` directories to finish, deepest first; none while one is not filled."""
    row = await (await conn.execute(_UNFILLED, {"run_id": run_id})).fetchone()
    if row is None or row[0]:
        return []
    return [_item(found) for found in await (await conn.execute(_PICK_FILLED, [run_id, limit])).fetchall()]


async def claim(conn: Connection, run_id: int, batch_no: int, items: Sequence[RestoreItem]) -> None:
    """Give picked directories to a batch."""
    await conn.execute(_CLAIM, [batch_no, run_id, [item.node_id for item in items]])


async def claimed(conn: Connection, run_id: int, batch_no: int) -> set[int]:
    """What a batch holds."""
    return {row[0] for row in await (await conn.execute(_CLAIMED, [run_id, batch_no])).fetchall()}


async def done(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """One step on: claimed directories are filled, finished ones leave."""
    if node_ids:
        await conn.execute(_REMOVE, [run_id, list(node_ids)])
        await conn.execute(_ADVANCE, [run_id, list(node_ids)])


async def give_back(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """Back to where they were before they were claimed."""
    if node_ids:
        await conn.execute(_RETURN, [run_id, list(node_ids)])


async def left(conn: Connection, run_id: int) -> int:
    """Directories not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    await conn.execute(_FORGET, [run_id])


def _item(row: tuple[int, str, dict[str, object]]) -> RestoreItem:
    return RestoreItem(node_id=row[0], path=row[1], properties=row[2])
