"""From records and notes to rows of the catalogue.

A row is what the page's newest record says, with what the segment of that record notes of it. Where something was noted later without
a record (a directory's own time changed, a page was dissolved or deleted) that is put over it, if it speaks of this very
record. Of two records of a page the newer is that of the later run, and in one run the deeper; never the one of the higher batch
number: a batch that was opened early can be committed late.

A directory's name, parent and FileId are what the newest record says that names it and is still the newest of its own page. If there is
none, it is gone, whether that is noted or not.
"""

from dataclasses import dataclass, replace
from typing import Final

from shared.core import xorhash
from shared.formats import packed
from shared.formats.manifest import Outline
from shared.model import ticks
from shared.model.manifest import ManifestRef
from shared.model.node import ROOT_ID, SLOT_MAX
from shared.model.note import PageNote, implied_next_slot
from shared.model.page import FileRow, Page
from shared.model.point import PointRecord
from shared.model.rebuild import Row, Staged, StagedDirectory, StagedPlace, StagedRecord
from shared.model.run import RestorePoint

ABOVE_UNKNOWN: Final = ROOT_ID
"""Where tombstones hang of whose place nothing is known: nobody looks for them by name, restores find them by number."""


def stage(found: Outline, ref: ManifestRef, note: PageNote | None, into: Staged) -> None:
    """Add what a record says, and the note that its segment has of it, if any."""
    page_id = found.directory_id | found.page_no
    page = Page(
        directory_id=found.directory_id,
        page_no=found.page_no,
        name=note.lower if note is not None else found.first_name if found.page_no else "",
        manifest=ref,
        files=tuple(
            [
                FileRow(
                    file.name,
                    file.node_id & SLOT_MAX,
                    file.size_bytes,
                    ticks.to_unix(file.written),
                    xorhash.fold(file.quickxor) if file.quickxor else 0,
                )
                for file in found.files
            ]
        ),
    )
    page = replace(page, next_slot=implied_next_slot(page))
    if note is not None:
        page = with_note(page, note)
    highest = max((file.slot for file in page.files), default=0) + 1
    names, data = packed.pack(page)
    record = StagedRecord(page_id, ref, found.depth, note is not None, highest, page.name, found.page_nos, names, data)
    known = into.records.get(page_id)
    if known is None or _order(record.ref, record.depth) > _order(known.ref, known.depth):
        into.records[page_id] = record
    for child in found.subdirectories:
        place = StagedPlace(
            child.node_id, page_id, ref, found.depth, child.file_id, ticks.to_unix(child.written), child.name
        )
        before = into.places.get((child.node_id, page_id))
        if before is None or _order(place.ref, place.depth) > _order(before.ref, before.depth):
            into.places[child.node_id, page_id] = place


def stage_note(run_no: int, batch_no: int, note: PageNote, into: Staged) -> None:
    """Add a note that speaks of a record in another segment."""
    known = into.notes.get(note.page_id)
    if known is None or (run_no, rank(note), batch_no) > (known[0], rank(known[2]), known[1]):
        into.notes[note.page_id] = (run_no, batch_no, note)


def rank(note: PageNote) -> int:
    """Which of two notes of one run is the later one, whatever their batches: deleting is last, a fingerprint comes when all is done."""
    return 2 if note.deleted_run is not None else 1 if note.fingerprint is not None else 0


def with_note(page: Page, note: PageNote) -> Page:
    """The row of a page as it is by its note."""
    if note.deleted_run is not None:
        page = replace(page, files=())
    if note.place is not None:
        page = replace(page, parent_id=note.place.parent_id, file_id=note.place.file_id, name=note.place.name)
    elif page.page_no:
        page = replace(page, name=note.lower)
    return replace(
        page,
        mtime=note.mtime,
        fingerprint=note.fingerprint,
        page_fingerprint=note.page_fingerprint,
        deleted_run=note.deleted_run,
        next_slot=implied_next_slot(page) if note.next_slot is None else note.next_slot,
    )


