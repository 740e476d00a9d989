"""Alerts: opened by a sighting, closed when their condition is over; and what is to be told of both, in the same transaction."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.alert import Alert, AlertEvent, Condition, Sighting

COLUMNS: Final[LiteralString] = """
    alert_id, tenant_id, share_id, condition, about, opened_at, seen_at, times, closed_at, closed_by, acknowledged_at,
    acknowledged_by, run_no, title, detail, details
"""
RUNS_KEPT: Final = 100
"""Of those that saw an alert."""

_SEE: Final[LiteralString] = f"""
    INSERT INTO alert (
        tenant_id, share_id, condition, about, opened_at, seen_at, run_no, runs, title, detail, details
    )
    VALUES (
        %(tenant_id)s, %(share_id)s, %(condition)s, %(about)s, %(now)s, %(now)s, %(run_no)s,
        array_remove(ARRAY[%(run_no)s::int], NULL), %(title)s, %(detail)s, %(details)s
    )
    ON CONFLICT (share_id, condition, about) WHERE closed_at IS NULL DO UPDATE
            SET seen_at = excluded.seen_at, times = alert.times + 1, run_no = excluded.run_no, title = excluded.title,
                detail = excluded.detail, details = excluded.details,
                runs = (excluded.runs || alert.runs)[:{RUNS_KEPT}]
      RETURNING {COLUMNS}, xmax = 0
"""
# An unusual change is over when somebody has seen it: the run after it is an ordinary one as a rule.
_CLOSE: Final[LiteralString] = f"""
       UPDATE alert SET closed_at = %(now)s
        WHERE share_id = %(share_id)s AND condition = %(condition)s AND about = ANY (%(abouts)s) AND closed_at IS NULL
          AND (acknowledged_at IS NOT NULL OR NOT %(if_acknowledged)s)
    RETURNING {COLUMNS}
"""
_CLOSE_BY: Final[LiteralString] = f"""
       UPDATE alert SET closed_at = %s, closed_by = %s
        WHERE alert_id = %s AND tenant_id = %s AND closed_at IS NULL
    RETURNING {COLUMNS}
"""
_ACKNOWLEDGE: Final[LiteralString] = """
    UPDATE alert SET acknowledged_at = %s, acknowledged_by = %s
     WHERE alert_id = %s AND tenant_id = %s AND acknowledged_at IS NULL
"""
_GET: Final[LiteralString] = f"SELECT {COLUMNS} FROM alert WHERE alert_id = %s AND tenant_id = %s"
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM alert
     WHERE tenant_id = %(tenant_id)s AND alert_id < %(before)s
       AND (%(share_id)s::int IS NULL OR share_id = %(share_id)s)
       AND (%(is_open)s::boolean IS NULL OR (closed_at IS NULL) = %(is_open)s)
  ORDER BY alert_id DESC LIMIT %(limit)s
"""
_SEEN_BY: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM alert
     WHERE tenant_id = %s AND share_id = %s AND %s = ANY (runs)
  ORDER BY alert_id LIMIT %s
"""
_TELL: Final[LiteralString] = """
    INSERT INTO delivery (tenant_id, channel_id, alert_id, event, created_at, next_at)
         SELECT tenant_id, channel_id, %(alert_id)s, %(event)s, %(now)s, %(now)s FROM channel
          WHERE tenant_id = %(tenant_id)s AND enabled AND (conditions = '{}' OR %(condition)s = ANY (conditions))
