"""One zstd frame: a small file that travels alone (PLAIN content), and the building block of the other formats.

::

    frame = zstd frame (RFC 8878) with content size and checksum

``zstd -dc`` restores the file. The size is in the frame, so that damage cannot ask for more memory than was promised.
"""

from typing import Final

import zstandard

from shared.errors import IntegrityError

LEVEL: Final = 3
"""zstd's own default: level 1 is a little faster and level 9 five times slower for a few percent on office files."""


def compressor(level: int = LEVEL) -> zstandard.ZstdCompressor:
    """A compressor that writes content size and checksum. Keep it for many frames, but in one thread at a time.

    A fresh one costs 10 us per frame for its tables.
    """
    return zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)


def frame(data: bytes) -> bytes:
    """``data`` as one frame."""
    return compressor().compress(data)


def unframe(data: bytes, size_bytes: int) -> bytes:
    """The content of a frame that must hold exactly ``size_bytes``.

    :raises IntegrityError: damaged, cut short, followed by more, or of another size.
    """
    return expand(data, least=size_bytes, most=size_bytes)


def expand(data: bytes, *, least: int, most: int) -> bytes:
    """The content of one frame of ``least`` to ``most`` bytes; nothing is decompressed that says it is of another size.

    :raises IntegrityError: as :func:`unframe`.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not least <= size <= most:
            raise IntegrityError(
                f"zstd frame of {len(data)} bytes holds {_said(size)}, expected {_expected(least, most)}"
            )
        content = zstandard.ZstdDecompressor().decompress(data, max_output_size=1, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"zstd frame of {len(data)} bytes is damaged: {error}") from error
    if len(content) != size:
        raise IntegrityError(f"zstd frame of {len(data)} bytes gave {len(content)} bytes, not {size}")
    return content


def expand_stream(data: bytes) -> bytes:
    """The content of a frame that does not say how long it is: of an object of ours that was written piece by piece.

    :raises IntegrityError: damaged.
    """
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"zstd frame of {len(data)} bytes is damaged: {error}") from error


def _said(size: int) -> str:
    return "content of unknown size" if size < 0 else f"{size} bytes"


def _expected(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
