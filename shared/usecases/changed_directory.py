"""One directory whose listing differs, on its way to new pages and manifests. No I/O: :mod:`shared.usecases.walk` does it."""

from dataclasses import dataclass, field, replace

from shared.core import diff, history, paging, xorhash
from shared.core.fingerprint import entries_fingerprint
from shared.formats.segment import SegmentWriter
from shared.model import ticks
from shared.model.entry import Entry
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import SLOT_MAX
from shared.model.page import DirectoryHead, FileRow, Page
from shared.model.work import LargeContent
from shared.usecases.list_directory import Listing
from shared.usecases.save_files import FileToSave


@dataclass(slots=True)
class Visit:
    """A directory on the walk."""

    head: DirectoryHead
    path: str
    mtime: int
    is_new: bool
    """Its row does not exist yet: this batch found it."""
    claimed: bool

    def child_path(self, name: str) -> str:
        """Path of an entry of this directory."""
        return f"{self.path}/{name}" if self.path else name


@dataclass(slots=True)
class Changed:
    """A directory whose listing differs, on its way to new pages."""

    visit: Visit
    listing: Listing
    slices: list[paging.Slice]
    pages: dict[int, Page]
    """Its rows by page number."""
    changed_slices: list[paging.Slice] = field(default_factory=list)
    records: dict[int, PageRecord] = field(default_factory=dict)
    """Newest record of each changed page that has one."""
    subdirectory_ids: dict[int, int] = field(default_factory=dict)
    """FileId to node id, of every subdirectory listed."""
    subdirectories: dict[int, SavedEntry] = field(default_factory=dict)
    """FileId to saved entry, of those in changed pages."""
    plans: dict[int, diff.FilePlan] = field(default_factory=dict)
    """FileId to plan, of files in changed pages."""
    files: dict[int, FileToSave] = field(default_factory=dict)
    """FileId to the file to read."""
    listed_content: dict[int, LargeContent] = field(default_factory=dict)
    next_slot: int = 1
    left_out: list[str] = field(default_factory=list)
    """Paths of files for which the directory has no number left."""
    deleted_files: int = 0
    unsafe: bool = False
    """Something named by the listing is not saved: no fingerprint."""

    @property
    def node_id(self) -> int:
        """Of the directory."""
        return self.visit.head.node_id

    def entries(self) -> list[Entry]:
        """Entries of the pages that changed."""
        return [entry for s in self.changed_slices for entry in s.entries]

    def saved_before(self) -> dict[int, SavedEntry]:
        """By FileId, what the pages that changed held before."""
        return {saved.entry.file_id: saved for record in self.records.values() for saved in record.entries}

    def manifests(self) -> dict[int, ManifestRef]:
        """Newest manifest of each changed page that has one, by page number."""
        rows = ((s.page_no, self.pages.get(s.page_no)) for s in self.changed_slices)
        return {page_no: row.manifest for page_no, row in rows if row is not None and row.manifest is not None}

    def plan_files(self) -> None:
        """Decide what to do about each file. Call when the records are there."""
        previous, entries = self.saved_before(), self.entries()
        plans, self.next_slot = diff.plan_files(entries, previous, directory_id=self.node_id, next_slot=self.next_slot)
        for plan in plans:
            path = self.visit.child_path(plan.entry.name)
            if not plan.node_id:
                self.left_out.append(path)
                continue
            self.plans[plan.entry.file_id] = plan
            if not plan.unchanged:
                self.files[plan.entry.file_id] = FileToSave(plan, path)
        gone = set(previous) - {entry.file_id for entry in entries}
        self.deleted_files = sum(1 for file_id in gone if not previous[file_id].entry.is_directory)

    def finish(self, run_no: int, batch_no: int, segment: SegmentWriter) -> list[Page]:
        """Add the manifests of changed pages to ``segment``; returns the rows to write. Call when everything is saved."""
        page_nos = tuple(s.page_no for s in self.slices)
        saved = {s.page_no: self._saved_entries(s, run_no) for s in self.changed_slices}
        refs: dict[int, ManifestRef] = {}
        before = self.manifests()
        for page_no, entries in saved.items():
            previous = self.records.get(page_no)
            named = page_nos if page_no == 0 else (0,)
            if previous is not None and previous.entries == entries and previous.page_nos == named:
                refs[page_no] = before[page_no]  # only the directory's own times changed
                continue
            depth, ancestors = history.extend(previous, before[page_no] if previous is not None else None)
            record = PageRecord(self.node_id, page_no, run_no, depth, ancestors, entries, named)
            refs[page_no] = ManifestRef(run_no, batch_no, *segment.add(record))
        rows = (self._row(s, refs.get(s.page_no), saved.get(s.page_no)) for s in self.slices)
        return [row for row in rows if row is not None]

    def _saved_entries(self, s: paging.Slice, run_no: int) -> tuple[SavedEntry, ...]:
        saved: list[SavedEntry] = []
        for entry in s.entries:
            if entry.is_directory:
                saved.append(self.subdirectories[entry.file_id])
            elif (file := self.files.get(entry.file_id)) is not None:
                saved.append(file.saved(run_no))
            elif (plan := self.plans.get(entry.file_id)) is not None:
                saved.append(plan.kept())
        return tuple(saved)

    def _row(self, s: paging.Slice, ref: ManifestRef | None, saved: tuple[SavedEntry, ...] | None) -> Page | None:
        """The row of one page; None when it is as it was."""
        head = self.visit.head
        if saved is not None:
            several = len(self.slices) > 1
            row = Page(
                directory_id=head.node_id,
                page_no=s.page_no,
                name=s.lower,
                page_fingerprint=entries_fingerprint(s.entries) if several and not self.unsafe else None,
                manifest=ref,
                files=tuple(_file_row(file) for file in saved if not file.entry.is_directory),
            )
        elif s.page_no == 0:
            row = self.pages[0]
        else:
            return None
        if s.page_no:
            return row
        return replace(
            row,
            name=head.name,
            parent_id=head.parent_id,
            file_id=head.file_id,
            mtime=self.visit.mtime,
            fingerprint=None if self.unsafe else self.listing.fingerprint,
            next_slot=self.next_slot,
        )


