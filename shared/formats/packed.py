"""The packed column of a page row: everything of a page but its keys and its names.

::

    packed  = header sizes mtimes slots hashes
    header  =
        u8        version << 4 | width of a size (0 to 8 bytes)
        u8        flags
        u8        width of an mtime (0 to 7) << 4 | width of a slot (0 to 3)
        u8        length of the header
        time      mtime of the directory
        u64       fingerprint of the directory         if FINGERPRINT
        u64       fingerprint of the page              if PAGE_FINGERPRINT
        ref       newest manifest                      if MANIFEST
        u32       deleted_run                          if DELETED
        u32       next_slot                            if NEXT_SLOT; else the largest slot + 1 (later pages: 1)
        u24       slot of the first file               if FIRST_SLOT; else 1
        time      least mtime of the files             if there are files
    time    = u32, or i64 if WIDE                      Unix seconds
    ref     = u8 widths, run_no, batch_no, offset, length
                                                       widths: two bits each, width - 1, run_no in the highest
    sizes   = one per file, bytes
    mtimes  = one per file, seconds after the least
    slots   = one per file; no bytes at all (width 0) if they count up by one from the first
    hashes  = one u64 per file

All numbers are big-endian and unsigned but the ``i64``. Names are a column of their own, in the same order::

    names   = [ prefix "/" suffix "/" ] part ("/" part)*        the first two if FACTORED; a name is prefix + part + suffix

Names that people or machines give to the files of one directory mostly begin and end alike (``Invoice-2031-``, ``.pdf``).
What all share is written once. Compression finds repetitions too, but pays about three bytes for each, and not at all in a
page too short for it: on the office profile this saves 3.5 bytes per file (docs/adr/0005).

The number of files is not stored: it is what is left after the header, divided by the sum of the widths; ``names`` must
agree. With about ten files to a directory every byte of the header is a tenth of a byte per file. Hence also the implied
``next_slot`` and slots, which hold for every directory until a file of it is deleted, the ``ref`` of about 10 bytes
instead of 16, and times of 4 bytes, which end in 2106 and begin in 1970 (then WIDE).

SQL reads the columns at offsets it computes from the first four bytes (view ``node`` in ``schema/sql``), the directory's
time and fingerprint forwards from byte 4, and the files' least mtime and first slot backwards from the header's end.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np

from shared.errors import IntegrityError
from shared.model.manifest import ManifestRef
from shared.model.node import SLOT_MAX
from shared.model.page import FileRow, Page

VERSION: Final = 1

FINGERPRINT: Final = 1
PAGE_FINGERPRINT: Final = 2
MANIFEST: Final = 4
DELETED: Final = 8
NEXT_SLOT: Final = 16
FIRST_SLOT: Final = 32
WIDE: Final = 64
FACTORED: Final = 128

HEAD_BYTES: Final = 72
"""More than any header has: what :func:`unpack_head` needs of a longer value."""

_FIXED: Final = 4
_HASH_BYTES: Final = 8
_NUMPY_FROM: Final = 48
"""Files from which numpy is faster than a loop: about 10 us of set-up against 0.1 us per number."""

_WIDE_MIN, _WIDE_MAX = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a page's header says by itself."""

    mtime: int
    fingerprint: int | None
    page_fingerprint: int | None
    manifest: ManifestRef | None
    deleted_run: int | None


