"""One keep-alive connection that sends prepared bytes and reads answers into one buffer."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.report import BenchmarkFailed

_TIMEOUT_S = 60.0
_FIRST_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as bytes, ``head`` and then ``body``; the status it must get, and the content if that is known."""

    head: bytes
    body: bytes | memoryview
    status: int
    content: bytes | memoryview | None = None


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Wire:
    """A connection; requests are answered in order."""

    def __init__(self, port: int, *, tls: bool = False, buffer_bytes: int = _FIRST_READ_BYTES) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it signed its certificate itself
            self._socket = context.wrap_socket(self._socket)
        self._buffer = bytearray(buffer_bytes)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def send(self, head: bytes, body: bytes | memoryview) -> None:
        """Send one request; ``body`` goes out as it lies in memory if it is long."""
        if len(body) <= _FIRST_READ_BYTES:
            self._socket.sendall(head + bytes(body) if body else head)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def receive(self) -> tuple[int, int, int]:
        """Return the status of the next answer, and where its content begins and ends in the buffer."""
        have, end = 0, -1
        while end < 0:
            have += self._read_into(have, len(self._buffer))
            end = self._buffer.find(b"\r\n\r\n", 0, have)
        total = end + 4 + _content_length(bytes(self._buffer[:end]))
        if total > len(self._buffer):
            self._buffer.extend(bytes(total - len(self._buffer)))
        while have < total:
            have += self._read_into(have, total)
        if have > total:
            raise BenchmarkFailed("the emulator sent more than one answer to one request")
        return int(self._buffer[9:12]), end + 4, total

    def _read_into(self, start: int, end: int) -> int:
        with memoryview(self._buffer) as whole, whole[start:end] as free:
            count = self._socket.recv_into(free)
        if not count:
            raise BenchmarkFailed("the emulator closed a connection")
        return count

    def exchange(self, exchange: Exchange) -> bytes:
        """Send one request and return a copy of its content, checked."""
        self.send(exchange.head, exchange.body)
        return self.content(*self.check(exchange))

    def content(self, start: int, end: int) -> bytes:
        """Return a copy of what lies in the buffer there, until the next answer."""
        return bytes(self._buffer[start:end])

    def check(self, exchange: Exchange) -> tuple[int, int]:
        """Receive the answer to ``exchange``, compare it in place, and return where its content lies in the buffer."""
        status, start, end = self.receive()
        wanted = exchange.content
        if status != exchange.status:
            found = bytes(self._buffer[start:end][:500])
            raise BenchmarkFailed(f"{_name(exchange)} was answered {status}, not {exchange.status}: {found!r}")
        if wanted is not None and (len(wanted) != end - start or not self._buffer.startswith(wanted, start)):
            raise BenchmarkFailed(f"{_name(exchange)} returned other content than was written")
        return start, end


def _name(exchange: Exchange) -> str:
    return exchange.head.split(b"?")[0].decode()


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(head[at + 17 :].split(b"\r\n", 1)[0])
