"""QuickXorHash: the 160-bit hash that OneDrive and SharePoint report, and the 64-bit xorhash folded from it.

The state is a ring of 160 bits. Byte ``i`` of a file is XORed in at bit ``11 * i mod 160``; at the end the file's length is XORed
into the last 8 of the 20 bytes. Three things follow, and all the speed and all the weakness comes from them:

* ``160 * 11`` is a multiple of 160: bytes 160 apart land on the same bits. So a file is first XORed together in rows of 160 bytes,
  at memory speed, and only 160 bytes are placed on the ring: as one large integer, in 12 steps.
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
_COPIED_BYTES: Final = 32 * 1024
"""Up to here it is faster to copy the data with zeros to the end of its last row than to treat that row apart."""
_ZEROS: Final = bytes(_ROW_BYTES)
_MASK: Final = (1 << _STATE_BITS) - 1


def _spreading() -> list[tuple[int, int, int]]:
    """How to move a row's bytes from 8 to 11 bits apart: masks of what moves and what stays, and by how many bits.

    Byte i has to move 3 * i bits. It moves 3 * 128 if bit 7 of i is set, then 3 * 64 for bit 6, and so on: all bytes at once,
    and none ever overtakes another.
    """
    places = [8 * i for i in range(_ROW_BYTES)]
    steps: list[tuple[int, int, int]] = []
    for bit in reversed(range(8)):
        distance = (_SHIFT_BITS - 8) << bit
        moves = sum(0xFF << place for i, place in enumerate(places) if i >> bit & 1)
        stays = sum(0xFF << place for i, place in enumerate(places) if not i >> bit & 1)
        steps.append((moves, stays, distance))
        places = [place + distance if i >> bit & 1 else place for i, place in enumerate(places)]
    return steps


_SPREADING: Final = _spreading()
_FOLDING: Final = [(pieces * _STATE_BITS, (1 << pieces * _STATE_BITS) - 1) for pieces in (8, 4, 2, 1)]
"""A spread row is 11 turns of the ring long: XORing what is beyond 8, 4, 2, 1 turns onto the rest leaves one."""


def state(data: bytes, offset: int = 0) -> bytes:
    """State of ``data`` lying at byte ``offset`` of a file: 20 bytes, the file's length not in it yet."""
    ring = int.from_bytes(_row(data), "little")
    for moves, stays, distance in _SPREADING:
        ring = (ring & moves) << distance | ring & stays
    for length_bits, mask in _FOLDING:
        ring = ring >> length_bits ^ ring & mask
    turn = _SHIFT_BITS * offset % _STATE_BITS
    return (ring << turn & _MASK | ring >> (_STATE_BITS - turn)).to_bytes(STATE_BYTES, "little")


def combine(states: Iterable[bytes]) -> bytes:
    """State of a file from the states of its parts, in any order; of no parts, that of an empty file."""
    ring = 0
    for part in states:
        ring ^= int.from_bytes(part, "little")
    return ring.to_bytes(STATE_BYTES, "little")


def combine_joined(states: bytes) -> bytes:
    """The same from states that lie end to end."""
    if not states:
        return bytes(STATE_BYTES)
    parts = np.frombuffer(states, dtype=np.uint8).reshape(-1, STATE_BYTES)
    ring: NDArray[np.uint8] = np.bitwise_xor.reduce(parts, axis=0)
    return ring.tobytes()


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


def _row(data: bytes) -> bytes:
    """``data`` cut into rows of 160 bytes and XORed together, the last row filled up with zeros."""
    if len(data) <= _COPIED_BYTES:
        padded = b"%b%b" % (data, _ZEROS[: -len(data) % _ROW_BYTES])
        return _reduced(np.frombuffer(padded, dtype=np.uint64), _ROW_BYTES).tobytes()
    rest_bytes = len(data) % _WIDE_BYTES
    wide = _reduced(np.frombuffer(data, dtype=np.uint64, count=(len(data) - rest_bytes) // 8), _WIDE_BYTES)
    row = _reduced(wide, _ROW_BYTES).tobytes()
    rest = _row(data[len(data) - rest_bytes :])
    return (int.from_bytes(row, "little") ^ int.from_bytes(rest, "little")).to_bytes(_ROW_BYTES, "little")


def _reduced(words: NDArray[np.uint64], row_bytes: int) -> NDArray[np.uint64]:
    """Rows of ``row_bytes`` XORed together."""
    rows: NDArray[np.uint64] = words.reshape(-1, row_bytes // 8)
    reduced: NDArray[np.uint64] = np.bitwise_xor.reduce(rows, axis=0)
    return reduced
