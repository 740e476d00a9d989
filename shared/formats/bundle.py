r"""A bundle: small files as a TAR (pax, POSIX.1-2001) in independent zstd frames, one frame per member.

::

    bundle  = frame(member)* frame(trailer)
    member  = extended? header content padding        to the next multiple of 512
    extended = header (typeflag x, name "././@PaxHeader") records padding
    records = (length " path=" path "\n")? (length " mtime=" seconds "\n")?     length: decimal, of the whole record
    header  = ustar, 512 bytes: name, mode 644, owner 0, size, mtime, typeflag 0
    trailer = two zero blocks

``zstd -dc x.tar.zst | tar x`` restores real paths and times, and one member is one range read: concatenated frames are a
zstd stream. Only a path or a time that does not fit the old header (more than 100 bytes, not ASCII; before 1970, after 2242) has
an extended header. Equal members give equal bytes.

The header is written here because :mod:`tarfile` takes 30 us for one, as long as everything else that happens to a small file.
"""

from typing import Final

from shared.errors import IntegrityError
from shared.formats import frame

BLOCK_BYTES: Final = 512
_MTIME_END: Final = 1 << 33
_EXTENDED_MAX_BYTES: Final = 64 * 1024
"""More than any header takes: a path is at most 2,048 characters of at most 4 bytes."""


class BundleWriter:
    """Collects members; use from one thread at a time."""

    def __init__(self) -> None:
        self._compress = frame.compressor().compress
        self._data = bytearray()  # grows in place: a list of frames would need their sum once more in the end
        self.raw_bytes = 0
        """Bytes of content so far."""
        self.members = 0

    def add(self, path: str, mtime: int, data: bytes) -> tuple[int, int]:
        """Append a file; ``mtime`` in Unix seconds. Returns offset and length of its frame in the bundle."""
        packed = self._compress(b"".join((_header(path, mtime, len(data)), data, bytes(-len(data) % BLOCK_BYTES))))
        place = len(self._data), len(packed)
        self._data += packed
        self.raw_bytes += len(data)
        self.members += 1
        return place

    def finish(self) -> bytearray:
        """The whole object; the writer is of no more use."""
        data, self._data = self._data, bytearray()
        data += self._compress(bytes(2 * BLOCK_BYTES))
        return data


def member_content(data: bytes, size_bytes: int) -> bytes:
    """The content of the member whose frame is ``data``, which must be ``size_bytes`` long.

    :raises IntegrityError: damaged, cut short, or of another size.
    """
    padded = size_bytes + -size_bytes % BLOCK_BYTES
    raw = frame.expand(data, least=BLOCK_BYTES + padded, most=BLOCK_BYTES + padded + _EXTENDED_MAX_BYTES)
    start = len(raw) - padded
    said = raw[start - BLOCK_BYTES + 124 : start - BLOCK_BYTES + 135]
    if said != b"%011o" % size_bytes:
        raise IntegrityError(f"bundle member says its size is {said!r} (octal), expected {size_bytes} bytes")
    return raw[start : start + size_bytes]


def _header(path: str, mtime: int, size: int) -> bytes:
    name = path.encode()
    plain = len(name) <= 100 and path.isascii()
    timely = 0 <= mtime < _MTIME_END
    if plain and timely:
        return _ustar(name, size, mtime, b"0")
    records = (b"" if plain else _record(b"path", name)) + (b"" if timely else _record(b"mtime", b"%d" % mtime))
    return b"".join(
        (
            _ustar(b"././@PaxHeader", len(records), 0, b"x"),
            records,
            bytes(-len(records) % BLOCK_BYTES),
            _ustar(path.encode("ascii", "replace")[:100], size, mtime if timely else 0, b"0"),
        )
    )


def _ustar(name: bytes, size: int, mtime: int, typeflag: bytes) -> bytes:
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"0000644\x000000000\x000000000\x00%011o\x00%011o\x00        " % (size, mtime),
            typeflag,
            _REST,
        )
    )
    return b"%b%06o\x00 %b" % (block[:148], sum(block), block[156:])


_REST: Final = (b"\0" * 100 + b"ustar\x0000").ljust(355, b"\0")


def _record(key: bytes, value: bytes) -> bytes:
    """A pax record, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if length != rest + len(str(length)):
        length += 1
    return b"%d %b=%b\n" % (length, key, value)
