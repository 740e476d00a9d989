r"""ZIP (APPNOTE 6.3.10) as a stream, with ZIP64 where it must be: for Explorer, unzip, 7-Zip, :mod:`zipfile`.

::

    archive    = member* directory end64? end
    member     = local header, name, extra, content                 stored or deflated: size and CRC-32 come first
               | local header, name, extra, content, descriptor     deflated: size and CRC-32 come after the content
    content    = segment* "\x03\x00"                                deflated: each segment ends at a byte (full flush)
    extra      = ZIP64? times? Unix times                           times: all three, in 100 ns (NTFS, 0x000a); and 0x5455

Names are UTF-8 (flag 11). A file that is sent in pieces is always deflated, because readers that do not look at the directory cannot tell
where a stored one ends. Its segments are made independently of each other, so in any thread and in any order; the one for a hole
is always the same. What can be known to be incompressible is stored, or deflated without compression.

The records of the directory are kept deflated until the end: some 40 bytes for a file.
"""

import datetime as dt
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from shared.formats.archive import ZEROS, mode_of
from shared.model import ticks
from shared.model.member import Member

MAX_32: Final = 0xFFFF_FFFF
MAX_16: Final = 0xFFFF
_LARGE: Final = 0xF000_0000
"""From this size on a file that follows in pieces has a ZIP64 descriptor: deflating may make it a little larger."""
_STORED, _DEFLATED = 0, 8
_UTF8, _DESCRIPTOR = 0x0800, 0x0008
_LEVEL: Final = 1
"""Twice as fast as the default of zlib for a few percent on office files: somebody is waiting."""
_SAMPLE_BYTES: Final = 64 * 1024
_WORTHWHILE: Final = 0.95
_LAST_SEGMENT: Final = b"\x03\x00"
_SINCE_1601: Final = 504_911_232_000_000_000
"""Ticks at 1601-01-01, from which NTFS counts."""
_LINK, _REGULAR, _IS_DIRECTORY = 0o120000, 0o100000, 0o040000
_DOS_SETTABLE: Final = 0x27
"""Read-only, hidden, system, archive."""
_MADE_BY: Final = 3 << 8 | 63
"""Unix, so that the mode counts; version 6.3."""


@dataclass(frozen=True, slots=True)
class _Local:
    """What the directory repeats of a local header."""

    member: Member
    name: bytes
    kind: int
    offset: int
    method: int
    flags: int


class ZipWriter:
    """An :class:`shared.formats.archive.ArchiveWriter`."""

    def __init__(self) -> None:
        self._offset = 0
        self._count = 0
        self._directory_bytes = 0
        self._deflate = zlib.compressobj(_LEVEL)
        self._directory = bytearray()
        self._open: _Local | None = None
        self._crc = self._size = self._stored = 0

    @staticmethod
    def prepared(data: bytes) -> bytes:
        """``data`` as a deflate segment, without compression if a sample of it has shown no gain."""
        sample = data[:_SAMPLE_BYTES]
        compresses = len(data) <= _SAMPLE_BYTES or len(zlib.compress(sample, _LEVEL)) < _WORTHWHILE * len(sample)
        deflate = zlib.compressobj(_LEVEL if compresses else 0, zlib.DEFLATED, -zlib.MAX_WBITS)
        return deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)

    def directory(self, member: Member) -> bytes:
        """A directory."""
        return self._whole(member, (member.path + "/").encode(), _IS_DIRECTORY, b"", None)

    def symbolic_link(self, member: Member, text: str) -> bytes:
        """A symbolic link as Info-ZIP keeps it: its text is its content."""
        return self._whole(member, member.path.encode(), _LINK, text.encode(), None)

    def file(self, member: Member, data: bytes, prepared: bytes | None) -> bytes:
        """A whole file."""
        return self._whole(member, member.path.encode(), _REGULAR, data, prepared)

    def _whole(self, member: Member, name: bytes, kind: int, data: bytes, prepared: bytes | None) -> bytes:
        content, method = data, _STORED
        if prepared is not None and len(prepared) + len(_LAST_SEGMENT) < len(data):
            content, method = prepared + _LAST_SEGMENT, _DEFLATED
        local = _Local(member, name, kind, self._offset, method, _UTF8)
        crc = zlib.crc32(data)
        header = _local_header(local, crc, len(content), len(data), zip64=False)
        self._record(local, crc, len(content), len(data))
        return self._given(b"".join((header, content)))

    def begin(self, member: Member) -> bytes:
        """The header of a file whose CRC-32 is not known yet."""
        self._crc = self._size = self._stored = 0
        name = member.path.encode()
        self._open = _Local(member, name, _REGULAR, self._offset, _DEFLATED, _UTF8 | _DESCRIPTOR)
        return self._given(_local_header(self._open, 0, 0, 0, zip64=member.size_bytes >= _LARGE))

    def piece(self, data: bytes, prepared: bytes) -> bytes:
        """The next segment."""
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        self._stored += len(prepared)
        return self._given(prepared)

    def hole(self, length: int) -> Iterator[bytes]:
        """Zeros, some MiB at a time."""
        while length > 0:
            size = min(length, len(ZEROS))
            hole = _hole(size)
            self._crc = _after(hole.shift, self._crc) ^ hole.crc
            self._size += size
            self._stored += len(hole.segment)
            yield self._given(hole.segment)
            length -= size

    def end(self, *, intact: bool) -> bytes:
        """Last segment and descriptor. A file that is not intact gets a CRC-32 that is not its own: every reader complains of it by name."""
        local = self._open
        assert local is not None
        self._open = None
        stored = self._stored + len(_LAST_SEGMENT)
        crc = self._crc if intact else self._crc ^ MAX_32
        form = "<IIQQ" if local.member.size_bytes >= _LARGE else "<IIII"
        self._record(local, crc, stored, self._size)
        return self._given(_LAST_SEGMENT + struct.pack(form, 0x08074B50, crc, stored, self._size))

    def finish(self) -> Iterator[bytes]:
        """The directory."""
        start = self._offset
        self._directory += self._deflate.flush()
        packed = memoryview(self._directory)
        inflate = zlib.decompressobj()
        for at in range(0, len(packed), _SAMPLE_BYTES):
            yield inflate.decompress(packed[at : at + _SAMPLE_BYTES])
        size, count = self._directory_bytes, self._count
        if count >= MAX_16 or start >= MAX_32 or size >= MAX_32:
            end64 = start + size
            yield struct.pack(
                "<IQHHIIQQQQ", 0x06064B50, 44, _MADE_BY, 45, 0, 0, count, count, size, start
            ) + struct.pack("<IIQI", 0x07064B50, 0, end64, 1)
        few, small, near = min(count, MAX_16), min(size, MAX_32), min(start, MAX_32)
        yield struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, small, near, 0)

    def _given(self, data: bytes) -> bytes:
        self._offset += len(data)
        return data

    def _record(self, local: _Local, crc: int, stored: int, size: int) -> None:
        """Keep the directory's record of a member."""
        member, offset = local.member, local.offset
        large = [value for value in (size, stored, offset) if value >= MAX_32]
        extra = _zip64(large) + _times(member, central=True)
        dos = member.attributes & _DOS_SETTABLE | (0x10 if member.is_directory else 0)
        record = (
            struct.pack(
                "<IHHHHIIIIHHHHHII",
                0x02014B50,
                _MADE_BY,
                45 if large else 20,
                local.flags,
                local.method,
                _dos_time(member.written),
                crc,
                min(stored, MAX_32),
                min(size, MAX_32),
                len(local.name),
                len(extra),
                0,
                0,
                0,
                (local.kind | mode_of(member)) << 16 | dos,
                min(offset, MAX_32),
            )
            + local.name
            + extra
        )
        self._directory += self._deflate.compress(record)
        self._directory_bytes += len(record)
        self._count += 1


