"""Pieces that a verify still has to look at: pending, or claimed by a batch; a finished one has no row."""

from collections.abc import Sequence
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pages import partition_sql
from shared.db.pool import Connection
from shared.model.verify import ItemKind, VerifyItem

_ADD: Final[LiteralString] = "INSERT INTO verify_item (run_id, kind, low, high, details) VALUES (%s, %s, %s, %s, %s)"
_PICK: Final[LiteralString] = """
    SELECT item_no, kind, low, high, details
      FROM verify_item
     WHERE run_id = %s AND batch_no IS NULL
  ORDER BY kind, item_no
     LIMIT 1
FOR UPDATE SKIP LOCKED
"""
_CUT: Final[LiteralString] = """
    SELECT page_id FROM {page} WHERE page_id >= %b AND page_id < %b ORDER BY page_id OFFSET %b LIMIT 1
"""
_CLAIM: Final[LiteralString] = "UPDATE verify_item SET batch_no = %s WHERE run_id = %s AND item_no = %s"
_SHORTEN: Final[LiteralString] = "UPDATE verify_item SET low = %s WHERE run_id = %s AND item_no = %s"
_ADD_CLAIMED: Final[LiteralString] = """
    INSERT INTO verify_item (run_id, kind, low, high, details, batch_no) VALUES (%s, %s, %s, %s, %s, %s)
"""
_RELEASE: Final[LiteralString] = (
    "UPDATE verify_item SET batch_no = NULL WHERE run_id = %s AND batch_no = ANY(%s::int[])"
)
_DONE: Final[LiteralString] = "DELETE FROM verify_item WHERE run_id = %s AND batch_no = %s RETURNING item_no"
_PENDING: Final[LiteralString] = "SELECT EXISTS (SELECT FROM verify_item WHERE run_id = %s AND batch_no IS NULL)"
_LEFT: Final[LiteralString] = "SELECT count(*) FROM verify_item WHERE run_id = %s"
_FORGET: Final[LiteralString] = "DELETE FROM verify_item WHERE run_id = %s"


async def add(conn: Connection, run_id: int, items: Sequence[VerifyItem]) -> None:
    """Add pending pieces."""
    for item in items:
        await conn.execute(_ADD, [run_id, item.kind.value, item.low, item.high, Jsonb(item.details)])


async def pending(conn: Connection, run_id: int) -> bool:
    """Whether any piece is claimed by nobody."""
    row = await (await conn.execute(_PENDING, [run_id])).fetchone()
    return bool(row and row[0])


async def claim(conn: Connection, run_id: int, batch_no: int, share_id: int, most_pages: int) -> VerifyItem | None:
    """Give a batch the first pending piece that nobody else is picking; of rows of the tree the first ``most_pages``."""
    row = await (await conn.execute(_PICK, [run_id])).fetchone()
    if row is None:
        return None
    item_no, kind, low, high, details = row
    item = VerifyItem(kind=ItemKind(kind), low=low, high=high, details=details)
    if item.kind is ItemKind.PAGES:
        cut = await (await conn.execute(partition_sql(_CUT, share_id), [low, high, most_pages])).fetchone()
        if cut is not None:
            await conn.execute(_SHORTEN, [cut[0], run_id, item_no])
            await conn.execute(_ADD_CLAIMED, [run_id, kind, low, cut[0], Jsonb(details), batch_no])
            return VerifyItem(kind=item.kind, low=low, high=cut[0], details=details)
    await conn.execute(_CLAIM, [batch_no, run_id, item_no])
    return item


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending what these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


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
