"""One directory whose listing differs, or a piece of a wide one, on its way to new pages and manifests.

No I/O: :mod:`shared.usecases.batch` does it.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace

from shared.core import diff, history, paging, xorhash
from shared.core.fingerprint import entries_fingerprint
from shared.formats.segment import SegmentWriter
from shared.model import ticks
from shared.model.content import UNSAVED, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import SLOT_MAX
from shared.model.page import DirectoryHead, DirectoryPages, FileRow, Page, PageHead
from shared.model.repack import BundleKey
from shared.model.verify import Damage
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


class Pages:
    """The pages a directory has in the catalogue, by number."""

    def __init__(self, found: DirectoryPages) -> None:
        self.first = found.first
        self.heads = {head.page_no: head for head in found.heads}

    def lost_some(self) -> bool:
        """Whether pages went since page 0's record named them: a run that deleted the directory has died half-way."""
        named_at = self.first.manifest.run_no if self.first is not None and self.first.manifest is not None else 0
        return any(h.deleted_run is not None and h.deleted_run > named_at for h in self.heads.values())

    def bounds(self) -> list[paging.Bound]:
        """Of the live pages, in name order."""
        live = (h for h in self.heads.values() if h.page_no == 0 or h.deleted_run is None)
        return sorted((paging.Bound(h.page_no, h.lower) for h in live), key=lambda bound: bound.lower)

    def cut(
        self, entries: Iterator[Entry] | Sequence[Entry], bounds: list[paging.Bound], page_entries: int
    ) -> Iterator[paging.Slice]:
        """Deal all ``entries`` of the directory out to its pages."""
        free = [h.page_no for h in self.heads.values() if h.page_no and h.deleted_run is not None]
        next_page_no = max(self.heads, default=0) + 1
        return paging.cut(entries, bounds, free=free, next_page_no=next_page_no, page_entries_max=page_entries)

    def take(self, row: Page) -> None:
        """Note that ``row`` was written."""
        if row.page_no == 0:
            self.first = row
        lower = row.name if row.page_no else ""
        self.heads[row.page_no] = PageHead(row.page_no, lower, row.page_fingerprint, row.manifest, row.deleted_run)

    def is_unnamed(self, s: paging.Slice) -> bool:
        """Whether page 0's record does not name the page yet: it is new, or only a scan has seen it."""
        return s.is_new or self.heads[s.page_no].manifest is None

    def is_unchanged(self, s: paging.Slice) -> bool:
        """Whether a page has exactly these entries, all of them safe."""
        head = self.heads.get(s.page_no)
        if head is None or s.is_new or head.page_fingerprint is None:
            return False
        return head.page_fingerprint == entries_fingerprint(s.entries)


@dataclass(slots=True, kw_only=True)
class Rest:
    """What a page held beyond the names that a piece of a wide directory has come to.

    It becomes a page of its own, as it was saved, until a later piece or a later run compares it. So no name is lost from
    the directory between two pieces. The page is the one that the next slice is for.
    """

    page_no: int
    lower: str
    entries: tuple[SavedEntry, ...] = ()


