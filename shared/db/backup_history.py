"""What the last backups of a share found to have changed."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.model.run import Counters

_RUNS_MAX: Final = 500
"""Runs of all kinds among which the backups are looked for."""

_LAST: Final[LiteralString] = """
    SELECT run_no, finished_at, final_counters
      FROM (
               SELECT run_no, kind, state, finished_at, final_counters
                 FROM run WHERE share_id = %s ORDER BY run_no DESC LIMIT %s
           ) AS run
     WHERE kind = 'backup' AND state IN ('succeeded', 'completed_with_errors') AND final_counters IS NOT NULL
  ORDER BY run_no DESC
     LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup that made a restore point, whether that is still kept or not."""

    run_no: int
    finished_at: dt.datetime
    counters: Counters


async def last(conn: Connection, share_id: int, limit: int) -> list[Backup]:
    """The last backups, the newest first."""
    rows = await (await conn.execute(_LAST, [share_id, _RUNS_MAX, limit])).fetchall()
    return [Backup(row[0], row[1], Counters.from_wire(row[2])) for row in rows]
