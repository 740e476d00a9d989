"""List one directory and take its fingerprint."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Final

from shared.core.fingerprint import ListingFingerprint
from shared.core.rules import EVERYTHING, Within
from shared.errors import IntegrityError, Unavailable
from shared.formats import frame, listing
from shared.model.entry import Entry
from shared.ports.share_reader import ShareReader
from shared.usecases.spool import spooling

_SIZE: Final = re.compile(rb"<Content-Length>(\d+)</Content-Length>")

SPOOL_BYTES: Final = 8 * 1024 * 1024
"""Compressed bytes of a listing kept in memory, the rest is on disk: a million entries are some 25 MB."""

LIST_PAGE_BYTES_MAX: Final = 64 * 1024 * 1024
"""More than a list page has: 5,000 entries of 600 bytes are 3 MB, with names of 255 characters of three bytes 7 MB."""


class Listing:
    """The whole listing of a directory, not parsed, to be read as often as wanted until it is closed.

    What the rules leave out is not among its entries, and not known before these are asked for: an unchanged directory is not
    parsed. So the counts are of everything that was listed.

    The first list page is kept as it came, which for nearly every directory is all. Of a directory with more of them, the
    others are compressed, in memory first and then in a temporary file, so that its size does not matter.
    """

    def __init__(self, large_file_bytes: int, within: Within = EVERYTHING) -> None:
        self._large_file_bytes = large_file_bytes
        self._within = within
        self._first = b""
        self._spool: IO[bytes] | None = None
        self._lengths: list[int] = []
        self._hash = ListingFingerprint()
        self.file_count = 0
        """Files listed; a count of tags, because an unchanged directory is not parsed."""
        self.entry_count = 0
        self.total_bytes = 0
        """Bytes of the files listed."""
        self.excluded_files = 0
        """Files that the rules leave out, once the entries were read."""
        self.excluded_directories = 0
        self.large_count = 0
        """Files above ``large_file_bytes``."""

    @property
    def fingerprint(self) -> int:
        """XXH3-64 over all entries, and the rules that choose among them."""
        return self._hash.value(self._within.digest)

    def add(self, entries: bytes) -> None:
        """Take in the entries of the next list page."""
        self._hash.update(entries)
        files = entries.count(b"<File>")
        self.file_count += files
        self.entry_count += files + entries.count(b"<Directory>")
        sizes = _SIZE.findall(entries)
        total_bytes = sum(map(int, sizes))
        self.total_bytes += total_bytes
        if total_bytes > self._large_file_bytes:  # else none of them can be
            digits = len(str(self._large_file_bytes))
            self.large_count += sum(int(size) > self._large_file_bytes for size in sizes if len(size) >= digits)
        if not self._first:
            self._first = entries
            return
        packed = frame.compressor(level=1).compress(entries)
        with spooling("a listing"):
            if self._spool is None:
                self._spool = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed by close
            self._spool.write(packed)
        self._lengths.append(len(packed))

    def pages(self) -> Iterator[bytes]:
        """The entries of each list page as the service wrote them. One reader at a time."""
        yield self._first
        if self._spool is not None:
            with spooling("a listing"):
                self._spool.seek(0)
            for length in self._lengths:
                with spooling("a listing"):
                    packed = self._spool.read(length)
                yield frame.expand(packed, least=0, most=LIST_PAGE_BYTES_MAX)

    def parsed(self) -> Iterator[list[Entry]]:
        """The entries of each list page but those that the rules leave out."""
        self.excluded_files = self.excluded_directories = 0
        for page in self.pages():
            entries = listing.parse(page)
            yield self._kept(entries) if self._within.digest else entries

    def _kept(self, entries: list[Entry]) -> list[Entry]:
        keeps = self._within.keeps
        kept = [entry for entry in entries if keeps(entry.name, entry.is_directory)]
        directories = sum([e.is_directory for e in entries]) - sum([e.is_directory for e in kept])
        self.excluded_directories += directories
        self.excluded_files += len(entries) - len(kept) - directories
        return kept

    def entries(self) -> list[Entry]:
        """Every entry in code point order of name, each name once.

        A directory that is written to between two list pages can list a name twice; a share snapshot cannot.
        """
        found = {entry.name: entry for entries in self.parsed() for entry in entries}
        return [found[name] for name in sorted(found)]

    def close(self) -> None:
        """Give back memory and disk; nothing but the counts and the fingerprint can be asked for after."""
        self._first = b""
        if self._spool is not None:
            with suppress(OSError):  # the last of it did not fit the disk, and nobody wants it any more
                self._spool.close()
            self._spool = None


async def list_directory(reader: ShareReader, path: str, large_file_bytes: int, within: Within = EVERYTHING) -> Listing:
    """List all of ``path``: one request per 5,000 entries, one after the other. The caller closes the listing."""
    found = Listing(large_file_bytes, within)
    marker = ""
    try:
        while True:
            body = await reader.list_page(path, marker)
            try:
                entries, marker = listing.split(body)
            except IntegrityError as error:  # cut short on its way: asking again may help
                raise Unavailable(f"the listing of {path!r} is not whole: {error}") from error
            found.add(entries)
            if not marker:
                return found
    except BaseException:
        found.close()
        raise
