"""Marks: which objects of a share one piece of a sweep has found to be needed. They are in the vault while the sweep lasts, for whoever sweeps.

::

    marks   = magic version sections checksum count{sections} check{sections} section*
    magic   = "AFBK"
    version = u16: 1
    sections= u16: how many, 19
    checksum= u64: XXH3-64 of the header without this
    count   = u32: numbers in the section
    check   = u64: XXH3-64 of the section's bytes
    section = u64*, ascending, each once

Little-endian. A number stands for a name: of a chunk the first 8 bytes of its digest, as a big-endian number; of another object the XXH3-64 of its
name. Two names with one number do no harm: an object that nobody needs stays.

Section 0: segments; 1: bundles; 2: plain objects and content lists; 3 to 18: chunks by the first hexadecimal digit of their digest.
"""

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from shared.errors import IntegrityError
from shared.model.content import HOLE

MAGIC: Final = b"AFBK"
VERSION: Final = 1
CHUNK_SECTIONS: Final = 16

Numbers = NDArray[np.uint64]


class Section(IntEnum):
    """What the numbers of a section stand for; those of chunks are numbered from :attr:`CHUNKS` on."""

    SEGMENTS = 0
    BUNDLES = 1
    OBJECTS = 2
    CHUNKS = 3


SECTIONS: Final = Section.CHUNKS + CHUNK_SECTIONS
_KEY: Final = struct.Struct("<4sHH")
_CHECK: Final = struct.Struct("<Q")
_TABLE: Final = struct.Struct(f"<{SECTIONS}I{SECTIONS}Q")
HEADER_BYTES: Final = _KEY.size + _CHECK.size + _TABLE.size


def number_of(name: str) -> int:
    """What stands for an object that is not a chunk."""
    return xxhash.xxh3_64_intdigest(name.encode())


def numbers_of(digests: bytes) -> Numbers:
    """What stands for the chunks of these digests, 32 bytes each; not of holes, which have no object."""
    words = np.frombuffer(digests, dtype=">u8").reshape(-1, len(HOLE) // 8)
    return words[words.any(axis=1), 0].astype(np.uint64)


def encode(sections: Sequence[Numbers]) -> bytes:
    """Return the bytes of marks; each section ascending."""
    bodies = [section.astype("<u8").tobytes() for section in sections]
    table = _TABLE.pack(*(len(section) for section in sections), *map(xxhash.xxh3_64_intdigest, bodies))
    key = _KEY.pack(MAGIC, VERSION, SECTIONS)
    return b"".join((key, _CHECK.pack(xxhash.xxh3_64_intdigest(key + table)), table, *bodies))


def decode(data: bytes, wanted: Iterable[int]) -> list[Numbers]:
    """Some sections of marks.

    :raises IntegrityError: damaged, cut short, or of an unknown version. Whoever sweeps must not go on with marks missing.
    """
    if len(data) < HEADER_BYTES or data[:4] != MAGIC:
        raise IntegrityError(f"not marks of a sweep: {len(data)} bytes starting {data[:4]!r}")
    _, version, count = _KEY.unpack_from(data)
    (checksum,) = _CHECK.unpack_from(data, _KEY.size)
    table = data[_KEY.size + _CHECK.size : HEADER_BYTES]
    if xxhash.xxh3_64_intdigest(data[: _KEY.size] + table) != checksum:
        raise IntegrityError("marks of a sweep are damaged: the checksum of their header is another")
    if version != VERSION or count != SECTIONS:
        raise IntegrityError(f"marks of version {version} with {count} sections; this program reads version {VERSION}")
    numbers = _TABLE.unpack(table)
    found: list[Numbers] = []
    for section in wanted:
        start = HEADER_BYTES + 8 * sum(numbers[:section])
        body = data[start : start + 8 * numbers[section]]
        if len(body) != 8 * numbers[section] or xxhash.xxh3_64_intdigest(body) != numbers[SECTIONS + section]:
            raise IntegrityError(f"section {section} of marks of a sweep is damaged")
        found.append(np.frombuffer(body, dtype="<u8"))
    return found
