"""Tenants."""

from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.share import Tenant

_CREATE: Final[LiteralString] = """
    INSERT INTO tenant (tenant_id, name) VALUES (%s, %s) RETURNING tenant_id, name, created_at
"""
_GET: Final[LiteralString] = "SELECT tenant_id, name, created_at FROM tenant WHERE tenant_id = %s"
_LOCKED: Final[LiteralString] = _GET + " FOR NO KEY UPDATE"
_ALL: Final[LiteralString] = """
    SELECT tenant_id, name, created_at
      FROM tenant
     WHERE tenant_id > %s AND (%s::text[] IS NULL OR tenant_id = ANY (%s))
  ORDER BY tenant_id
     LIMIT %s
"""
_RENAME: Final[LiteralString] = """
    UPDATE tenant SET name = %s WHERE tenant_id = %s RETURNING tenant_id, name, created_at
"""


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
    conn: Connection, *, after: str = "", limit: int | None = None, among: frozenset[str] | None = None
) -> list[Tenant]:
    """Tenants by id.

    :param after: only those with higher ids; the last one of the part before.
    :param limit: None: all.
    :param among: only these; None: all.
    """
    chosen = None if among is None else sorted(among)
    rows = await (await conn.execute(_ALL, [after, chosen, chosen, limit])).fetchall()
    return [_from_row(row) for row in rows]


def _found(tenant_id: str, row: tuple[Any, ...] | None) -> Tenant:
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id!r}")
    return _from_row(row)


def _from_row(row: tuple[Any, ...]) -> Tenant:
    return Tenant(tenant_id=row[0], name=row[1], created_at=row[2])
