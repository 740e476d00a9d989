"""The port of schedules on Postgres: who is due, and runs that are bound to windows or wait for their turn."""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, LiteralString

from shared.db import admission, runs, schedules, shares
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Connection
from shared.db.translate import translation
from shared.db.verify_orders import verify_order
from shared.errors import Conflict
from shared.model.run import Driver, Run, RunKey, RunKind, RunState
from shared.model.schedule import Occurrence, Times
from shared.model.share import ShareSettings
from shared.ports import Busy, Due, Windowed

# In the order of shares: whoever queues runs locks their rows, and two must not do so crosswise.
_DUE: Final[LiteralString] = f"""
    WITH due AS (
        SELECT {schedules.COLUMNS} FROM schedule WHERE next_at <= %s ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    SELECT d.*, s.settings FROM due AS d JOIN share AS s USING (share_id) ORDER BY d.share_id, d.schedule_id
"""
_DECIDED: Final[LiteralString] = """
    WITH noted AS (
        INSERT INTO schedule_occurrence (schedule_id, due_at, tenant_id, share_id, decided_at, outcome, run_no, note)
             SELECT schedule_id, %(due_at)s, tenant_id, share_id, %(decided_at)s, %(outcome)s, %(run_no)s, %(note)s
               FROM schedule WHERE schedule_id = %(schedule_id)s
    )
    UPDATE schedule
       SET due_at = %(next_due_at)s, next_at = %(next_at)s, waits_for = '', last_at = %(due_at)s, last_outcome = %(outcome)s,
           last_run_no = coalesce(%(run_no)s, last_run_no)
     WHERE schedule_id = %(schedule_id)s
"""
_GO_ON: Final[LiteralString] = "UPDATE schedule SET due_at = %s, next_at = %s, waits_for = '' WHERE schedule_id = %s"
_IS_DECIDED: Final[LiteralString] = "SELECT FROM schedule_occurrence WHERE schedule_id = %s AND due_at = %s"
_WAIT: Final[LiteralString] = "UPDATE schedule SET next_at = %s, waits_for = %s WHERE schedule_id = %s"
_IN_THE_WAY: Final[LiteralString] = """
       UPDATE run SET next_batch_no = next_batch_no + 1
        WHERE run_id = (
                  SELECT run_id FROM run
                   WHERE share_id = %s AND kind = ANY (%s) AND state IN ('queued', 'running', 'paused', 'cancelling')
                ORDER BY kind = %s DESC, run_no LIMIT 1
              )
    RETURNING tenant_id, share_id, run_no, kind, state, next_batch_no - 1
"""
_WINDOWED: Final[LiteralString] = """
    SELECT r.run_id, r.tenant_id, r.share_id, r.run_no, r.state, r.admitted_at IS NOT NULL, r.held_until, s.settings
      FROM run AS r JOIN share AS s USING (share_id)
     WHERE r.schedule_id IS NOT NULL AND NOT r.window_free
       AND r.state IN ('queued', 'running', 'paused')
       AND (r.state <> 'paused' OR r.paused_by = 'window')
       AND (r.paused_by IS NOT NULL OR r.held_until IS NOT NULL OR jsonb_array_length(coalesce(s.settings->'windows', '[]')) > 0)
  ORDER BY r.run_id
"""
_HOLD: Final[LiteralString] = """
    UPDATE run SET held_until = %s WHERE run_id = %s AND state = 'queued' AND admitted_at IS NULL
"""
_SAY_UNTIL: Final[LiteralString] = "UPDATE run SET held_until = %s WHERE run_id = %s"
_IS_OF_WINDOW: Final[LiteralString] = """
    SELECT state = 'paused' AND paused_by = 'window' FROM run WHERE run_id = %s FOR UPDATE
"""
_BEGIN: Final[LiteralString] = """
    INSERT INTO upkeep AS u (name, begun_at) VALUES (%(name)s, %(now)s)
    ON CONFLICT (name) DO UPDATE SET begun_at = excluded.begun_at WHERE u.begun_at <= excluded.begun_at - %(every)s
      RETURNING name
"""

SAME_SUBJECT: Final = {
    RunKind.BACKUP: [RunKind.BACKUP, RunKind.SCAN, RunKind.REBUILD],
    RunKind.SCAN: [RunKind.SCAN, RunKind.BACKUP, RunKind.REBUILD],
    RunKind.VERIFY: [RunKind.VERIFY],
}
"""What may be in the way of what: runs that work on the same thing."""


