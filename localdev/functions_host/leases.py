"""Being seen alive, seeing who died, hearing of new work.

Each host process keeps one connection of its own.  On it, it holds a session-level advisory lock
on its owner number and listens for notices.  Postgres drops the lock the moment the process (and
so the connection) is gone; any other host then takes over its work at its next look, without
waiting for a lease to run out.  The lease is for the rest: a process that is alive to Postgres
but does nothing.

If the connection breaks while the process lives, others may take its work; its results are then
discarded by the fence in ``store_tasks``, and it carries on under the same number.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import LiteralString

from psycopg import AsyncConnection, Error, OperationalError

from localdev.functions_host.schema import LOCK_CLASS
from localdev.functions_host.store_instances import CHANNEL

log = logging.getLogger(__name__)

#: Pause before a broken presence connection is opened again.
RECONNECT_SECONDS = 0.5

_NEW_OWNER: LiteralString = "select nextval('functions_host.owner_number')::int"
_TAKE: LiteralString = "select pg_try_advisory_lock(%s, %s)"


class Presence:
    """One host process's owner number, its lock and its ear."""

    def __init__(self, postgres_url: str, *, hub: str, on_notice: Callable[[str], None]) -> None:
        self._url = postgres_url
        self._hub = hub
        self._on_notice = on_notice
        self._connection: AsyncConnection | None = None
        self.owner = 0

    async def start(self) -> None:
        """Draw an owner number and be alive; returns when both hold."""
        await self._connect()

    async def stop(self) -> None:
        """Let go of the lock; call when :meth:`listen_forever` has ended."""
        if self._connection:
            await self._connection.close()

    async def _connect(self) -> None:
        connection = await AsyncConnection.connect(self._url, autocommit=True, application_name="functions_host")
        if not self.owner:
            row = await (await connection.execute(_NEW_OWNER)).fetchone()
            self.owner = int(row[0]) if row else 0
        row = await (await connection.execute(_TAKE, (LOCK_CLASS, self.owner))).fetchone()
        if not row or not row[0]:  # our old connection is not yet gone on the server's side
            await connection.close()
            raise OperationalError(f"owner number {self.owner} is still held by an earlier connection")
        await connection.execute(f"listen {CHANNEL}")
        self._connection = connection

    async def listen_forever(self) -> None:
        """Pass notices on, and come back after a broken connection, until cancelled."""
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    await self._connect()
                    log.info("presence_restored", extra={"owner": self.owner})
                assert self._connection is not None
                async for notice in self._connection.notifies():
                    kind, _, hub = notice.payload.partition(":")
                    if hub == self._hub:
                        self._on_notice(kind)
            except Error as error:
                log.warning("presence_lost", extra={"owner": self.owner, "error": str(error)})
            if self._connection is not None and not self._connection.closed:
                await self._connection.close()
            await asyncio.sleep(RECONNECT_SECONDS)
