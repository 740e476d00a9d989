"""What all runs that have ended did, added up once and kept up to date.

A year of daily backups of a thousand shares is 365,000 rows; adding them up takes seconds, so it is done once per process, in slices, and after
that only for what came since: runs with higher ids, and those that had not ended when they were looked at. Rows that are deleted
later stay in the sums, as they should in a counter.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.model.run import RunState

SLICE: Final = 50_000
"""Runs added up by one statement: some 200 ms."""
SLICES: Final = 10
"""Statements at most each time. More runs than that are added up the next time."""

SETTLED_S: Final = 5.0
"""Runs are looked at when they were asked for this long ago; asking takes milliseconds."""

SUMMED: Final = (
    "files", "bytes", "errors", "changed_files", "changed_bytes", "vault_bytes",
    "files_lists", "files_reads", "files_writes", "vault_writes", "vault_reads",
)  # fmt: skip
"""Counters of a run that are added up."""

_SUMS: Final[LiteralString] = ", ".join(
    f"coalesce(sum((final_counters->>'{name}')::numeric), 0)::bigint" for name in SUMMED
)
# Not the youngest: one with a lower number may be in a transaction that has not ended.
_NEXT: Final[LiteralString] = f"""
    WITH slice AS (
        SELECT * FROM run
         WHERE run_id > %(after)s
           AND run_id <= (SELECT max(run_id) FROM run WHERE requested_at < now() - make_interval(secs => %(settled_s)s))
      ORDER BY run_id
         LIMIT %(limit)s
    )
    SELECT kind, state, count(*), max(run_id),
           array_agg(run_id) FILTER (WHERE finished_at IS NULL), {_SUMS}
      FROM slice
  GROUP BY kind, state
"""
_AGAIN: Final[LiteralString] = f"""
    SELECT kind, state, count(*), max(run_id), array_agg(run_id), {_SUMS}
      FROM run
     WHERE run_id = ANY(%s::bigint[]) AND finished_at IS NOT NULL
  GROUP BY kind, state
"""
_STILL: Final[LiteralString] = "SELECT run_id FROM run WHERE run_id = ANY(%s::bigint[]) AND finished_at IS NULL"


class RunTotals:
    """The sums of one process."""

    def __init__(self) -> None:
        self.ended: Counter[tuple[str, str]] = Counter()
        """Runs by kind and state."""
        self.sums: dict[str, Counter[str]] = {}
        """By kind, the sum of each of ``SUMMED``."""
        self._after = 0
        self._open: set[int] = set()

    async def advance(self, conn: Connection) -> None:
        """Add what has ended since the last time."""
        if self._open:
            # Which are still open is asked first: what ends in between is in neither answer, and found the next time.
            still = {row[0] for row in await (await conn.execute(_STILL, [sorted(self._open)])).fetchall()}
            self._add(await (await conn.execute(_AGAIN, [sorted(self._open - still)])).fetchall())
            self._open = still
        for _ in range(SLICES):
            args = {"after": self._after, "limit": SLICE, "settled_s": SETTLED_S}
            rows = await (await conn.execute(_NEXT, args)).fetchall()
            if not rows:
                return
            self._after = max(row[3] for row in rows)
            for row in rows:
                self._open.update(row[4] or ())
            self._add(row for row in rows if not row[4])
            if sum(row[2] for row in rows) < SLICE:
                return

    def _add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for kind, state, count, _, _, *sums in rows:
            self.ended[kind, RunState(state).value] += count
            of_kind = self.sums.setdefault(kind, Counter())
            of_kind.update(dict(zip(SUMMED, (int(value) for value in sums), strict=True)))
