"""The port of alerts on Postgres: runs that ended and were not judged, and shares without a new restore point."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, LiteralString

from psycopg.types.json import Jsonb

from shared.core.alerts import Late
from shared.core.unusual import HISTORY, Numbers
from shared.db import alerts, deliveries, runs, schedules
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Connection
from shared.model.alert import Alert, Condition, Delivery, Parcel, Sighting
from shared.model.run import Counters, Run
from shared.model.share import ShareSettings

_UNJUDGED: Final[LiteralString] = """
       UPDATE run SET judged = true
        WHERE run_id IN (
                  SELECT run_id FROM run WHERE NOT judged AND finished_at IS NOT NULL
                ORDER BY finished_at LIMIT %s FOR UPDATE SKIP LOCKED
              )
    RETURNING run_id, finished_at
"""
_UNPINNED: Final[LiteralString] = f"""
    SELECT {alerts.COLUMNS} FROM alert
     WHERE condition = 'unusual_change' AND closed_at IS NULL
       AND details->>'pinned' = 'false' AND details->>'clean_restore_point' IS NOT NULL
  ORDER BY alert_id LIMIT %s
"""
_PINNED: Final[LiteralString] = """
    UPDATE alert SET detail = %s, details = %s WHERE alert_id = %s AND details->>'clean_restore_point' = %s
"""
_SETTINGS: Final[LiteralString] = "SELECT settings FROM share WHERE share_id = %s"
_HISTORY: Final[LiteralString] = """
    SELECT p.run_no, p.files, r.final_counters, coalesce(c.changed, 0), coalesce(c.deleted, 0)
      FROM (
               SELECT run_no, files FROM restore_point
                WHERE share_id = %(share_id)s AND run_no <= %(run_no)s
             ORDER BY run_no DESC LIMIT %(limit)s
           ) AS p
      JOIN run AS r ON r.share_id = %(share_id)s AND r.run_no = p.run_no
     CROSS JOIN LATERAL (
               SELECT sum(changed_files)::bigint AS changed, sum(deleted_files)::bigint AS deleted FROM rollup_change
                WHERE share_id = %(share_id)s AND run_no = p.run_no
           ) AS c
     WHERE p.run_no = %(run_no)s OR NOT EXISTS (
               SELECT FROM alert
                WHERE share_id = %(share_id)s AND condition = 'unusual_change'
                  AND (p.run_no = ANY (runs) OR closed_at IS NULL AND p.run_no > ANY (runs))
           )
  ORDER BY p.run_no DESC
"""
_LATE: Final[LiteralString] = """
    SELECT s.tenant_id, s.share_id, (s.settings->>'objective_s')::int, p.taken_at, coalesce(p.taken_at, s.created_at),
           r.run_no, r.state, r.error
      FROM share AS s
      JOIN tenant AS t USING (tenant_id)
      LEFT JOIN share_total AS p USING (share_id)
      LEFT JOIN LATERAL (
               SELECT run_no, state, error FROM run WHERE share_id = s.share_id AND kind = 'backup' ORDER BY run_no DESC LIMIT 1
           ) AS r ON true
     WHERE s.settings->>'objective_s' IS NOT NULL AND s.deleted_at IS NULL AND t.deleted_at IS NULL
       AND coalesce(p.taken_at, s.created_at) < %(now)s - make_interval(secs => (s.settings->>'objective_s')::int)
       AND NOT EXISTS (
               SELECT FROM alert
                WHERE share_id = s.share_id AND condition = 'no_restore_point' AND closed_at IS NULL AND seen_at > %(now)s - %(again)s
           )
  ORDER BY s.share_id LIMIT %(limit)s
"""
_IN_TIME: Final[LiteralString] = """
    SELECT a.share_id
      FROM alert AS a
      JOIN share AS s USING (share_id)
      JOIN tenant AS t ON t.tenant_id = s.tenant_id
      LEFT JOIN share_total AS p USING (share_id)
     WHERE a.condition = 'no_restore_point' AND a.closed_at IS NULL
       AND (s.settings->>'objective_s' IS NULL OR s.deleted_at IS NOT NULL OR t.deleted_at IS NOT NULL
            OR coalesce(p.taken_at, s.created_at) >= %s - make_interval(secs => (s.settings->>'objective_s')::int))