def pack(page: Page) -> tuple[str, bytes]:
    """Return the ``names`` and ``packed`` columns of ``page``.

    :raises ValueError: a name holds ``/``, or a number does not fit its field.
    """
    files = page.files
    count = len(files)
    flags = 0
    optional: list[bytes] = []
    if page.fingerprint is not None:
        flags |= FINGERPRINT
        optional.append(page.fingerprint.to_bytes(8, "big"))
    if page.page_fingerprint is not None:
        flags |= PAGE_FINGERPRINT
        optional.append(page.page_fingerprint.to_bytes(8, "big"))
    if page.manifest is not None:
        flags |= MANIFEST
        optional.append(_pack_ref(page.manifest))
    if page.deleted_run is not None:
        flags |= DELETED
        optional.append(page.deleted_run.to_bytes(4, "big"))

    slots = [f.slot for f in files]
    largest = max(slots, default=0)
    if page.next_slot != (largest + 1 if page.page_no == 0 else 1):
        flags |= NEXT_SLOT
        optional.append(page.next_slot.to_bytes(4, "big"))
    if not count:
        wide, time = _time_format(page.mtime, page.mtime)
        header = bytes((VERSION << 4, flags | wide, 0, 0)) + time.pack(page.mtime) + b"".join(optional)
        return "", _with_length(header)

    names = "/".join([f.name for f in files])
    if names.count("/") != count - 1:
        raise ValueError(f"page {page.page_no} of directory {page.directory_id}: a file name holds '/'")
    factored = _factor([f.name for f in files])
    if factored is not None:
        flags |= FACTORED
        names = factored
    if min(slots) < 1 or largest > SLOT_MAX:
        raise ValueError(f"directory {page.directory_id}: slots {min(slots)} to {largest} are not in 1..{SLOT_MAX}")
    sizes = [f.size_bytes for f in files]
    mtimes = [f.mtime for f in files]
    base = min(mtimes)
    latest = max(mtimes)
    size_width = _width(max(sizes))
    mtime_width = _width(latest - base)
    if size_width > 8 or mtime_width > 7 or min(sizes) < 0:
        raise ValueError(f"directory {page.directory_id}: sizes or times of its files are out of range")
    first = slots[0]
    slot_width = 0 if slots == list(range(first, first + count)) else _width(largest)
    if slot_width == 0 and first != 1:
        flags |= FIRST_SLOT
        optional.append(first.to_bytes(3, "big"))
    wide, time = _time_format(min(page.mtime, base), max(page.mtime, base))
    header = b"".join(
        (
            bytes((VERSION << 4 | size_width, flags | wide, mtime_width << 4 | slot_width, 0)),
            time.pack(page.mtime),
            *optional,
            time.pack(base),
        )
    )
    return names, b"".join(
        (
            _with_length(header),
            _column(sizes, size_width),
            _column([m - base for m in mtimes], mtime_width),
            _column(slots, slot_width),
            struct.pack(f">{count}Q", *[f.hash for f in files]),
        )
    )


def unpack_head(packed: bytes) -> Head:
    """Read a header from the first :data:`HEAD_BYTES` of a value, or all of it.

    :raises IntegrityError: of an unknown version, or cut short.
    """
    return _parse_head(packed)[0]


