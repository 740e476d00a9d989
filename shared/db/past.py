"""What looking into a share's past, and searching it, ask of the catalogue."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pages import choose_share, partition_sql, with_paths
from shared.db.pool import Connection
from shared.model.found import FoundNode, SearchPlace
from shared.model.node import SLOT_MAX

_EXISTS: Final[LiteralString] = "SELECT to_regclass(%s) IS NOT NULL"
_POINTS: Final[LiteralString] = "SELECT run_no FROM restore_point WHERE share_id = %s ORDER BY run_no"
_SEGMENTS: Final[LiteralString] = """
    SELECT run_no, batch_no, segment_bytes
      FROM batch
     WHERE share_id = %s AND run_no > %s AND run_no <= %s AND segment_bytes > 0 AND NOT segment_swept
  ORDER BY run_no, batch_no
"""
# From one directory to the next by the index: a wide one's other pages are passed over, and the planner cannot decide to read all that follow.
_DIRECTORIES: Final[LiteralString] = """
    WITH RECURSIVE directory (id) AS (
        (SELECT page_id FROM {page} WHERE page_id > %b ORDER BY page_id LIMIT 1)
        UNION ALL
        SELECT (SELECT page_id FROM {page} WHERE page_id > directory.id | 16777215 ORDER BY page_id LIMIT 1)
          FROM directory
         WHERE id IS NOT NULL
    )
    SELECT id FROM directory WHERE id IS NOT NULL LIMIT %b
"""
_SLICE_END: Final[LiteralString] = """
    SELECT max(page_id) FROM (SELECT page_id FROM {page} WHERE page_id > %b ORDER BY page_id LIMIT %b) AS slice
"""
# A page's names are one text with slashes between, so one look says whether it has such a name: to unpack it takes ten times as long. Where
# names have a prefix and a suffix in common these come first, and go around each of the others: shared/formats/packed.py.
_CANDIDATES: Final[LiteralString] = """
    SELECT page_id
      FROM (
               SELECT page_id, name, factored, names, split_part(names, '/', 1) AS prefix, split_part(names, '/', 2) AS suffix
                 FROM (
                          SELECT page_id, name, names || '' AS names, get_byte(substring(packed FOR 2), 1) >= 128 AS factored
                            FROM {page}
                           WHERE page_id > %b AND page_id <= %b
                        ORDER BY page_id
                          OFFSET 0
                      ) AS raw
             ORDER BY page_id
               OFFSET 0
           ) AS page
     WHERE name COLLATE "C" ~ %b
        OR '/' || CASE
               WHEN factored
               THEN prefix || replace(substr(names, length(prefix) + length(suffix) + 3), '/', suffix || '/' || prefix) || suffix
               ELSE names
           END || '/' COLLATE "C" ~ %b
  ORDER BY page_id
     LIMIT %b
"""
_MATCHING: Final[LiteralString] = """
    SELECT node.node_id, node.parent_id, node.name, node.size, node.mtime
      FROM unnest(%(pages)s::bigint[]) AS page (id)
     CROSS JOIN LATERAL (
               SELECT * FROM directories_within(page.id, page.id) WHERE parent_id IS NOT NULL
               UNION ALL
               SELECT * FROM files_within(page.id, page.id)
           ) AS node
     WHERE node.node_id > %(after)s AND node.name COLLATE "C" ~ %(whole)s
  ORDER BY node.node_id
     LIMIT %(limit)s
"""
_LOOKED_AT: Final = 14
"""Pages that are looked at for each that is unpacked."""


async def points(conn: Connection, share_id: int) -> list[int]:
    """Numbers of all restore points, in order."""
    return [row[0] for row in await (await conn.execute(_POINTS, [share_id])).fetchall()]


async def segments(conn: Connection, share_id: int, after_run_no: int, up_to_run_no: int) -> list[tuple[int, int, int]]:
    """``(run_no, batch_no, bytes)`` of the segments of runs in ``(after, up_to]``, in order."""
    rows = await (await conn.execute(_SEGMENTS, [share_id, after_run_no, up_to_run_no])).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


async def directories(conn: Connection, share_id: int, after: int, limit: int) -> list[int]:
    """Up to ``limit`` directories with higher numbers than the page id ``after`` has, tombstones included, in order."""
    if not await _has_tree(conn, share_id):
        return []
    rows = await (await conn.execute(partition_sql(_DIRECTORIES, share_id), [after | SLOT_MAX, limit])).fetchall()
    return [row[0] for row in rows]


async def matching(
    conn: Connection, share_id: int, pattern: str, *, after: SearchPlace, limit: int, pages: int
) -> tuple[list[tuple[FoundNode, str]], SearchPlace | None]:
    """Live nodes whose names match, with their paths, among the next pages.

    :param pattern: for Postgres's ``~``, of whole names; no part of it may match a slash.
    :param pages: how many are unpacked at most; some times as many are looked at.
    :returns: up to ``limit`` in the order of node ids, and where to go on; None if that was all there are.
    """
    if not await _has_tree(conn, share_id):
        return [], None
    await choose_share(conn, share_id)
    last = after.last
    if not last:
        end = await conn.execute(partition_sql(_SLICE_END, share_id), [after.begin, pages * _LOOKED_AT])
        row = await end.fetchone()
        if row is None or row[0] is None:
            return [], None
        last = row[0]
    whole, among = f"^(?:{pattern})$", f"/(?:{pattern})/"
    # Of a slice that was begun, all: what changed meanwhile does not move its end.
    most = None if after.last else pages
    chosen = await conn.execute(partition_sql(_CANDIDATES, share_id), [after.begin, last, whole, among, most])
    candidates = [row[0] for row in await chosen.fetchall()]
    if len(candidates) == most:
        last = candidates[-1]
    if not candidates:
        return [], SearchPlace(last)
    args = {"pages": candidates, "after": after.told, "whole": whole, "limit": limit}
    found = [
        FoundNode(node_id, parent_id, name, size, mtime)
        for node_id, parent_id, name, size, mtime in await (await conn.execute(_MATCHING, args)).fetchall()
    ]
    paths = await paths_of(conn, share_id, [node.directory_id for node in found])
    told = [(node, joined(paths[node.directory_id], node.name)) for node in found]
    return told, SearchPlace(after.begin, last, found[-1].node_id) if len(found) == limit else SearchPlace(last)


async def paths_of(conn: Connection, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
    """Where directories are, or where they last were, from the root."""
    wanted = sorted(set(directory_ids))
    found = await with_paths(conn, share_id, wanted) if wanted else {}
    return {node_id: path for node_id, (_, path) in found.items()}


def joined(directory: str, name: str) -> str:
    """The path of what is called ``name`` in a directory."""
    return f"{directory}/{name}" if directory else name


async def _has_tree(conn: Connection, share_id: int) -> bool:
    """Whether the share was ever backed up or scanned."""
    row = await (await conn.execute(_EXISTS, [f"public.page_{share_id}"])).fetchone()
    return row is not None and bool(row[0])
