"""Sort the entries of a directory by code point of name in memory that does not grow with the directory.

The service's own order is not documented and the catalogue's is by code point. So this is a merge sort on disk: runs of
some ten thousand entries are sorted and written to one temporary file, then read side by side, a block of each at a time.

::

    run    = block*
    block  = zstd frame of: u32 count, u32 bytes of texts, count rows of numbers, texts
    texts  = names, then permission keys, each ended by NUL, which neither can hold (XML has no NUL)

Nobody but this process reads the file, so it has no version.
"""

import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from heapq import merge
from operator import attrgetter
from typing import IO, Final, Self

from shared.formats import frame
from shared.model.entry import Entry
from shared.usecases.list_directory import Listing
from shared.usecases.spool import spooling

RUN_ENTRIES: Final = 50_000
"""Entries sorted in memory at once: 30 MB. A million entries are 20 runs."""

BLOCK_ENTRIES: Final = 500
"""Entries of each run in memory while they are merged: 300 kB."""

_HEAD: Final = struct.Struct("<II")
_ROW: Final = "9Q"
_BLOCK_BYTES_MAX: Final = BLOCK_ENTRIES * 8192


class SortedEntries:
    """The entries of a listing in order; iterate as often as wanted until it is closed, one iterator at a time."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._runs: list[list[tuple[int, int]]] = []
        self._last: list[Entry] = []

    @classmethod
    def of(cls, found: Listing, run_entries: int = RUN_ENTRIES) -> Self:
        """Read and sort ``found``: about 10 us per entry, so not in the event loop's thread.

        :raises IntegrityError: the listing cannot be read.
        """
        self = cls()
        try:
            for entries in found.parsed():
                self._last += entries
                if len(self._last) >= run_entries:
                    self._write_run()
        except BaseException:
            self.close()
            raise
        self._last.sort(key=attrgetter("name"))
        return self

    def __iter__(self) -> Iterator[Entry]:
        runs = [*map(self._read_run, self._runs), iter(self._last)]
        return _each_name_once(merge(*runs, key=attrgetter("name")) if len(runs) > 1 else runs[0])

    def close(self) -> None:
        """Give back memory and disk."""
        self._last = []
        if self._file is not None:
            with suppress(OSError):  # the last of it did not fit the disk, and nobody wants it any more
                self._file.close()
            self._file = None

    def _write_run(self) -> None:
        run: list[tuple[int, int]] = []
        self._last.sort(key=attrgetter("name"))
        compress = frame.compressor(level=1).compress
        blocks = [
            compress(_pack(self._last[start : start + BLOCK_ENTRIES]))
            for start in range(0, len(self._last), BLOCK_ENTRIES)
        ]
        with spooling("a sorted listing"):
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
            at = self._file.seek(0, 2)
            for data in blocks:
                self._file.write(data)
                run.append((at, len(data)))
                at += len(data)
            self._file.flush()  # a full disk shows here, and not when the file is read
        self._runs.append(run)
        self._last = []

    def _read_run(self, run: list[tuple[int, int]]) -> Iterator[Entry]:
        for offset, length in run:
            assert self._file is not None
            with spooling("a sorted listing"):
                self._file.seek(offset)
                data = self._file.read(length)
            yield from _unpack(frame.expand(data, least=0, most=_BLOCK_BYTES_MAX))


def _each_name_once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Of several with one name the last that was listed: see :meth:`Listing.entries`."""
    held: Entry | None = None
    for entry in entries:
        if held is not None and held.name != entry.name:
            yield held
        held = entry
    if held is not None:
        yield held


def _pack(entries: list[Entry]) -> bytes:
    numbers: list[int] = []
    for e in entries:
        numbers += (
            e.is_directory, e.file_id, e.size_bytes, e.created, e.accessed, e.written, e.changed, e.modified, e.attributes,
        )  # fmt: skip
    texts = "\0".join([*[e.name for e in entries], *[e.permission_key for e in entries]]).encode()
    return _HEAD.pack(len(entries), len(texts)) + struct.pack(f"<{len(numbers)}Q", *numbers) + texts


def _unpack(data: bytes) -> Iterator[Entry]:
    count, texts_bytes = _HEAD.unpack_from(data)
    texts = data[len(data) - texts_bytes :].decode().split("\0")
    rows = struct.iter_unpack(f"<{_ROW}", data[_HEAD.size : len(data) - texts_bytes])
    known: dict[str, str] = {}  # one string per distinct key
    for name, key, row in zip(texts[:count], texts[count:], rows, strict=True):
        is_directory, *others = row
        file_id, size_bytes, created, accessed, written, changed, modified, attributes = others
        yield Entry(
            name,
            bool(is_directory),
            file_id,
            size_bytes,
            created,
            accessed,
            written,
            changed,
            modified,
            attributes,
            known.setdefault(key, key),
        )
