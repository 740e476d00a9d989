"""What verifies found damaged of the newest state of a share: rows that the next backup compares again, files that it reads again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, LiteralString

from shared.db import pages, rollups
from shared.db.pool import Connection
from shared.model.node import SLOT_MAX
from shared.model.verify import ROW, Damage

_MARK: Final[LiteralString] = """
    INSERT INTO damaged (share_id, page_id, node_id, saved_run)
         SELECT %s, page_id, node_id, saved_run
           FROM unnest(%s::int8[], %s::int8[], %s::int4[]) AS row (page_id, node_id, saved_run)
    ON CONFLICT (share_id, page_id, node_id) DO UPDATE SET saved_run = EXCLUDED.saved_run
"""
_WITHIN: Final[LiteralString] = """
    SELECT damaged.page_id, damaged.node_id, damaged.saved_run
      FROM unnest(%s::int8[]) AS d (id)
     CROSS JOIN LATERAL (
               SELECT page_id, node_id, saved_run
                 FROM damaged WHERE share_id = %s AND page_id BETWEEN d.id AND d.id + 16777215
               OFFSET 0
           ) AS damaged
"""
_MENDED: Final[LiteralString] = """
    DELETE FROM damaged
     USING unnest(%s::int8[], %s::int8[], %s::int4[]) AS mended (page_id, node_id, saved_run)
     WHERE damaged.share_id = %s AND damaged.page_id = mended.page_id
       AND damaged.node_id = mended.node_id AND damaged.saved_run = mended.saved_run
"""
_PAGES: Final[LiteralString] = """
    SELECT DISTINCT page_id FROM damaged WHERE share_id = %s AND page_id > %s ORDER BY page_id LIMIT %s
"""
_ROWS: Final[LiteralString] = "SELECT EXISTS (SELECT FROM damaged WHERE share_id = %s AND saved_run = %s)"
_GONE: Final[LiteralString] = "DELETE FROM damaged WHERE share_id = %s AND page_id = ANY(%s::int8[])"


async def mark(conn: Connection, share_id: int, found: Sequence[Damage]) -> None:
    """Remember what the next backup is to save again."""
    if found:
        await conn.execute(_MARK, [share_id, *_columns(found)])


async def within(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> list[Damage]:
    """What is damaged of these directories."""
    rows = await (await conn.execute(_WITHIN, [list(directory_ids), share_id])).fetchall()
    return [Damage(*found) for found in rows]


async def mended(conn: Connection, share_id: int, found: Sequence[Damage]) -> None:
    """Forget what was saved again; damage of a newer version that was found since stays."""
    if found:
        await conn.execute(_MENDED, [*_columns(found), share_id])


async def reopen(conn: Connection, share_id: int, after: int, limit: int) -> int | None:
    """Take the fingerprints off up to ``limit`` damaged pages with a page_id above ``after``, and off their directories.

    Whoever lists these next compares them. Returns the last page_id, None when there are no more. What is not there any more is forgotten.
    """
    if not after:
        # Roll-ups change by the difference that a row makes. They are counted anew with the rows as they are, which saves them from
        # the difference between a row that was tampered with and what it had been.
        row = await (await conn.execute(_ROWS, [share_id, ROW])).fetchone()
        if row is not None and row[0]:
            await rollups.count(conn, share_id)
    page_ids = [row[0] for row in await (await conn.execute(_PAGES, [share_id, after, limit])).fetchall()]
    if not page_ids:
        return None
    there = await take_off(conn, share_id, page_ids)
    await conn.execute(_GONE, [share_id, [page_id for page_id in page_ids if page_id not in there]])
    return int(page_ids[-1])


async def take_off(conn: Connection, share_id: int, page_ids: Sequence[int]) -> set[int]:
    """Take the fingerprints off these pages and off their directories; which of all those are there."""
    both = sorted({*page_ids, *(page_id & ~SLOT_MAX for page_id in page_ids)})
    await pages.lock(conn, share_id, both)
    live = [row for row in await pages.of_pages(conn, share_id, both) if row.deleted_run is None]
    closed = [row for row in live if row.fingerprint is not None or row.page_fingerprint is not None]
    await pages.upsert(conn, share_id, [replace(row, fingerprint=None, page_fingerprint=None) for row in closed])
    return {row.directory_id | row.page_no for row in live}


def _columns(found: Sequence[Damage]) -> list[list[int]]:
    ordered = sorted(set(found), key=lambda d: (d.page_id, d.node_id, d.saved_run))
    once = list({(d.page_id, d.node_id): d for d in ordered}.values())
    return [[d.page_id for d in once], [d.node_id for d in once], [d.saved_run for d in once]]
