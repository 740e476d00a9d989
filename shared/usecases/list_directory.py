"""List one directory and take its fingerprint."""

import re
from dataclasses import dataclass

from shared.core.fingerprint import ListingFingerprint
from shared.errors import IntegrityError, Unavailable
from shared.formats import listing
from shared.model.entry import Entry
from shared.ports import ShareReader

_SIZE = re.compile(rb"<Content-Length>(\d+)</Content-Length>")


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole listing of a directory, not parsed."""

    pages: tuple[bytes, ...]
    """The entries of each list page as the service wrote them."""
    fingerprint: int

    def file_count(self) -> int:
        """Files listed; a count of tags, because an unchanged directory is not parsed."""
        return sum(page.count(b"<File>") for page in self.pages)

    def total_bytes(self) -> int:
        """Bytes of the files listed."""
        return sum(int(size) for page in self.pages for size in _SIZE.findall(page))

    def entries(self) -> list[Entry]:
        """Every entry in code point order of name, each name once.

        A directory that is written to between two list pages can list a name twice; a share snapshot cannot.
        """
        found = {entry.name: entry for page in self.pages for entry in listing.parse(page)}
        return [found[name] for name in sorted(found)]


async def list_directory(reader: ShareReader, path: str) -> Listing:
    """List all of ``path``: one request per 5,000 entries, one after the other."""
    pages: list[bytes] = []
    fingerprint = ListingFingerprint()
    marker = ""
    while True:
        body = await reader.list_page(path, marker)
        try:
            entries, marker = listing.split(body)
        except IntegrityError as error:  # cut short on its way: asking again may help
            raise Unavailable(f"the listing of {path!r} is not whole: {error}") from error
        fingerprint.update(entries)
        pages.append(entries)
        if not marker:
            return Listing(tuple(pages), fingerprint.value())
