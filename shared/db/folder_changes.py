"""Which top folders change most, from what runs have booked (:mod:`shared.db.rollups`)."""

from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg

from shared.db.pool import Connection

# Of runs that have ended: one row for each and each folder that it changed.
_MOST: Final[LiteralString] = """
    SELECT coalesce(d.name, ''), c.top_id = 16777216, c.new_files, c.changed_files, c.deleted_files
      FROM (
               SELECT top_id, sum(new_files)::bigint AS new_files, sum(changed_files)::bigint AS changed_files,
                      sum(deleted_files)::bigint AS deleted_files
                 FROM rollup_change
                WHERE share_id = %(share_id)s AND run_no BETWEEN %(first)s AND %(last)s AND batch_no = -1
                GROUP BY top_id
               HAVING sum(new_files + changed_files + deleted_files) > 0
             ORDER BY sum(new_files + changed_files + deleted_files) DESC, top_id
                LIMIT %(shown)s
           ) AS c
      LEFT JOIN LATERAL (
               SELECT p.name FROM page AS p WHERE p.share_id = %(share_id)s AND p.page_id = c.top_id LIMIT 1
           ) AS d ON true
"""


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What changed in a top folder and below it; each file is counted once for each run that found it changed."""

    name: str
    """Empty of one that is gone without a trace, and of the root."""
    is_root: bool
    """It stands for the files right in the share."""
    new: int
    changed: int
    deleted: int

    @property
    def all(self) -> int:
        """The three together."""
        return self.new + self.changed + self.deleted


async def most(
    conn: Connection, share_id: int, *, first: int, last: int, shown: int, within_s: float
) -> list[FolderChanges] | None:
    """The folders in which the runs from ``first`` to ``last`` found most; None if that takes longer than ``within_s``."""
    await conn.execute("SELECT set_config('statement_timeout', %s, true)", [f"{max(1, round(within_s * 1000))}ms"])
    args = {"share_id": share_id, "first": first, "last": last, "shown": shown}
    try:
        return [FolderChanges(*row) for row in await (await conn.execute(_MOST, args)).fetchall()]
    except psycopg.errors.QueryCanceled:
        return None
