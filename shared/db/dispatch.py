"""The port of schedules on Postgres: who is due, and runs that are bound to windows or wait for their turn."""

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, LiteralString

from shared.db import admission, retention_orders, runs, schedules, shares
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Connection
from shared.db.translate import translation
from shared.db.verify_orders import verify_order
from shared.errors import Conflict
from shared.model.run import Driver, Run, RunKey, RunKind, RunState
from shared.model.schedule import Occurrence, Times, What
from shared.model.share import ShareSettings
from shared.ports.schedules import Busy, Due, Idle, Windowed

# In the order of shares: whoever queues runs locks their rows, and two must not do so crosswise.
_DUE: Final[LiteralString] = f"""
    WITH due AS (
        SELECT {schedules.COLUMNS} FROM schedule
         WHERE next_at <= %s AND EXISTS (SELECT FROM share WHERE share.share_id = schedule.share_id)
      ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED
    )
    SELECT d.*, s.settings, s.deleted_at IS NOT NULL OR t.deleted_at IS NOT NULL
      FROM due AS d JOIN share AS s USING (share_id) JOIN tenant AS t ON t.tenant_id = d.tenant_id
  ORDER BY d.share_id, d.schedule_id
"""
_DECIDED: Final[LiteralString] = """
    WITH decided AS (
        SELECT * FROM unnest(
            %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::timestamptz[]
        ) AS d (schedule_id, due_at, decided_at, outcome, run_no, note, next_due_at, next_at)
    ),
    noted AS (
        INSERT INTO schedule_occurrence (schedule_id, due_at, tenant_id, share_id, decided_at, outcome, run_no, note)
             SELECT schedule_id, d.due_at, s.tenant_id, s.share_id, d.decided_at, d.outcome, d.run_no, d.note
               FROM decided AS d JOIN schedule AS s USING (schedule_id)
    )
    UPDATE schedule AS s
       SET due_at = d.next_due_at, next_at = d.next_at, waits_for = '', last_at = d.due_at, last_outcome = d.outcome,
           last_run_no = coalesce(d.run_no, s.last_run_no)
      FROM decided AS d
     WHERE s.schedule_id = d.schedule_id
"""
_GO_ON: Final[LiteralString] = "UPDATE schedule SET due_at = %s, next_at = %s, waits_for = '' WHERE schedule_id = %s"
_WERE_DECIDED: Final[LiteralString] = """
    SELECT o.schedule_id FROM unnest(%s::bigint[], %s::timestamptz[]) AS d (schedule_id, due_at)
      JOIN schedule_occurrence AS o USING (schedule_id, due_at)
"""
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

_PLAIN: Final = frozenset({What.BACKUP, What.SCAN})
"""What needs no order."""
SAME_SUBJECT: Final = {
    RunKind.BACKUP: [RunKind.BACKUP, RunKind.SCAN, RunKind.REBUILD],
    RunKind.SCAN: [RunKind.SCAN, RunKind.BACKUP, RunKind.REBUILD],
    RunKind.VERIFY: [RunKind.VERIFY, RunKind.SWEEP],
    RunKind.PRUNE: [RunKind.PRUNE, RunKind.REBUILD],
    RunKind.SWEEP: [RunKind.SWEEP, RunKind.VERIFY, RunKind.REBUILD],
}
"""What may be in the way of what: runs that work on the same thing."""


class _Dispatch:
    """Implements :class:`shared.ports.schedules.Dispatch` in one transaction."""

    def __init__(
        self, conn: Connection, due: Sequence[Due], now: dt.datetime, driver: Driver, new_id: Callable[[], str]
    ) -> None:
        self._conn = conn
        self._now = now
        self._driver = driver
        self._new_id = new_id
        self.due = due

    async def start(self, due: Due) -> Run | Busy | Idle:
        """See the port."""
        schedule, kind = due.schedule, due.schedule.what.run_kind
        try:
            async with self._conn.transaction():
                verify = None
                if kind is RunKind.VERIFY:
                    share = await shares.get(self._conn, schedule.share_id, schedule.tenant_id)
                    verify = await verify_order(self._conn, share, schedule, self._new_id()[:12])
                order = await retention_orders.of_schedule(self._conn, schedule, self._now)
                if isinstance(order, Idle):
                    return order
                with translation():
                    return await runs.create(
                        self._conn,
                        schedule.tenant_id,
                        schedule.share_id,
                        kind,
                        driver=self._driver,
                        verify=verify,
                        retention=order,
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

    async def start_many(self, dues: Sequence[Due]) -> dict[int, Run]:
        """See the port."""
        first = {due.schedule.share_id: due.schedule for due in reversed(dues) if due.schedule.what in _PLAIN}
        wanted = [(s.share_id, s.what.run_kind, s.schedule_id) for s in first.values()]
        queued = await runs.create_many(self._conn, wanted, self._driver) if wanted else []
        return {run.schedule_id: run for run in queued if run.schedule_id is not None}

    async def were_decided(self, occurrences: Sequence[tuple[int, dt.datetime]]) -> set[int]:
        """See the port."""
        columns = [[o[0] for o in occurrences], [o[1] for o in occurrences]]
        return {row[0] for row in await (await self._conn.execute(_WERE_DECIDED, columns)).fetchall()}

    async def decided(self, occurrences: Sequence[tuple[Occurrence, Times]]) -> None:
        """See the port."""
        columns = [
            [o.schedule_id for o, _ in occurrences],
            [o.due_at for o, _ in occurrences],
            [o.decided_at for o, _ in occurrences],
            [o.outcome.value for o, _ in occurrences],
            [o.run_no for o, _ in occurrences],
            [o.note for o, _ in occurrences],
            [following.due_at for _, following in occurrences],
            [following.starts_at for _, following in occurrences],
        ]
        await self._conn.execute(_DECIDED, columns)

    async def pass_by(self, schedule_id: int, following: Times) -> None:
        """See the port."""
        await self._conn.execute(_GO_ON, [following.due_at, following.starts_at, schedule_id])

    async def wait(self, schedule_id: int, until: dt.datetime, why: str) -> None:
        """See the port."""
        await self._conn.execute(_WAIT, [until, why, schedule_id])


class PostgresSchedules:
    """Implements :class:`shared.ports.schedules.Schedules`."""

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
            due = [Due(schedules.from_row(row), ShareSettings.from_wire(row[-2]), row[-1]) for row in rows]
            yield _Dispatch(conn, due, now, self._driver, self._new_id)

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