@dataclass(slots=True, kw_only=True)
class Changed:
    """A directory whose listing differs, or a piece of it, on its way to new pages."""

    visit: Visit
    pages: Pages
    page_nos: tuple[int, ...]
    """The directory's pages in name order, as they are when this is committed."""
    changed_slices: list[paging.Slice]
    dissolved: dict[int, PageHead]
    """Pages whose entries others have taken over."""
    subdirectories: list[Entry]
    """Those listed, in changed pages or not."""
    fingerprint: int | None
    """Of the listing, if all of it is in this or was saved before."""
    is_last: bool = True
    """No piece of the directory comes after this."""
    rest: Rest | None = None
    first_record: PageRecord | None = None
    """Page 0's record, when an earlier piece wrote it: only its list of pages is to be brought up to date."""
    records: dict[int, PageRecord] = field(default_factory=dict)
    """Newest record, by page number, of every page in :meth:`manifests`."""
    subdirectory_ids: dict[int, int] = field(default_factory=dict)
    """FileId to node id, of every subdirectory listed."""
    saved_subdirectories: dict[int, SavedEntry] = field(default_factory=dict)
    """FileId to saved entry, of those in changed pages."""
    plans: dict[str, diff.FilePlan] = field(default_factory=dict)
    """Name to plan, of files in changed pages. (Hard links have one FileId, so it names no entry.)"""
    files: dict[str, FileToSave] = field(default_factory=dict)
    """Name to the file to read."""
    copies: dict[str, FileToSave] = field(default_factory=dict)
    """Name to a file that has not changed and whose content is to be written into another bundle."""
    listed_content: dict[str, LargeContent] = field(default_factory=dict)
    """Name to the content of a large file."""
    scanned: dict[int, Page] = field(default_factory=dict)
    """Rows, by page number, of the pages in :meth:`unsaved_pages`."""
    scanned_slots: dict[str, int] = field(default_factory=dict)
    """Name to number, of files that a scan has seen and no run has saved."""
    next_slot: int = 1
    left_out: list[FileToSave] = field(default_factory=list)
    """Files for which the directory has no number left."""
    deleted_files: int = 0
    cut_off: bool = False
    """Not all of it was saved, because the work was to stop: it is to be visited again in this run."""
    unsafe: set[str] = field(default_factory=set)
    """Names of what is not saved: no fingerprint for their pages, nor for the directory."""

    def __post_init__(self) -> None:
        if self.pages.first is not None:
            self.next_slot = self.pages.first.next_slot

    @property
    def node_id(self) -> int:
        """Of the directory."""
        return self.visit.head.node_id

    @property
    def is_unsaved(self) -> bool:
        """Whether no run has saved anything of the directory: what there may be of it is from scans."""
        return self.pages.first is None or self.pages.first.manifest is None

    def entries(self) -> list[Entry]:
        """Entries of the pages that changed."""
        return [entry for s in self.changed_slices for entry in s.entries]

    def saved_before(self) -> list[SavedEntry]:
        """What the pages that changed held before.

        A number that is used again had a record too, but what that lists went to other pages when its page was dissolved.
        """
        records = (r for page_no, r in self.records.items() if self.pages.heads[page_no].deleted_run is None)
        return [saved for record in records for saved in record.entries]

    def manifests(self) -> dict[int, ManifestRef]:
        """Newest manifest, by page number, of each page that changes or goes and has one."""
        page_nos = [s.page_no for s in self.changed_slices] + ([self.rest.page_no] if self.rest is not None else [])
        heads = [self.pages.heads[page_no] for page_no in page_nos if page_no in self.pages.heads]
        known = {h.page_no: h.manifest for h in (*heads, *self.dissolved.values())}
        return {page_no: ref for page_no, ref in known.items() if ref is not None}

    def unsaved_pages(self) -> list[int]:
        """Numbers of live pages that change or go and of which there is no record: scans wrote them.

        A directory that was found and not visited has such a page too, which is not worth looking at.
        """
        if self.next_slot == 1 and len(self.pages.heads) == 1:
            return []
        heads = [self.pages.heads[s.page_no] for s in self.changed_slices if s.page_no in self.pages.heads]
        return [h.page_no for h in (*heads, *self.dissolved.values()) if h.manifest is None and h.deleted_run is None]

    def recall(self, row: Page) -> None:
        """Take note of the row of one of :meth:`unsaved_pages`."""
        self.scanned[row.page_no] = row
        self.scanned_slots |= {file.name: file.slot for file in row.files}

    def forget(self, damage: Damage) -> bool:
        """Treat a version of a file that a verify found damaged as not saved; whether it is among what is compared here."""
        if not damage.node_id:
            return any(s.page_no == damage.page_id & SLOT_MAX for s in self.changed_slices)
        for page_no, record in self.records.items():
            for at, saved in enumerate(record.entries):
                if (saved.node_id, saved.saved_run) == (damage.node_id, damage.saved_run):
                    lost = replace(saved, content=UNSAVED, digest=b"", quickxor=b"")
                    entries = (*record.entries[:at], lost, *record.entries[at + 1 :])
                    self.records[page_no] = replace(record, entries=entries)
                    return True
        return False

    def plan_files(self) -> None:
        """Decide what to do about each file. Call when the records are there."""
        previous, entries = self.saved_before(), self.entries()
        plans, self.next_slot = diff.plan_files(
            entries, previous, directory_id=self.node_id, next_slot=self.next_slot, scanned=self.scanned_slots
        )
        for plan in plans:
            file = FileToSave(plan, self.visit.child_path(plan.entry.name))
            if not plan.node_id:
                self.left_out.append(file)
                continue
            self.plans[plan.entry.name] = plan
            if not plan.unchanged:
                self.files[plan.entry.name] = file
        kept = {plan.node_id for plan in plans if plan.previous is not None}
        listed = {entry.file_id for entry in entries if entry.is_directory}
        gone = [
            saved
            for saved in previous
            if (saved.entry.file_id not in listed if saved.entry.is_directory else saved.node_id not in kept)
        ]
        if self.rest is not None:
            left = [saved for saved in gone if saved.entry.name >= self.rest.lower]
            self.rest.entries = tuple(sorted(left, key=lambda saved: saved.entry.name))
            gone = [saved for saved in gone if saved.entry.name < self.rest.lower]
            if not left:
                self.page_nos = tuple(page_no for page_no in self.page_nos if page_no != self.rest.page_no)
                self.rest = None
        self.deleted_files = sum(1 for saved in gone if not saved.entry.is_directory)

    def leave(self, bundles: Set[BundleKey]) -> None:
        """Have what is in these bundles written into others. Call when the files are planned."""
        for name, plan in self.plans.items():
            previous = plan.previous
            if previous is None or previous.content.kind is not ContentKind.BUNDLED:
                continue
            content = previous.content
            if (content.run_no, content.batch_no, content.part) not in bundles:
                continue
            if plan.unchanged:
                self.copies[name] = FileToSave(plan, self.visit.child_path(name))
            else:
                self.files[name].leaves = True

    def read_again(self, file: FileToSave) -> None:
        """Have a file that could not be copied read from the share, as if nothing had been saved of it."""
        plan, previous = file.plan, file.plan.previous
        assert previous is not None
        name = plan.entry.name
        lost = replace(previous, content=UNSAVED, digest=b"", quickxor=b"")
        self.plans[name] = plan = replace(plan, previous=lost, unchanged=False)
        self.files[name] = FileToSave(plan, file.path)
        del self.copies[name]

    def copied(self) -> list[FileToSave]:
        """Files whose content is in another bundle now."""
        return [file for file in self.copies.values() if file.content is not UNSAVED]

    def finish(self, run_no: int, batch_no: int, segment: SegmentWriter) -> list[Page]:
        """Add the manifests of changed pages to ``segment``; returns the rows to write. Call when everything is saved."""
        before = self.manifests()

        def record(page_no: int, entries: tuple[SavedEntry, ...]) -> ManifestRef:
            previous = self.records.get(page_no)
            named = self.page_nos if page_no == 0 else (0,)
            if previous is not None and previous.entries == entries and previous.page_nos == named:
                written, ref = previous, before[page_no]  # only the directory's own times changed
            else:
                if previous is None and page_no in before:  # damaged or gone
                    depth, ancestors = history.after_lost(before[page_no])
                else:
                    depth, ancestors = history.extend(previous, before.get(page_no))
                written = PageRecord(self.node_id, page_no, run_no, depth, ancestors, entries, named)
                ref = ManifestRef(run_no, batch_no, *segment.add(written))
            if page_no == 0:
                self.first_record = written
            return ref

        rows: dict[int, Page] = {}
        first = self.pages.first
        if first is not None and first.manifest is not None and self.first_record is not None:
            self.records[0], before[0] = self.first_record, first.manifest
            first = replace(first, manifest=record(0, self.first_record.entries))
        for s in self.changed_slices:
            saved = self._saved_entries(s, run_no)
            rows[s.page_no] = self._row(s, record(s.page_no, saved), saved, self._page_fingerprint(s))
        if self.rest is not None:
            s = paging.Slice(self.rest.page_no, self.rest.lower, (), True)
            rows[s.page_no] = self._row(s, record(s.page_no, self.rest.entries), self.rest.entries, None)
        for h in self.dissolved.values():
            rows[h.page_no] = Page(
                directory_id=self.node_id, page_no=h.page_no, name=h.lower, manifest=h.manifest, deleted_run=run_no
            )
        first = rows.pop(0, first)
        assert first is not None
        head = self.visit.head
        return [
            replace(
                first,
                name=head.name,
                parent_id=head.parent_id,
                file_id=head.file_id,
                mtime=self.visit.mtime,
                fingerprint=None if self.unsafe else self.fingerprint,
                next_slot=self.next_slot,
            ),
            *rows.values(),
        ]

    def _saved_entries(self, s: paging.Slice, run_no: int) -> tuple[SavedEntry, ...]:
        saved: list[SavedEntry] = []
        for entry in s.entries:
            if entry.is_directory:
                saved.append(self.saved_subdirectories[entry.file_id])
            elif (file := self.files.get(entry.name)) is not None:
                saved.append(file.saved(run_no))
            elif (plan := self.plans.get(entry.name)) is not None:
                kept, copy = plan.kept(), self.copies.get(entry.name)
                if copy is not None and copy.content is not UNSAVED:
                    kept = replace(kept, content=copy.content)
                saved.append(kept)
        return tuple(saved)

    def _page_fingerprint(self, s: paging.Slice) -> int | None:
        if len(self.page_nos) == 1 and self.is_last:
            return None  # the directory's own says as much
        if self.unsafe and any(entry.name in self.unsafe for entry in s.entries):
            return None
        return entries_fingerprint(s.entries)

    def _row(
        self, s: paging.Slice, ref: ManifestRef, saved: tuple[SavedEntry, ...], page_fingerprint: int | None
    ) -> Page:
        return Page(
            directory_id=self.node_id,
            page_no=s.page_no,
            name=s.lower,
            page_fingerprint=page_fingerprint,
            manifest=ref,
            files=tuple(file_row(file) for file in saved if not file.entry.is_directory),
        )


