"""Files with several names (hard links) in a restore.

The first name that any worker comes to is the file; the others become links to it in the finishing pass, when every file is
written. Which is first is decided once and for all by a unique index, so repeating a batch decides the same.
"""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pages import signed, unsigned
from shared.db.pool import Connection
from shared.model.node import SLOT_MAX
from shared.model.work import LinkToMake, RestoreLink

_ADD: Final[LiteralString] = """
    INSERT INTO restore_link (run_id, node_id, file_id, changed, path, properties, is_first)
         SELECT %s, node_id, file_id, changed, path, properties, %s
           FROM unnest(%s::int8[], %s::int8[], %s::int8[], %s::text[], %s::jsonb[])
             AS row (node_id, file_id, changed, path, properties)
    ON CONFLICT DO NOTHING
"""
_FIRST: Final[LiteralString] = """
    SELECT node_id FROM restore_link WHERE run_id = %s AND node_id = ANY(%s::int8[]) AND is_first
"""
_WRITTEN: Final[LiteralString] = """
    UPDATE restore_link SET written = true WHERE run_id = %s AND node_id = ANY(%s::int8[]) AND is_first AND NOT written
"""
_WITHIN: Final[LiteralString] = """
    SELECT l.node_id, l.file_id, l.changed, l.path, l.properties, f.path, f.written
      FROM unnest(%(directory_ids)s::int8[]) AS d (node_id)
      JOIN restore_link AS l ON l.run_id = %(run_id)s AND l.node_id > d.node_id AND l.node_id <= d.node_id + %(slots)s
      JOIN restore_link AS f ON f.run_id = l.run_id AND f.file_id = l.file_id AND f.changed = l.changed AND f.is_first
     WHERE NOT l.is_first
  ORDER BY l.node_id
"""
_FORGET: Final[LiteralString] = "DELETE FROM restore_link WHERE run_id = %s"


async def claim(conn: Connection, run_id: int, links: Sequence[RestoreLink]) -> set[int]:
    """Note names of files; returns the node ids of those that are the first of their file."""
    # In one order for all workers: who waits for a name of another's waits for nothing else of theirs.
    ordered = sorted(links, key=lambda link: (signed(link.file_id), link.changed, link.node_id))
    columns: list[Any] = [
        [link.node_id for link in ordered],
        [signed(link.file_id) for link in ordered],
        [link.changed for link in ordered],
        [link.path for link in ordered],
        [Jsonb(link.properties) for link in ordered],
    ]
    for is_first in (True, False):
        await conn.execute(_ADD, [run_id, is_first, *columns])
    return {row[0] for row in await (await conn.execute(_FIRST, [run_id, columns[0]])).fetchall()}


async def written(conn: Connection, run_id: int, node_ids: Sequence[int]) -> None:
    """Note that first names are on the target."""
    await conn.execute(_WRITTEN, [run_id, sorted(node_ids)])


async def within(conn: Connection, run_id: int, directory_ids: Sequence[int]) -> list[LinkToMake]:
    """The names in some directories that are not the first of their file."""
    args = {"run_id": run_id, "directory_ids": list(directory_ids), "slots": SLOT_MAX}
    rows = await (await conn.execute(_WITHIN, args)).fetchall()
    return [
        LinkToMake(
            link=RestoreLink(node_id=row[0], file_id=unsigned(row[1]), changed=row[2], path=row[3], properties=row[4]),
            target=row[5],
            target_written=row[6],
        )
        for row in rows
    ]


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    await conn.execute(_FORGET, [run_id])
