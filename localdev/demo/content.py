"""What planned files contain: bytes given, bytes on disk, or bytes made from a seed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

MIB = 1024 * 1024

_BLOCK_BYTES = MIB


class Content(Protocol):
    """The content of a planned file.  Reading it twice gives the same bytes."""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from ``start`` up to ``end``, which is not beyond the size."""


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes in memory."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, start: int, end: int) -> bytes:
        """Return a part."""
        return self.data[start:end]


NOTHING = Given(b"")


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The content of a file of this machine."""

    path: Path
    size_bytes: int

    def read(self, start: int, end: int) -> bytes:
        """Return a part.

        :raises OSError: the file has become shorter, or is gone.
        """
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) != end - start:
            raise OSError(f"{self.path} has become shorter while it was read")
        return data


@dataclass(frozen=True, slots=True)
class Made:
    """Bytes made from a seed, block by block: a third random, a third text, and a run of zeros from ``zeros_at`` on.

    ``edited_at`` is the offset of the one byte that differs from what the seed alone gives.
    """

    seed: int
    size_bytes: int
    zeros_at: int = 0
    zeros_bytes: int = 0
    edited_at: int | None = None

    def read(self, start: int, end: int) -> bytes:
        """Return a part."""
        first = start // _BLOCK_BYTES
        data = b"".join(self._block(number) for number in range(first, -(-end // _BLOCK_BYTES)))
        base = first * _BLOCK_BYTES
        part = bytearray(data[start - base : end - base])
        if self.edited_at is not None and start <= self.edited_at < end:
            part[self.edited_at - start] ^= 0xFF
        return bytes(part)

    def _block(self, number: int) -> bytes:
        start = number * _BLOCK_BYTES
        if self.zeros_at <= start and start + _BLOCK_BYTES <= self.zeros_at + self.zeros_bytes:
            return bytes(_BLOCK_BYTES)
        if number % 2:
            return Random(f"{self.seed}/{number}").randbytes(_BLOCK_BYTES)  # noqa: S311  nothing secret about it
        word = hashlib.sha256(f"{self.seed}/{number}".encode()).hexdigest()
        line = f"{word} measured, recorded and never looked at again\n".encode()
        return (line * (_BLOCK_BYTES // len(line) + 1))[:_BLOCK_BYTES]
