"""HTTP/1.1 on one connection: bytes to ``Request``, ``Reply`` to bytes.

A protocol of our own instead of a web framework, for three reasons: header bytes must survive untouched (signatures
cover them, metadata returns them), error texts are reason phrases, and a request costs a quarter of what it does there.

Requests on a connection are answered in order. Answering is synchronous, so every operation is atomic against all
others; only sending waits, and a streamed reply is read from its source no faster than the client takes it.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import cast

from localdev.files_emulator.http_parse import MAX_HEAD_BYTES, BadRequest, Chunks, parse_head
from localdev.files_emulator.messages import Effect, Piece, Reply, Request, Stop

MAX_BODY_BYTES = 4 * 1024 * 1024 + 64 * 1024  # the largest operation takes 4 MiB; the slack is chunk framing
MAX_DROPPED_BYTES = 256 * 1024 * 1024  # a longer body is not read past: the connection ends after the refusal
_WRITE_AHEAD_BYTES = 1024 * 1024
_NO_BODY = (204, 304)
_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    500: "Internal Server Error",
}


class Connection(asyncio.Protocol):
    """One client connection; ``handle`` answers a request at once."""

    def __init__(self, handle: Callable[[Request], Reply], open_connections: set["Connection"]) -> None:
        self._handle = handle
        self._open = open_connections
        self._transport: asyncio.Transport
        self.ended = asyncio.Event()
        self._peer_ip = ""
        self._is_tls = False
        self._buffer = bytearray()
        self._request: Request | None = None
        self._keep_alive = True
        self._body: list[bytes] = []
        self._kept_bytes = 0
        self._left = 0
        self._chunks: Chunks | None = None
        self._busy = False
        self._can_write = True
        self._stream: Iterator[Piece | float] | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Reply] | None = None

    # -- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport and who is at the other end."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_AHEAD_BYTES)
        peer = transport.get_extra_info("peername")
        self._peer_ip = peer[0] if peer else ""
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        self._open.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the connection, and the rest of a reply nobody waits for.

        A request that waits for its delay still acts: it is on its way, and the client cannot call it back.
        """
        if self._waiting is None:
            self._open.discard(self)
        self._stream = None
        if self._task is not None:
            self._task.cancel()
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whole bodies bypass the buffer."""
        if self._request is not None and self._chunks is None and not self._buffer and len(data) <= self._left:
            self._keep(data)
            self._left -= len(data)
        else:
            self._buffer += data
        self._advance()

    def pause_writing(self) -> None:
        """Stop reading from a streamed reply's source, and further requests: their answers would pile up."""
        self._can_write = False
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a streamed reply, or with reading."""
        self._can_write = True
        if self._stream is not None:
            self._pump(self._stream)
        elif not self._busy:
            self._idle()
            asyncio.get_running_loop().call_soon(self._advance)

    def close(self) -> None:
        """End the connection after what was already written; what is delayed is not done any more."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def _reset(self) -> None:
        """End the connection with a TCP reset, so that the client cannot take it for an orderly end."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    # -- reading

    def _advance(self) -> None:
        while not self._busy and self._can_write and not self._transport.is_closing():
            try:
                if self._request is None and not self._begin():
                    return
                if not self._read_body():
                    return
            except BadRequest as error:
                self._keep_alive = False
                self._send(
                    "GET", Reply(400, [("Content-Type", "text/plain")], str(error).encode(), reason="Bad Request")
                )
                return
            if self._request is not None:
                self._answer(self._request)

    def _begin(self) -> bool:
        """Read a request's head if it is complete."""
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > MAX_HEAD_BYTES:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest(f"request head is longer than {MAX_HEAD_BYTES} bytes")
            return False
        head = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        request, version = parse_head(head)
        request.peer_ip, request.is_tls = self._peer_ip, self._is_tls
        headers = request.headers
        connection = headers.get("connection", "").lower()
        self._keep_alive = "close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection)
        self._body.clear()
        self._kept_bytes = self._left = 0
        self._chunks = None
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
                raise BadRequest("transfer-encoding must be 'chunked', without content-length")
            self._chunks = Chunks()
        else:
            length = headers.get("content-length", "0")
            if not (length.isascii() and length.isdigit() and len(length) < 20):
                raise BadRequest(f"content-length {length!r} is not a number")
            self._left = int(length)
        self._request = request
        if self._left > MAX_DROPPED_BYTES:
            request.body_dropped, request.body_bytes = True, self._left
            self._left, self._keep_alive = 0, False
        elif headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_body(self) -> bool:
        """Read the body as far as it has arrived; ``True`` when it is complete."""
        if self._chunks is not None:
            for piece in self._chunks.feed(self._buffer):
                self._keep(piece)
            return self._chunks.done
        if self._left and self._buffer:
            taken = min(self._left, len(self._buffer))
            self._keep(bytes(self._buffer[:taken]))
            del self._buffer[:taken]
            self._left -= taken
        return not self._left

    def _keep(self, piece: bytes) -> None:
        self._kept_bytes += len(piece)
        if self._kept_bytes > MAX_BODY_BYTES:
            self._body.clear()
        else:
            self._body.append(piece)

    # -- answering

    def _answer(self, request: Request) -> None:
        self._request = None
        if not request.body_dropped:
            request.body_bytes = self._kept_bytes
            request.body_dropped = self._kept_bytes > MAX_BODY_BYTES
            request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        reply = self._handle(request)
        if reply.effect is None:
            self._send(request.method, reply)
        else:
            self._perform(request.method, reply, reply.effect)

    def _perform(self, method: str, reply: Reply, effect: Effect) -> None:
        """Send a reply that is not sent at once and whole, or do what happens in its place."""
        self._has_waited()
        if effect.delay_s > 0:
            self._hold()
            delay_s, effect.delay_s = effect.delay_s, 0.0
            self._waiting = asyncio.get_running_loop().call_later(delay_s, self._perform, method, reply, effect)
        elif effect.later is not None:
            self._hold()
            self._task = asyncio.get_running_loop().create_task(effect.later)
            self._task.add_done_callback(partial(self._send_awaited, method))
        elif effect.reset:
            self._reset()
        elif effect.then is not None:
            self._send_late(method, effect.then())
        elif effect.stop is not None:
            self._send_stopped(method, reply, effect.stop)
        else:
            self._send_late(method, replace(reply, effect=None))

    def _send_awaited(self, method: str, task: asyncio.Task[Reply]) -> None:
        self._task = None
        if task.cancelled():
            return
        if task.exception() is not None:
            self.abort()
        self._send_late(method, task.result())

    def _send_late(self, method: str, reply: Reply) -> None:
        if self._transport.is_closing():
            return
        if reply.effect is not None:
            self._perform(method, reply, reply.effect)
            return
        self._send(method, reply)
        if self._busy and self._stream is None:
            self._idle()
            # Not called directly: a client that pipelines would deepen the stack with every reply.
            asyncio.get_running_loop().call_soon(self._advance)

    def _send_stopped(self, method: str, reply: Reply, stop: Stop) -> None:
        """Send a reply as far as ``stop`` says; then end the connection, or be silent and send the rest."""
        if self._transport.is_closing():
            return
        head, length = self._head(reply), _length(reply)
        if method == "HEAD" or not length:
            pieces: Iterable[Piece] = (head,)
            at = len(head) // 2
        else:
            pieces = chain((head,), (reply.body,) if reply.stream is None else reply.stream)
            at = len(head) + (int(length * stop.fraction) if stop.size_bytes is None else stop.size_bytes)
        self._keep_alive = self._keep_alive and stop.silence_s > 0
        self._hold()
        self._stream = _stopped(pieces, at, stop.silence_s)
        self._pump(self._stream)

    def _has_waited(self) -> None:
        """Nothing is pending any more; a connection that ended meanwhile need not be known longer."""
        self._waiting = None
        if self.ended.is_set():
            self._open.discard(self)

    def _hold(self) -> None:
        """Read no further request before this one is answered."""
        if not self._busy:
            self._busy = True
            self._transport.pause_reading()

    def _send(self, method: str, reply: Reply) -> None:
        head = self._head(reply)
        if method == "HEAD":
            self._transport.write(head)
        elif reply.stream is not None:
            self._transport.write(head)
            self._stream = iter(reply.stream)
            self._hold()
            self._pump(self._stream)
            return
        elif len(reply.body) <= 65_536:
            self._transport.write(head + reply.body)
        else:
            self._transport.write(head)
            self._transport.write(reply.body)
        if not self._keep_alive:
            self._transport.close()

    def _head(self, reply: Reply) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {reply.reason or _REASONS.get(reply.status, 'OK')}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if reply.status not in _NO_BODY:
            lines.append(f"Content-Length: {_length(reply)}")
        if not self._keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _pump(self, stream: Iterator[Piece | float]) -> None:
        """Write pieces of a reply while the client takes them; a number is seconds to be silent for."""
        while self._can_write:
            piece = next(stream, None)
            if piece is None:
                self._stream = None
                if self._keep_alive:
                    self._idle()
                    # Not called directly: a client that pipelines would deepen the stack with every reply.
                    asyncio.get_running_loop().call_soon(self._advance)
                else:
                    self._transport.close()
                return
            if isinstance(piece, float):
                self._stream = None
                self._waiting = asyncio.get_running_loop().call_later(piece, self._go_on, stream)
                return
            self._transport.write(piece)

    def _go_on(self, stream: Iterator[Piece | float]) -> None:
        self._has_waited()
        if not self._transport.is_closing():
            self._stream = stream
            self._pump(stream)

    def _idle(self) -> None:
        self._busy = False
        if self._can_write and not self._transport.is_closing():
            self._transport.resume_reading()


def _length(reply: Reply) -> int:
    return len(reply.body) if reply.content_length is None else reply.content_length


def _stopped(pieces: Iterable[Piece], at: int, silence_s: float) -> Iterator[Piece | float]:
    """Yield pieces up to byte ``at``; and if ``silence_s`` is not 0 that, then the rest."""
    for piece in pieces:
        if 0 <= at < len(piece):
            yield piece[:at]
            if not silence_s:
                return
            yield silence_s
            yield piece[at:]
            at = -1
        else:
            yield piece
            at -= len(piece) if at >= 0 else 0