"""

SEEN_EVERY: Final = dt.timedelta(hours=1)
"""How often an open alert about the objective is written anew."""


class _Judging:
    """Implements :class:`shared.ports.alerts.Judging` in one transaction."""

    def __init__(self, conn: Connection, found: Sequence[Run]) -> None:
        self._conn = conn
        self.runs = found

    async def settings(self, share_id: int) -> ShareSettings:
        """See the port."""
        row = await (await self._conn.execute(_SETTINGS, [share_id])).fetchone()
        return ShareSettings() if row is None else ShareSettings.from_wire(row[0])

    async def history(self, share_id: int, run_no: int) -> list[Numbers]:
        """See the port."""
        args = {"share_id": share_id, "run_no": run_no, "limit": HISTORY + 1}
        return [_numbers(row) for row in await (await self._conn.execute(_HISTORY, args)).fetchall()]

    async def see(self, tenant_id: str, share_id: int, sighting: Sighting, now: dt.datetime) -> Alert:
        """See the port."""
        return await alerts.see(self._conn, tenant_id, share_id, sighting, now)

    async def over(
        self, share_id: int, condition: Condition, about: str, now: dt.datetime, *, if_acknowledged: bool = False
    ) -> None:
        """See the port."""
        await alerts.over(self._conn, share_id, condition, [about], now, if_acknowledged=if_acknowledged)

    async def late(self, now: dt.datetime, limit: int) -> list[Late]:
        """See the port."""
        args = {"now": now, "limit": limit, "again": SEEN_EVERY}
        found = await (await self._conn.execute(_LATE, args)).fetchall()
        return [
            Late(
                tenant_id=row[0],
                share_id=row[1],
                objective_s=row[2],
                taken_at=row[3],
                since=row[4],
                last_run="" if row[5] is None else f"Its last backup, run {row[5]}, {_how(row[6], row[7])}.",
            )
            for row in found
        ]

    async def in_time(self, now: dt.datetime) -> list[int]:
        """See the port."""
        return [row[0] for row in await (await self._conn.execute(_IN_TIME, [now])).fetchall()]


def _how(state: str, error: str | None) -> str:
    told = {"succeeded": "succeeded", "completed_with_errors": "completed with errors"}.get(state, f"is {state}")
    return f"{told}: {error}" if error else told


def _numbers(row: Sequence[object]) -> Numbers:
    run_no, files, counters, changed, deleted = row
    assert isinstance(run_no, int)
    assert isinstance(files, int)
    assert isinstance(changed, int)
    assert isinstance(deleted, int)
    done = Counters.from_wire(counters if isinstance(counters, dict) else {})
    return Numbers(
        run_no=run_no,
        files=files,
        changed=changed,
        deleted=deleted,
        renamed=done.moved_files,
        new_endings=done.new_endings,
        moved_directories=done.moved_directories,
        read_bytes=done.read_bytes,
        written_bytes=done.vault_bytes - done.repacked_bytes,
    )


class PostgresAlerts:
    """Implements :class:`shared.ports.alerts.Alerts`."""

    def __init__(self, catalogue: PostgresCatalogue) -> None:
        self._catalogue = catalogue

    @asynccontextmanager
    async def judging(self, limit: int) -> AsyncIterator[_Judging]:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            ended = [(row[1], row[0]) for row in await (await conn.execute(_UNJUDGED, [limit])).fetchall()]
            found = await runs.of_ids(conn, [run_id for _, run_id in sorted(ended)]) if ended else []
            yield _Judging(conn, found)

    async def unpinned(self, limit: int) -> list[Alert]:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            return [alerts.from_row(row) for row in await (await conn.execute(_UNPINNED, [limit])).fetchall()]

    async def pinned(self, alert_id: int, sighting: Sighting) -> None:
        """See the port."""
        details = dict(sighting.details)
        args = [sighting.detail, Jsonb(details), alert_id, str(details["clean_restore_point"])]
        async with self._catalogue.transaction() as conn:
            await conn.execute(_PINNED, args)

    async def claim(self, now: dt.datetime, until: dt.datetime, limit: int) -> list[Parcel]:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            return await deliveries.claim(conn, now, until, limit)

    async def sent(self, delivery_ids: Sequence[int], now: dt.datetime) -> None:
        """See the port."""
        await self._catalogue.repeated(lambda conn: deliveries.sent(conn, delivery_ids, now))

    async def failed(self, tried: Sequence[Delivery], error: str, now: dt.datetime, *, for_good: bool) -> None:
        """See the port."""
        await self._catalogue.repeated(lambda conn: deliveries.failed(conn, tried, error, now, for_good=for_good))

    async def tidy(self, now: dt.datetime, *, sent_for: dt.timedelta, rest_for: dt.timedelta) -> None:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            await deliveries.tidy(conn, now - sent_for)
            await schedules.tidy(conn, now - rest_for)
            await alerts.tidy(conn, now - rest_for)
