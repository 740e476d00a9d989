"""The frontier of a restore.

A directory is pending, claimed, filled (everything in it is written), and then claimed once more to be finished: a file
written into a directory changes the directory's times, so those come last, deepest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, LiteralString

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
    INSERT INTO restore_frontier (run_id, node_id, path, properties, parent_id, fresh, lazy, only_names, next_page, state)
         SELECT %s, node_id, path, properties, nullif(parent_id, 0), fresh, lazy,
                (SELECT array_agg(name) FROM jsonb_array_elements_text(only_names) AS name), next_page, %s
           FROM unnest(%s::int8[], %s::text[], %s::jsonb[], %s::int8[], %s::bool[], %s::bool[], %s::jsonb[], %s::int[])
             AS row (node_id, path, properties, parent_id, fresh, lazy, only_names, next_page)
    ON CONFLICT DO NOTHING
"""
_RELEASE: Final[LiteralString] = """
    UPDATE restore_frontier SET state = state - 1, batch_no = NULL
     WHERE run_id = %s AND state IN (1, 3) AND batch_no = ANY(%s)
"""
_PICK: Final[LiteralString] = """
    SELECT node_id, path, properties, parent_id, fresh, lazy, only_names, next_page
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
    SELECT node_id, path, properties, parent_id, fresh, lazy, only_names, next_page
      FROM restore_frontier
     WHERE run_id = %(run_id)s AND state = 2
       AND depth = greatest(
               (SELECT max(depth) FROM restore_frontier WHERE run_id = %(run_id)s AND state = 2),
               (SELECT max(depth) FROM restore_frontier WHERE run_id = %(run_id)s AND state = 3)
           )
  ORDER BY depth DESC, node_id
     LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
"""
_CLAIM: Final[LiteralString] = """
    UPDATE restore_frontier SET state = state + 1, batch_no = %s, begun = true
     WHERE run_id = %s AND node_id = ANY(%s::int8[])
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
_ABOVE: Final[LiteralString] = """
    WITH RECURSIVE above AS (
        SELECT f.* FROM restore_frontier AS f WHERE f.run_id = %(run_id)s AND f.node_id = ANY(%(node_ids)s::int8[])
         UNION
        SELECT f.* FROM above JOIN restore_frontier AS f ON f.run_id = %(run_id)s AND f.node_id = above.parent_id
    )
    SELECT node_id, path, properties, parent_id, fresh, lazy, only_names, next_page FROM above
"""
_NOTE_MADE: Final[LiteralString] = """
    INSERT INTO restore_made (run_id, node_id) SELECT %s, unnest(%s::int8[]) ON CONFLICT DO NOTHING
"""
_MADE: Final[LiteralString] = "SELECT node_id FROM restore_made WHERE run_id = %s AND node_id = ANY(%s::int8[])"
_FORGET_MADE: Final[LiteralString] = "DELETE FROM restore_made WHERE run_id = %s"
_UNFINISHED: Final[LiteralString] = """
    SELECT node_id, path, properties, parent_id, fresh, lazy, only_names, next_page, begun
      FROM restore_frontier
     WHERE run_id = %s AND state IN (0, 1) AND node_id > %s
  ORDER BY node_id
     LIMIT %s
"""
_ADVANCE_PAGES: Final[LiteralString] = """
    UPDATE restore_frontier AS f SET next_page = row.next_page
      FROM unnest(%s::int8[], %s::int[]) AS row (node_id, next_page)
     WHERE f.run_id = %s AND f.node_id = row.node_id
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
            [item.parent_id for item in ordered],
            [item.fresh for item in ordered],
            [item.lazy for item in ordered],
            [Jsonb(list(item.only)) for item in ordered],
            [item.next_page for item in ordered],
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
    """Lock up to ``limit`` directories to finish: none while one is not filled, or while others finish deeper ones."""
    row = await (await conn.execute(_UNFILLED, {"run_id": run_id})).fetchone()
    if row is None or row[0]:
        return []
    args = {"run_id": run_id, "limit": limit}
    return [_item(found) for found in await (await conn.execute(_PICK_FILLED, args)).fetchall()]


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


async def advance(conn: Connection, run_id: int, next_pages: Mapping[int, int]) -> None:
    """Note how many pages of some directories are done."""
    if next_pages:
        await conn.execute(_ADVANCE_PAGES, [list(next_pages), list(next_pages.values()), run_id])


async def left(conn: Connection, run_id: int) -> int:
    """Directories not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def above(conn: Connection, run_id: int, node_ids: Sequence[int]) -> list[RestoreItem]:
    """These directories, and all above them in the restore."""
    rows = await (await conn.execute(_ABOVE, {"run_id": run_id, "node_ids": list(node_ids)})).fetchall()
    return [_item(row) for row in rows]


async def unfilled(conn: Connection, run_id: int, after: int, limit: int) -> list[tuple[RestoreItem, bool]]:
    """Directories of which not everything is written, by node id, after one of them; and whether any worker ever held it."""
    rows = await (await conn.execute(_UNFINISHED, [run_id, after, limit])).fetchall()
    return [(_item(row[:-1]), row[-1]) for row in rows]


async def note_made(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """Note that the run is about to make these directories."""
    await conn.execute(_NOTE_MADE, [run_id, sorted(node_ids)])


async def made(conn: Connection, run_id: int, node_ids: Sequence[int]) -> set[int]:
    """Those of ``node_ids`` that were noted."""
    return {row[0] for row in await (await conn.execute(_MADE, [run_id, list(node_ids)])).fetchall()}


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    await conn.execute(_FORGET, [run_id])
    await conn.execute(_FORGET_MADE, [run_id])


def _item(row: tuple[Any, ...]) -> RestoreItem:
    node_id, path, properties, parent_id, fresh, lazy, only, next_page = row
    return RestoreItem(
        node_id=node_id,
        path=path,
        properties=properties,
        parent_id=parent_id or 0,
        fresh=fresh,
        lazy=lazy,
        only=tuple(only or ()),
        next_page=next_page,
    )
