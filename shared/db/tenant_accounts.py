"""Which storage accounts a tenant may use."""

from typing import Any, Final, LiteralString

from shared.db.pool import Connection
from shared.errors import NotFound
from shared.model.membership import TenantAccount

# Addresses are kept as shares.subject compares them: in lower case, without a slash at the end.
_ADD: Final[LiteralString] = """
    INSERT INTO tenant_account (tenant_id, account_url, credential, created_by)
    VALUES (%s, lower(rtrim(%s, '/')), %s, %s)
    ON CONFLICT ON CONSTRAINT tenant_account_pk DO UPDATE SET credential = excluded.credential
    RETURNING tenant_id, account_url, credential, created_at, created_by
"""
_REMOVE: Final[LiteralString] = """
    DELETE FROM tenant_account
     WHERE tenant_id = %s AND account_url = lower(rtrim(%s, '/')) AND credential = %s
 RETURNING tenant_id
"""
_LISTED: Final[LiteralString] = """
    SELECT tenant_id, account_url, credential, created_at, created_by FROM tenant_account
     WHERE tenant_id = %s AND (account_url, credential) > (%s, %s)
  ORDER BY account_url, credential LIMIT %s
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
    """Let a tenant use an account with a credential; nothing new if it may already. Violates ``tenant_account_of_tenant``."""
    row = await (await conn.execute(_ADD, [tenant_id, account_url, credential, created_by])).fetchone()
    assert row is not None
    return _from_row(row)


async def remove(conn: Connection, tenant_id: str, account_url: str, credential: str) -> None:
    """Shares that are in it stay. Raises ``NotFound``."""
    if await (await conn.execute(_REMOVE, [tenant_id, account_url, credential])).fetchone() is None:
        raise NotFound(f"tenant {tenant_id!r} has no account {account_url!r} with credential {credential!r}")


async def listed(
    conn: Connection, tenant_id: str, *, after: tuple[str, str] = ("", ""), limit: int
) -> list[TenantAccount]:
    """A tenant's accounts by address and credential."""
    return [_from_row(row) for row in await (await conn.execute(_LISTED, [tenant_id, *after, limit])).fetchall()]


async def has(conn: Connection, tenant_id: str, account_url: str, share_name: str, credential: str) -> bool:
    """Whether a tenant may use an Azure share with a credential: its account was given to the tenant, or it is protected for it that way."""
    args = {"tenant_id": tenant_id, "url": account_url, "share_name": share_name, "credential": credential}
    row = await (await conn.execute(_HAS, args)).fetchone()
    assert row is not None
    return bool(row[0])


def _from_row(row: tuple[Any, ...]) -> TenantAccount:
    return TenantAccount(
        tenant_id=row[0], account_url=row[1], credential=row[2], created_at=row[3], created_by=row[4]
    )
