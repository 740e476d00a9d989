"""A chunk: up to 4 MiB of a larger file.

::

    chunk   = "AFBC" version codec content
    version = 1 byte: 1
    codec   = 1 byte: 0 content as it is, 1 content as one zstd frame (content size and checksum in it)

There is no checksum over raw content: a chunk's name is the digest of its content, and whoever reads one checks it.
"""

from typing import Final

from shared.errors import IntegrityError
from shared.formats import frame
from shared.model.content import CHUNK_BYTES

MAGIC: Final = b"AFBC"
VERSION: Final = 1
HEADER_BYTES: Final = 6
_RAW: Final = 0
_ZSTD: Final = 1
_WORTHWHILE: Final = 0.95
"""zstd only where it saves at least 5 %: less does not pay for decompressing at every read."""


def encode(data: bytes) -> bytes:
    """``data`` (at most 4 MiB) as a vault object. Equal data give equal bytes with the same zstd library."""
    if len(data) > CHUNK_BYTES:
        raise ValueError(f"a chunk of {len(data)} bytes, at most {CHUNK_BYTES}")
    compressed = frame.frame(data)
    if len(compressed) <= len(data) * _WORTHWHILE:
        return b"%b%c%c%b" % (MAGIC, VERSION, _ZSTD, compressed)
    return b"%b%c%c%b" % (MAGIC, VERSION, _RAW, data)


def decode(data: bytes) -> bytes:
    """The content of a chunk. Its digest is for the caller to check.

    :raises IntegrityError: not a chunk, of an unknown version or codec, or damaged where that shows.
    """
    if len(data) < HEADER_BYTES or data[:4] != MAGIC:
        raise IntegrityError(f"not a chunk: {len(data)} bytes starting {data[:4]!r}, expected {MAGIC!r}")
    version, codec = data[4], data[5]
    if version != VERSION:
        raise IntegrityError(f"chunk has version {version}; this program reads version {VERSION}")
    if codec == _ZSTD:
        return frame.expand(data[HEADER_BYTES:], least=0, most=CHUNK_BYTES)
    if codec != _RAW:
        raise IntegrityError(f"chunk has codec {codec}, expected 0 (raw) or 1 (zstd)")
    if len(data) - HEADER_BYTES > CHUNK_BYTES:
        raise IntegrityError(f"chunk holds {len(data) - HEADER_BYTES} bytes, at most {CHUNK_BYTES}")
    return data[HEADER_BYTES:]
