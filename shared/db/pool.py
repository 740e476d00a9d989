"""Connections to the catalogue."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

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


def make_pool(url: str, *, size: int = 4, statement_timeout_s: int = STATEMENT_TIMEOUT_S) -> Pool:
    """A pool of up to ``size`` connections, not opened yet: ``async with`` it, or ``open`` and ``close``.

    Connections start transactions by themselves, tell times in UTC, and prepare a statement when they see it again. A
    connection is tried before it is given out, so a restart of the server costs nobody an error.
    """
    options = (
        f"-c timezone=UTC -c statement_timeout={statement_timeout_s * 1000} "
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_S * 1000}"
    )
    return AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[tuple[Any, ...]],
        kwargs={
            "autocommit": False,
            "prepare_threshold": 2,
            "options": options,
            "application_name": "azure-files-backup",
        },
        min_size=1,
        max_size=size,
        timeout=WAIT_S,
        open=False,
        check=AsyncConnectionPool.check_connection,
        name="catalogue",
    )
