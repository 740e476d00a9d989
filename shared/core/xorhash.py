"""QuickXorHash: the 160-bit hash that OneDrive and SharePoint report, and the 64-bit xorhash folded from it.

The state is a ring of 160 bits. Byte ``i`` of a file is XORed in at bit ``11 * i mod 160``; at the end the file's length is XORed
into the last 8 of the 20 bytes. Three things follow, and all the speed and all the weakness comes from them:

* ``160 * 11`` is a multiple of 160: bytes 160 apart land on the same bits. So a file is first XORed together in rows of 160 bytes,
  at memory speed, and only 160 bytes are placed bit by bit.
* The state of bytes that lie at ``offset`` is the state of the same bytes at 0, rotated by ``11 * offset`` bits. So parts of a
  file can be hashed apart.
* It is linear: the state of a file is the XOR of the states of its parts. So exchanged or equally changed blocks can go
  unnoticed, and xorhash is never the only proof of anything (:mod:`shared.core.hashing` is).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

STATE_BYTES: Final = 20
_STATE_BITS: Final = 160
_SHIFT_BITS: Final = 11
_ROW_BYTES: Final = 160
_WIDE_BYTES: Final = 64 * _ROW_BYTES
"""Rows are XORed this wide first where there are many: numpy's inner loop over 20 words costs more to start than to run."""
_MASK: Final = (1 << _STATE_BITS) - 1


def _sources() -> NDArray[np.intp]:
    """For each bit of the state, the 8 bits of a row that land there: shape (8, 160)."""
    landing: list[list[int]] = [[] for _ in range(_STATE_BITS)]
    for byte in range(_ROW_BYTES):
        for bit in range(8):
            landing[(_SHIFT_BITS * byte + bit) % _STATE_BITS].append(8 * byte + bit)
    return np.array(landing, dtype=np.intp).T.copy()


_SOURCES: Final = _sources()


def state(data: bytes, offset: int = 0) -> bytes:
    """State of ``data`` lying at byte ``offset`` of a file: 20 bytes, the file's length not in it yet."""
    bits = np.unpackbits(_row(data), bitorder="little")
    placed = np.packbits(np.bitwise_xor.reduce(bits.take(_SOURCES), axis=0), bitorder="little").tobytes()
    turn = _SHIFT_BITS * offset % _STATE_BITS
    if not turn:
        return placed
    ring = int.from_bytes(placed, "little")
    return (ring << turn & _MASK | ring >> (_STATE_BITS - turn)).to_bytes(STATE_BYTES, "little")


def combine(states: Iterable[bytes]) -> bytes:
    """State of a file from the states of its parts, in any order; of no parts, that of an empty file."""
    ring = 0
    for part in states:
        ring ^= int.from_bytes(part, "little")
    return ring.to_bytes(STATE_BYTES, "little")


def finish(state: bytes, length: int) -> bytes:
    """QuickXorHash of a file of ``length`` bytes from its state."""
    return (int.from_bytes(state, "little") ^ length << 96).to_bytes(STATE_BYTES, "little")


def quickxor(data: bytes) -> bytes:
    """QuickXorHash of a whole file: 20 bytes."""
    return finish(state(data), len(data))


def fold(quickxor: bytes) -> int:
    """The catalogue's xorhash: bytes 0..7, 8..15 and 16..19 as little-endian numbers, XORed; unsigned 64 bits.

    Cutting would be far worse than folding: of 200,000 files of 8 digits each, the first 8 bytes tell 2,000 apart, the
    fold all.
    """
    return (
        int.from_bytes(quickxor[:8], "little")
        ^ int.from_bytes(quickxor[8:16], "little")
        ^ int.from_bytes(quickxor[16:], "little")
    )


def _row(data: bytes) -> NDArray[np.uint8]:
    """``data`` cut into rows of 160 bytes and XORed together, the last row filled up with zeros."""
    row = np.zeros(_ROW_BYTES, dtype=np.uint8)
    whole = len(data) - len(data) % _ROW_BYTES
    if whole:
        words = np.frombuffer(data, dtype=np.uint64, count=whole // 8)
        if whole >= 4 * _WIDE_BYTES:
            wide = whole - whole % _WIDE_BYTES
            words = np.concatenate(
                (np.bitwise_xor.reduce(words[: wide // 8].reshape(-1, _WIDE_BYTES // 8), axis=0), words[wide // 8 :])
            )
        row ^= np.bitwise_xor.reduce(words.reshape(-1, _ROW_BYTES // 8), axis=0).view(np.uint8)
    if whole < len(data):
        row[: len(data) - whole] ^= np.frombuffer(data, dtype=np.uint8, offset=whole)
    return row
