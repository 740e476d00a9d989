"""Which chunks of a large file have to be read, and what the file is made of when they were.

The service tells *ranges*: what is allocated, or what was written or cleared since an earlier share snapshot. They end on
any multiple of 512 bytes, chunks on 4 MiB. So a chunk that a range touches is read, and one that lies wholly in a cleared
range is a hole and is not. What is in neither is as it was: a hole, or what the version before had there (its *base*).

Two chunks are read though no range names them: the last one of the version before and the last one of this, where the
file's end cuts them at different places, since a digest is over all that a chunk holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.core import xorhash
from shared.model.chunk_list import DIGEST_BYTES, STATE_BYTES, ChunkList, count_of, is_filled, stretches_of
from shared.model.content import CHUNK_BYTES

_READ: Final = 1
_CLEARED: Final = 2
_UNLESS_READ: Final = bytes((_CLEARED, _READ, _CLEARED)) + bytes(253)


class ChunkPlan:
    """What to do about each chunk of a file of ``size_bytes``; at first nothing. Memory: one byte per chunk."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._marks = bytearray(count_of(size_bytes))

    @classmethod
    def of_all(cls, size_bytes: int) -> "ChunkPlan":
        """Every chunk is to be read."""
        plan = cls(size_bytes)
        plan.read(0, size_bytes)
        return plan

    def read(self, start: int, end: int) -> None:
        """Bytes ``[start, end)`` have content, or have changed."""
        first, last = start // CHUNK_BYTES, count_of(min(end, self._size_bytes))
        if first < last:
            self._marks[first:last] = bytes((_READ,)) * (last - first)

    def clear(self, start: int, end: int) -> None:
        """Bytes ``[start, end)`` were cleared."""
        first = count_of(start)
        last = len(self._marks) if end >= self._size_bytes else end // CHUNK_BYTES
        if first * CHUNK_BYTES > start:
            self.read(start, min(end, first * CHUNK_BYTES))
        if end < self._size_bytes and end % CHUNK_BYTES:
            self.read(max(start, last * CHUNK_BYTES), end)
        if first < last:
            self._marks[first:last] = self._marks[first:last].translate(_UNLESS_READ)

    def resized_from(self, size_bytes: int) -> None:
        """The file was of ``size_bytes`` before: chunks that its ends cut differently are to be read."""
        for size in (size_bytes, self._size_bytes):
            place = count_of(size) - 1
            start = place * CHUNK_BYTES
            lengths = [min(CHUNK_BYTES, total - start) for total in (size_bytes, self._size_bytes)]
            if place >= 0 and min(lengths) > 0 and lengths[0] != lengths[1]:
                self._marks[place] = _READ

    def spans(self, span_chunks: int) -> tuple[tuple[int, int], ...]:
        """``(number, chunks)`` of the spans of ``span_chunks`` chunks each that hold something to read.

        Bit i of ``chunks`` is the span's chunk i.
        """
        return tuple(self._spans(span_chunks))

    def _spans(self, span_chunks: int) -> Iterator[tuple[int, int]]:
        place = self._marks.find(_READ)
        while place >= 0:
            number = place // span_chunks
            marks = self._marks[number * span_chunks : (number + 1) * span_chunks]
            yield number, sum(1 << i for i, mark in enumerate(marks) if mark == _READ)
            place = self._marks.find(_READ, (number + 1) * span_chunks)

    def cleared(self) -> tuple[tuple[int, int], ...]:
        """Stretches of chunks that are holes whatever the base has there."""
        marks = np.frombuffer(bytes(self._marks), dtype=np.uint8)
        return stretches_of(np.flatnonzero(marks == _CLEARED))


def places_of(spans: Sequence[tuple[int, int]], span_chunks: int, count: int) -> NDArray[np.int64]:
    """Places of the chunks of ``spans``, as :meth:`ChunkPlan.spans` gives them; chunks of -1 are all of the span's."""
    numbers = np.array([number for number, _ in spans], dtype=np.int64)
    masks = np.array([chunks for _, chunks in spans], dtype=np.int64)
    bits = np.arange(span_chunks, dtype=np.int64)
    places: NDArray[np.int64] = (numbers[:, None] * span_chunks + bits)[(masks[:, None] >> bits & 1).astype(bool)]
    return places[places < count]


@dataclass(frozen=True, slots=True)
class ReadChunks:
    """What was read of a file."""

    places: NDArray[np.int64]
    digests: bytes
    """32 bytes each; 32 zeros for a chunk that turned out to be zeros."""
    states: bytes
    """20 bytes each; empty when not all are known."""
    quickxor: bytes
    """State of all that was read."""


def assemble(
    size_bytes: int, base: ChunkList | None, cleared: Sequence[tuple[int, int]], found: ReadChunks
) -> tuple[ChunkList, bytes]:
    """The chunks of a file and its QuickXorHash state, from those of its base and what was read.

    ``base`` must have states. Takes a few arrays of the file's chunks that have content; none for its holes.

    :raises ValueError: as many digests as places were not read.
    """
    if len(found.digests) != len(found.places) * DIGEST_BYTES:
        raise ValueError(f"{len(found.digests)} bytes of digests for {len(found.places)} chunks that were read")
    count = count_of(size_bytes)
    places, kept_digests, kept_states = np.empty(0, np.int64), _rows(b"", DIGEST_BYTES), _rows(b"", STATE_BYTES)
    if base is not None:
        gone = [np.arange(first, first + length, dtype=np.int64) for first, length in cleared]
        places = base.places()
        kept = (places < count) & ~np.isin(places, np.concatenate((found.places, *gone)))
        places = places[kept]
        kept_digests, kept_states = _rows(base.digests, DIGEST_BYTES)[kept], _rows(base.states, STATE_BYTES)[kept]
    total = xorhash.combine((found.quickxor, xorhash.combine_joined(kept_states.tobytes())))
    filled = is_filled(found.digests)
    all_places = np.concatenate((places, found.places[filled]))
    order = np.argsort(all_places, kind="stable")
    digests = np.concatenate((kept_digests, _rows(found.digests, DIGEST_BYTES)[filled]))[order].tobytes()
    states = b""
    if len(found.states) == len(found.places) * STATE_BYTES:
        states = np.concatenate((kept_states, _rows(found.states, STATE_BYTES)[filled]))[order].tobytes()
    return ChunkList(count, stretches_of(all_places[order]), digests, states), total


def _rows(data: bytes, width: int) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width)
