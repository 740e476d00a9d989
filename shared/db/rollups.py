"""Roll-ups: directories, files and bytes per top folder, true at every commit, without a row that all workers write.

Whoever changes the tree calls :func:`watch` before, writes, and then :func:`book`: the difference becomes rows of the
batch's own. :func:`fold` adds a run's rows to the totals when it ends.

A directory that moves from one top folder to another takes its whole subtree along. That is counted when it happens: at once
for a top folder, whose totals are known, else by reading the subtree. Nobody else changes a subtree that is being moved: a run
gets to a directory from above, so to what is below a moved one only after the move was committed. But a directory may move out
of another that moves too; transactions with such a move wait for one another.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final, LiteralString

from shared.core.rollup import files_changed
from shared.db import pages
from shared.db.pool import Connection
from shared.model.node import ROOT_ID
from shared.model.page import DirectoryHead, FileRow, Page
from shared.model.rollup import FolderChange

_BOOK: Final[LiteralString] = """
    INSERT INTO rollup_change AS c (
        share_id, run_no, batch_no, top_id, directories, files, bytes, new_files, changed_files, deleted_files
    )
         SELECT %b, %b, %b, * FROM unnest(
                    %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]
                )
    ON CONFLICT (share_id, run_no, batch_no, top_id) DO UPDATE
            SET directories = c.directories + EXCLUDED.directories, files = c.files + EXCLUDED.files,
                bytes = c.bytes + EXCLUDED.bytes, new_files = c.new_files + EXCLUDED.new_files,
                changed_files = c.changed_files + EXCLUDED.changed_files,
                deleted_files = c.deleted_files + EXCLUDED.deleted_files
"""
_FOLD: Final[LiteralString] = """
    WITH batch AS (
        DELETE FROM rollup_change WHERE share_id = %(share_id)s AND run_no = %(run_no)s AND batch_no >= 0 RETURNING *
    ),
    run AS (
        SELECT top_id, sum(directories)::bigint AS directories, sum(files)::bigint AS files, sum(bytes)::bigint AS bytes,
               sum(new_files)::bigint AS new_files, sum(changed_files)::bigint AS changed_files,
               sum(deleted_files)::bigint AS deleted_files
          FROM batch GROUP BY top_id
    ),
    total AS (
        INSERT INTO rollup (share_id, top_id, directories, files, bytes)
             SELECT %(share_id)s, top_id, directories, files, bytes FROM run
        ON CONFLICT (share_id, top_id) DO UPDATE
                SET directories = rollup.directories + EXCLUDED.directories, files = rollup.files + EXCLUDED.files,
                    bytes = rollup.bytes + EXCLUDED.bytes
    )
    INSERT INTO rollup_change
         SELECT %(share_id)s, %(run_no)s, -1, top_id, directories, files, bytes, new_files, changed_files, deleted_files
           FROM run
          WHERE (directories, files, bytes, new_files, changed_files, deleted_files) <> (0, 0, 0, 0, 0, 0)
