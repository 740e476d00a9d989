"""Tenants."""

from typing import Any, Final, LiteralString

from shared.db import deletions
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.share import Tenant

_COLUMNS: Final[LiteralString] = f"tenant_id, name, created_at, {deletions.COLUMNS}, purge_trouble"
_CREATE: Final[LiteralString] = f"INSERT INTO tenant (tenant_id, name) VALUES (%s, %s) RETURNING {_COLUMNS}"
_GET: Final[LiteralString] = f"SELECT {_COLUMNS} FROM tenant WHERE tenant_id = %s"
_LOCKED: Final[LiteralString] = _GET + " FOR NO KEY UPDATE"
_ALL: Final[LiteralString] = f"""
    SELECT {_COLUMNS}
      FROM tenant
     WHERE tenant_id > %s AND (%s::text[] IS NULL OR tenant_id = ANY (%s))
       AND (%s OR deleted_at IS NULL)
  ORDER BY tenant_id
     LIMIT %s
"""
_RENAME: Final[LiteralString] = f"UPDATE tenant SET name = %s WHERE tenant_id = %s RETURNING {_COLUMNS}"


async def create(conn: Connection, tenant_id: str, name: str) -> Tenant:
    """Add a tenant. Violates ``tenant_pk`` or ``tenant_id_container``: see :mod:`shared.db.translate`."""
    row = await (await conn.execute(_CREATE, [tenant_id, name])).fetchone()
    assert row is not None
    return _from_row(row)


async def get(conn: Connection, tenant_id: str) -> Tenant:
    """One tenant. Raises ``NotFound``."""
    return _found(tenant_id, await (await conn.execute(_GET, [tenant_id])).fetchone())


async def locked(conn: Connection, tenant_id: str) -> Tenant:
    """The same, as it stays until the transaction ends."""
    return _found(tenant_id, await (await conn.execute(_LOCKED, [tenant_id])).fetchone())


async def rename(conn: Connection, tenant_id: str, name: str) -> Tenant:
    """Give a tenant another name. Raises ``NotFound``."""
    return _found(tenant_id, await (await conn.execute(_RENAME, [name, tenant_id])).fetchone())


async def listed(
    conn: Connection,
    *,
    after: str = "",
    limit: int | None = None,
    among: frozenset[str] | None = None,
    deleted: bool = False,
) -> list[Tenant]:
    """Tenants by id.

    :param after: only those with higher ids; the last one of the part before.
    :param limit: None: all.
    :param among: only these; None: all.
    :param deleted: also those that are deleted.
    """
    chosen = None if among is None else sorted(among)
    rows = await (await conn.execute(_ALL, [after, chosen, chosen, deleted, limit])).fetchall()
    return [_from_row(row) for row in rows]


def _found(tenant_id: str, row: tuple[Any, ...] | None) -> Tenant:
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id!r}")
    return _from_row(row)


def _from_row(row: tuple[Any, ...]) -> Tenant:
    return Tenant(tenant_id=row[0], name=row[1], created_at=row[2], deletion=deletions.from_row(row[3:]))
