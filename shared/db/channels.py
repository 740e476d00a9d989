"""Channels: to whom a tenant's alerts go."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.alert import Channel, ChannelKind, Condition

COLUMNS: Final[LiteralString] = """
    channel_id, tenant_id, name, kind, url, credential, recipients, conditions, enabled, version, created_at
"""
_CREATE: Final[LiteralString] = f"""
    INSERT INTO channel (tenant_id, name, kind, url, credential, recipients, conditions, enabled)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING {COLUMNS}
"""
_GET: Final[LiteralString] = f"SELECT {COLUMNS} FROM channel WHERE channel_id = %s AND tenant_id = %s"
_LOCK: Final[LiteralString] = _GET + " FOR UPDATE"
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {COLUMNS} FROM channel WHERE tenant_id = %s AND channel_id > %s ORDER BY channel_id LIMIT %s
"""
_CHANGE: Final[LiteralString] = f"""
       UPDATE channel
          SET name = %s, url = %s, credential = %s, recipients = %s, conditions = %s, enabled = %s, version = version + 1
        WHERE channel_id = %s AND tenant_id = %s
    RETURNING {COLUMNS}
"""
_DELETE: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM delivery WHERE channel_id = %(channel_id)s AND tenant_id = %(tenant_id)s",
    "DELETE FROM channel WHERE channel_id = %(channel_id)s AND tenant_id = %(tenant_id)s RETURNING channel_id",
)


async def create(
    conn: Connection,
    tenant_id: str,
    *,
    name: str,
    kind: ChannelKind,
    url: str = "",
    credential: str = "",
    recipients: Sequence[str] = (),
    conditions: Sequence[Condition] = (),
    enabled: bool = True,
) -> Channel:
    """Add a channel.

    :raises Conflict: the tenant has one of this name.
    """
    args = [tenant_id, name, kind.value, url, credential, list(recipients), [c.value for c in conditions], enabled]
    row = await (await conn.execute(_CREATE, args)).fetchone()
    assert row is not None
    return from_row(row)


async def get(conn: Connection, tenant_id: str, channel_id: int, *, lock: bool = False) -> Channel:
    """One channel of a tenant. Raises ``NotFound``."""
    row = await (await conn.execute(_LOCK if lock else _GET, [channel_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no channel {channel_id}")
    return from_row(row)


async def of_tenant(conn: Connection, tenant_id: str, *, after: int = 0, limit: int = 100) -> list[Channel]:
    """A tenant's channels by id, those after one."""
    return [from_row(row) for row in await (await conn.execute(_OF_TENANT, [tenant_id, after, limit])).fetchall()]


async def change(conn: Connection, changed: Channel) -> Channel:
    """Write all of a channel but its kind.

    :raises NotFound: it is gone.
    :raises Conflict: the tenant has another one of this name.
    """
    args: list[Any] = [changed.name, changed.url, changed.credential, list(changed.recipients)]
    args += [[c.value for c in changed.conditions], changed.enabled, changed.channel_id, changed.tenant_id]
    row = await (await conn.execute(_CHANGE, args)).fetchone()
    if row is None:
        raise NotFound(f"there is no channel {changed.channel_id}")
    return from_row(row)


async def delete(conn: Connection, tenant_id: str, channel_id: int) -> None:
    """Remove a channel with what was to be told to it. Raises ``NotFound``."""
    found = None
    for statement in _DELETE:
        cur = await conn.execute(statement, {"channel_id": channel_id, "tenant_id": tenant_id})
        found = await cur.fetchone() if cur.description else None
    if found is None:
        raise NotFound(f"there is no channel {channel_id}")


def from_row(row: Sequence[Any]) -> Channel:
    """From :data:`COLUMNS`."""
    return Channel(
        channel_id=row[0],
        tenant_id=row[1],
        name=row[2],
        kind=ChannelKind(row[3]),
        url=row[4],
        credential=row[5],
        recipients=tuple(row[6]),
        conditions=tuple(map(Condition, row[7])),
        enabled=row[8],
        version=row[9],
        created_at=row[10],
    )
