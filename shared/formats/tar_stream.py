"""TAR (pax, POSIX.1-2001) as a stream: for GNU tar, bsdtar, :mod:`tarfile` and whatever else reads it.

::

    archive  = member* trailer
    member   = extended? header content padding      to the next multiple of 512
    extended = header (typeflag x) records padding   only what does not fit the header: path, linkpath, size, mtime, uid, gid
    trailer  = two zero blocks

Times are kept to 100 ns (``mtime``). A member's size comes before its bytes, so a file of which a part is damaged has zeros in its
place; TAR has no checksum by which to say so.
"""

from collections.abc import Iterator
from typing import Final

from shared.formats.archive import ZEROS, mode_of
from shared.model import ticks
from shared.model.member import Member

BLOCK_BYTES: Final = 512
_NUMBER_END: Final = 1 << 33
"""What eleven octal digits hold."""
_ID_END: Final = 1 << 21
_FILE, _LINK, _DIRECTORY = b"0", b"2", b"5"


class TarWriter:
    """An :class:`shared.formats.archive.ArchiveWriter`."""

    def __init__(self) -> None:
        self._padding = 0

    @staticmethod
    def prepared(data: bytes) -> bytes:
        """As it is."""
        return data

    def directory(self, member: Member) -> bytes:
        """A directory."""
        return _header(member, member.path + "/", _DIRECTORY, 0)

    def symbolic_link(self, member: Member, text: str) -> bytes:
        """A symbolic link."""
        return _header(member, member.path, _LINK, 0, text)

    def file(self, member: Member, data: bytes, prepared: bytes | None) -> bytes:  # noqa: ARG002
        """A whole file."""
        return b"".join((_header(member, member.path, _FILE, len(data)), data, bytes(-len(data) % BLOCK_BYTES)))

    def begin(self, member: Member) -> bytes:
        """The header of a file."""
        self._padding = -member.size_bytes % BLOCK_BYTES
        return _header(member, member.path, _FILE, member.size_bytes)

    def piece(self, data: bytes, prepared: bytes) -> bytes:  # noqa: ARG002
        """The bytes as they are."""
        return data

    def hole(self, length: int) -> Iterator[bytes]:
        """Zeros, some MiB at a time."""
        while length > 0:
            yield ZEROS[:length]
            length -= len(ZEROS)

    def end(self, *, intact: bool) -> bytes:  # noqa: ARG002
        """Padding."""
        return bytes(self._padding)

    def finish(self) -> Iterator[bytes]:
        """The trailer."""
        yield bytes(2 * BLOCK_BYTES)


def _header(member: Member, path: str, typeflag: bytes, size: int, link: str = "") -> bytes:
    name, target = path.encode(), link.encode()
    seconds, fraction = divmod(member.written - ticks.UNIX_EPOCH, ticks.PER_SECOND)
    uid, gid = (member.posix.owner, member.posix.group) if member.posix is not None else (0, 0)
    records = b"".join(
        (
            _record(b"path", name) if len(name) > 100 or not name.isascii() else b"",
            _record(b"linkpath", target) if len(target) > 100 or not target.isascii() else b"",
            _record(b"size", b"%d" % size) if size >= _NUMBER_END else b"",
            _record(b"mtime", _decimal(member.written)) if fraction or not 0 <= seconds < _NUMBER_END else b"",
            _record(b"uid", b"%d" % uid) if uid >= _ID_END else b"",
            _record(b"gid", b"%d" % gid) if gid >= _ID_END else b"",
        )
    )
    extended = b""
    if records:
        extended = _ustar(b"././@PaxHeader", 0o644, 0, 0, len(records), 0, b"x", b"")
        extended += records + bytes(-len(records) % BLOCK_BYTES)
    return extended + _ustar(
        path.encode("ascii", "replace")[:100],
        mode_of(member),
        uid if uid < _ID_END else 0,
        gid if gid < _ID_END else 0,
        size if size < _NUMBER_END else 0,
        seconds if 0 <= seconds < _NUMBER_END else 0,
        typeflag,
        link.encode("ascii", "replace")[:100],
    )


def _ustar(name: bytes, mode: int, uid: int, gid: int, size: int, mtime: int, typeflag: bytes, link: bytes) -> bytes:
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0%07o\0%07o\0%011o\0%011o\0        " % (mode, uid, gid, size, mtime),
            typeflag,
            link.ljust(100, b"\0"),
            b"ustar\x0000".ljust(255, b"\0"),
        )
    )
    return b"%b%06o\x00 %b" % (block[:148], sum(block), block[156:])


def _record(key: bytes, value: bytes) -> bytes:
    """A pax record, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if length != rest + len(str(length)):
        length += 1
    return b"%d %b=%b\n" % (length, key, value)


def _decimal(moment: int) -> bytes:
    """Ticks as Unix seconds with seven decimals."""
    since = moment - ticks.UNIX_EPOCH
    seconds, fraction = divmod(abs(since), ticks.PER_SECOND)
    return b"%b%d.%07d" % (b"-" if since < 0 else b"", seconds, fraction)
