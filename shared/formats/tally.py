"""Tally: what one piece of a sweep has found of the bundles that its pages have files in. In the vault, beside its marks, while the sweep lasts.

::

    tally   = magic version 0{2} checksum bundles pages bundle* page*
    magic   = "AFBT"
    version = u16: 1
    checksum= u64: XXH3-64 of magic, version and of everything after it
    bundles, pages = u32: how many
    bundle  = number: u64 run: u32 batch: u32 part: u32 members: u32 live: u64 held: f64
    page    = page_id: u64 bundle: u32 live: u32

Little-endian. *number* is what stands for the bundle's name (:func:`shared.formats.marks.number_of`), *members* and *live* are files that the share
has now and the bytes of their frames, *held* is for how many more seconds restore points hold the bundle. A *page* has files that the share has now in a
bundle, told by its place in the list.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from shared.errors import IntegrityError

MAGIC: Final = b"AFBT"
VERSION: Final = 1
_KEY: Final = struct.Struct("<4sHH")
_CHECK: Final = struct.Struct("<Q")
_COUNTS: Final = struct.Struct("<II")
BUNDLE: Final = np.dtype(
    [
        ("number", "<u8"),
        ("run", "<u4"),
        ("batch", "<u4"),
        ("part", "<u4"),
        ("members", "<u4"),
        ("live", "<u8"),
        ("held", "<f8"),
    ]
)
PAGE: Final = np.dtype([("page_id", "<u8"), ("bundle", "<u4"), ("live", "<u4")])


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of :data:`BUNDLE` and of :data:`PAGE`."""

    bundles: NDArray[Any]
    pages: NDArray[Any]


def tally_of(
    bundles: Iterable[tuple[int, int, int, int, int, int, float]], pages: Iterable[tuple[int, int, int]]
) -> Tally:
    """A tally of such rows."""
    return Tally(np.array(list(bundles), dtype=BUNDLE), np.array(list(pages), dtype=PAGE))


def encode(tally: Tally) -> bytes:
    """Return the bytes of a tally."""
    key = _KEY.pack(MAGIC, VERSION, 0)
    body = b"".join(
        (_COUNTS.pack(len(tally.bundles), len(tally.pages)), tally.bundles.tobytes(), tally.pages.tobytes())
    )
    return b"".join((key, _CHECK.pack(xxhash.xxh3_64_intdigest(key + body)), body))


def decode(data: bytes) -> Tally:
    """Return the tally whose bytes are exactly ``data``.

    :raises IntegrityError: damaged, cut short, or of an unknown version.
    """
    head = _KEY.size + _CHECK.size
    if len(data) < head + _COUNTS.size or data[:4] != MAGIC:
        raise IntegrityError(f"not a tally of a sweep: {len(data)} bytes starting {data[:4]!r}")
    (checksum,) = _CHECK.unpack_from(data, _KEY.size)
    if xxhash.xxh3_64_intdigest(data[: _KEY.size] + data[head:]) != checksum:
        raise IntegrityError("a tally of a sweep is damaged: its checksum is another")
    _, version, _ = _KEY.unpack_from(data)
    if version != VERSION:
        raise IntegrityError(f"a tally of version {version}; this program reads version {VERSION}")
    bundles, pages = _COUNTS.unpack_from(data, head)
    start = head + _COUNTS.size
    if len(data) != start + bundles * BUNDLE.itemsize + pages * PAGE.itemsize:
        raise IntegrityError(f"a tally of {bundles} bundles and {pages} pages has {len(data)} bytes")
    rows = np.frombuffer(data, dtype=BUNDLE, count=bundles, offset=start)
    return Tally(rows, np.frombuffer(data, dtype=PAGE, count=pages, offset=start + bundles * BUNDLE.itemsize))
