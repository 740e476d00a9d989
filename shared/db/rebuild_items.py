"""The frontier of a rebuild: segments to be read, then ranges of rows and indexes to be made. An item is pending or claimed by a batch; a finished one has no row."""

from collections.abc import Iterable, Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.model.rebuild import RebuildItem, Task

ITEMS_MOST: Final = 64
"""Segments of one claim."""

_ADD: Final[LiteralString] = """
    INSERT INTO rebuild_item (run_id, kind, item_no, bytes, bundles, state)
         SELECT %s, kind, item_no, bytes, bundles::int[], 0
           FROM unnest(%s::int2[], %s::int8[], %s::int8[], %s::text[]) AS row (kind, item_no, bytes, bundles)
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
_LEFT: Final[LiteralString] = "SELECT count(*) FROM rebuild_item WHERE run_id = %s"
_RELEASE: Final[LiteralString] = """
    UPDATE rebuild_item SET state = 0, batch_no = NULL WHERE run_id = %s AND state = 1 AND batch_no = ANY(%s)
"""
_FORGET: Final[LiteralString] = "DELETE FROM rebuild_item WHERE run_id = %s"


def int_array(numbers: Iterable[int]) -> str:
    """As Postgres writes it: a row of arrays of different lengths cannot be sent as a column of arrays."""
    return "{" + ",".join(map(str, numbers)) + "}"


async def add(conn: Connection, run_id: int, items: Sequence[RebuildItem]) -> None:
    """Queue items, unless they are."""
    columns = [
        [item.task.value for item in items],
        [item.item_no for item in items],
        [item.bytes for item in items],
        [int_array(item.bundles) for item in items],
    ]
    await conn.execute(_ADD, [run_id, *columns])


async def pick(conn: Connection, run_id: int, bytes_most: int) -> tuple[RebuildItem, ...]:
    """Lock pending items of the task that is on, that nobody else is picking: segments up to so many bytes, or one of the others."""
    row = await (await conn.execute(_TASK_NOW, [run_id])).fetchone()
    if row is None or row[0] is None:
        return ()
    task = Task(row[0])
    most = ITEMS_MOST if task is Task.SEGMENT else 1
    found = await (await conn.execute(_PICK, [run_id, task.value, most, bytes_most])).fetchall()
    return tuple(RebuildItem(Task(kind), no, size, tuple(bundles)) for kind, no, size, bundles in found)


async def claim(conn: Connection, run_id: int, batch_no: int, items: Sequence[RebuildItem]) -> None:
    """Give picked items, all of one task, to a batch."""
    await conn.execute(_CLAIM, [batch_no, run_id, items[0].task.value, [item.item_no for item in items]])


async def claimed(conn: Connection, run_id: int, batch_no: int) -> set[tuple[int, int]]:
    """What a batch holds: task and number."""
    return {(row[0], row[1]) for row in await (await conn.execute(_CLAIMED, [run_id, batch_no])).fetchall()}


async def give_back(conn: Connection, run_id: int, batch_no: int, items: Sequence[RebuildItem]) -> None:
    """Make items, all of one task, that a batch holds pending."""
    if items:
        await conn.execute(_RETURN, [run_id, items[0].task.value, [item.item_no for item in items], batch_no])


async def done(conn: Connection, run_id: int, batch_no: int) -> None:
    """Take out what a batch holds."""
    await conn.execute(_DONE, [run_id, batch_no])


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