"""
_FORGET: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM delivery WHERE alert_id IN (SELECT alert_id FROM alert WHERE share_id = %(share_id)s)",
    "DELETE FROM alert WHERE share_id = %(share_id)s",
)
_OLD: Final[LiteralString] = (
    "closed_at < %(before)s OR NOT EXISTS (SELECT FROM share AS s WHERE s.share_id = alert.share_id)"
)
_TIDY: Final[tuple[LiteralString, ...]] = (
    f"DELETE FROM delivery WHERE alert_id IN (SELECT alert_id FROM alert WHERE {_OLD})",
    f"DELETE FROM alert WHERE {_OLD}",
)


async def see(conn: Connection, tenant_id: str, share_id: int, sighting: Sighting, now: dt.datetime) -> Alert:
    """Open an alert and tell of it, or note that the one that is open was seen again, of which nobody is told."""
    args = {
        "tenant_id": tenant_id,
        "share_id": share_id,
        "condition": sighting.condition.value,
        "about": sighting.about,
        "now": now,
        "run_no": sighting.run_no,
        "title": sighting.title,
        "detail": sighting.detail,
        "details": Jsonb(dict(sighting.details)),
    }
    row = await (await conn.execute(_SEE, args)).fetchone()
    assert row is not None
    alert = from_row(row)
    if row[-1]:
        await _tell(conn, alert, AlertEvent.OPENED, now)
    return alert


async def over(
    conn: Connection,
    share_id: int,
    condition: Condition,
    abouts: Iterable[str],
    now: dt.datetime,
    *,
    if_acknowledged: bool = False,
) -> list[Alert]:
    """Close what is open of a condition, and tell of it.

    :param if_acknowledged: only what somebody has seen.
    """
    args = {
        "share_id": share_id,
        "condition": condition.value,
        "abouts": list(abouts),
        "now": now,
        "if_acknowledged": if_acknowledged,
    }
    closed = [from_row(row) for row in await (await conn.execute(_CLOSE, args)).fetchall()]
    for alert in closed:
        await _tell(conn, alert, AlertEvent.CLOSED, now)
    return closed


async def acknowledge(conn: Connection, tenant_id: str, alert_id: int, who: str, now: dt.datetime) -> Alert:
    """Note that somebody has seen an alert; the first one counts. Raises ``NotFound``."""
    await conn.execute(_ACKNOWLEDGE, [now, who, alert_id, tenant_id])
    return await get(conn, tenant_id, alert_id)


async def close(conn: Connection, tenant_id: str, alert_id: int, who: str, now: dt.datetime) -> Alert:
    """Close an alert because somebody says so, and tell of it; nothing if it is closed. Raises ``NotFound``."""
    row = await (await conn.execute(_CLOSE_BY, [now, who, alert_id, tenant_id])).fetchone()
    if row is None:
        return await get(conn, tenant_id, alert_id)
    closed = from_row(row)
    await _tell(conn, closed, AlertEvent.CLOSED, now)
    return closed


async def get(conn: Connection, tenant_id: str, alert_id: int) -> Alert:
    """One alert of a tenant. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [alert_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no alert {alert_id}")
    return from_row(row)


async def seen_by(conn: Connection, tenant_id: str, share_id: int, run_no: int, limit: int) -> list[Alert]:
    """Alerts that a run has opened, or met open."""
    rows = await (await conn.execute(_SEEN_BY, [tenant_id, share_id, run_no, limit])).fetchall()
    return [from_row(row) for row in rows]


async def of_tenant(
    conn: Connection,
    tenant_id: str,
    *,
    share_id: int | None = None,
    is_open: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Alert]:
    """A tenant's alerts, newest first; those with lower ids than ``before``."""
    args = {
        "tenant_id": tenant_id,
        "share_id": share_id,
        "is_open": is_open,
        "before": before or 2**63 - 1,
        "limit": limit,
    }
    return [from_row(row) for row in await (await conn.execute(_OF_TENANT, args)).fetchall()]


async def forget_share(conn: Connection, share_id: int) -> None:
    """Remove all alerts of a share that is purged."""
    for statement in _FORGET:
        await conn.execute(statement, {"share_id": share_id})


async def tidy(conn: Connection, before: dt.datetime) -> None:
    """Forget alerts that were closed before, and those of shares that are gone."""
    for statement in _TIDY:
        await conn.execute(statement, {"before": before})


async def _tell(conn: Connection, alert: Alert, event: AlertEvent, now: dt.datetime) -> None:
    args = {
        "tenant_id": alert.tenant_id,
        "alert_id": alert.alert_id,
        "event": event.value,
        "now": now,
        "condition": alert.condition.value,
    }
    await conn.execute(_TELL, args)


def from_row(row: Sequence[Any]) -> Alert:
    """From :data:`COLUMNS`."""
    return Alert(
        alert_id=row[0],
        tenant_id=row[1],
        share_id=row[2],
        condition=Condition(row[3]),
        about=row[4],
        opened_at=row[5],
        seen_at=row[6],
        times=row[7],
        closed_at=row[8],
        closed_by=row[9],
        acknowledged_at=row[10],
        acknowledged_by=row[11],
        run_no=row[12],
        title=row[13],
        detail=row[14],
        details=row[15],
    )
