"""Content that is computed: a block whose bytes follow from its number, any part of it in time for that part.

Each 64 KiB come out of a generator of their own. Blocks with different numbers share nothing, and within a block
nothing repeats, so the only duplicates are files with the same block. Half the numbers are of binary content, which
does not compress; the others are of text: 27 characters as often as in a text, which compress to 58%.
"""

from collections.abc import Iterator
from random import Random

from localdev.files_emulator.content import Extent, Extents

_PIECE_BYTES = 64 * 1024
_FIRST_ID = 1 << 80  # above every number a store gives a block

_LETTERS = b"e" * 30 + b" " * 44 + b"tao" * 20 + b"insr" * 14 + b"hldc" * 7 + b"umf" * 5 + b"pgwyb" * 3 + b"vk0123" * 1
_TEXT = (_LETTERS + b"," * 5 + b"\n" * 5)[:256].ljust(256, b"e")
_TEXT_SUFFIXES = (".txt", ".csv", ".log", ".xml", ".json", ".msg", ".dwg")


class ComputedBlock:
    """Bytes that follow from the block's number alone, without end."""

    __slots__ = ("id",)

    def __init__(self, id_: int) -> None:
        self.id = id_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComputedBlock) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def parts(self, start: int, end: int) -> Iterator[memoryview]:
        """Yield the bytes of ``[start, end)``."""
        is_text = self.id & 1
        while start < end:
            piece, low = divmod(start, _PIECE_BYTES)
            high = min(_PIECE_BYTES, low + end - start)
            # The generator gives whole words of 32 bits, first ones first: fewer are a prefix of more.
            data = Random(self.id + (piece << 96)).randbytes(-(-high // 4) * 4)  # noqa: S311 - no secret
            yield memoryview(data.translate(_TEXT) if is_text else data)[low:high]
            start += high - low


def computed_id(drawn: int, extension: str) -> int:
    """Return the number of a block from 64 random bits, its kind from the file's extension."""
    return _FIRST_ID | drawn << 1 | (extension in _TEXT_SUFFIXES)


def is_computed(id_: int) -> bool:
    """Return whether a block's number is one of a computed block."""
    return id_ >= _FIRST_ID


def whole(size: int, block_id: int) -> Extents:
    """Return the extents of a file that is ``size`` bytes of one computed block."""
    return (Extent(0, size, ComputedBlock(block_id), 0),) if size else ()