def unpack(page_id: int, parent_id: int | None, file_id: int | None, name: str, names: str, packed: bytes) -> Page:
    """Return the page of one row; the opposite of :func:`pack`.

    :raises IntegrityError: of an unknown version, or ``packed`` is damaged, or it is not of ``names``.
    """
    head, flags, rest = _parse_head(packed)
    header = packed[3]
    page_no = page_id & SLOT_MAX
    size_width, mtime_width, slot_width = packed[0] & 15, packed[2] >> 4, packed[2] & 15
    count, remainder = divmod(len(packed) - header, size_width + mtime_width + slot_width + _HASH_BYTES)
    if remainder or size_width > 8 or mtime_width > 7 or slot_width > 3:
        raise IntegrityError(f"page {page_id}: {len(packed)} bytes are not a header of {header} and whole columns")
    file_names = names.split("/") if count else []
    if flags & FACTORED:
        prefix, suffix, *parts = file_names if len(file_names) > 1 else ["", ""]
        file_names = [f"{prefix}{part}{suffix}" for part in parts]
    if len(file_names) != count or (names and not count):
        raise IntegrityError(f"page {page_id}: {len(names)} characters of names are not those of {count} files")

    at = rest
    next_slot = first = 1
    time = _TIME_WIDE if flags & WIDE else _TIME
    expected = at + 4 * bool(flags & NEXT_SLOT) + 3 * bool(flags & FIRST_SLOT) + (time.size if count else 0)
    if expected != header:
        raise IntegrityError(f"page {page_id}: the header is {expected} bytes by its flags, {header} by its length")
    if flags & NEXT_SLOT:
        next_slot = int.from_bytes(packed[at : at + 4], "big")
        at += 4
    if flags & FIRST_SLOT:
        first = int.from_bytes(packed[at : at + 3], "big")
        at += 3
    files: tuple[FileRow, ...] = ()
    if count:
        (base,) = time.unpack_from(packed, at)
        sizes_at = header
        mtimes_at = sizes_at + count * size_width
        slots_at = mtimes_at + count * mtime_width
        hashes_at = slots_at + count * slot_width
        if slot_width:
            slots: Sequence[int] = _numbers(packed, slots_at, count, slot_width)
            largest = max(slots)
        else:
            slots = range(first, first + count)
            largest = first + count - 1
        if not flags & NEXT_SLOT and page_no == 0:
            next_slot = largest + 1
        files = _file_rows(
            file_names,
            slots,
            _numbers(packed, sizes_at, count, size_width),
            [base + m for m in _numbers(packed, mtimes_at, count, mtime_width)],
            struct.unpack_from(f">{count}Q", packed, hashes_at),
        )
    return Page(
        directory_id=page_id - page_no,
        page_no=page_no,
        name=name,
        parent_id=parent_id,
        file_id=file_id,
        mtime=head.mtime,
        fingerprint=head.fingerprint,
        page_fingerprint=head.page_fingerprint,
        manifest=head.manifest,
        next_slot=next_slot,
        deleted_run=head.deleted_run,
        files=files,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Header

_TIME: Final = struct.Struct(">I")
_TIME_WIDE: Final = struct.Struct(">q")


def _time_format(least: int, greatest: int) -> tuple[int, struct.Struct]:
    """The flag and the format of the header's two times."""
    if least >= 0 and greatest < 1 << 32:
        return 0, _TIME
    if least < _WIDE_MIN or greatest > _WIDE_MAX:
        raise ValueError(f"times {least} to {greatest} do not fit 64 bits")
    return WIDE, _TIME_WIDE


def _with_length(header: bytes) -> bytes:
    return header[:3] + bytes((len(header),)) + header[4:]


def _width(number: int) -> int:
    return (number.bit_length() + 7) >> 3


def _pack_ref(ref: ManifestRef) -> bytes:
    numbers = (ref.run_no, ref.batch_no, ref.offset, ref.length)
    widths = [_width(number) or 1 for number in numbers]
    if max(widths) > 4:
        raise ValueError(f"{ref} has a number beyond 32 bits")
    code = (widths[0] - 1) << 6 | (widths[1] - 1) << 4 | (widths[2] - 1) << 2 | (widths[3] - 1)
    return bytes((code,)) + b"".join([n.to_bytes(w, "big") for n, w in zip(numbers, widths, strict=True)])


def _parse_head(packed: bytes) -> tuple[Head, int, int]:
    """Return the head, the flags, and where the fields begin that only :func:`unpack` reads."""
    if len(packed) < _FIXED or packed[0] >> 4 != VERSION:
        version = packed[0] >> 4 if packed else "none"
        raise IntegrityError(
            f"packed page: {len(packed)} bytes of version {version}; this program reads version {VERSION}"
        )
    flags, header = packed[1], packed[3]
    time = _TIME_WIDE if flags & WIDE else _TIME
    at = _FIXED + time.size
    if header > len(packed) or header < at:
        raise IntegrityError(f"packed page: a header of {header} bytes with flags {flags} in {len(packed)} bytes")
    (mtime,) = time.unpack_from(packed, _FIXED)
    fingerprint = page_fingerprint = deleted_run = manifest = None
    if flags & FINGERPRINT:
        fingerprint = int.from_bytes(packed[at : at + 8], "big")
        at += 8
    if flags & PAGE_FINGERPRINT:
        page_fingerprint = int.from_bytes(packed[at : at + 8], "big")
        at += 8
    if flags & MANIFEST and at < header:
        code = packed[at]
        at += 1
        numbers = []
        for shift in (6, 4, 2, 0):
            width = (code >> shift & 3) + 1
            numbers.append(int.from_bytes(packed[at : at + width], "big"))
            at += width
        manifest = ManifestRef(*numbers)
    if flags & DELETED:
        deleted_run = int.from_bytes(packed[at : at + 4], "big")
        at += 4
    if at > header:
        raise IntegrityError(f"packed page: the fields of flags {flags} end at {at}, the header at {header}")
    head = Head(
        mtime=mtime,
        fingerprint=fingerprint,
        page_fingerprint=page_fingerprint,
        manifest=manifest,
        deleted_run=deleted_run,
    )
    return head, flags, at


# ---------------------------------------------------------------------------------------------------------------------
# Names


def _factor(names: list[str]) -> str | None:
    """Return sorted ``names`` with what all begin and end with written once, or ``None`` if that saves nothing."""
    first, last = names[0], names[-1]
    begin, shortest = 0, min(map(len, names))
    # In code point order, what the first and the last begin with, all between them do.
    for a, b in zip(first, last, strict=False):
        if a != b:
            break
        begin += 1
    if len(names) == 1:
        return None
    end = 0
    while end < shortest - begin and first[-1 - end] == last[-1 - end]:
        end += 1
    suffix = first[len(first) - end :]
    for name in names:
        while not name.endswith(suffix):
            suffix = suffix[1:]
        if not suffix:
            break
    if (begin + len(suffix)) * (len(names) - 1) <= 2:
        return None
    stop = -len(suffix) or None
    return "/".join([first[:begin], suffix, *[name[begin:stop] for name in names]])


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def _column(numbers: list[int], width: int) -> bytes:
    """``width`` big-endian bytes of each number."""
    if not width:
        return b""
    if len(numbers) < _NUMPY_FROM:
        return b"".join([number.to_bytes(width, "big") for number in numbers])
    whole = np.array(numbers, dtype=np.uint64).astype(">u8").view(np.uint8).reshape(-1, 8)
    return whole[:, 8 - width :].tobytes()


def _numbers(packed: bytes, at: int, count: int, width: int) -> list[int]:
    """The opposite of :func:`_column`."""
    if not width:
        return [0] * count
    if count < _NUMPY_FROM:
        end = at + count * width
        return [int.from_bytes(packed[i : i + width], "big") for i in range(at, end, width)]
    whole = np.zeros((count, 8), dtype=np.uint8)
    whole[:, 8 - width :] = np.frombuffer(packed, np.uint8, count * width, at).reshape(count, width)
    numbers: list[int] = whole.view(">u8").ravel().astype(np.uint64).tolist()
    return numbers


def _setter(field: str) -> Callable[[Any, Any], None]:
    setter: Callable[[Any, Any], None] = FileRow.__dict__[field].__set__
    return setter


_SETTERS: Final = tuple(_setter(field) for field in ("name", "slot", "size_bytes", "mtime", "hash"))


def _file_rows(*columns: Iterable[object]) -> tuple[FileRow, ...]:
    """Rows from columns in the order of ``FileRow``'s fields.

    A page of 4,096 files takes 3.5 ms through the constructor (a frozen dataclass sets each field by a Python-level call)
    and a third of that like this: slot by slot, in loops that run in C.
    """
    names = list(columns[0])
    rows = list(map(FileRow.__new__, repeat(FileRow, len(names))))
    for setter, column in zip(_SETTERS, (names, *columns[1:]), strict=True):
        deque(map(setter, rows, column), maxlen=0)
    return tuple(rows)
