"""Deliveries: what is yet to be told to a channel, what was told, and what was given up.

Whoever claims some moves them into the future: when that comes, and nobody has said how it went, others take them over. So each is made at
least once.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.core.delivering import again_at
from shared.db import alerts, channels
from shared.db.pool import Connection
from shared.model.alert import AlertEvent, Delivery, DeliveryState, Parcel

COLUMNS: Final[LiteralString] = """
    d.delivery_id, d.tenant_id, d.channel_id, d.event, d.state, d.created_at, d.next_at, d.attempts, d.error, d.ended_at, d.alert_id
"""
PER_CHANNEL: Final[dict[str, int]] = {"webhook": 5, "email": 50}
"""Claimed at once of one channel: one that takes its time is not to hold up the others. Of mail all go into one."""

_CLAIM: Final[LiteralString] = """
    WITH ranked AS (
        SELECT d.delivery_id, c.kind, row_number() OVER (PARTITION BY d.channel_id ORDER BY d.next_at, d.delivery_id) AS place
          FROM delivery AS d JOIN channel AS c USING (channel_id)
         WHERE d.state = 'pending' AND d.next_at <= %(now)s
    ),
    locked AS (
        SELECT delivery_id FROM delivery
         WHERE delivery_id IN (
                   SELECT delivery_id FROM ranked
                    WHERE place <= CASE kind WHEN 'email' THEN %(mails)s ELSE %(posts)s END
                 ORDER BY place, delivery_id LIMIT %(limit)s
               )
           AND state = 'pending' AND next_at <= %(now)s
           FOR UPDATE SKIP LOCKED
    )
       UPDATE delivery AS d SET next_at = %(until)s, attempts = attempts + 1
         FROM locked WHERE d.delivery_id = locked.delivery_id
    RETURNING d.delivery_id
"""
_COUNT_ALERT: Final = 16
_PARCELS: Final[LiteralString] = f"""
    SELECT {COLUMNS}, coalesce(s.name, ''), t.name,
           c.channel_id, c.tenant_id, c.name, c.kind, c.url, c.credential, c.recipients, c.conditions, c.enabled, c.version,
           c.created_at,
           a.alert_id, a.tenant_id, a.share_id, a.condition, a.about, a.opened_at, a.seen_at, a.times, a.closed_at, a.closed_by,
           a.acknowledged_at, a.acknowledged_by, a.run_no, a.title, a.detail, a.details
      FROM delivery AS d
      JOIN channel AS c USING (channel_id)
      JOIN tenant AS t ON t.tenant_id = c.tenant_id
      LEFT JOIN alert AS a ON a.alert_id = d.alert_id
      LEFT JOIN share AS s ON s.share_id = a.share_id
     WHERE d.delivery_id = ANY (%s)
  ORDER BY d.delivery_id
"""
_SENT: Final[LiteralString] = """
    UPDATE delivery SET state = 'sent', ended_at = %s, error = NULL WHERE delivery_id = ANY (%s) AND state = 'pending'
"""
_FAILED: Final[LiteralString] = """
    UPDATE delivery SET error = %s, next_at = coalesce(%s, next_at), state = %s, ended_at = %s
     WHERE delivery_id = %s AND state = 'pending'
"""
_ADD_TEST: Final[LiteralString] = """
    INSERT INTO delivery (tenant_id, channel_id, event, created_at, next_at) VALUES (%s, %s, 'test', %s, %s)
    RETURNING delivery_id
"""
_OF_CHANNEL: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM delivery AS d
     WHERE d.tenant_id = %(tenant_id)s AND d.channel_id = %(channel_id)s AND d.delivery_id < %(before)s
       AND (%(state)s::text IS NULL OR d.state = %(state)s)
  ORDER BY d.delivery_id DESC LIMIT %(limit)s
"""
_AGAIN: Final[LiteralString] = """
       UPDATE delivery SET state = 'pending', next_at = %(now)s, created_at = %(now)s, attempts = 0, ended_at = NULL
        WHERE channel_id = %(channel_id)s AND tenant_id = %(tenant_id)s AND state = 'dead'
    RETURNING delivery_id
"""
_TIDY: Final[LiteralString] = "DELETE FROM delivery WHERE state <> 'pending' AND ended_at < %s"


async def claim(conn: Connection, now: dt.datetime, until: dt.datetime, limit: int) -> list[Parcel]:
    """Take some that are due; they are this caller's until ``until``."""
    args = {"now": now, "until": until, "limit": limit, "mails": PER_CHANNEL["email"], "posts": PER_CHANNEL["webhook"]}
    claimed = [row[0] for row in await (await conn.execute(_CLAIM, args)).fetchall()]
    if not claimed:
        return []
    return [_parcel(row) for row in await (await conn.execute(_PARCELS, [claimed])).fetchall()]


async def sent(conn: Connection, delivery_ids: Sequence[int], now: dt.datetime) -> None:
    """Note that they were made."""
    await conn.execute(_SENT, [now, list(delivery_ids)])


async def failed(
    conn: Connection, tried: Sequence[Delivery], error: str, now: dt.datetime, *, for_good: bool = False
) -> None:
    """Note that they could not be made: they are tried again, or given up when that has no use any more."""
    for delivery in tried:
        again = None if for_good else again_at(delivery.attempts, delivery.created_at, now)
        state = DeliveryState.DEAD if again is None else DeliveryState.PENDING
        await conn.execute(_FAILED, [error, again, state.value, None if again else now, delivery.delivery_id])


async def add_test(conn: Connection, tenant_id: str, channel_id: int, now: dt.datetime) -> int:
    """Have a channel told that somebody tries it out; the delivery's id."""
    row = await (await conn.execute(_ADD_TEST, [tenant_id, channel_id, now, now])).fetchone()
    assert row is not None
    return int(row[0])


async def of_channel(
    conn: Connection,
    tenant_id: str,
    channel_id: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """A channel's deliveries, newest first; those with lower ids than ``before``."""
    args = {
        "tenant_id": tenant_id,
        "channel_id": channel_id,
        "state": None if state is None else state.value,
        "before": before or 2**63 - 1,
        "limit": limit,
    }
    return [_delivery(row) for row in await (await conn.execute(_OF_CHANNEL, args)).fetchall()]


async def again(conn: Connection, tenant_id: str, channel_id: int, now: dt.datetime) -> int:
    """Have what was given up of a channel tried again, for another day; how many."""
    args = {"tenant_id": tenant_id, "channel_id": channel_id, "now": now}
    return len(await (await conn.execute(_AGAIN, args)).fetchall())


async def tidy(conn: Connection, before: dt.datetime) -> None:
    """Forget those that ended before."""
    await conn.execute(_TIDY, [before])


def _delivery(row: Sequence[Any]) -> Delivery:
    return Delivery(
        delivery_id=row[0],
        tenant_id=row[1],
        channel_id=row[2],
        event=AlertEvent(row[3]),
        state=DeliveryState(row[4]),
        created_at=row[5],
        next_at=row[6],
        attempts=row[7],
        error=row[8],
        ended_at=row[9],
        alert_id=row[10],
    )


def _parcel(row: Sequence[Any]) -> Parcel:
    alert = row[-_COUNT_ALERT:]
    return Parcel(
        delivery=_delivery(row),
        share_name=row[11],
        tenant_name=row[12],
        channel=channels.from_row(row[13:24]),
        alert=None if alert[0] is None else alerts.from_row(alert),
    )