def compare(visit: Visit, listing: Listing, found: DirectoryPages, page_entries: int) -> Changed:
    """Deal a directory's listing out to its pages and find those that changed.

    :raises IntegrityError: the listing cannot be read.
    """
    pages = Pages(found)
    entries = listing.entries()
    slices = list(pages.cut(entries, pages.bounds() if found.first is not None else [], page_entries))
    changed = [s for s in slices if len(slices) == 1 or not pages.is_unchanged(s)]
    if slices[0] not in changed and (pages.lost_some() or any(pages.is_unnamed(s) or s.dissolved for s in slices)):
        changed.insert(0, slices[0])  # page 0's record names the pages
    return Changed(
        visit=visit,
        pages=pages,
        page_nos=tuple(s.page_no for s in slices),
        changed_slices=changed,
        dissolved={page_no: pages.heads[page_no] for s in slices for page_no in s.dissolved},
        subdirectories=[entry for entry in entries if entry.is_directory],
        fingerprint=listing.fingerprint,
    )


def file_row(saved: SavedEntry) -> FileRow:
    """What the catalogue keeps of a saved file."""
    return FileRow(
        name=saved.entry.name,
        slot=saved.node_id & SLOT_MAX,
        size_bytes=saved.entry.size_bytes,
        mtime=ticks.to_unix(saved.entry.written),
        hash=xorhash.fold(saved.quickxor) if saved.quickxor else 0,
    )
