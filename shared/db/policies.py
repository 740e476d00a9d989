"""Retention policies of a tenant, and which share has which."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pool import Connection
from shared.errors import Conflict, NotFound
from shared.model.retention import NamedPolicy, RetentionPolicy

_COLUMNS: Final[LiteralString] = "policy_id, tenant_id, name, retention, version, changed_at"
_CREATE: Final[LiteralString] = f"""
    INSERT INTO policy (tenant_id, name, retention) VALUES (%s, %s, %s) RETURNING {_COLUMNS}
"""
_GET: Final[LiteralString] = f"SELECT {_COLUMNS} FROM policy WHERE policy_id = %s AND tenant_id = %s"
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM policy WHERE tenant_id = %s AND name > %s ORDER BY name COLLATE "C" LIMIT %s
"""
_CHANGE: Final[LiteralString] = f"""
    UPDATE policy SET name = %(name)s, retention = %(retention)s, version = version + 1, changed_at = now()
     WHERE policy_id = %(policy_id)s AND tenant_id = %(tenant_id)s AND version = %(version)s
 RETURNING {_COLUMNS}
"""
_DELETE: Final[LiteralString] = "DELETE FROM policy WHERE policy_id = %s AND tenant_id = %s RETURNING policy_id"
_USERS: Final[LiteralString] = "SELECT name FROM share WHERE policy_id = %s ORDER BY name LIMIT 5"
_GIVE: Final[LiteralString] = """
    UPDATE share SET policy_id = %s
      FROM (SELECT share_id, policy_id FROM share WHERE share_id = %s AND tenant_id = %s FOR NO KEY UPDATE) AS before
     WHERE share.share_id = before.share_id
 RETURNING before.policy_id
"""
_OF_SHARE: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM policy WHERE policy_id = (SELECT policy_id FROM share WHERE share_id = %s)
"""


async def create(conn: Connection, tenant_id: str, name: str, retention: RetentionPolicy) -> NamedPolicy:
    """Add a policy. Violates ``policy_name_unique``, ``policy_name_not_empty``: see :mod:`shared.db.translate`."""
    row = await (await conn.execute(_CREATE, [tenant_id, name, Jsonb(retention.to_wire())])).fetchone()
    assert row is not None
    return _from_row(row)


async def get(conn: Connection, tenant_id: str, policy_id: int) -> NamedPolicy:
    """One policy of a tenant. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [policy_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no policy {policy_id}")
    return _from_row(row)


async def of_tenant(conn: Connection, tenant_id: str, *, after: str = "", limit: int = 1_000) -> list[NamedPolicy]:
    """Policies of a tenant by name; ``after``: the last name of the previous page."""
    return [_from_row(row) for row in await (await conn.execute(_OF_TENANT, [tenant_id, after, limit])).fetchall()]


async def change(
    conn: Connection, tenant_id: str, policy_id: int, version: int, name: str, retention: RetentionPolicy
) -> NamedPolicy:
    """Replace a policy that is still in ``version``. Raises ``NotFound``; ``Conflict`` (``version``) if it is not."""
    args = {
        "policy_id": policy_id,
        "tenant_id": tenant_id,
        "version": version,
        "name": name,
        "retention": Jsonb(retention.to_wire()),
    }
    row = await (await conn.execute(_CHANGE, args)).fetchone()
    if row is None:
        now = await get(conn, tenant_id, policy_id)
        raise Conflict(
            f"policy {now.name!r} is in version {now.version}, and version {version} was to be changed; hint: read it again",
            "version",
        )
    return _from_row(row)


async def delete(conn: Connection, tenant_id: str, policy_id: int) -> None:
    """Delete a policy that no share has. Raises ``NotFound``; ``Conflict`` with the names of shares that have it."""
    names = await users(conn, policy_id)
    await get(conn, tenant_id, policy_id)
    if names:
        raise Conflict(
            f"shares have this policy: {', '.join(names)}; hint: give them another one first", "policy_in_use"
        )
    await conn.execute(_DELETE, [policy_id, tenant_id])


async def users(conn: Connection, policy_id: int) -> Sequence[str]:
    """Names of up to five shares that have a policy."""
    return [row[0] for row in await (await conn.execute(_USERS, [policy_id])).fetchall()]


async def give(conn: Connection, tenant_id: str, share_id: int, policy_id: int | None) -> int | None:
    """Give a share a policy of its tenant, or none: then nothing of it is ever pruned. Returns the one before. Raises ``NotFound``."""
    if policy_id is not None:
        await get(conn, tenant_id, policy_id)
    row = await (await conn.execute(_GIVE, [policy_id, share_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no share {share_id}")
    return None if row[0] is None else int(row[0])


async def of_share(conn: Connection, share_id: int) -> NamedPolicy | None:
    """The policy that a share has."""
    row = await (await conn.execute(_OF_SHARE, [share_id])).fetchone()
    return None if row is None else _from_row(row)


def _from_row(row: tuple[Any, ...]) -> NamedPolicy:
    return NamedPolicy(
        policy_id=row[0],
        tenant_id=row[1],
        name=row[2],
        retention=RetentionPolicy.from_wire(row[3]),
        version=row[4],
        changed_at=row[5],
    )