@dataclass(frozen=True, slots=True)
class _Hole:
    """Some zeros: nothing of them is computed twice, however large a hole is."""

    segment: bytes
    crc: int
    shift: tuple[int, ...]
    """What so many bytes that follow make of the CRC-32 of those before, bit by bit (as zlib's crc32_combine does it)."""


@cache
def _hole(size: int) -> _Hole:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    segment = deflate.compress(ZEROS[:size]) + deflate.flush(zlib.Z_FULL_FLUSH)
    power = (0xEDB88320, *(1 << bit for bit in range(31)))  # one bit that follows
    shift: tuple[int, ...] = tuple(1 << bit for bit in range(32))
    bits = size * 8
    while bits:
        if bits & 1:
            shift = tuple(_after(power, row) for row in shift)
        power = tuple(_after(power, row) for row in power)
        bits >>= 1
    return _Hole(segment, zlib.crc32(ZEROS[:size]), shift)


def _after(shift: tuple[int, ...], crc: int) -> int:
    result = 0
    for row in shift:
        if crc & 1:
            result ^= row
        crc >>= 1
    return result


def _local_header(local: _Local, crc: int, stored: int, size: int, *, zip64: bool) -> bytes:
    extra = (_zip64([0, 0]) if zip64 else b"") + _times(local.member, central=False)
    if zip64:
        stored = size = MAX_32
    return (
        struct.pack(
            "<IHHHIIIIHH",
            0x04034B50,
            45 if zip64 else 20,
            local.flags,
            local.method,
            _dos_time(local.member.written),
            crc,
            stored,
            size,
            len(local.name),
            len(extra),
        )
        + local.name
        + extra
    )


def _zip64(values: list[int]) -> bytes:
    return struct.pack(f"<HH{len(values)}Q", 0x0001, 8 * len(values), *values) if values else b""


def _times(member: Member, *, central: bool) -> bytes:
    filetimes = [max(moment - _SINCE_1601, 0) for moment in (member.written, member.accessed, member.created)]
    ntfs = struct.pack("<HHIHH3Q", 0x000A, 32, 0, 1, 24, *filetimes)
    unix = [ticks.to_unix(moment) for moment in (member.written, member.accessed)]
    if not all(-(1 << 31) <= second < 1 << 31 for second in unix):
        return ntfs
    told = unix[:1] if central else unix
    return ntfs + struct.pack(f"<HHB{len(told)}i", 0x5455, 1 + 4 * len(told), 3, *told)


def _dos_time(moment: int) -> int:
    """Date and time in 32 bits, in UTC, to two seconds; the nearest there is for what is before 1980 or after 2107."""
    when = _EPOCH + dt.timedelta(seconds=min(max(ticks.to_unix(moment), _YEAR_1980), _YEAR_2107))
    date = (when.year - 1980) << 9 | when.month << 5 | when.day
    return date << 16 | when.hour << 11 | when.minute << 5 | when.second // 2


_YEAR_1980: Final = 315_532_800
_YEAR_2107: Final = 4_354_819_198
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
