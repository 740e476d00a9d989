"""What a process remembers of records between questions about a share's past: they never change, and every click asks again."""

from array import array
from collections.abc import Iterable
from typing import Final

from shared.core.lru import Lru
from shared.model.manifest import ManifestRef, PageRecord

IDS_MAX: Final = 4_000_000
"""Directory ids remembered, of 8 bytes each: of a share in which 100,000 directories change each night, a month."""
WIDE_PAGES: Final = 64
"""Pages from which on a directory is wide."""
PAGES_MAX: Final = 500_000
"""Page numbers remembered, of 36 bytes each: of thirty directories of a million files."""

Segment = tuple[int, int, int]
"""``(share_id, run_no, batch_no)``."""


class IndexCache:
    """Which directories have records in which segments, which differences ask; and the pages of wide directories, which each window asks."""

    def __init__(self, ids_max: int = IDS_MAX, pages_max: int = PAGES_MAX) -> None:
        self._segments: Lru[Segment, array[int]] = Lru(ids_max, len)
        self._firsts: Lru[tuple[int, ManifestRef], PageRecord] = Lru(pages_max, lambda record: len(record.page_nos))

    def get(self, segment: Segment) -> Iterable[int] | None:
        """The directories in a segment, each once; None if that is not known."""
        return self._segments.get(segment)

    def put(self, segment: Segment, directory_ids: Iterable[int]) -> Iterable[int]:
        """Remember, and return, the directories in a segment."""
        found = array("Q", set(directory_ids))
        self._segments.put(segment, found)
        return found

    def first(self, share_id: int, ref: ManifestRef) -> PageRecord | None:
        """The record at a place, if it is known to be of a wide directory's page 0."""
        return self._firsts.get((share_id, ref))

    def put_first(self, share_id: int, ref: ManifestRef, record: PageRecord) -> None:
        """Remember a record, if it is that."""
        if len(record.page_nos) >= WIDE_PAGES:
            self._firsts.put((share_id, ref), record)