class _Dispatch:
    """Implements :class:`shared.ports.Dispatch` in one transaction."""

    def __init__(self, conn: Connection, due: Sequence[Due], driver: Driver, new_id: Callable[[], str]) -> None:
        self._conn = conn
        self._driver = driver
        self._new_id = new_id
        self.due = due

    async def start(self, due: Due) -> Run | Busy:
        """See the port."""
        schedule, kind = due.schedule, due.schedule.what.run_kind
        try:
            async with self._conn.transaction():
                verify = None
                if kind is RunKind.VERIFY:
                    share = await shares.get(self._conn, schedule.share_id, schedule.tenant_id)
                    verify = await verify_order(self._conn, share, schedule, self._new_id()[:12])
                with translation():
                    return await runs.create(
                        self._conn,
                        schedule.tenant_id,
                        schedule.share_id,
                        kind,
                        driver=self._driver,
                        verify=verify,
                        schedule_id=schedule.schedule_id,
                    )
        except Conflict as error:
            return await self._busy(due, str(error))

    async def _busy(self, due: Due, reason: str) -> Busy:
        kind = due.schedule.what.run_kind
        args = [due.schedule.share_id, [other.value for other in SAME_SUBJECT[kind]], kind.value]
        row = await (await self._conn.execute(_IN_THE_WAY, args)).fetchone()
        if row is None:  # of another share's run, which protects the same Azure share
            return Busy(reason=reason)
        what = f"{row[3]} run {row[2]} is {row[4]}"
        return Busy(reason=what, run=RunKey(*row[0:3]), is_same=row[3] == kind.value, line_no=row[5])

    async def is_decided(self, schedule_id: int, due_at: dt.datetime) -> bool:
        """See the port."""
        return await (await self._conn.execute(_IS_DECIDED, [schedule_id, due_at])).fetchone() is not None

    async def decided(self, occurrence: Occurrence, following: Times) -> None:
        """See the port."""
        args = {
            "schedule_id": occurrence.schedule_id,
            "due_at": occurrence.due_at,
            "decided_at": occurrence.decided_at,
            "outcome": occurrence.outcome.value,
            "run_no": occurrence.run_no,
            "note": occurrence.note,
            "next_due_at": following.due_at,
            "next_at": following.starts_at,
        }
        await self._conn.execute(_DECIDED, args)

    async def pass_by(self, schedule_id: int, following: Times) -> None:
        """See the port."""
        await self._conn.execute(_GO_ON, [following.due_at, following.starts_at, schedule_id])

    async def wait(self, schedule_id: int, until: dt.datetime, why: str) -> None:
        """See the port."""
        await self._conn.execute(_WAIT, [until, why, schedule_id])


class PostgresSchedules:
    """Implements :class:`shared.ports.Schedules`."""

    def __init__(
        self, catalogue: PostgresCatalogue, driver: Driver, new_id: Callable[[], str], at_once: int | None
    ) -> None:
        """``driver``: of the runs that schedules queue. ``at_once``: how many runs may be at work, over all tenants."""
        self._catalogue = catalogue
        self._driver = driver
        self._new_id = new_id
        self._at_once = at_once

    @asynccontextmanager
    async def dispatch(self, now: dt.datetime, limit: int) -> AsyncIterator[_Dispatch]:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            rows = await (await conn.execute(_DUE, [now, limit])).fetchall()
            due = [Due(schedules.from_row(row), ShareSettings.from_wire(row[-1])) for row in rows]
            yield _Dispatch(conn, due, self._driver, self._new_id)

    async def windowed(self) -> list[Windowed]:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            rows = await (await conn.execute(_WINDOWED)).fetchall()
        return [
            Windowed(
                run_id=row[0],
                key=RunKey(*row[1:4]),
                state=RunState(row[4]),
                is_admitted=row[5],
                held_until=row[6],
                settings=ShareSettings.from_wire(row[7]),
            )
            for row in rows
        ]

    async def hold(self, run_id: int, until: dt.datetime | None) -> None:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            await conn.execute(_HOLD, [until, run_id])

    async def pause_for_window(self, run_id: int, until: dt.datetime) -> int | None:
        """See the port."""

        async def work(conn: Connection) -> int | None:
            line_no = await runs.pause_for_window(conn, run_id)
            if line_no is not None:
                await conn.execute(_SAY_UNTIL, [until, run_id])
            return line_no

        try:
            return await self._catalogue.repeated(work)
        except Conflict:
            return None

    async def resume_in_window(self, run_id: int) -> int | None:
        """See the port."""

        async def work(conn: Connection) -> int | None:
            row = await (await conn.execute(_IS_OF_WINDOW, [run_id])).fetchone()
            return await runs.resume(conn, run_id, window_free=False) if row and row[0] else None

        try:
            return await self._catalogue.repeated(work)
        except Conflict:
            return None

    async def admit(self, now: dt.datetime, driver: Driver, *, wait: bool) -> list[Run]:
        """See the port."""

        async def work(conn: Connection) -> list[Run]:
            admitted = await admission.admit(conn, now, self._at_once, driver, wait=wait)
            return await runs.of_ids(conn, admitted) if admitted else []

        return await self._catalogue.repeated(work)

    async def begin(self, name: str, now: dt.datetime, every: dt.timedelta) -> bool:
        """See the port."""
        async with self._catalogue.transaction() as conn:
            args = {"name": name, "now": now, "every": every}
            return await (await conn.execute(_BEGIN, args)).fetchone() is not None
