"""Pages of which a backup is to write files into other bundles: noted by a sweep, seen to by the next backup, replaced by the next sweep."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db import damaged
from shared.db.pool import Connection
from shared.model.repack import Repack, Repacked

_CLEAR: Final[LiteralString] = "DELETE FROM repack WHERE share_id = %s"
_ADD: Final[LiteralString] = """
    INSERT INTO repack (share_id, page_id, run_no, batch_no, part, live_bytes)
         SELECT %s, * FROM unnest(%s::int8[], %s::int4[], %s::int4[], %s::int4[], %s::int8[])
    ON CONFLICT DO NOTHING
"""
_WITHIN: Final[LiteralString] = """
    SELECT r.page_id, r.run_no, r.batch_no, r.part, r.live_bytes
      FROM unnest(%s::int8[]) AS d (id)
     CROSS JOIN LATERAL (
               SELECT * FROM repack
                WHERE share_id = %s AND page_id BETWEEN d.id AND d.id + 16777215 AND done_run IS NULL
               OFFSET 0
           ) AS r
"""
_PAGES: Final[LiteralString] = """
    SELECT DISTINCT page_id FROM repack
     WHERE share_id = %s AND page_id > %s AND done_run IS NULL ORDER BY page_id LIMIT %s
"""
_GONE: Final[LiteralString] = (
    "DELETE FROM repack WHERE share_id = %s AND page_id = ANY(%s::int8[]) AND done_run IS NULL"
)
_DONE: Final[LiteralString] = """
    UPDATE repack SET done_run = %s WHERE share_id = %s AND page_id = ANY(%s::int8[]) AND done_run IS NULL
"""
# A bundle is done with the last of its pages. Sizes below zero are of bundles that a sweep has taken meanwhile.
_OUTCOME: Final[LiteralString] = """
    WITH bundle AS (
        SELECT run_no, batch_no, part, sum(live_bytes) AS live, max(done_run) AS last, bool_and(done_run IS NOT NULL) AS done
          FROM repack WHERE share_id = %(share_id)s
      GROUP BY run_no, batch_no, part
    )
    SELECT count(*) FILTER (WHERE done AND last BETWEEN %(after)s + 1 AND %(run_no)s),
           coalesce(sum(abs(batch.bundle_bytes[part + 1])) FILTER (WHERE done AND last BETWEEN %(after)s + 1 AND %(run_no)s), 0)::int8,
           coalesce(sum(live) FILTER (WHERE done AND last BETWEEN %(after)s + 1 AND %(run_no)s), 0)::int8,
           count(*) FILTER (WHERE NOT done)
      FROM bundle JOIN batch USING (run_no, batch_no)
     WHERE batch.share_id = %(share_id)s
"""


async def clear(conn: Connection, share_id: int) -> None:
    """Forget what was noted."""
    await conn.execute(_CLEAR, [share_id])


async def add(conn: Connection, share_id: int, noted: Sequence[Repack]) -> None:
    """Note some pages; one that is noted is left as it is."""
    if noted:
        columns = [
            [one.page_id for one in noted],
            *([one.bundle[at] for one in noted] for at in range(3)),
            [one.live_bytes for one in noted],
        ]
        await conn.execute(_ADD, [share_id, *columns])


async def within(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> list[Repack]:
    """What is to be done in these directories."""
    rows = await (await conn.execute(_WITHIN, [list(directory_ids), share_id])).fetchall()
    return [Repack(row[0], (row[1], row[2], row[3]), row[4]) for row in rows]


async def reopen(conn: Connection, share_id: int, after: int, limit: int) -> int | None:
    """Take the fingerprints off up to ``limit`` noted pages with a page_id above ``after``, and off their directories.

    Returns the last page_id, None when there are no more. What is not there any more is forgotten.
    """
    page_ids = [row[0] for row in await (await conn.execute(_PAGES, [share_id, after, limit])).fetchall()]
    if not page_ids:
        return None
    there = await damaged.take_off(conn, share_id, page_ids)
    await conn.execute(_GONE, [share_id, [page_id for page_id in page_ids if page_id not in there]])
    return int(page_ids[-1])


async def done(conn: Connection, share_id: int, run_no: int, page_ids: Sequence[int]) -> None:
    """Note that a backup has seen to these pages."""
    if page_ids:
        await conn.execute(_DONE, [run_no, share_id, list(page_ids)])


async def outcome(conn: Connection, share_id: int, after: int, run_no: int) -> Repacked:
    """What runs after ``after`` and up to ``run_no`` have come to, and what is left."""
    args = {"share_id": share_id, "after": after, "run_no": run_no}
    row = await (await conn.execute(_OUTCOME, args)).fetchone()
    assert row is not None
    return Repacked(bundles=row[0], bundle_bytes=row[1], live_bytes=row[2], left_bundles=row[3])
