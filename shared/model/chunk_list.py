"""Which chunks a large file is made of, the holes left out.

The largest file there is has 1,048,576 chunks. There is no object per chunk here: neighbours that have content are one
*stretch*, and their digests lie end to end in one piece of memory. A file that is all holes costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.model.content import CHUNK_BYTES, HOLE

DIGEST_BYTES: Final = 32
STATE_BYTES: Final = 20
_ZEROS: Final = bytes(32 * 1024 * DIGEST_BYTES)


@dataclass(frozen=True, slots=True)
class ChunkList:
    """The chunks of one version of a file."""

    count: int
    """One per 4 MiB of the file, holes included."""
    stretches: tuple[tuple[int, int], ...]
    """``(first, how many)`` of neighbouring chunks that have content; in order, and none touches the next."""
    digests: bytes
    """BLAKE3 digest of each chunk that has content, in order."""
    states: bytes = b""
    """QuickXorHash state of each at its place, 20 bytes; empty when they are not known."""

    @property
    def filled(self) -> int:
        """Chunks that have content."""
        return len(self.digests) // DIGEST_BYTES

    @property
    def has_states(self) -> bool:
        """Whether the QuickXorHash can be brought up to date when some chunks change."""
        return len(self.states) == self.filled * STATE_BYTES

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Place and digest of every chunk that has content."""
        at = 0
        for first, length in self.stretches:
            for place in range(first, first + length):
                yield place, self.digests[at : at + DIGEST_BYTES]
                at += DIGEST_BYTES

    def places(self) -> NDArray[np.int64]:
        """Places of the chunks that have content."""
        runs = np.array(self.stretches, dtype=np.int64).reshape(-1, 2)
        before = np.cumsum(runs[:, 1]) - runs[:, 1]
        return np.repeat(runs[:, 0] - before, runs[:, 1]) + np.arange(runs[:, 1].sum(), dtype=np.int64)

    def joined(self) -> Iterator[bytes]:
        """The digests of all chunks, 32 zeros for each hole, in pieces to be joined."""
        end = at = 0
        for first, length in self.stretches:
            yield from _holes(first - end)
            yield self.digests[at : at + length * DIGEST_BYTES]
            end, at = first + length, at + length * DIGEST_BYTES
        yield from _holes(self.count - end)


def _holes(count: int) -> Iterator[bytes]:
    left = count * DIGEST_BYTES
    while left > 0:
        yield _ZEROS[:left]
        left -= len(_ZEROS)


def count_of(size_bytes: int) -> int:
    """How many chunks a file of ``size_bytes`` has."""
    return -(-size_bytes // CHUNK_BYTES)


def lengths(size_bytes: int) -> Iterator[int]:
    """Bytes of each chunk of a file of ``size_bytes``, in order."""
    for offset in range(0, size_bytes, CHUNK_BYTES):
        yield min(CHUNK_BYTES, size_bytes - offset)


def stretches_of(places: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """Neighbours among ``places``, which ascend, as ``(first, how many)``."""
    if not len(places):
        return ()
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts = np.concatenate(([0], breaks))
    lengths = np.diff(np.concatenate((starts, [len(places)])))
    return tuple(zip(places[starts].tolist(), lengths.tolist(), strict=True))


def is_filled(digests: bytes) -> NDArray[np.bool_]:
    """Of each 32 bytes, whether they are not the mark of a hole."""
    words = np.frombuffer(digests, dtype=np.uint64).reshape(-1, DIGEST_BYTES // 8)
    filled: NDArray[np.bool_] = np.bitwise_or.reduce(words, axis=1) != 0
    return filled


def of_digests(digests: bytes) -> ChunkList:
    """The list of a file from the digests of all its chunks, 32 zeros for each hole.

    :raises ValueError: not a multiple of 32 bytes.
    """
    if len(digests) % DIGEST_BYTES:
        raise ValueError(f"{len(digests)} bytes of digests of {DIGEST_BYTES}")
    places = np.flatnonzero(is_filled(digests))
    if len(places) * DIGEST_BYTES != len(digests):
        kept = np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)[places].tobytes()
        return ChunkList(len(digests) // DIGEST_BYTES, stretches_of(places), kept)
    return ChunkList(len(places), stretches_of(places), digests)


assert len(HOLE) == DIGEST_BYTES
