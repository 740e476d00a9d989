"""What tests of bytes share: references that share no code with ours, inputs, and damage."""

import random
from collections.abc import Iterator


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes that look random and are the same every time."""
    return random.Random(seed).randbytes(length)


def reference_quickxor(data: bytes) -> bytes:
    """QuickXorHash by its definition, bit by bit."""
    ring = [0] * 160
    for i, byte in enumerate(data):
        for bit in range(8):
            ring[(11 * i + bit) % 160] ^= byte >> bit & 1
    for bit in range(64):
        ring[96 + bit] ^= len(data) >> bit & 1
    return bytes(sum(ring[8 * at + bit] << bit for bit in range(8)) for at in range(20))


def damaged(data: bytes) -> Iterator[bytes]:
    """Every way to flip one bit of a byte, to cut the end off, and to add to it; one bit per byte keeps it affordable."""
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        yield data[:at]
    yield data + b"\0"
