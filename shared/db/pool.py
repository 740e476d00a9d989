"""Connections to the catalogue."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shared.db.sign_in import CatalogueConnection, Password, SignIn

Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


class Connections(Protocol):
    """Whatever gives out connections, each in a transaction that commits when the block ends well."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """One, until the block ends."""
        ...


STATEMENT_TIMEOUT_S: Final = 60
"""The longest statement of a batch takes a second; one that takes a minute waits for a lock that nobody will release."""

IDLE_TIMEOUT_S: Final = 120
"""A transaction whose worker vanished without closing its connection lets go of its locks after this."""

WAIT_S: Final = 15.0
"""How long to wait for a free connection."""


class CataloguePool(AsyncConnectionPool[Connection]):
    """Says why there is no connection, where the driver's says only that there was none in time."""

    sign_in: SignIn

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - theirs
        """As the driver's."""
        try:
            return await super().getconn(timeout)
        except PoolTimeout as error:
            if not self.sign_in.problem:
                raise
            raise PoolTimeout(f"{error}: {self.sign_in.problem}") from error


def make_pool(
    url: str,
    *,
    size: int = 4,
    statement_timeout_s: int = STATEMENT_TIMEOUT_S,
    password: Password | None = None,
    name: str = "azure-files-backup",
) -> Pool:
    """A pool of up to ``size`` connections, not opened yet: ``async with`` it, or ``open`` and ``close``.

    Connections start transactions by themselves, tell times in UTC, and prepare a statement when they see it again. A
    connection is tried before it is given out, so a restart of the server costs nobody an error.

    :param password: asked for every new connection; without it they sign in as ``url`` says.
    :param name: what they call themselves: :func:`shared.db.migrate.program_name` for whoever works with the schema for long.
    """
    options = (
        f"-c timezone=UTC -c statement_timeout={statement_timeout_s * 1000} "
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_S * 1000}"
    )
    sign_in = SignIn(password)
    pool = CataloguePool(
        url,
        connection_class=CatalogueConnection,
        kwargs={
            "autocommit": False,
            "prepare_threshold": 2,
            "options": options,
            "application_name": name,
            "sign_in": sign_in,
        },
        min_size=1,
        max_size=size,
        timeout=WAIT_S,
        open=False,
        check=AsyncConnectionPool.check_connection,
        name="catalogue",
    )
    pool.sign_in = sign_in
    return pool
