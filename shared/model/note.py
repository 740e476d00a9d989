"""What a segment notes of a page beside its record: what a catalogue made of the vault alone could not know otherwise."""

from dataclasses import dataclass

from shared.model.page import Page


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory was when it was deleted: no record of its parent names it any more."""

    parent_id: int
    file_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNote:
    """A row of the catalogue as a batch left it, without what the page's record says."""

    page_id: int
    """Directory plus page number."""
    mtime: int = 0
    fingerprint: int | None = None
    page_fingerprint: int | None = None
    deleted_run: int | None = None
    next_slot: int | None = None
    """None: what follows from the largest slot among the page's files."""
    record: tuple[int, int] | None = None
    """``(run_no, batch_no)`` of the page's newest record, ``(0, 0)`` if it has none; None: it is in the same segment."""
    lower: str = ""
    """Of a later page: the least name that belongs to it."""
    place: Place | None = None


def implied_next_slot(page: Page) -> int:
    """The ``next_slot`` of a page of which nothing else is noted."""
    return max((file.slot for file in page.files), default=0) + 1 if page.page_no == 0 else 1


def note_of(page: Page, run_no: int, batch_no: int) -> PageNote:
    """What a segment of ``batch_no`` of ``run_no`` notes of a row."""
    record = (0, 0) if page.manifest is None else (page.manifest.run_no, page.manifest.batch_no)
    place = None
    if page.page_no == 0 and page.deleted_run is not None and page.parent_id is not None:
        place = Place(page.parent_id, page.file_id or 0, page.name)
    return PageNote(
        page_id=page.directory_id | page.page_no,
        mtime=page.mtime,
        fingerprint=page.fingerprint,
        page_fingerprint=page.page_fingerprint,
        deleted_run=page.deleted_run,
        next_slot=None if page.next_slot == implied_next_slot(page) else page.next_slot,
        record=None if record == (run_no, batch_no) else record,
        lower=page.name if page.page_no else "",
        place=place,
    )