def compare(visit: Visit, listing: Listing, rows: list[Page], page_entries: int) -> Changed:
    """Deal a directory's listing out to its pages and find those that changed.

    :param rows: the directory's rows, dissolved pages included.
    :raises IntegrityError: the listing cannot be read.
    """
    pages = {row.page_no: row for row in rows}
    live = [row for row in rows if row.page_no == 0 or row.deleted_run is None]
    bounds = sorted((paging.Bound(row.page_no, row.name if row.page_no else "") for row in live), key=lambda b: b.lower)
    slices = paging.cut(
        listing.entries(), bounds, next_page_no=max(pages, default=0) + 1, page_entries_max=page_entries
    )
    c = Changed(visit, listing, slices, pages)
    c.next_slot = pages[0].next_slot if 0 in pages else 1
    for s in slices:
        row = pages.get(s.page_no)
        before = row.page_fingerprint if row is not None and len(slices) > 1 else None
        if before is None or before != entries_fingerprint(s.entries):
            c.changed_slices.append(s)
    if len(slices) != len(live) and slices[0] not in c.changed_slices:
        c.changed_slices.insert(0, slices[0])  # page 0's record names the pages
    return c


def _file_row(saved: SavedEntry) -> FileRow:
    return FileRow(
        name=saved.entry.name,
        slot=saved.node_id & SLOT_MAX,
        size_bytes=saved.entry.size_bytes,
        mtime=ticks.to_unix(saved.entry.written),
        hash=xorhash.fold(saved.quickxor) if saved.quickxor else 0,
    )
