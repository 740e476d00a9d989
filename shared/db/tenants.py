"""Tenants."""

from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.share import Tenant

_CREATE: Final[LiteralString] = """
    INSERT INTO tenant (tenant_id, name) VALUES (%s, %s) RETURNING tenant_id, name, created_at
"""
_GET: Final[LiteralString] = "SELECT tenant_id, name, created_at FROM tenant WHERE tenant_id = %s"
_ALL: Final[LiteralString] = "SELECT tenant_id, name, created_at FROM tenant ORDER BY tenant_id"


async def create(conn: Connection, tenant_id: str, name: str) -> Tenant:
    """Add a tenant. Violates ``tenant_pk`` or ``tenant_id_container``: see :mod:`shared.db.translate`."""
    row = await (await conn.execute(_CREATE, [tenant_id, name])).fetchone()
    assert row is not None
    return Tenant(tenant_id=row[0], name=row[1], created_at=row[2])


async def get(conn: Connection, tenant_id: str) -> Tenant:
    """One tenant. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no tenant {tenant_id!r}")
    return Tenant(tenant_id=row[0], name=row[1], created_at=row[2])


async def listed(conn: Connection) -> list[Tenant]:
    """All tenants by id: thousands at most."""
    rows = await (await conn.execute(_ALL)).fetchall()
    return [Tenant(tenant_id=row[0], name=row[1], created_at=row[2]) for row in rows]