"""
_DROP_EMPTY: Final[LiteralString] = "DELETE FROM rollup WHERE share_id = %s AND directories = 0 AND top_id <> %s"
# The last run that changed the tree: earlier ones were looked at when it began.
_COUNTED: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM rollup WHERE share_id = %(share_id)s AND top_id = %(root_id)s)
       AND NOT EXISTS (
               SELECT FROM batch
                WHERE run_id = (
                          SELECT run_id FROM run
                           WHERE share_id = %(share_id)s AND kind = 'backup' AND started_at IS NOT NULL AND run_id <> %(but)s
                        ORDER BY run_no DESC LIMIT 1
                      )
                  AND kind = 0 AND state = 1 AND NOT rolled_up
           )
"""
_FORGET: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM rollup WHERE share_id = %s",
    "DELETE FROM rollup_change WHERE share_id = %s",
)
# One hash of all directories, looked up level by level; the tree is unpacked once.
_COUNT: Final[LiteralString] = """
    INSERT INTO rollup (share_id, top_id, directories, files, bytes)
    WITH RECURSIVE directory AS MATERIALIZED (
        SELECT d.node_id, d.parent_id FROM directories_within(0, 9223372036854775807) AS d
    ),
    below (node_id, top_id) AS (
        SELECT node_id, node_id FROM directory WHERE parent_id = %(root_id)s
        UNION ALL
        SELECT d.node_id, below.top_id FROM below JOIN directory AS d ON d.parent_id = below.node_id
    )
    SELECT %(share_id)s, top_id, sum(directories), sum(files), sum(bytes)
      FROM (
               SELECT coalesce(b.top_id, %(root_id)s) AS top_id, count(*) AS directories, 0 AS files, 0::numeric AS bytes
                 FROM directory AS d LEFT JOIN below AS b USING (node_id) GROUP BY 1
               UNION ALL
               SELECT coalesce(b.top_id, %(root_id)s), 0, sum(f.files), sum(f.bytes)
                 FROM (
                          SELECT parent_id, count(*) AS files, sum(size) AS bytes
                            FROM files_within(0, 9223372036854775807) GROUP BY parent_id
                      ) AS f
                 LEFT JOIN below AS b ON b.node_id = f.parent_id
                GROUP BY 1
           ) AS counted
     GROUP BY top_id
"""
_TOTALS: Final[LiteralString] = """
    SELECT coalesce(sum(directories), 0)::bigint, coalesce(sum(files), 0)::bigint, coalesce(sum(bytes), 0)::bigint
      FROM (
               SELECT share_id, top_id, directories, files, bytes FROM rollup
               UNION ALL
               SELECT share_id, top_id, directories, files, bytes FROM rollup_change WHERE batch_no >= 0
           ) AS t
     WHERE share_id = %(share_id)s AND (%(top_id)s::bigint IS NULL OR top_id = %(top_id)s)
"""
_TOTALS_BELOW: Final[LiteralString] = "SELECT directories + 1, files, bytes FROM node_totals(%s)"
_LOCK_MOVES: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s, %s)"
_FIELDS: Final = tuple(f.name for f in fields(FolderChange))
CLOSING: Final = 0
"""Stands for a batch in what the closing of a run books; batches count from 1."""

_MOVES: Final = 470_632
"""Any number that no other program on this server uses as the first of an advisory lock's two."""


@dataclass(slots=True)
class Watch:
    """The tree before a change."""

    share_id: int
    before: dict[int, list[FileRow]]
    """By directory: files of the pages to be written."""
    born: set[int]
    """Directories that are not there, or are tombstones."""
    moved: dict[int, tuple[int, FolderChange]] = field(default_factory=dict)
    """Live directories about to get another parent: the top folder they leave, and what they take along."""


async def watch(
    conn: Connection,
    share_id: int,
    written: Sequence[Page],
    placed: Sequence[DirectoryHead] = (),
    *,
    before: Sequence[Page] | None = None,
) -> Watch:
    """Look at what is about to be written: rows of pages, and new names and parents of directories.

    :param before: the rows that ``written`` replaces, if they are known.
    """
    if before is None:
        before = await pages.of_pages(conn, share_id, [page.directory_id | page.page_no for page in written])
    files: dict[int, list[FileRow]] = defaultdict(list)
    for old in before:
        files[old.directory_id] += old.files
    there = {old.directory_id: old.parent_id for old in before if old.page_no == 0 and old.deleted_run is None}
    parents = {page.directory_id: page.parent_id for page in written if page.page_no == 0 and page.deleted_run is None}
    if placed:
        heads = await pages.heads(conn, share_id, [head.node_id for head in placed])
        there |= {node_id: head.parent_id for node_id, head in heads.items()}
        parents |= {head.node_id: head.parent_id for head in placed}
    found = Watch(share_id, files, parents.keys() - there.keys())
    moving = [node_id for node_id in parents.keys() & there.keys() if parents[node_id] != there[node_id]]
    if moving:
        await conn.execute(_LOCK_MOVES, [_MOVES, share_id])
        above = await pages.parents_above(conn, share_id, moving)
        for node_id in moving:
            top_id = _top(node_id, above)
            found.moved[node_id] = (top_id, await _subtree(conn, share_id, node_id, top_id))
        # What moves out of a directory that moves too is not taken along by that one.
        whole = {node_id: replace(subtree) for node_id, (_, subtree) in found.moved.items()}
        for node_id in moving:
            outer = next((n for n in _line(node_id, above) if n in whole and n != node_id), None)
            if outer is not None:
                found.moved[outer][1].subtract(whole[node_id])
    return found


