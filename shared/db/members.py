"""Members: who has which role where."""

from collections.abc import Collection
from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.access import Grant, Role
from shared.model.membership import MemberKind, Membership

_COLUMNS: Final[LiteralString] = "member_id, tenant_id, share_id, object_id, kind, name, role, created_at, created_by"
_ADD: Final[LiteralString] = f"""
    INSERT INTO member (tenant_id, share_id, object_id, kind, name, role, created_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    RETURNING {_COLUMNS}
"""
_GET: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM member WHERE member_id = %s AND tenant_id IS NOT DISTINCT FROM %s
"""
_CHANGE: Final[LiteralString] = f"""
       UPDATE member SET name = %s, role = %s
        WHERE member_id = %s AND tenant_id IS NOT DISTINCT FROM %s
    RETURNING {_COLUMNS}
"""
_REMOVE: Final[LiteralString] = """
    DELETE FROM member WHERE member_id = %s AND tenant_id IS NOT DISTINCT FROM %s RETURNING member_id
"""
# Two statements, for "IS NOT DISTINCT FROM" finds nothing by an index.
_OF_TENANT: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM member WHERE tenant_id = %(tenant_id)s AND member_id > %(after)s ORDER BY member_id LIMIT %(limit)s
"""
_OF_PLATFORM: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM member WHERE tenant_id IS NULL AND member_id > %(after)s ORDER BY member_id LIMIT %(limit)s
"""
# Locked, so that two who leave at the same moment see one another.
_ADMINS: Final[LiteralString] = """
    SELECT member_id FROM member
     WHERE tenant_id IS NOT DISTINCT FROM %s AND share_id IS NULL AND role = %s
  ORDER BY member_id FOR UPDATE
"""
_GRANTS: Final[LiteralString] = """
    SELECT m.object_id, m.kind, m.name, m.role, m.tenant_id, m.share_id
      FROM member AS m LEFT JOIN tenant AS t USING (tenant_id)
     WHERE m.object_id = ANY (%s) AND t.deleted_at IS NULL
"""


async def add(
    conn: Connection, grant: Grant, *, object_id: str, kind: MemberKind, name: str, created_by: str
) -> Membership:
    """Give a role. Violates ``member_unique`` if they have one there. The caller knows that tenant and share exist."""
    args = [grant.tenant_id, grant.share_id, object_id, kind.value, name, grant.role.value, created_by]
    row = await (await conn.execute(_ADD, args)).fetchone()
    assert row is not None
    return _from_row(row)


async def get(conn: Connection, tenant_id: str | None, member_id: int) -> Membership:
    """One member of a tenant, or of the platform. Raises ``NotFound``."""
    row = await (await conn.execute(_GET, [member_id, tenant_id])).fetchone()
    return _from_row(_found(row, member_id))


async def change(conn: Connection, tenant_id: str | None, member_id: int, *, name: str, role: Role) -> Membership:
    """Another name or role. Raises ``NotFound``."""
    row = await (await conn.execute(_CHANGE, [name, role.value, member_id, tenant_id])).fetchone()
    return _from_row(_found(row, member_id))


async def remove(conn: Connection, tenant_id: str | None, member_id: int) -> None:
    """Take a role away. Raises ``NotFound``."""
    _found(await (await conn.execute(_REMOVE, [member_id, tenant_id])).fetchone(), member_id)


async def listed(conn: Connection, tenant_id: str | None, *, after: int = 0, limit: int) -> list[Membership]:
    """Members of a tenant, or of the platform, in the order in which they were added."""
    text = _OF_PLATFORM if tenant_id is None else _OF_TENANT
    args = {"tenant_id": tenant_id, "after": after, "limit": limit}
    return [_from_row(row) for row in await (await conn.execute(text, args)).fetchall()]


async def admins(conn: Connection, tenant_id: str | None) -> list[int]:
    """Ids of the admins of a tenant, or of the platform, who stay that until the transaction ends."""
    role = Role.PLATFORM_ADMIN if tenant_id is None else Role.TENANT_ADMIN
    return [row[0] for row in await (await conn.execute(_ADMINS, [tenant_id, role.value])).fetchall()]


async def grants_of(conn: Connection, object_ids: Collection[str]) -> tuple[frozenset[Grant], dict[str, str]]:
    """All that these object ids, a person's and those of their groups, were given, and the names that people were entered under.

    In a tenant that is deleted nobody has a role.
    """
    rows = await (await conn.execute(_GRANTS, [sorted(object_ids)])).fetchall()
    names = {row[0]: row[2] for row in rows if row[1] == MemberKind.PERSON}
    return frozenset(Grant(Role(row[3]), row[4], row[5]) for row in rows), names


def _found(row: tuple[Any, ...] | None, member_id: int) -> tuple[Any, ...]:
    if row is None:
        raise NotFound(f"there is no member {member_id}")
    return row


def _from_row(row: tuple[Any, ...]) -> Membership:
    return Membership(
        member_id=row[0],
        grant=Grant(Role(row[6]), row[1], row[2]),
        object_id=row[3],
        kind=MemberKind(row[4]),
        name=row[5],
        created_at=row[7],
        created_by=row[8],
    )
