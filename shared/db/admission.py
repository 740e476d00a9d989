"""Which queued runs may be opened: one statement, whoever asks, so that limits hold and turns are fair under every driver.

A run is *at work* from its admission until it ends or is paused. Admissions come one after the other, behind an advisory lock. The order
is that of :mod:`shared.core.queueing`. All of it looks only at runs that are queued, running or being cancelled, which have an index of
their own.
"""

import datetime as dt
from typing import Any, Final, LiteralString

from shared.core.queueing import RESTORE_AHEAD, RESTORES_BESIDE, RUN_WEIGHS, Place
from shared.db.pool import Connection
from shared.model.run import Driver

LOCK_KEY: Final = 0x61666261646D6974  # "afbadmit"

_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(%s)"
_TRY_LOCK: Final[LiteralString] = "SELECT pg_try_advisory_xact_lock(%s)"
_QUEUE: Final[LiteralString] = """
    WITH at_work AS MATERIALIZED (
        SELECT run_id, tenant_id, kind = 'restore' AS is_restore, held_until, admitted_at,
               state <> 'queued' OR admitted_at IS NOT NULL AS is_busy,
               requested_at - CASE WHEN kind = 'restore' THEN %(ahead)s ELSE interval '0' END AS since
          FROM run WHERE state IN ('queued', 'running', 'cancelling')
    ),
    busy AS (
        SELECT tenant_id, count(*) AS runs FROM at_work WHERE is_busy GROUP BY tenant_id
    ),
    counted AS (
        SELECT w.*, coalesce(b.runs, 0) AS tenant_busy, t.runs_at_once AS tenant_limit, t.last_turn,
               row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.since, w.run_id) AS place_in_tenant
          FROM at_work AS w
          JOIN tenant AS t USING (tenant_id)
          LEFT JOIN busy AS b USING (tenant_id)
         WHERE NOT w.is_busy AND (w.held_until IS NULL OR w.held_until <= %(now)s)
    ),
    scored AS (
        SELECT run_id, tenant_id, tenant_limit, tenant_busy + place_in_tenant AS number,
               CASE WHEN is_restore THEN %(beside)s ELSE 0 END AS beside,
               CASE WHEN is_restore THEN since
                    ELSE greatest(since, CASE WHEN place_in_tenant = 1 THEN last_turn ELSE %(now)s END) END
               + (tenant_busy + place_in_tenant - 1) * %(weighs)s::interval AS score
          FROM counted
    ),
    placed AS (
        SELECT *, row_number() OVER (ORDER BY score, run_id) AS place
          FROM scored WHERE tenant_limit IS NULL OR number <= tenant_limit + beside
    ),
    total AS (
        SELECT count(*) AS runs FROM at_work WHERE is_busy
    )
"""
_ADMIT: Final[LiteralString] = f"""
    {_QUEUE},
    admitted AS (
           UPDATE run SET admitted_at = %(now)s, held_until = NULL
             FROM placed, total
            WHERE run.run_id = placed.run_id AND run.state = 'queued' AND run.admitted_at IS NULL AND run.driver = %(driver)s
              AND (%(at_once)s::int IS NULL OR placed.place + total.runs <= %(at_once)s + placed.beside)
        RETURNING run.run_id, run.tenant_id, placed.place
    ),
    turns AS (
        UPDATE tenant SET last_turn = %(now)s WHERE tenant_id IN (SELECT tenant_id FROM admitted)
    )
    SELECT run_id, place FROM admitted
"""
_PLACE: Final[LiteralString] = f"""
    {_QUEUE}
    SELECT (SELECT count(*) FROM scored AS o, scored AS n WHERE n.run_id = r.run_id AND (o.score, o.run_id) < (n.score, n.run_id)),
           (SELECT count(*) FROM at_work WHERE is_busy AND tenant_id = r.tenant_id),
           t.runs_at_once, total.runs, r.held_until
      FROM run AS r JOIN tenant AS t USING (tenant_id), total
     WHERE r.run_id = %(run_id)s
"""


async def admit(
    conn: Connection, now: dt.datetime, at_once: int | None, driver: Driver, *, wait: bool = True
) -> list[int]:
    """Admit queued runs while there is room; their ids, the first first.

    :param driver: those that it drives. The others have their places, and somebody else admits them.
    :param at_once: how many runs may be at work over all tenants; None: any number.
    :param wait: for another admission that is under way, which may not have seen the newest runs; else leave it to that.
    """
    row = await (await conn.execute(_LOCK if wait else _TRY_LOCK, [LOCK_KEY])).fetchone()
    if not wait and not (row and row[0]):
        return []
    found = await (await conn.execute(_ADMIT, {**_values(now, at_once), "driver": driver.value})).fetchall()
    return [run_id for run_id, _ in sorted(found, key=lambda admitted: admitted[1])]


async def place_of(conn: Connection, run_id: int, now: dt.datetime, at_once: int | None) -> Place:
    """Where a queued run is."""
    row = await (await conn.execute(_PLACE, {**_values(now, at_once), "run_id": run_id})).fetchone()
    assert row is not None
    held = row[4] if row[4] is not None and row[4] > now else None
    return Place(before=row[0], tenant_busy=row[1], tenant_limit=row[2], busy=row[3], at_once=at_once, held_until=held)


def _values(now: dt.datetime, at_once: int | None) -> dict[str, Any]:
    return {"now": now, "at_once": at_once, "ahead": RESTORE_AHEAD, "beside": RESTORES_BESIDE, "weighs": RUN_WEIGHS}
