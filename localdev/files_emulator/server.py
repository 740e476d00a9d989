"""Listens on a loopback address and serves one account, and its control API on another port, until told to stop."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from localdev.files_emulator.account import Account
from localdev.files_emulator.control import Control
from localdev.files_emulator.control_api import ControlApi
from localdev.files_emulator.fill_api import FillApi
from localdev.files_emulator.handle_api import HandleApi
from localdev.files_emulator.handles import Handles
from localdev.files_emulator.http1 import Connection
from localdev.files_emulator.key_api import KeyApi
from localdev.files_emulator.messages import Reply, Request
from localdev.files_emulator.routes import Routes
from localdev.files_emulator.service import Service
from localdev.files_emulator.store import MemoryStore, Store

_BACKLOG = 1024
_CONTROL_HOST = "127.0.0.1"  # whatever the account listens on: who controls it needs no key
_GRACE_S = 2.0  # for clients that take their time over the last reply
_GOODBYE_S = 1.0  # for clients that do not answer when a TLS connection is closed


class Emulator:
    """A running emulator; start it inside an event loop, for tests or from the command line."""

    def __init__(
        self, account: Account | None = None, store: Store | None = None, *, strict_versions: bool = False
    ) -> None:
        self.account = account or Account()
        self.control = Control()
        self._handles = Handles()
        self.port = 0
        self.control_port = 0
        self._host = ""
        self._tls: ssl.SSLContext | None = None
        self._strict_versions = strict_versions
        self._store: Store = store or MemoryStore()
        self.fill = FillApi(self.account, self._store)
        self._servers: list[asyncio.Server] = []
        self._connections: set[Connection] = set()

    @property
    def url(self) -> str:
        """Return the account's URL, IP-style, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/{self.account.name}"

    @property
    def control_url(self) -> str:
        """Return the control API's URL, without a slash at its end."""
        return f"http://{_CONTROL_HOST}:{self.control_port}"

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, control_port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        """Begin to listen; port 0 takes a free one, see ``port`` and ``control_port``.

        With ``tls`` (see ``tls.server_context``) the account is reached by https alone; the control API never is.

        :raises OSError: a port is taken; nothing listens.
        """
        service = Service(
            self.account, self._store, self.control, strict_versions=self._strict_versions, handles=self._handles
        )
        self._tls = tls
        try:
            # The control API first: whoever can reach the account can then control it.
            _, self.control_port = await self._listen(self._routes().handle, _CONTROL_HOST, control_port)
            self._host, self.port = await self._listen(service.handle, host, port, tls)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening, end all connections, release the store."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        ended = asyncio.gather(*(connection.ended.wait() for connection in self._connections))
        with suppress(TimeoutError):
            await asyncio.wait_for(ended, _GRACE_S)
        for connection in list(self._connections):
            connection.abort()
        await self.account.copies.stop()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self.control.log.close()
        self._store.close()

    def _routes(self) -> Routes:
        """Return the control API: all that can be done to this emulator from outside, beside using it."""
        routes = Routes("Control API of the Azure Files emulator; JSON in, JSON out.")
        ControlApi(self.control).add_to(routes)
        KeyApi(self.account).add_to(routes)
        HandleApi(self.account, self._handles).add_to(routes)
        self.fill.add_to(routes)
        return routes

    async def _listen(
        self, handle: Callable[[Request], Reply], host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> tuple[str, int]:
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(handle, self._connections),
            host,
            port,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_shutdown_timeout=_GOODBYE_S if tls else None,
        )
        self._servers.append(server)
        bound: socket.socket = server.sockets[0]
        return host, bound.getsockname()[1]
