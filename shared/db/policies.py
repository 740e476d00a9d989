"""Retention policies of a tenant, and which share has which."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from shared.db.pool import Connection
from shared.errors import Conflict, NotFound
from shared.model.retention import NamedPolicy, RetentionPolicy, SaidPolicy
from shared.ports.retention import UntoldPolicy

_COLUMNS: Final[LiteralString] = "policy_id, tenant_id, name, retention, version, changed_at"
_CREATE: Final[LiteralString] = f"""
    INSERT INTO policy (tenant_id, name, retention) VALUES (%s, %s, %s) RETURNING {_COLUMNS}
"""
_GET: Final[LiteralString] = f"SELECT {_COLUMNS} FROM policy WHERE policy_id = %s AND tenant_id = %s"
# A change of it waits: it tells of all shares that have it, and this one is among them.
_HOLD: Final[LiteralString] = _GET + " FOR SHARE"
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
_FOLLOWERS: Final[LiteralString] = """
    SELECT policy_id, count(*) FROM share
     WHERE tenant_id = %s AND policy_id IS NOT NULL AND deleted_at IS NULL
  GROUP BY policy_id
"""
_GIVE: Final[LiteralString] = """
    UPDATE share SET policy_id = %s, policy_no = policy_no + 1
      FROM (SELECT share_id, policy_id FROM share WHERE share_id = %s AND tenant_id = %s FOR NO KEY UPDATE) AS before
     WHERE share.share_id = before.share_id
 RETURNING before.policy_id
"""
# In order, as whoever queues runs for many.
_CHANGED: Final[LiteralString] = """
    UPDATE share SET policy_no = policy_no + 1
      FROM (SELECT share_id FROM share WHERE policy_id = %s ORDER BY share_id FOR NO KEY UPDATE) AS follower
     WHERE share.share_id = follower.share_id
"""
_UNTOLD: Final[LiteralString] = """
    SELECT s.tenant_id, s.share_id, s.policy_no, p.name, p.retention FROM share AS s LEFT JOIN policy AS p USING (policy_id)
     WHERE s.policy_no > s.policy_told AND (%(share_id)s::int IS NULL OR s.share_id = %(share_id)s)
  ORDER BY s.share_id LIMIT %(limit)s
"""
_TOLD: Final[LiteralString] = (
    "UPDATE share SET policy_told = %(number)s WHERE share_id = %(share_id)s AND policy_told < %(number)s"
)
_NAMED: Final[LiteralString] = f"SELECT {_COLUMNS} FROM policy WHERE tenant_id = %s AND name = %s"
_ADOPT: Final[LiteralString] = """
    UPDATE share SET policy_id = %s, policy_no = %s, policy_told = %s WHERE share_id = %s
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
    await conn.execute(_CHANGED, [policy_id])
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


async def followers(conn: Connection, tenant_id: str) -> dict[int, int]:
    """How many shares have each policy of a tenant; those that none has are left out."""
    return {row[0]: row[1] for row in await (await conn.execute(_FOLLOWERS, [tenant_id])).fetchall()}


async def give(conn: Connection, tenant_id: str, share_id: int, policy_id: int | None) -> int | None:
    """Give a share a policy of its tenant, or none: then nothing of it is ever pruned. Returns the one before. Raises ``NotFound``."""
    if policy_id is not None and await (await conn.execute(_HOLD, [policy_id, tenant_id])).fetchone() is None:
        raise NotFound(f"there is no policy {policy_id}")
    row = await (await conn.execute(_GIVE, [policy_id, share_id, tenant_id])).fetchone()
    if row is None:
        raise NotFound(f"there is no share {share_id}")
    return None if row[0] is None else int(row[0])


async def of_share(conn: Connection, share_id: int) -> NamedPolicy | None:
    """The policy that a share has."""
    row = await (await conn.execute(_OF_SHARE, [share_id])).fetchone()
    return None if row is None else _from_row(row)


async def untold(conn: Connection, limit: int, share_id: int | None) -> list[UntoldPolicy]:
    """Shares of whose policy the vault does not know yet."""
    rows = await (await conn.execute(_UNTOLD, {"limit": limit, "share_id": share_id})).fetchall()
    return [
        UntoldPolicy(
            row[0],
            row[1],
            SaidPolicy(
                number=row[2],
                name=row[3] or "",
                retention=None if row[4] is None else RetentionPolicy.from_wire(row[4]),
            ),
        )
        for row in rows
    ]


async def told(conn: Connection, share_id: int, number: int) -> None:
    """Note up to which change of it the vault knows a share's policy."""
    await conn.execute(_TOLD, {"share_id": share_id, "number": number})


async def adopt(conn: Connection, tenant_id: str, share_id: int, said: SaidPolicy) -> None:
    """Give a share that is made of the vault the policy that it had.

    Its tenant may have one of the name with other rules: somebody has made it here. That stays as it is, and the share gets one of its own beside it.
    """
    policy_id = None
    if said.retention is not None:
        for name in (said.name, f"{said.name} (share {share_id}, from the vault)"):
            row = await (await conn.execute(_NAMED, [tenant_id, name])).fetchone()
            found = await create(conn, tenant_id, name, said.retention) if row is None else _from_row(row)
            if found.retention == said.retention:
                policy_id = found.policy_id
                break
    await conn.execute(_ADOPT, [policy_id, said.number, said.number, share_id])


def _from_row(row: tuple[Any, ...]) -> NamedPolicy:
    return NamedPolicy(
        policy_id=row[0],
        tenant_id=row[1],
        name=row[2],
        retention=RetentionPolicy.from_wire(row[3]),
        version=row[4],
        changed_at=row[5],
    )
