"""Transactions that see the rows of some tenants and no others, whatever they ask: row-level security, schema/sql/0017.

What the API does goes through here. ``afb_api`` and ``afb_platform`` are roles of the database that nobody logs in as; a transaction takes
one on, and with it what it sees. This is against a WHERE that is missing, or that compares with the wrong thing. It is not against SQL
that somebody smuggles in, who could as well say RESET ROLE or name another tenant: that there is none of that is for the statements, which
are literals with parameters, without exception. A login of its own for the API (AFB_API_POSTGRES_URL) takes RESET ROLE away.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final, LiteralString

from shared.db.pool import Connection, Connections
from shared.model.share import Share

OF_TENANTS: Final = "afb_api"
OF_PLATFORM: Final = "afb_platform"

# One trip. The role comes last: the rest is for whoever is logged in.
_ENTER: Final[LiteralString] = """
    SELECT set_config('afb.tenant_id', %(tenants)s, true), set_config('role', %(role)s, true)
"""
_ENTER_SHARE: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM pg_class WHERE relname = %(tree)s AND relnamespace = 'public'::regnamespace)
           AND NOT EXISTS (
               SELECT FROM pg_class
                WHERE relname = 'page' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
           ),
           set_config('search_path', %(path)s, true),
           set_config('afb.tenant_id', %(tenants)s, true), set_config('role', %(role)s, true)
"""
_SHOW: Final[LiteralString] = "SELECT show_share_to_api(%s)"


async def enter(conn: Connection, tenant_ids: Collection[str] | None) -> None:
    """See and change the rows of these tenants only, until the transaction ends; None: of all."""
    # Ids are letters, digits and hyphens (tenant_id_container), so commas are between them.
    wanted = [tenant_id for tenant_id in tenant_ids or () if "," not in tenant_id]
    role = OF_PLATFORM if tenant_ids is None else OF_TENANTS
    await conn.execute(_ENTER, {"tenants": ",".join(wanted), "role": role})


class TenantConnections:
    """Connections of a pool whose transactions see the rows of some tenants, or of all."""

    def __init__(self, pool: Connections, tenant_ids: Collection[str] | None) -> None:
        self._pool = pool
        self._tenant_ids = tenant_ids

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One, until the block ends."""
        async with self._pool.connection() as conn:
            await enter(conn, self._tenant_ids)
            yield conn


async def enter_share(conn: Connection, share: Share, owner: Connections) -> None:
    """See the rows of a share's tenant only, and of trees the share's, until the transaction ends.

    :param owner: connections of whoever owns the tables.
    """
    schema = f"share_{share.share_id}_api"
    args = {
        "schema": schema,
        "tree": f"page_{share.share_id}",
        "path": f"{schema}, public",
        "tenants": share.tenant_id,
        "role": OF_TENANTS,
    }
    row = await (await conn.execute(_ENTER_SHARE, args)).fetchone()
    if row is not None and row[0]:
        # The tree was made by a program from before schema/sql/0017, while that was rolled out.
        async with owner.connection() as other:
            await other.execute(_SHOW, [share.share_id])


class ShareConnections:
    """Connections of a pool whose transactions see the rows of one share's tenant, and of trees the share's only."""

    def __init__(self, pool: Connections, owner: Connections, share: Share) -> None:
        self._pool = pool
        self._owner = owner
        self._share = share

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One, until the block ends."""
        async with self._pool.connection() as conn:
            await enter_share(conn, self._share, self._owner)
            yield conn
