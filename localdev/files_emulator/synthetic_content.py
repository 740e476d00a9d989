"""Content that is computed: a block whose bytes follow from its number, any part of it in time for that part.

Random bytes take longer to make than anything else about reading a small file, so they are made once: each 64 KiB are
a piece of one pool, from a place of their own, with the bytes replaced as one of 32,768 tables says, behind a stamp that
no other block has there. So blocks with different numbers differ in their first bytes, and what else two of them have in
common is too little to find: of 50 MB of small files a compressor that sees all of them saves less than a thousandth.
The only duplicates are files with the same block. Half the numbers are of binary content, which does not compress; the
others are of text: 27 characters as often as in a text, which compress to 58%.
"""

from collections.abc import Iterator
from functools import cache
from random import Random

from localdev.files_emulator.content import Extent, Extents
from localdev.files_emulator.mixing import SPREAD, WORD, mix

_PIECE_BYTES = 64 * 1024
_PLACES = 1 << 20
_FIRST_ID = 1 << 80  # above every number a store gives a block

_LETTERS = b"e" * 30 + b" " * 44 + b"tao" * 20 + b"insr" * 14 + b"hldc" * 7 + b"umf" * 5 + b"pgwyb" * 3 + b"vk0123" * 1
_TEXT = (_LETTERS + b"," * 5 + b"\n" * 5)[:256].ljust(256, b"e")
_TEXT_SUFFIXES = frozenset((".txt", ".csv", ".log", ".xml", ".json", ".msg", ".dwg"))

#: Every odd multiple of every byte, twice over: 256 entries from any of the first 256 on are a permutation of the bytes.
_PERMUTATIONS = tuple(bytes(byte * factor & 0xFF for byte in range(256)) * 2 for factor in range(1, 256, 2))


@cache
def _pool() -> bytes:
    return Random(0).randbytes(_PLACES + _PIECE_BYTES)  # noqa: S311 - no secret


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
        is_text, drawn = self.id & 1, self.id >> 1
        while start < end:
            piece, low = divmod(start, _PIECE_BYTES)
            high = min(_PIECE_BYTES, low + end - start)
            bits = mix((drawn ^ piece * SPREAD) & WORD)  # of different blocks different ones, for the same piece
            place, turn = bits % _PLACES, bits >> 20 & 0xFF
            table = _PERMUTATIONS[bits >> 28 & 0x7F][turn : turn + 256]
            stamp = bits.to_bytes(8, "big")
            if is_text:
                table, stamp = table.translate(_TEXT), stamp.hex().encode()
            yield memoryview(stamp + _pool()[place : place + high].translate(table))[low:high]
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
