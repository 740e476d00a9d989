"""API keys."""

import datetime as dt
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.access import Grant, Role
from shared.model.membership import ApiKey

_COLUMNS: Final[LiteralString] = (
    "key_id, tenant_id, share_id, name, role, digest, created_at, created_by, expires_at, revoked_at, last_used_at"
)
_ADD: Final[LiteralString] = f"""
    INSERT INTO api_key (key_id, tenant_id, share_id, name, role, digest, created_at, created_by, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    RETURNING {_COLUMNS}
"""
_BY_ID: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM api_key
     WHERE key_id = %s AND NOT EXISTS (SELECT FROM tenant AS t WHERE t.tenant_id = api_key.tenant_id AND t.deleted_at IS NOT NULL)
"""
_GET: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM api_key WHERE key_id = %s AND tenant_id IS NOT DISTINCT FROM %s
"""
_REVOKE: Final[LiteralString] = f"""
       UPDATE api_key SET revoked_at = coalesce(revoked_at, %s)
        WHERE key_id = %s AND tenant_id IS NOT DISTINCT FROM %s
    RETURNING {_COLUMNS}
"""
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM api_key WHERE tenant_id = %(tenant_id)s AND key_id > %(after)s ORDER BY key_id LIMIT %(limit)s
"""
_OF_PLATFORM: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM api_key WHERE tenant_id IS NULL AND key_id > %(after)s ORDER BY key_id LIMIT %(limit)s
"""
_USED: Final[LiteralString] = """
    UPDATE api_key SET last_used_at = %(now)s
     WHERE key_id = %(key_id)s AND (last_used_at IS NULL OR last_used_at < %(now)s - %(apart)s)
"""


async def add(
    conn: Connection,
    grant: Grant,
    *,
    key_id: str,
    name: str,
    digest: bytes,
    now: dt.datetime,
    created_by: str,
    expires_at: dt.datetime,
) -> ApiKey:
    """Put a key on record. The caller knows that tenant and share exist."""
    args = [key_id, grant.tenant_id, grant.share_id, name, grant.role.value, digest, now, created_by, expires_at]
    row = await (await conn.execute(_ADD, args)).fetchone()
    assert row is not None
    return _from_row(row)


async def by_id(conn: Connection, key_id: str) -> ApiKey | None:
    """The key with this id, whoever's, valid or not; None also if its tenant is deleted."""
    row = await (await conn.execute(_BY_ID, [key_id])).fetchone()
    return None if row is None else _from_row(row)


async def get(conn: Connection, tenant_id: str | None, key_id: str) -> ApiKey:
    """A key of a tenant, or of the platform. Raises ``NotFound``."""
    return _from_row(_found(await (await conn.execute(_GET, [key_id, tenant_id])).fetchone(), key_id))


async def revoke(conn: Connection, tenant_id: str | None, key_id: str, now: dt.datetime) -> ApiKey:
    """End a key's validity; one that was revoked before stays as it is. Raises ``NotFound``."""
    return _from_row(_found(await (await conn.execute(_REVOKE, [now, key_id, tenant_id])).fetchone(), key_id))


async def listed(conn: Connection, tenant_id: str | None, *, after: str = "", limit: int) -> list[ApiKey]:
    """Keys of a tenant, or of the platform, by id, those that are revoked or expired included."""
    text = _OF_PLATFORM if tenant_id is None else _OF_TENANT
    args = {"tenant_id": tenant_id, "after": after, "limit": limit}
    return [_from_row(row) for row in await (await conn.execute(text, args)).fetchall()]


async def used(conn: Connection, key_id: str, now: dt.datetime, apart: dt.timedelta) -> None:
    """Note that a key was used, unless that was noted less than ``apart`` ago."""
    await conn.execute(_USED, {"key_id": key_id, "now": now, "apart": apart})


def _found(row: tuple[Any, ...] | None, key_id: str) -> tuple[Any, ...]:
    if row is None:
        raise NotFound(f"there is no key {key_id!r}")
    return row


def _from_row(row: tuple[Any, ...]) -> ApiKey:
    return ApiKey(
        key_id=row[0],
        grant=Grant(Role(row[4]), row[1], row[2]),
        name=row[3],
        digest=row[5],
        created_at=row[6],
        created_by=row[7],
        expires_at=row[8],
        revoked_at=row[9],
        last_used_at=row[10],
    )
