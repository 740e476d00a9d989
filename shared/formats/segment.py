"""A segment: the manifests that one batch wrote, in one object.

::

    segment = header record* index trailer
    header  = "AFBS" version zero                 u16 1, u16 0
    record  = a manifest (manifest.py); readable alone, by its offset and length
    index   = sealed (envelope.py) FlatBuffer "AFBS", version 1, of schema/fbs/segment.fbs
    trailer = length "AFBS"                       u32 bytes of the index

Little-endian. Records and index carry their own checksums, the records lie end to end and the index says where, so every
byte is covered. A reader who wants to know what is inside reads the last few KiB: :func:`index_bytes`, then :func:`read_index`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.errors import IntegrityError
from shared.formats import envelope, flat, manifest, page_notes
from shared.formats._generated.vault.SegmentIndex import SegmentIndex
from shared.model.manifest import PageRecord
from shared.model.note import PageNote

MAGIC: Final = b"AFBS"
VERSION: Final = 1
TRAILER_BYTES: Final = 8
_HEADER: Final = struct.pack("<4sHH", MAGIC, VERSION, 0)
_TRAILER: Final = struct.Struct("<I4s")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One record of a segment."""

    directory_id: int
    page_no: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Index:
    """What is in a segment."""

    records: list[IndexEntry]
    """In the order of the bytes."""
    notes: list[PageNote]
    """None of a segment from before there were any. Such a one has records."""


class SegmentWriter:
    """Collects the records of a batch; use from one thread at a time."""

    def __init__(self) -> None:
        self._compress = envelope.compressor()
        self._parts: list[bytes] = [_HEADER]
        self._index: list[IndexEntry] = []
        self._notes: list[PageNote] = []
        self._length = len(_HEADER)

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not self._index and not self._notes

    def add(self, record: PageRecord) -> tuple[int, int]:
        """Append ``record``. Returns offset and length of its bytes in the segment."""
        data = manifest.encode(record, self._compress)
        entry = IndexEntry(record.directory_id, record.page_no, self._length, len(data))
        self._parts.append(data)
        self._index.append(entry)
        self._length += len(data)
        return entry.offset, entry.length

    def note(self, note: PageNote) -> None:
        """Append what is to be noted of a page."""
        self._notes.append(note)

    def finish(self) -> bytes:
        """Return the whole object."""
        index = self._index
        fields = [
            flat.vector("Q", [entry.directory_id for entry in index]),
            flat.vector("I", [entry.page_no for entry in index]),
            flat.vector("I", [entry.offset for entry in index]),
            flat.vector("I", [entry.length for entry in index]),
            *page_notes.fields(self._notes),
        ]
        sealed = envelope.seal(MAGIC, VERSION, flat.table(MAGIC, fields), self._compress)
        return b"".join((*self._parts, sealed, _TRAILER.pack(len(sealed), MAGIC)))


def index_bytes(tail: bytes) -> int:
    """Return how many bytes at the end of a segment are index and trailer; ``tail`` holds at least the last 8.

    :raises IntegrityError: not the end of a segment.
    """
    if len(tail) < TRAILER_BYTES:
        raise IntegrityError(f"segment is cut short: {len(tail)} bytes, at least {TRAILER_BYTES} expected")
    length, magic = _TRAILER.unpack_from(tail, len(tail) - TRAILER_BYTES)
    if magic != MAGIC:
        raise IntegrityError(f"segment ends with {magic!r}, expected {MAGIC!r}: it is cut short or something else")
    return int(length) + TRAILER_BYTES


def read_index(tail: bytes) -> Index:
    """Return what is in a segment; ``tail`` holds at least its last :func:`index_bytes`.

    :raises IntegrityError: damaged, cut short, or ``tail`` is too short.
    """
    length = index_bytes(tail)
    if length > len(tail):
        raise IntegrityError(f"segment index has {length} bytes, {len(tail)} read")
    sealed = tail[len(tail) - length : len(tail) - TRAILER_BYTES]
    buffer = envelope.unseal(MAGIC, VERSION, sealed, "segment index")
    with envelope.reading("segment index"):
        table = SegmentIndex.GetRootAs(buffer)
        directory_ids = flat.numbers(table.DirectoryIdsAsNumpy())
        columns = (table.PageNosAsNumpy(), table.OffsetsAsNumpy(), table.LengthsAsNumpy())
        others = [flat.numbers(column, len(directory_ids)) for column in columns]
        return Index([IndexEntry(*row) for row in zip(directory_ids, *others, strict=True)], page_notes.read(table))


def read(data: bytes) -> Iterator[tuple[int, int, PageRecord]]:
    """Yield offset, length and record of everything in the whole segment ``data``, one decoded at a time.

    :raises IntegrityError: damaged anywhere, cut short, or of an unknown version.
    """
    header = data[: len(_HEADER)]
    if header != _HEADER:
        version = int.from_bytes(header[4:6], "little")
        if header[:4] == MAGIC and version != VERSION:
            raise IntegrityError(f"segment has version {version}; this program reads version {VERSION}")
        raise IntegrityError(f"not a segment: {len(data)} bytes starting {data[:4]!r}, expected {MAGIC!r}")
    index = read_index(data).records
    at = len(_HEADER)
    for entry in index:
        if entry.offset != at:
            raise IntegrityError(f"segment has a record at {entry.offset}, expected at {at}")
        at += entry.length
    if at != len(data) - index_bytes(data):
        raise IntegrityError(f"segment's records end at {at}, its index starts at {len(data) - index_bytes(data)}")
    for entry in index:
        record = manifest.decode(data[entry.offset : entry.offset + entry.length])
        if (record.directory_id, record.page_no) != (entry.directory_id, entry.page_no):
            raise IntegrityError(
                f"segment's index says page {entry.page_no} of {entry.directory_id} at {entry.offset}, "
                f"the record there is page {record.page_no} of {record.directory_id}"
            )
        yield entry.offset, entry.length, record