@dataclass(slots=True)
class Assembly:
    """Makes rows of what was staged."""

    root_mtime: int
    """Unix seconds; for a root of which none is noted."""
    deleted_run: int
    """Run to tell of pages that are gone without a note of when."""
    has_losses: bool
    """Some segment is lost: a directory of several pages may lack the newest state of one."""

    def rows(self, found: StagedDirectory) -> tuple[list[Row], int | None]:
        """The rows of a directory, and the parent below which it is missing although nothing notes that it was deleted."""
        place = found.place
        if len(found.pages) == 1 and found.node_id != ROOT_ID and place is not None and found.is_there:
            record, note = found.pages[0]
            if record is not None and note is None and record.noted and record.page_id == found.node_id:
                parent_id = place.page_id & ~SLOT_MAX
                return [Row(found.node_id, parent_id, place.file_id, place.name, record.names, record.packed)], None
        return self._rows(found)

    def _rows(self, found: StagedDirectory) -> tuple[list[Row], int | None]:
        pages = [page for record, note in found.pages if (page := self._page(record, note)) is not None]
        pages = self._dissolved(found, pages)
        if not pages or pages[0].page_no:
            pages.insert(0, Page(directory_id=found.node_id, name=""))  # never visited, or its record is lost
        first, place = pages[0], found.place
        records = [record for record, _ in found.pages if record is not None]
        if records and (first.manifest is None or not all(record.noted for record in records)):
            first = replace(first, next_slot=max(first.next_slot, *(record.next_slot for record in records)))
        if self.has_losses and any(len(record.page_nos) > 1 or record.page_id != found.node_id for record in records):
            # Its record may name a page of which nothing is left: the next backup is to write it anew.
            first = replace(first, fingerprint=None, page_fingerprint=None)
        missing: int | None = None
        noted = any(
            record is not None and record.noted and record.page_id == found.node_id for record, _ in found.pages
        )
        noted = noted or any(note is not None and not note[2].page_id & SLOT_MAX for _, note in found.pages)
        if found.node_id == ROOT_ID:
            first = replace(first, name="", file_id=0 if found.pages else None, parent_id=None)
            first = first if noted else replace(first, mtime=self.root_mtime)
        elif first.deleted_run is None:
            if place is not None:
                first = replace(first, parent_id=place.page_id & ~SLOT_MAX, name=place.name, file_id=place.file_id)
                first = first if noted else replace(first, mtime=place.mtime)
            else:
                first = replace(first, parent_id=ABOVE_UNKNOWN, name=f"{found.node_id >> 24}", file_id=0)
            missing = None if found.is_there else first.parent_id
        pages[0] = first
        return [row_of(page) for page in pages], missing

    def _page(self, record: StagedRecord | None, note: tuple[int, int, PageNote] | None) -> Page | None:
        """A page as its record and the note that may be about it say."""
        if record is None:
            if note is None:
                return None
            run_no, _, noted = note
            page_no = noted.page_id & SLOT_MAX
            page = Page(directory_id=noted.page_id - page_no, page_no=page_no, name=noted.lower)
            page = with_note(page, noted)
            # What it speaks of is lost, unless there never was a record.
            return page if noted.record == (0, 0) else replace(page, fingerprint=None, page_fingerprint=None)
        page = packed.unpack(record.page_id, None, None, record.lower, record.names, record.packed)
        if note is None:
            return page
        run_no, _, noted = note
        if noted.record == (record.ref.run_no, record.ref.batch_no):
            return with_note(page, noted)
        if run_no > record.ref.run_no and noted.record is not None and noted.record[0] > record.ref.run_no:
            return replace(with_note(page, noted), fingerprint=None, page_fingerprint=None)
        return page

    def _dissolved(self, found: StagedDirectory, pages: list[Page]) -> list[Page]:
        """Have pages gone that page 0 does not name; of segments without notes nothing else tells.

        Empty ones as well: which names belong to them is lost, and nobody needs them.
        """
        first = next(
            (record for record, _ in found.pages if record is not None and not record.page_id & SLOT_MAX), None
        )
        if first is None:
            return pages
        known = {record.page_id: record.noted for record, _ in found.pages if record is not None}
        gone = [
            page
            for page in pages
            if page.page_no
            and (page.page_no not in first.page_nos or not page.name)
            and page.deleted_run is None
            and not known.get(page.directory_id | page.page_no, True)
        ]
        return [
            replace(page, files=(), page_fingerprint=None, deleted_run=first.ref.run_no) if page in gone else page
            for page in pages
        ]


def row_of(page: Page) -> Row:
    """A page as its row."""
    names, data = packed.pack(page)
    return Row(page.directory_id | page.page_no, page.parent_id, page.file_id, page.name, names, data)


def _order(ref: ManifestRef, depth: int) -> tuple[int, int, int]:
    return ref.run_no, depth, ref.batch_no


def restore_point_of(record: PointRecord, *, kept: bool) -> RestorePoint:
    """A restore point as its commit record says; ``kept``: its share snapshot is still there."""
    return RestorePoint(
        run_no=record.run_no,
        taken_at=record.taken_at,
        committed_at=record.committed_at,
        directories=record.directories,
        files=record.files,
        bytes=record.bytes,
        errors=record.errors,
        share_snapshot=record.share_snapshot if kept else None,
    )
