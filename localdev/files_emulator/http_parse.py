"""The grammar of an HTTP/1.1 request: its head, and a chunked body as it arrives."""

from collections.abc import Iterator

from localdev.files_emulator.messages import Request

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADER_LINES = 1000


class BadRequest(Exception):
    """The bytes received are not HTTP/1.1."""


def parse_head(head: str) -> tuple[Request, str]:
    """Return the request that a head (Latin-1, without its empty line) begins, and its HTTP version."""
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not words[0].isalpha():
        raise BadRequest("request line is not 'METHOD target HTTP/1.1'")
    method, target, version = words
    if target.startswith(("http://", "https://")):
        target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"
    if len(lines) > MAX_HEADER_LINES:
        raise BadRequest(f"request has more than {MAX_HEADER_LINES} header lines")
    headers: dict[str, str] = {}
    raw: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\r" in value or "\n" in value or "\0" in value:
            raise BadRequest("a header line is not 'name: value'")
        value = value.strip(" \t")
        raw.append((name, value))
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, _, query = target.partition("?")
    return Request(method.upper(), path, query, headers, raw), version


class Chunks:
    """Reads a chunked body from a buffer, as far as it has arrived."""

    def __init__(self) -> None:
        self.done = False
        self._left = -1  # of the present chunk, its closing CRLF included; -1: a size line is next
        self._in_trailer = False

    def feed(self, buffer: bytearray) -> Iterator[bytes]:
        """Yield body bytes and remove them from ``buffer``."""
        while not self.done:
            if self._left >= 0:
                data = bytes(buffer[: max(self._left - 2, 0)])
                if data:
                    del buffer[: len(data)]
                    self._left -= len(data)
                    yield data
                if self._left > 2 or len(buffer) < self._left:
                    return
                if buffer[: self._left] != b"\r\n"[-self._left :]:
                    raise BadRequest("chunk does not end where its size says")
                del buffer[: self._left]
                self._left = -1
            end = buffer.find(b"\r\n")
            if end < 0:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise BadRequest("chunk size line is too long")
                return
            line = buffer[:end].decode("latin-1")
            del buffer[: end + 2]
            if self._in_trailer:
                self.done = not line
                continue
            digits = line.split(";")[0].strip()
            if not digits or len(digits) > 16 or digits.strip("0123456789abcdefABCDEF"):
                raise BadRequest(f"chunk size {line[:40]!r} is not hexadecimal")
            size = int(digits, 16)
            self._in_trailer = size == 0
            self._left = size + 2 if size else -1
