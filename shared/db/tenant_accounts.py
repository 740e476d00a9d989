"""Which storage accounts a tenant may use."""

from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.membership import TenantAccount

_COLUMNS: Final[LiteralString] = "account_id, tenant_id, account_url, credential, created_at, created_by"
_ADD: Final[LiteralString] = f"""
    INSERT INTO tenant_account (tenant_id, account_url, credential, created_by)
    VALUES (%s, lower(rtrim(%s, '/')), %s, %s)
    RETURNING {_COLUMNS}
"""
_REMOVE: Final[LiteralString] = (
    "DELETE FROM tenant_account WHERE tenant_id = %s AND account_id = %s RETURNING account_id"
)
_LISTED: Final[LiteralString] = f"""
    SELECT {_COLUMNS} FROM tenant_account WHERE tenant_id = %s AND account_id > %s ORDER BY account_id LIMIT %s
"""
_HAS: Final[LiteralString] = """
    SELECT EXISTS (
               SELECT FROM tenant_account
                WHERE tenant_id = %(tenant_id)s AND account_url = lower(rtrim(%(url)s, '/')) AND credential = %(credential)s
           )
        OR EXISTS (
               SELECT FROM share
                WHERE tenant_id = %(tenant_id)s AND lower(rtrim(account_url, '/')) = lower(rtrim(%(url)s, '/'))
                  AND share_name = %(share_name)s AND credential = %(credential)s
           )
"""


async def add(conn: Connection, tenant_id: str, account_url: str, credential: str, created_by: str) -> TenantAccount:
    """Let a tenant use an account with a credential. Violates ``tenant_account_unique`` if it may already."""
    row = await (await conn.execute(_ADD, [tenant_id, account_url, credential, created_by])).fetchone()
    assert row is not None
    return _from_row(row)


async def remove(conn: Connection, tenant_id: str, account_id: int) -> None:
    """Shares that are in it stay. Raises ``NotFound``."""
    if await (await conn.execute(_REMOVE, [tenant_id, account_id])).fetchone() is None:
        raise NotFound(f"there is no account {account_id}")


async def listed(conn: Connection, tenant_id: str, *, after: int = 0, limit: int) -> list[TenantAccount]:
    """A tenant's accounts in the order in which they were given to it."""
    return [_from_row(row) for row in await (await conn.execute(_LISTED, [tenant_id, after, limit])).fetchall()]


async def has(conn: Connection, tenant_id: str, account_url: str, share_name: str, credential: str) -> bool:
    """Whether a tenant may use an Azure share with a credential: its account was given to the tenant, or it is protected for it that way."""
    args = {"tenant_id": tenant_id, "url": account_url, "share_name": share_name, "credential": credential}
    row = await (await conn.execute(_HAS, args)).fetchone()
    assert row is not None
    return bool(row[0])


def _from_row(row: tuple[Any, ...]) -> TenantAccount:
    return TenantAccount(
        account_id=row[0], tenant_id=row[1], account_url=row[2], credential=row[3], created_at=row[4], created_by=row[5]
    )
