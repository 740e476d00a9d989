"""HTTP/1.1 to one origin: connections are kept and used again; a request is sent and its whole answer returned.

A general client spends most of a small request on what we have no use for (cookies, redirects, streams, middleware, URL objects): see
docs/adr/0009. Redirects are answers like others, nothing is decompressed, no proxy is asked.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.adapters.http_connection import Answer, Broken, Connection, Look

CONNECTIONS: Final = 128
"""Above what one activity has on its way at once, so that requests queue at the service and not here."""
KEEP_ALIVE_S: Final = 30.0
"""Idle connections are closed by us first: the service does it after minutes, load balancers sooner."""
TICK_S: Final = 0.25
"""How often connections are looked at for silence: so much later than it says is a time limit noticed."""
USER_AGENT: Final = "azure-files-backup"


class HttpOrigin:
    """Connections to one scheme, host and port. Made, used and closed in one event loop."""

    def __init__(self, scheme: str, host: str, port: int | None, host_header: str) -> None:
        """``scheme`` is http or https; ``port`` None is the scheme's own; ``host_header`` is what goes into ``Host``."""
        self._address = (host, port or (443 if scheme == "https" else 80))
        self._tls = _tls() if scheme == "https" else None
        self._common = [f"Host: {host_header}", f"User-Agent: {USER_AGENT}"]
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._all: set[Connection] = set()
        self._idle: list[Connection] = []
        self._tick: asyncio.TimerHandle | None = None

    async def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | bytearray = b"",
        *,
        connect_s: float,
        silence_s: float,
        look: Look | None = None,
    ) -> Answer:
        """Send a request that is safe to send twice, and return its answer, whatever its status.

        On a kept connection that turns out to have ended it is sent again at once, on a new one.

        :param target: path and query, percent-encoded.
        :param look: see :data:`~shared.adapters.http_connection.Look`.
        :raises OSError: no whole answer: refused, broken, or silent connections (``TimeoutError``), names that do not resolve.
        :raises ValueError: a header cannot be sent.
        """
        head = self._head(method, target, headers, len(body))
        async with self._room:
            kept = self._kept()
            if kept is not None:
                try:
                    return await self._exchange(kept, head, body, method, silence_s, look)
                except Broken:
                    if not kept.silent:
                        raise
            fresh = await self._connect(connect_s)
            return await self._exchange(fresh, head, body, method, silence_s, look)

    async def _exchange(
        self,
        connection: Connection,
        head: bytes,
        body: bytes | bytearray,
        method: str,
        silence_s: float,
        look: Look | None,
    ) -> Answer:
        try:
            return await connection.exchange(head, body, bodiless=method == "HEAD", silence_s=silence_s, look=look)
        finally:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.fail(Broken("given up"))

    def _head(self, method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", *self._common]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if length or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {length}")
        lines += ["", ""]
        text = "\r\n".join(lines)
        if text.count("\r") != len(lines) - 1 or text.count("\n") != len(lines) - 1:
            raise ValueError("a header with a line break")
        return text.encode()

    def _kept(self) -> Connection | None:
        """The idle connection that was used last, if there is one: the others get old and are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self, connect_s: float) -> Connection:
        host, port = self._address
        try:
            async with asyncio.timeout(connect_s):
                _, connection = await self._loop.create_connection(Connection, host, port, ssl=self._tls)
        except TimeoutError:
            raise TimeoutError(f"no connection within {connect_s:.3g} s") from None
        self._all.add(connection)
        connection.gone.add_done_callback(lambda _: self._all.discard(connection))
        if self._tick is None:
            self._tick = self._loop.call_later(TICK_S, self._look_after)
        return connection

    def _look_after(self) -> None:
        """End connections on which a request waits for too long, and those that were idle for long."""
        now = self._loop.time()
        for connection in list(self._all):
            quiet_s = now - connection.moved_at
            if 0 < connection.silence_s <= quiet_s:
                connection.fail(TimeoutError(f"nothing arrived for {connection.silence_s:.3g} s"))
            elif not connection.silence_s and quiet_s >= KEEP_ALIVE_S:
                connection.fail(Broken("idle"))
        self._idle = [connection for connection in self._idle if connection.reusable]
        self._tick = self._loop.call_later(TICK_S, self._look_after) if self._all else None

    async def aclose(self) -> None:
        """End all connections; requests on their way fail."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        connections = list(self._all)
        for connection in connections:
            connection.fail(Broken("the client was closed"))
        await asyncio.gather(*(connection.gone for connection in connections))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Made once per process: it reads all of the machine's certificates. Verifies them and the host's name."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
