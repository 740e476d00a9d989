"""HTTP/1.1 over kept connections: what storage services speak, and nothing else.

Why not aiohttp's client: a small request takes 63 us of processor time here, the kernel's part included, and 207 there (docs/adr/
0005; it has cookies, redirects, tracing, middlewares and timers, and sends head and body apart). Names and meanings of an
:class:`Answer` are aiohttp's.

* A request is one write if it is small; a large body goes slice by slice as the service takes it, and stops when an answer is there.
* The answer's head is awaited, its body read when asked for. A body that nobody reads is held
  back at half a megabyte.
* A connection serves one request at a time, goes back to the others when the last byte of its answer is there, and is closed by
  whatever goes wrong: an answer that is cut short or not HTTP, silence, a caller that gives up.
* A kept connection that ends before the first byte of an answer may have been closed by the service while it was idle: the request
  is sent once more on a fresh one. Requests must be safe to send twice anyway.

Whatever is wrong with a connection is an ``OSError``, silence a ``TimeoutError``; a request that cannot be written is a ``ValueError``.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Final
from urllib.parse import urlsplit

from shared.adapters.http1_connection import Answer, Link, Unanswered

_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f]")
_LINE_END: Final = re.compile(r"[\r\n\x00]")
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class Session:
    """Connections to one origin. Made, used and closed in one event loop."""

    def __init__(
        self,
        origin: str,
        *,
        headers: Mapping[str, str],
        connections: int,
        connect_s: float,
        silence_s: float,
        idle_s: float,
    ) -> None:
        """``origin`` is ``http://host:port`` or ``https://...``; ``headers`` go with every request."""
        parts = urlsplit(origin)
        assert parts.hostname is not None
        self._host, self._tls = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._context = ssl.create_default_context() if self._tls else None
        self._fixed = "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **headers}.items())
        self._most, self._connect_s, self._silence_s, self._idle_s = connections, connect_s, silence_s, idle_s
        self._loop = asyncio.get_running_loop()
        self._open = 0
        self._idle: list[Link] = []
        self._links: set[Link] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False
        self._ended: asyncio.Future[None] | None = None

    async def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | bytearray = b"",
        *,
        most_s: float | None = None,
    ) -> Answer:
        """Send a request and return its answer when its head is there. Read the answer, or close it.

        :param target: percent-encoded path and query.
        :param most_s: bounds the waits for a connection and for each sign of life more than usual.
        :raises ValueError: ``target`` or a header has characters that cannot be sent.
        """
        head = self._head(method, target, headers, len(body))
        silence_s = self._silence_s if most_s is None else min(self._silence_s, most_s)
        connect_s = self._connect_s if most_s is None else min(self._connect_s, most_s)
        link = await self._take(connect_s)
        while True:
            is_kept = link.served > 0
            try:
                return await link.exchange(method, head, body, silence_s)
            except Unanswered as error:
                if not is_kept:
                    raise error.cause from None
            link = await self._connected(connect_s)

    def _head(self, method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
        if _UNSAFE.search(target):
            raise ValueError(f"{target!r} is not percent-encoded")
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
            name = next(name for name, value in headers.items() if _LINE_END.search(name + value))
            raise ValueError(f"header {name!r} has characters that end a line")
        size = f"Content-Length: {length}\r\n" if length or method not in _BODILESS else ""
        return f"{method} {target} HTTP/1.1\r\n{self._fixed}{lines}{size}\r\n".encode()

    # -- connections

    async def _take(self, connect_s: float) -> Link:
        """An idle connection, or a fresh one; waits for its turn when there are as many as there may be."""
        while True:
            ripe = self._loop.time() - self._idle_s
            while self._idle:
                link = self._idle.pop()
                if link.since > ripe and not link.is_lost:
                    return link
                link.abort()
            if self._open < self._most:
                return await self._connected(connect_s)
            turn = self._loop.create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next_turn()  # ours is for somebody else now
                raise

    async def _connected(self, connect_s: float) -> Link:
        if self._closed:
            raise ConnectionError("the session is closed")
        self._open += 1
        try:
            async with asyncio.timeout(connect_s):
                _, link = await self._loop.create_connection(
                    lambda: Link(self),
                    self._host,
                    self._port,
                    ssl=self._context,
                    server_hostname=self._host if self._tls else None,
                    happy_eyeballs_delay=0.25,
                )
        except BaseException:
            self._open -= 1
            self._next_turn()
            raise
        if link.is_lost:
            self._open -= 1
            self._next_turn()
            raise ConnectionResetError("the service ended the connection")
        self._links.add(link)
        if self._closed:
            link.abort()
            raise ConnectionError("the session is closed")
        return link

    def _next_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def free(self, link: Link) -> None:
        """Take back a connection that has served its request."""
        link.since = self._loop.time()
        self._idle.append(link)
        if self._waiting:
            self._next_turn()

    def lost(self, link: Link) -> None:
        """Forget a connection that has ended."""
        if link in self._links:
            self._links.discard(link)
            self._open -= 1
            with suppress(ValueError):
                self._idle.remove(link)
            self._next_turn()
            if self._ended is not None and not self._links and not self._ended.done():
                self._ended.set_result(None)

    # -- silence

    def watch(self, link: Link) -> None:
        """See to it that a connection at work is given up when it is silent for too long. One timer for all of them."""
        due = link.due
        if self._watch is None or due < self._watch.when():
            if self._watch is not None:
                self._watch.cancel()
            self._watch = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._watch = None
        now = self._loop.time()
        for link in [link for link in self._links if link.due <= now]:
            link.fail(TimeoutError(f"nothing came or went for {link.silence_s:g} s"))
        due = min((link.due for link in self._links), default=inf)
        if due < inf:
            self._watch = self._loop.call_at(due, self._look)

    async def close(self) -> None:
        """End all connections."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        for link in list(self._links):
            link.abort()
        if self._links:
            self._ended = self._loop.create_future()
            await self._ended
