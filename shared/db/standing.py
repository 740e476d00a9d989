"""How a share stands: its newest restore point, what is at work and what comes next; and its restore points with all that marks them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from psycopg.rows import class_row

from shared.db.pool import Connection


@dataclass(frozen=True, slots=True)
class MarkedPoint:
    """A restore point with what people have said about it, and the last verify that was about it."""

    run_no: int
    taken_at: dt.datetime
    committed_at: dt.datetime
    directories: int
    files: int
    bytes: int
    errors: int
    pinned_by: str | None
    pin_reason: str | None
    pinned_until: dt.datetime | None
    held_by: str | None
    hold_reason: str | None
    before: int | None
    """The restore point before it, if there is one still."""
    verify_run_no: int | None
    """None: none of the last :data:`VERIFIES` verifies that came to their end was about it."""
    verify_level: str | None
    verify_state: str | None
    verified_at: dt.datetime | None

    @property
    def verified(self) -> bool:
        """Whether that verify found nothing wrong."""
        return self.verify_state == "succeeded"

    @property
    def doubtful(self) -> bool:
        """Whether it found something."""
        return self.verify_state == "completed_with_errors"

    def pinned(self, now: dt.datetime) -> bool:
        """Whether a pin keeps it: one that is over does not."""
        return self.pinned_by is not None and (self.pinned_until is None or self.pinned_until > now)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a schedule does next."""

    schedule_id: int
    name: str
    what: str
    next_at: dt.datetime
    waits_for: str


@dataclass(frozen=True, slots=True)
class AtWork:
    """A run that has not ended."""

    run_no: int
    kind: str
    state: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class Extent:
    """All restore points of a share together."""

    count: int
    oldest_at: dt.datetime | None
    newest_at: dt.datetime | None


VERIFIES: Final = 100
"""Verifies whose restore points are marked: of a share that is verified each night, those of a quarter."""
_MARKED: Final[LiteralString] = f"""
    WITH verified AS MATERIALIZED (
        SELECT run_no, state, finished_at, verify_order->>'level' AS level, (verify_order->>'restore_point')::int AS newest,
               coalesce((verify_order->>'all_points')::boolean, false) AS every
          FROM run
         WHERE share_id = %(share_id)s AND kind = 'verify' AND state IN ('succeeded', 'completed_with_errors')
      ORDER BY run_no DESC
         LIMIT {VERIFIES}
    )
    SELECT p.run_no, p.taken_at, p.committed_at, p.directories, p.files, p.bytes, p.errors, p.pinned_by, p.pin_reason, p.pinned_until,
           p.held_by, p.hold_reason,
           (SELECT max(run_no) FROM restore_point WHERE share_id = p.share_id AND run_no < p.run_no) AS before,
           v.run_no AS verify_run_no, v.level AS verify_level, v.state AS verify_state, v.finished_at AS verified_at
      FROM restore_point AS p
      LEFT JOIN LATERAL (
               SELECT * FROM verified
                WHERE p.run_no = newest OR (every AND p.run_no <= newest)
             ORDER BY run_no DESC
                LIMIT 1
           ) AS v ON true
     WHERE p.share_id = %(share_id)s AND p.run_no < %(before)s AND p.run_no >= %(least)s
       AND (%(since)s::timestamptz IS NULL OR p.taken_at >= %(since)s)
       AND (%(until)s::timestamptz IS NULL OR p.taken_at < %(until)s)
  ORDER BY p.run_no DESC
     LIMIT %(limit)s
"""
_AHEAD: Final[LiteralString] = """
    SELECT schedule_id, name, what, next_at, waits_for FROM schedule
     WHERE share_id = %s AND enabled AND next_at IS NOT NULL
  ORDER BY next_at, schedule_id
     LIMIT %s
"""
_AT_WORK: Final[LiteralString] = """
    SELECT run_no, kind, state, coalesce(started_at, requested_at) AS since FROM run
     WHERE share_id = %s AND state IN ('queued', 'running', 'paused', 'cancelling')
  ORDER BY run_no
     LIMIT %s
"""
_EXTENT: Final[LiteralString] = """
    SELECT count(*) AS count, min(taken_at) AS oldest_at, max(taken_at) AS newest_at FROM restore_point WHERE share_id = %s
"""
_WITH_POINTS: Final[LiteralString] = """
    SELECT id FROM unnest(%s::int[]) AS asked (id) WHERE EXISTS (SELECT FROM restore_point WHERE share_id = id)
"""
_LAST: Final = (1 << 31) - 1


async def marked(
    conn: Connection,
    share_id: int,
    *,
    before: int | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    limit: int,
) -> list[MarkedPoint]:
    """Restore points, the newest first.

    :param before: only those of lower runs; the last ``run_no`` of the part before.
    :param since: only those that show the share at this time or later.
    :param until: only those that show it before this time.
    """
    args = {
        "share_id": share_id,
        "before": before or _LAST,
        "least": 0,
        "since": since,
        "until": until,
        "limit": limit,
    }
    async with conn.cursor(row_factory=class_row(MarkedPoint)) as cur:
        return await (await cur.execute(_MARKED, args)).fetchall()


async def marked_point(conn: Connection, share_id: int, run_no: int) -> MarkedPoint | None:
    """One of them, if it is there."""
    args = {"share_id": share_id, "before": run_no + 1, "least": run_no, "since": None, "until": None, "limit": 1}
    async with conn.cursor(row_factory=class_row(MarkedPoint)) as cur:
        return await (await cur.execute(_MARKED, args)).fetchone()


async def ahead(conn: Connection, share_id: int, limit: int) -> list[Ahead]:
    """What the share's schedules do next, the first first."""
    async with conn.cursor(row_factory=class_row(Ahead)) as cur:
        return await (await cur.execute(_AHEAD, [share_id, limit])).fetchall()


async def at_work(conn: Connection, share_id: int, limit: int) -> list[AtWork]:
    """The share's runs that have not ended, the oldest first."""
    async with conn.cursor(row_factory=class_row(AtWork)) as cur:
        return await (await cur.execute(_AT_WORK, [share_id, limit])).fetchall()


async def extent(conn: Connection, share_id: int) -> Extent:
    """How many restore points there are, and of which times."""
    async with conn.cursor(row_factory=class_row(Extent)) as cur:
        found = await (await cur.execute(_EXTENT, [share_id])).fetchone()
    assert found is not None
    return found


async def with_points(conn: Connection, share_ids: Sequence[int]) -> frozenset[int]:
    """Those of some shares that have a restore point."""
    rows = await (await conn.execute(_WITH_POINTS, [list(share_ids)])).fetchall()
    return frozenset(row[0] for row in rows)