async def book(
    conn: Connection, seen: Watch, run_no: int, batch_no: int, written: Sequence[Page], deleted: Iterable[int] = ()
) -> FolderChange:
    """Book the difference, now that it is written, under the batch; return the sum of it.

    :param deleted: directories among ``written`` that have just become tombstones.
    """
    after: dict[int, list[FileRow]] = defaultdict(list)
    for page in written:
        after[page.directory_id] += page.files
    above = await pages.parents_above(conn, seen.share_id, [*after, *seen.moved])
    changes: dict[int, FolderChange] = defaultdict(FolderChange)
    total = FolderChange()
    gone = set(deleted)
    for node_id, files in after.items():
        change = files_changed(seen.before.get(node_id, ()), files)
        change.directories = (node_id in seen.born) - (node_id in gone)
        changes[_top(node_id, above)].add(change)
        total.add(change)
    for node_id, (old_top, subtree) in seen.moved.items():
        new_top = _top(node_id, above)
        if new_top != old_top:
            changes[old_top].subtract(subtree)
            changes[new_top].add(subtree)
    rows = sorted((top_id, c) for top_id, c in changes.items() if c != FolderChange())
    if rows:
        columns = [[top_id for top_id, _ in rows]] + [[getattr(change, name) for _, change in rows] for name in _FIELDS]
        await conn.execute(_BOOK, [seen.share_id, run_no, batch_no, *columns])
    return total


async def fold(conn: Connection, share_id: int, run_no: int) -> None:
    """Add what a run booked to the totals; keep the sum of it as what the run changed. One run of a share at a time."""
    await conn.execute(_FOLD, {"share_id": share_id, "run_no": run_no})
    await conn.execute(_DROP_EMPTY, [share_id, ROOT_ID])


async def ensure(conn: Connection, share_id: int, *, starting: int = 0) -> None:
    """Count a tree that has no roll-ups, or that a program which keeps none had a part in. Nothing if all is well.

    :param starting: run that is about to start and has changed nothing yet; 0 while one is at work or ends.
    """
    args = {"share_id": share_id, "root_id": ROOT_ID, "but": starting}
    row = await (await conn.execute(_COUNTED, args)).fetchone()
    if row is None or not row[0]:
        await count(conn, share_id)


async def count(conn: Connection, share_id: int) -> None:
    """Count the whole tree anew, about half a second per million files.

    What earlier runs changed is forgotten: nobody knows all of it.
    """
    for statement in _FORGET:
        await conn.execute(statement, [share_id])
    await pages.choose_share(conn, share_id)
    await conn.execute("SET LOCAL statement_timeout = 0")
    await conn.execute(_COUNT, {"share_id": share_id, "root_id": ROOT_ID})


async def totals(conn: Connection, share_id: int) -> tuple[int, int, int]:
    """Live directories, files and bytes of a share, the root included. For the end of a run: see :func:`ensure`."""
    await ensure(conn, share_id)
    row = await (await conn.execute(_TOTALS, {"share_id": share_id, "top_id": None})).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def subtree(conn: Connection, share_id: int, node_id: int, *, is_top: bool) -> FolderChange:
    """What a directory and everything below it come to.

    :param is_top: it is a top folder, whose totals are known: nothing has to be read.
    """
    return await _subtree(conn, share_id, node_id, node_id if is_top else ROOT_ID)


Parents = Mapping[int, int | None]


def _line(node_id: int, above: Parents) -> Iterator[int]:
    """Yield a directory and those above it, up to the root; ends where a circle closes."""
    seen = set[int]()
    at: int | None = node_id
    while at is not None and at in above and at not in seen:
        seen.add(at)
        yield at
        at = above[at]


def _top(node_id: int, above: Parents) -> int:
    """The top folder of a directory; the root's, and that of a directory that hangs nowhere, is the root."""
    line = list(_line(node_id, above))
    return line[-2] if len(line) > 1 and line[-1] == ROOT_ID else ROOT_ID


async def _subtree(conn: Connection, share_id: int, node_id: int, top_id: int) -> FolderChange:
    await pages.choose_share(conn, share_id)
    if node_id == top_id:
        row = await (await conn.execute(_TOTALS, {"share_id": share_id, "top_id": top_id})).fetchone()
    else:
        await conn.execute("SET LOCAL statement_timeout = 0")  # reads the subtree
        row = await (await conn.execute(_TOTALS_BELOW, [node_id])).fetchone()
    assert row is not None
    return FolderChange(directories=row[0], files=row[1], bytes=row[2])
