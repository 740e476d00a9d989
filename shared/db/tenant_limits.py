"""How many runs of a tenant may be at work at once."""

from typing import Final, LiteralString

from shared.db.pool import Connection

_GET: Final[LiteralString] = "SELECT runs_at_once FROM tenant WHERE tenant_id = %s"
_SET: Final[LiteralString] = "UPDATE tenant SET runs_at_once = %s WHERE tenant_id = %s"


async def runs_at_once(conn: Connection, tenant_id: str) -> int | None:
    """The limit; None: the tenant has none of its own."""
    row = await (await conn.execute(_GET, [tenant_id])).fetchone()
    return None if row is None else row[0]


async def limit_runs(conn: Connection, tenant_id: str, at_once: int | None) -> None:
    """Set it. Runs at work beyond it go on; no other is admitted meanwhile."""
    await conn.execute(_SET, [at_once, tenant_id])
