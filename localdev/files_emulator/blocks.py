"""Immutable bytes that files are made of, and the port to where they are kept.

A block whose ``id`` is negative holds no bytes: it marks a place that was cleared, which reads as zeros and which a
range diff must be able to tell from a place that was never written.
"""

from collections.abc import Iterable
from itertools import count
from typing import Protocol


class Block(Protocol):
    """Bytes that never change. Two blocks are the same block only if their ids are equal."""

    @property
    def id(self) -> int:
        """Return its number, unique in the account, also across restarts of a persistent account."""

    def parts(self, start: int, end: int) -> Iterable[memoryview]:
        """Return its bytes from ``start`` to ``end``; never called on a cleared place."""


class Blocks(Protocol):
    """Makes blocks."""

    def keep(self, data: bytes) -> Block:
        """Keep ``data`` for as long as somebody holds the block."""

    def cleared(self) -> Block:
        """Return a new mark for a cleared place."""


class MemoryBlock:
    """A block in memory."""

    __slots__ = ("_data", "id")

    def __init__(self, id_: int, data: bytes) -> None:
        self.id = id_
        self._data = data

    def view(self) -> memoryview:
        """Return its bytes."""
        return memoryview(self._data)

    def parts(self, start: int, end: int) -> tuple[memoryview]:
        """Return some of its bytes."""
        return (memoryview(self._data)[start:end],)


class MemoryBlocks:
    """Keeps blocks in memory; Python frees what no file refers to."""

    def __init__(self) -> None:
        self._ids = count(1)

    def keep(self, data: bytes) -> MemoryBlock:
        """Keep ``data``."""
        return MemoryBlock(next(self._ids), data)

    def cleared(self) -> MemoryBlock:
        """Return a new mark for a cleared place."""
        return MemoryBlock(-next(self._ids), b"")
