"""Numbers that look random and follow from other numbers: the same in every process and every version of Python."""

from functools import lru_cache
from hashlib import blake2b
from math import gcd

WORD = (1 << 64) - 1
SPREAD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio, odd: neighbours become strangers


def derived(*parts: int | str) -> int:
    """Return 64 bits that follow from ``parts``; to seed something with, too slow for every file."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "little")


def mix(value: int) -> int:
    """Return 64 bits that follow from 64 bits, as different as can be for values next to each other (MurmurHash3's)."""
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & WORD
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & WORD
    return value ^ value >> 33


class Shuffle:
    """Ordinals in blocks of ``size``, every block in an order of its own: a place for each, and back.

    What is dealt out by place is dealt out exactly: each block gets each place once, whatever the seed. That is how
    sums over millions of files are known without visiting one.
    """

    def __init__(self, seed: int, size: int) -> None:
        self.size = size
        self._seed = seed

    def place(self, ordinal: int) -> int:
        """Return the place of an ordinal within its block."""
        factor, shift, _ = _key(self._seed, self.size, ordinal // self.size)
        return (ordinal * factor + shift) % self.size

    def key(self, ordinal: int) -> tuple[int, int]:
        """Return factor and shift of an ordinal's block: ``place`` is ``(ordinal * factor + shift) % size``."""
        factor, shift, _ = _key(self._seed, self.size, ordinal // self.size)
        return factor, shift

    def ordinal(self, block: int, place: int) -> int:
        """Return the ordinal that has ``place`` in ``block``."""
        _, shift, inverse = _key(self._seed, self.size, block)
        return block * self.size + (place - shift) * inverse % self.size


@lru_cache(maxsize=4096)
def _key(seed: int, size: int, block: int) -> tuple[int, int, int]:
    drawn = derived(seed, block)
    factor = drawn >> 32 & 0x3FFFFFFF | 1
    while gcd(factor, size) != 1:
        factor += 2
    factor %= size
    # The factor works on whole ordinals, the inverse within the block: size * factor vanishes modulo size.
    return factor, drawn & 0xFFFFFFFF, pow(factor, -1, size) if size > 1 else 0
