"""Pieces that a sweep still has to do: pending, or claimed by a batch; a finished one has no row."""

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pages import partition_sql
from shared.db.pool import Connection
from shared.model.sweep import SweepItem, SweepKind

_ADD: Final[LiteralString] = "INSERT INTO sweep_item (run_id, kind, low, high, details) VALUES (%s, %s, %s, %s, %s)"
# All of one kind are done, and not only claimed, before the next begins. AGAIN one at a time: each begins a round of condemning and deleting, and
# in two rounds at once what one has condemned the other would delete before its barrier. (Claims of one run come one after the other: the caller
# has counted up its batches.)
_PICK: Final[LiteralString] = """
    SELECT item_no, kind, low, high, details
      FROM sweep_item
     WHERE run_id = %(run_id)s AND batch_no IS NULL AND kind = (SELECT min(kind) FROM sweep_item WHERE run_id = %(run_id)s)
       AND (kind <> %(again)s OR NOT EXISTS (SELECT FROM sweep_item WHERE run_id = %(run_id)s AND kind = %(again)s AND batch_no IS NOT NULL))
  ORDER BY item_no
     LIMIT 1
FOR UPDATE SKIP LOCKED
"""
# From the end: directories mostly have higher numbers than the one they are in, and a tombstone can go when none hangs below it.
_CUT: Final[LiteralString] = """
    SELECT page_id FROM {page} WHERE page_id > %b AND page_id < %b ORDER BY page_id DESC OFFSET %b LIMIT 1
"""
_CLAIM: Final[LiteralString] = "UPDATE sweep_item SET batch_no = %s WHERE run_id = %s AND kind = %s AND item_no = %s"
_SHORTEN: Final[LiteralString] = "UPDATE sweep_item SET high = %s WHERE run_id = %s AND kind = %s AND item_no = %s"
_ADD_CLAIMED: Final[LiteralString] = """
    INSERT INTO sweep_item (run_id, kind, low, high, details, batch_no) VALUES (%s, %s, %s, %s, %s, %s)
"""
_RELEASE: Final[LiteralString] = "UPDATE sweep_item SET batch_no = NULL WHERE run_id = %s AND batch_no = ANY(%s::int[])"
_DONE: Final[LiteralString] = "DELETE FROM sweep_item WHERE run_id = %s AND batch_no = %s RETURNING item_no"
_HELD: Final[LiteralString] = "SELECT EXISTS (SELECT FROM sweep_item WHERE run_id = %s AND batch_no = %s)"
_LEFT: Final[LiteralString] = "SELECT count(*) FROM sweep_item WHERE run_id = %s"
_FORGET: Final[LiteralString] = "DELETE FROM sweep_item WHERE run_id = %s"


async def add(conn: Connection, run_id: int, items: Sequence[SweepItem]) -> None:
    """Add pending pieces."""
    for item in items:
        await conn.execute(_ADD, [run_id, item.kind.value, item.low, item.high, Jsonb(dict(item.details))])


async def claim(conn: Connection, run_id: int, batch_no: int, share_id: int, most_pages: int) -> SweepItem | None:
    """Give a batch the first pending piece of the kind that is next; of rows of the tree the last ``most_pages``."""
    row = await (await conn.execute(_PICK, {"run_id": run_id, "again": SweepKind.AGAIN.value})).fetchone()
    if row is None:
        return None
    item_no, kind, low, high, details = row
    item = SweepItem(kind=SweepKind(kind), low=low, high=high, details=details)
    if item.kind is SweepKind.MARK:
        cut = await (await conn.execute(partition_sql(_CUT, share_id), [low, high, most_pages - 1])).fetchone()
        if cut is not None:
            await conn.execute(_SHORTEN, [cut[0], run_id, kind, item_no])
            await conn.execute(_ADD_CLAIMED, [run_id, kind, cut[0], high, Jsonb(details), batch_no])
            return SweepItem(kind=item.kind, low=cut[0], high=high, details=details)
    await conn.execute(_CLAIM, [batch_no, run_id, kind, item_no])
    return item


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending what these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


async def held(conn: Connection, run_id: int, batch_no: int) -> bool:
    """Whether a batch holds a piece."""
    row = await (await conn.execute(_HELD, [run_id, batch_no])).fetchone()
    return bool(row and row[0])


async def done(conn: Connection, run_id: int, batch_no: int) -> bool:
    """Take out what a batch holds; whether it held anything."""
    return await (await conn.execute(_DONE, [run_id, batch_no])).fetchone() is not None


async def left(conn: Connection, run_id: int) -> int:
    """Pieces not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    await conn.execute(_FORGET, [run_id])
