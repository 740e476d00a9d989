"""Listens on a loopback address and serves one account until told to stop."""

import asyncio
import socket
from contextlib import suppress

from localdev.files_emulator.account import Account
from localdev.files_emulator.control import Control
from localdev.files_emulator.http1 import Connection
from localdev.files_emulator.service import Service
from localdev.files_emulator.store import MemoryStore, Store

_BACKLOG = 1024
_GRACE_S = 2.0  # for clients that take their time over the last reply


class Emulator:
    """A running emulator; start it inside an event loop, for tests or from the command line."""

    def __init__(self, account: Account | None = None, store: Store | None = None) -> None:
        self.account = account or Account()
        self.control = Control()
        self.port = 0
        self._host = ""
        self._store: Store = store or MemoryStore()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def url(self) -> str:
        """Return the account's URL, IP-style, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}/{self.account.name}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Begin to listen; port 0 takes a free one, see ``port``."""
        service = Service(self.account, self._store, self.control)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(service.handle, self._connections), host, port, backlog=_BACKLOG
        )
        bound: socket.socket = self._server.sockets[0]
        self._host, self.port = host, bound.getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, end all connections, release the store."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.close()
            ended = asyncio.gather(*(connection.ended.wait() for connection in self._connections))
            with suppress(TimeoutError):
                await asyncio.wait_for(ended, _GRACE_S)
            for connection in list(self._connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None
        self._store.close()
