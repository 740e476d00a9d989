"""How large the folders of a directory are: at the top from the roll-ups, further down by looking, for as long as there is time.

Below the top nothing is kept that would have to be right at every commit (docs/CATALOGUE.md); a walk sums up what is there, level by level, so
that what it has not got to when its time is up is the deepest, and of all folders alike.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg

from shared.db.pages import choose_share
from shared.db.pool import Connection
from shared.model.node import ROOT_ID

TOPS_MAX: Final = 50_000
"""Top folders that are looked through for the largest: some 50 ms."""
FOLDERS_MAX: Final = 100_000
"""Folders of one directory that a walk tells apart."""
_STEP: Final = 256
"""Directories that one statement looks into: some milliseconds, where none of them is wide."""

_TOPS: Final[LiteralString] = """
    WITH top AS MATERIALIZED (
        SELECT top_id, directories, files, bytes FROM rollup WHERE share_id = %(share_id)s ORDER BY top_id LIMIT %(most)s
    )
    SELECT t.top_id, d.name, t.directories, t.files, t.bytes, a.*
      FROM (
               SELECT count(*), sum(directories)::bigint, sum(files)::bigint, sum(bytes)::bigint FROM top
           ) AS a
     CROSS JOIN (
               SELECT * FROM top WHERE directories > 0
             ORDER BY CASE WHEN %(by_files)s THEN files ELSE bytes END DESC, top_id LIMIT %(shown)s
           ) AS t
      LEFT JOIN LATERAL (
               SELECT p.name FROM page AS p WHERE p.share_id = %(share_id)s AND p.page_id = t.top_id LIMIT 1
           ) AS d ON true
"""
_OF_TOP: Final[LiteralString] = "SELECT files FROM rollup WHERE share_id = %s AND top_id = %s"
_FOLDERS: Final[LiteralString] = "SELECT node_id, name FROM directories_in(%s) LIMIT %s"
_INSIDE: Final[LiteralString] = """
    SELECT d.id, f.files, f.bytes
      FROM unnest(%s::int8[]) AS d (id)
     CROSS JOIN LATERAL (
               SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes FROM files_within(d.id, d.id | 16777215)
           ) AS f
"""
_BELOW: Final[LiteralString] = """
    SELECT d.id, c.node_id FROM unnest(%s::int8[]) AS d (id) CROSS JOIN LATERAL directories_in(d.id) AS c
"""


@dataclass(slots=True)
class Folder:
    """A folder with all that is below it; or what lies right in the directory that was asked about."""

    node_id: int
    name: str
    """Empty: the directory itself, which stands for the files right in it."""
    directories: int = 0
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """The folders of a directory."""

    folders: Sequence[Folder]
    """The largest first."""
    directories: int
    """Of all of them, those that are not in ``folders`` included."""
    files: int
    bytes: int
    complete: bool
    """Whether everything was looked at. If not, each number is at least that."""


async def tops(conn: Connection, share_id: int, *, by_files: bool, shown: int) -> Sizes:
    """Top folders as the last run left them."""
    args = {"share_id": share_id, "most": TOPS_MAX, "by_files": by_files, "shown": shown}
    rows = await (await conn.execute(_TOPS, args)).fetchall()
    # Of the root it counts the directory itself. One without a name is being deleted at this moment.
    found = [Folder(row[0], row[1], row[2] - (row[0] == ROOT_ID), *row[3:5]) for row in rows if row[1] is not None]
    there, directories, files, size = rows[0][5:] if rows else (0, 0, 0, 0)
    return Sizes(found, directories, files, size, there < TOPS_MAX)


async def files_of_top(conn: Connection, share_id: int, node_id: int) -> int | None:
    """How many files a top folder has, as the last run left it; None if it is none."""
    row = await (await conn.execute(_OF_TOP, [share_id, node_id])).fetchone()
    return None if row is None else int(row[0])


async def below(
    conn: Connection,
    share_id: int,
    directory: int,
    *,
    by_files: bool,
    shown: int,
    enough: Callable[[], bool],
    within_s: float,
) -> Sizes:
    """Folders of any directory, summed up until ``enough``; in a transaction that nothing else is asked in.

    :param within_s: the longest that one statement may take; what it was at counts as not looked at.
    """
    await choose_share(conn, share_id)
    rows = await (await conn.execute(_FOLDERS, [directory, FOLDERS_MAX + 1])).fetchall()
    folders = {node_id: Folder(node_id, name) for node_id, name in rows[:FOLDERS_MAX]}
    folders[directory] = Folder(directory, "")
    complete = len(rows) <= FOLDERS_MAX
    waiting = deque((node_id, node_id) for node_id in folders)
    await conn.execute("SELECT set_config('statement_timeout', %s, true)", [f"{max(1, round(within_s * 1000))}ms"])
    while waiting:
        step = dict(waiting.popleft() for _ in range(min(_STEP, len(waiting))))
        if enough() or not await _look(conn, step, directory, folders, waiting):
            complete = False
            break
    order = sorted(folders.values(), key=lambda one: (-(one.files if by_files else one.bytes), one.node_id))
    return Sizes(
        order[:shown],
        sum(one.directories for one in order),
        sum(one.files for one in order),
        sum(one.bytes for one in order),
        complete,
    )


async def _look(
    conn: Connection, step: dict[int, int], directory: int, folders: dict[int, Folder], waiting: deque[tuple[int, int]]
) -> bool:
    """Add up some directories, each for the folder it is below; whether there was time for it."""
    try:
        async with conn.transaction():
            inside = await (await conn.execute(_INSIDE, [list(step)])).fetchall()
            deeper = await (
                await conn.execute(_BELOW, [[node_id for node_id in step if node_id != directory]])
            ).fetchall()
    except psycopg.errors.QueryCanceled:
        return False
    for node_id, files, size in inside:
        folder = folders[step[node_id]]
        folder.directories += node_id != directory
        folder.files += files
        folder.bytes += size
    waiting.extend((child, step[node_id]) for node_id, child in deeper)
    return True
