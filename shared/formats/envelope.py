"""What surrounds every FlatBuffer of the vault: magic, version, checksum, compression.

::

    sealed   = magic version zero checksum frame
    magic    = 4 bytes, also the FlatBuffers file identifier
    version  = u16
    zero     = u16: 0
    checksum = u64: XXH3-64 of the 8 bytes before it and all bytes after it
    frame    = zstd frame of the FlatBuffer, content size in it

Little-endian. These 16 bytes are the same in all versions, so that a reader can always tell damage from something newer than
itself: the checksum is looked at first, then the version. A sealed buffer ends where its frame ends.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import xxhash
import zstandard

from shared.errors import IntegrityError
from shared.formats import frame

HEADER_BYTES: Final = 16
_BUFFER_MAX_BYTES: Final = 1 << 30
"""More than any record: 4,096 files with 8 KiB of metadata and 16 chunks each are 36 MB."""
_KEY: Final = struct.Struct("<4sHH")
_CHECKSUM: Final = struct.Struct("<Q")

Compress = Callable[[bytes], bytes]


def compressor() -> Compress:
    """Return a compressor to keep for many buffers, in one thread at a time: a fresh one costs 10 us each."""
    return zstandard.ZstdCompressor(level=frame.LEVEL, write_checksum=False, write_content_size=True).compress


def seal(magic: bytes, version: int, buffer: bytes, compress: Compress | None = None) -> bytes:
    """Return ``buffer`` with everything around it."""
    if len(buffer) > _BUFFER_MAX_BYTES:
        raise ValueError(f"a buffer of {len(buffer)} bytes, at most {_BUFFER_MAX_BYTES}")
    key = _KEY.pack(magic, version, 0)
    packed = (compress or compressor())(buffer)
    return b"".join((key, _CHECKSUM.pack(xxhash.xxh3_64_intdigest(key + packed)), packed))


def check(magic: bytes, data: bytes, what: str) -> None:
    """Look whether a sealed buffer is what was written, without opening it.

    :raises IntegrityError: not one of these, damaged or cut short.
    """
    if len(data) < HEADER_BYTES or data[:4] != magic:
        raise IntegrityError(f"not a {what}: {len(data)} bytes starting {data[:4]!r}, expected {magic!r}")
    (checksum,) = _CHECKSUM.unpack_from(data, _KEY.size)
    actual = xxhash.xxh3_64_intdigest(data[: _KEY.size] + data[HEADER_BYTES:])
    if actual != checksum:
        raise IntegrityError(f"{what} is damaged: checksum {actual:016x}, expected {checksum:016x} ({len(data)} bytes)")


def unseal(magic: bytes, version: int, data: bytes, what: str) -> bytes:
    """Return the buffer inside; ``what`` names it in messages.

    :raises IntegrityError: not one of these, damaged, cut short, or of another version.
    """
    check(magic, data, what)
    _, found, _ = _KEY.unpack_from(data)
    packed = data[HEADER_BYTES:]
    if found != version:
        raise IntegrityError(f"{what} has version {found}; this program reads version {version}")
    buffer = frame.expand(packed, least=8, most=_BUFFER_MAX_BYTES)
    if buffer[4:8] != magic:
        raise IntegrityError(f"{what} holds a buffer of {buffer[4:8]!r}, expected {magic!r}")
    return buffer


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever a buffer that makes no sense does to its reader into an ``IntegrityError``.

    The checksum was right, so this is not damage on the way: the buffer was never good.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, OverflowError, struct.error) as error:
        raise IntegrityError(f"{what} does not make sense: {error}") from error
