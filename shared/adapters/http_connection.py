"""One HTTP/1.1 connection: a request at a time, whole answers.

The grammar is llhttp's, through httptools. What is sent goes in slices, as fast as the socket takes it, so that a bundle of 64 MiB is
not copied into a buffer; what arrives is kept in the pieces in which it came and joined once.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, cast

from httptools import HttpParserError, HttpResponseParser
from multidict import CIMultiDict, CIMultiDictProxy

SLICE_BYTES: Final = 256 * 1024
"""Bytes handed to the socket at once."""
HEADER_BYTES_MAX: Final = 128 * 1024
"""Of all headers of an answer: the service's own and 8 KiB of user metadata are a tenth of it."""


class Broken(ConnectionError):
    """The connection ended, or what came over it is no HTTP, before there was a whole answer."""


class Answer(NamedTuple):
    """A whole answer. ``headers`` are UTF-8 where they are, and surrogates where they are not."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


Look = Callable[[int, CIMultiDictProxy[str]], None]
"""Shown status and headers before the body arrives; what it raises ends the exchange."""


class Connection(asyncio.Protocol):
    """A connection to one origin, as asyncio's protocol. Call :meth:`exchange`, and again if it is :attr:`reusable` after that."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._look: Look | None = None
        self._bodiless = False
        self._status = 0
        self._pairs: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._headers: CIMultiDictProxy[str] | None = None
        self._pieces: list[bytes] = []
        self.gone: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection has ended."""
        self.reusable = False
        """Whether another request may be sent."""
        self.silent = True
        """Whether nothing of an answer to the last request has arrived."""
        self.moved_at = self._loop.time()
        """When bytes last went either way, or the last answer was complete; by the loop's clock."""
        self.silence_s = 0.0
        """How long nothing may move; 0 between requests."""

    async def exchange(
        self, head: bytes, body: bytes | bytearray, *, bodiless: bool, silence_s: float, look: Look | None
    ) -> Answer:
        """Send a request, return its answer.

        :param bodiless: the answer has no body whatever its headers say, as that to a HEAD.
        :param silence_s: how long nothing may move in either direction.
        :raises Broken: there was no whole answer.
        :raises TimeoutError: nothing moved.
        """
        assert self._transport is not None
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answer = answer
        self._parser = HttpResponseParser(self)
        self._look, self._bodiless = look, bodiless
        self._pairs, self._header_bytes, self._headers, self._pieces = [], 0, None, []
        self.reusable, self.silent = False, True
        self.moved_at, self.silence_s = self._loop.time(), silence_s
        try:
            if self._transport.is_closing():
                raise Broken("closed by the other side")
            if len(body) <= SLICE_BYTES:
                self._transport.write(head + body if body else head)
                return await answer
            self._transport.write(head)
            sent = await self._send(memoryview(body), answer)
            result = await answer
            self.reusable = self.reusable and sent
            return result
        finally:
            self.silence_s = 0.0
            self._parser = self._answer = self._look = None

    async def _send(self, body: memoryview, answer: asyncio.Future[Answer]) -> bool:
        """Send ``body``; False if the answer came before its end, as a refusal does."""
        assert self._transport is not None
        for start in range(0, len(body), SLICE_BYTES):
            if self._writable is not None:
                await self._writable
            if answer.done():
                return False
            self._transport.write(body[start : start + SLICE_BYTES])
            self.moved_at = self._loop.time()
        return True

    def fail(self, error: Exception) -> None:
        """End the connection; who waits for an answer gets ``error``."""
        self.reusable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self._go_on()
        if self._transport is not None:
            self._transport.abort()

    def _go_on(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        headers = self._headers
        if headers is not None and "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            self.on_message_complete()  # its end is the answer's end
        self.fail(Broken(str(exc) if exc else "closed by the other side"))
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        """The socket is full."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It is not any more."""
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        parser, answer = self._parser, self._answer
        if parser is None or answer is None or answer.done():
            self.fail(Broken("an answer that nobody asked for"))
            return
        self.silent = False
        self.moved_at = self._loop.time()
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            self.fail(Broken(f"what came is no HTTP: {error}"))

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > HEADER_BYTES_MAX:
            self.fail(Broken(f"more than {HEADER_BYTES_MAX} bytes of headers"))
            return
        self._pairs.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        """All headers."""
        assert self._parser is not None
        if self._answer is None or self._answer.done():
            self.fail(Broken("an answer that nobody asked for"))
            return
        status = self._parser.get_status_code()
        if status < 200:  # the answer proper is yet to come
            self._pairs = []
            return
        self._status = status
        self._headers = CIMultiDictProxy(CIMultiDict(self._pairs))
        if self._look is not None:
            try:
                self._look(status, self._headers)
            except Exception as error:  # what the caller looks for is its own
                self.fail(error)
                return
        if self._bodiless:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        answer, headers, pieces = self._answer, self._headers, self._pieces
        if headers is None or answer is None or answer.done() or self._parser is None:
            return
        self.reusable = self._parser.should_keep_alive()
        self._headers, self._pieces = None, []
        answer.set_result(Answer(self._status, headers, pieces[0] if len(pieces) == 1 else b"".join(pieces)))
        self._go_on()
