"""What a rebuild has left to do, as far as all runs are asked about it."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection

_LEFT: Final[LiteralString] = "SELECT count(*) FROM rebuild_item WHERE run_id = %s"
_RELEASE: Final[LiteralString] = """
    UPDATE rebuild_item SET state = 0, batch_no = NULL WHERE run_id = %s AND state = 1 AND batch_no = ANY(%s)
"""
_FORGET: Final[LiteralString] = "DELETE FROM rebuild_item WHERE run_id = %s"


async def left(conn: Connection, run_id: int) -> int:
    """Items not finished."""
    row = await (await conn.execute(_LEFT, [run_id])).fetchone()
    return int(row[0]) if row else 0


async def release(conn: Connection, run_id: int, batch_nos: Sequence[int]) -> None:
    """Make pending what these batches, locked by the caller, hold."""
    if batch_nos:
        await conn.execute(_RELEASE, [run_id, list(batch_nos)])


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all of a run."""
    await conn.execute(_FORGET, [run_id])
