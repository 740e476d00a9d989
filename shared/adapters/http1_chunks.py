"""A chunked body, taken apart however it was cut on its way."""

import re
from typing import Final

_LINE_BYTES: Final = 4096
_LENGTH: Final = re.compile(rb"[0-9A-Fa-f]{1,15}")


class BadAnswer(OSError):
    """What came is not an answer, or not all of one."""


class Chunks:
    """Takes a chunked body apart."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._left = 0
        """Bytes of a chunk still to come, the end of its line included."""
        self._in_trailer = False
        self.is_over = False

    def feed(self, data: bytes) -> list[bytes]:
        """The content in the bytes that came next.

        :raises BadAnswer: they are not chunks.
        """
        found: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_over:
            if self._left > 2:
                part = data[at : at + self._left - 2]
                found.append(part)
                at += len(part)
                self._left -= len(part)
            elif self._left:
                byte = data[at : at + 1]
                if byte != (b"\r" if self._left == 2 else b"\n"):
                    raise BadAnswer("a chunk is longer than it says")
                at += 1
                self._left -= 1
            else:
                end = data.find(b"\n", at)
                self._line += data[at : end + 1 if end >= 0 else len(data)]
                if len(self._line) > _LINE_BYTES:
                    raise BadAnswer("a chunk's head does not end")
                if end < 0:
                    return found
                at = end + 1
                self._take_line()
        if at < len(data):
            raise BadAnswer(f"{len(data) - at} bytes beyond the end of the answer")
        return found

    def _take_line(self) -> None:
        line = bytes(self._line).rstrip(b"\r\n")
        self._line.clear()
        if self._in_trailer:
            self.is_over = not line
            return
        digits = line.split(b";", 1)[0].strip()
        if not _LENGTH.fullmatch(digits):
            raise BadAnswer(f"not the head of a chunk: {line[:80]!r}")
        length = int(digits, 16)
        self._in_trailer = length == 0
        self._left = length + 2 if length else 0
