"""One connection of :mod:`shared.adapters.http1`, and the answer it is bringing."""

import asyncio
import re
from math import inf
from typing import Final, Protocol, Self

from multidict import CIMultiDict, CIMultiDictProxy

from shared.adapters.http1_chunks import BadAnswer, Chunks

BUFFER_BYTES: Final = 512 * 1024
"""An answer's bytes kept for a reader that is slower than the service."""
SLICE_BYTES: Final = 256 * 1024
"""Of a large body, handed to the socket at once: keeps the event loop free between slices and the socket's buffer small."""
HEAD_BYTES: Final = 256 * 1024
"""The longest head of an answer: user metadata may be 8 KiB in as many headers as one likes."""

_STATUS: Final = re.compile(r"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?")


class Owner(Protocol):
    """What a connection tells the session that it belongs to."""

    def free(self, link: "Link") -> None:
        """It has served its request."""
        ...

    def lost(self, link: "Link") -> None:
        """It has ended."""
        ...

    def watch(self, link: "Link") -> None:
        """It is at work from now on."""
        ...


class Unanswered(Exception):
    """A connection ended before a byte of an answer."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Answer:
    """An answer whose head is there; what of the body is there is kept until it is read."""

    __slots__ = ("_error", "_held", "_is_whole", "_link", "_parts", "content", "content_length", "headers", "status")

    def __init__(self, link: "Link", status: int, headers: CIMultiDictProxy[str], content_length: int | None) -> None:
        self._link = link
        self.status = status
        self.headers = headers
        self.content_length = content_length
        """As promised; None if the answer does not say."""
        self.content = self
        self._parts: list[bytes] = []
        self._held = 0
        self._is_whole = False
        self._error: OSError | None = None

    async def read(self, length: int = -1) -> bytes:
        """The rest of the body, or up to ``length`` bytes of it: none at its end.

        :raises OSError: it is cut short.
        """
        while not self._is_whole and (length < 0 or self._held < length):
            await self._more(inf if length < 0 else length)
        if length < 0 or length >= self._held:
            found = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            return found
        held = b"".join(self._parts)
        self._parts[:] = [held[length:]]
        self._held -= length
        return held[:length]

    async def readexactly(self, length: int) -> bytes:
        """The next ``length`` bytes.

        :raises OSError: the body ends before.
        """
        found = await self.read(length)
        if len(found) < length:
            raise BadAnswer(f"the body ends {length - len(found)} bytes early")
        return found

    def at_eof(self) -> bool:
        """Whether everything was read."""
        return self._is_whole and not self._held

    def release(self) -> None:
        """Let go: the connection is kept if the whole body has come."""
        if not self._is_whole:
            self._link.abort()

    close = release

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go."""
        self.release()

    async def _more(self, wanted: float) -> None:
        if self._error is not None:
            raise self._error
        self._link.want(wanted)
        await self._link.sign_of_life()
        if self._error is not None and not self._is_whole:
            raise self._error

    # -- for the connection

    def add(self, data: bytes) -> int:
        """Take in a part of the body; returns how much is held."""
        self._parts.append(data)
        self._held += len(data)
        return self._held

    def end(self) -> None:
        """The body has come."""
        self._is_whole = True

    def fail(self, error: OSError) -> None:
        """The body will not come."""
        self._error = error


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, session: Owner) -> None:
        self._session = session
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._answer: Answer | None = None
        self._left: int | None = 0
        """Bytes of the body still to come; None: until the connection ends."""
        self._chunks: Chunks | None = None
        self._is_head_request = False
        self._keeps = True
        self._is_written = True
        self._is_full = False
        self._is_paused = False
        self._wanted: float = 0
        """How much a reader waits for."""
        self._coming: asyncio.Future[Answer] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._error: OSError | None = None
        self._loop = asyncio.get_running_loop()
        self.is_busy = False
        self.is_lost = False
        self.served = 0
        self.since = self._loop.time()
        """When something last came or went."""
        self.silence_s = 0.0

    async def exchange(self, method: str, head: bytes, body: bytes | bytearray, silence_s: float) -> Answer:
        """Send a request and await the head of its answer."""
        self._answer, self._error, self._wanted = None, None, 0
        self._is_head_request = method == "HEAD"
        self.silence_s, self.since = silence_s, self._loop.time()
        self.is_busy, self._is_written = True, False
        self._session.watch(self)
        # A future of our own: when its answer is whole the connection may serve somebody else before we are resumed.
        coming = self._coming = self._loop.create_future()
        try:
            await self._write(head, body)
            answer: Answer = await coming
        except OSError as error:
            coming.cancel()
            untouched = not self._head and self._answer is None and not isinstance(error, TimeoutError | BadAnswer)
            self.abort()
            if untouched:
                raise Unanswered(error) from error
            raise
        except BaseException:
            coming.cancel()
            if self._coming is coming:
                self.abort()
            raise
        return answer

    async def _write(self, head: bytes, body: bytes | bytearray) -> None:
        transport = self._transport
        if transport is None or self.is_lost:
            raise self._error or ConnectionResetError("the connection has ended")
        if len(body) <= SLICE_BYTES:
            transport.write(b"".join((head, body)) if body else head)
        else:
            transport.write(head)
            view = memoryview(body)
            for start in range(0, len(view), SLICE_BYTES):
                if self._answer is not None or self._error is not None or transport.is_closing():
                    self._keeps = False  # it has heard enough, or is gone
                    break
                transport.write(view[start : start + SLICE_BYTES])
                if self._is_full:
                    self._writable = self._loop.create_future()
                    await self._writable
        self._is_written = True
        if self._answer is not None and not self.is_busy and self._error is None:
            self._let_go()  # its answer was whole before the request was

    async def sign_of_life(self) -> None:
        """Wait until something has come, or the connection has failed."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    @property
    def due(self) -> float:
        """When it has been silent for too long."""
        return self.since + self.silence_s if self.is_busy and not self._is_paused else inf

    def want(self, held: float) -> None:
        """Let more of the body come, until so much is held."""
        self._wanted = held
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self.since = self._loop.time()
            self._session.watch(self)
            self._transport.resume_reading()

    def abort(self) -> None:
        """End the connection at once."""
        self.is_busy = False
        self.is_lost = True
        if self._transport is not None:
            self._transport.abort()

    def fail(self, error: OSError) -> None:
        """Give the connection up and tell whoever waits for it."""
        if self._error is None:
            self._error = error
            if self._answer is not None:
                self._answer.fail(error)
            elif self._coming is not None and not self._coming.done():
                self._coming.set_exception(error)
        self.abort()
        self._wake()

    def _wake(self) -> None:
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)

    # -- what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader, for whom this may be the end of the body."""
        self.is_lost = True
        if self.is_busy:
            if self._answer is not None and self._left is None and self._chunks is None and exc is None:
                self._answer.end()
                self.is_busy = False
                self._wake()
            else:
                self.fail(exc if isinstance(exc, OSError) else ConnectionResetError("the service ended the connection"))
        self._session.lost(self)

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_full = False
        self.since = self._loop.time()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self.since = self._loop.time()
        if not self.is_busy:
            self.abort()  # nobody asked for anything
            return
        try:
            if self._answer is None:
                data = self._take_head(data)
            if self._answer is not None and self._take_body(data):
                self._wake()
        except BadAnswer as error:
            self.fail(error)

    def _take_head(self, data: bytes) -> bytes:
        """Take in bytes of the head; what follows it."""
        self._head += data
        while (end := self._head.find(b"\r\n\r\n")) >= 0:
            lines = self._head[:end].decode("utf-8", "surrogateescape").split("\r\n")
            rest = bytes(self._head[end + 4 :])
            self._head.clear()
            status = _STATUS.fullmatch(lines[0])
            if status is None:
                raise BadAnswer(f"not HTTP: {lines[0][:80]!r}")
            if status[2][0] == "1":  # there will be another
                self._head += rest
                continue
            self._begin(int(status[2]), lines[1:], keeps=status[1] == "1")
            return rest
        if len(self._head) > HEAD_BYTES:
            raise BadAnswer(f"the head of the answer is longer than {HEAD_BYTES} bytes")
        return b""

    def _begin(self, status: int, lines: list[str], *, keeps: bool) -> None:
        found = CIMultiDict[str]()
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name[0] in " \t" or name[-1] in " \t":
                raise BadAnswer(f"not a header: {line[:80]!r}")
            found.add(name, value.strip(" \t"))
        connection = found.get("Connection", "").lower()
        self._keeps = connection != "close" if keeps else connection == "keep-alive"
        self._chunks = None
        length = _content_length(found)
        if self._is_head_request or status in (204, 304):
            self._left = 0
        elif (coding := found.get("Transfer-Encoding")) is not None:
            if coding.lower() != "chunked":
                raise BadAnswer(f"a transfer encoding that nobody asked for: {coding[:80]!r}")
            self._chunks, self._left, length = Chunks(), None, None
        else:
            self._left = length
        self._answer = Answer(self, status, CIMultiDictProxy(found), length)
        self.served += 1
        if self._coming is not None and not self._coming.done():
            self._coming.set_result(self._answer)

    def _take_body(self, data: bytes) -> bool:
        """Take in bytes of the body; tells whether that is all that a reader waits for."""
        answer = self._answer
        assert answer is not None
        held = 0
        if self._chunks is not None:
            for part in self._chunks.feed(data):
                held = answer.add(part)
            is_whole = self._chunks.is_over
        elif self._left is None:
            held = answer.add(data) if data else 0
            is_whole = False
        else:
            if len(data) > self._left:
                raise BadAnswer(f"{len(data) - self._left} bytes beyond the end of the answer")
            if data:
                held = answer.add(data)
                self._left -= len(data)
            is_whole = not self._left
        if is_whole:
            answer.end()
            self.is_busy = False
            if self._is_written:
                self._let_go()
            return True
        if held >= max(BUFFER_BYTES, self._wanted) and self._transport is not None:
            self._is_paused = True  # silence is ours now
            self._transport.pause_reading()
        return held >= self._wanted

    def _let_go(self) -> None:
        if self._keeps and not self.is_lost:
            self._session.free(self)
        else:
            self.abort()


def _content_length(headers: CIMultiDict[str]) -> int | None:
    said = set(headers.getall("Content-Length", []))
    if not said:
        return None
    text = said.pop()
    if said or not text.isdecimal() or not text.isascii():
        raise BadAnswer(f"the answer's length is {text[:80]!r}")
    return int(text)
