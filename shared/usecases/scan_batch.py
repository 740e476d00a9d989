"""What one claim of a scan came to: the batch of a backup, without reading a file and without writing to the vault.

**A later backup skips nothing because of a scan, and saves the same.** A backup skips a directory whose fingerprint is that of its
listing, and a page likewise. A scan stores neither, and takes the fingerprint off a directory where it

* found a subdirectory that is new, or has moved there, or has another name: its row is written, because a directory is claimed by its
  row, and its path is made of rows. Were the listing to become again what it was, nobody would notice that the row is wrong;
* found that a subdirectory has moved away, for the same reason.

**Rows of files are written of directories that no run has saved, and of no others.** Of a saved directory the scan reads the
manifests of changed pages, tells what is different, and leaves the rows as they are: they say what the manifests say. To bring
them up to date would need pages without a record. Page 0's record names the pages of its directory, so a split or a
merge that only the catalogue knows would put files where no restore looks for them; and a new file would have a number that
no record tells, so that the backup would give it another one. So analytics show a saved directory as it was last saved, and
one that is not saved yet as it was last scanned; the next backup makes both the same.

In a directory that is not saved, the numbers that scans have given are kept, by name, by later scans and by the backup that
saves it (:meth:`shared.usecases.changed_directory.Changed.recall`), so that no number is given twice and a directory of ten million
files does not use up its sixteen million numbers by being scanned. Its files have hash 0: nobody has read them.

A wide directory goes in pieces, as in a backup. What it comes to is counted with its last piece: after a crash all of it is looked
at again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.core.advice import advice
from shared.core.cost import content_plan
from shared.errors import NotFound
from shared.formats.segment import SegmentWriter
from shared.model import ticks
from shared.model.entry import Entry
from shared.model.manifest import PageRecord, SavedEntry
from shared.model.node import SLOT_MAX, slot_of
from shared.model.page import DirectoryHead, FileRow, Page, PageHead
from shared.model.run import Counters
from shared.model.work import Claim
from shared.ports.journal import JournalLine
from shared.usecases.batch import Batch
from shared.usecases.changed_directory import Changed, Visit
from shared.usecases.scope import RunScope


@dataclass(slots=True)
class _Carried:
    """What the pieces of a wide directory tell one another, because no row or record does."""

    counters: Counters = field(default_factory=Counters)
    scanned_slots: dict[str, int] = field(default_factory=dict)
    rest: PageRecord | None = None
    """What was saved under the names that the next piece begins with."""
    lower: str = ""


class ScanBatches:
    """Makes the batches of one walk and of the wide directories that it leaves."""

    def __init__(self) -> None:
        self._carried: dict[int, _Carried] = {}

    def __call__(self, scope: RunScope, claim: Claim) -> Batch:
        """Make one."""
        return _ScanBatch(scope, claim, self._carried)


class _ScanBatch(Batch):
    def __init__(self, scope: RunScope, claim: Claim, carried: dict[int, _Carried]) -> None:
        super().__init__(scope, claim)
        self._carried = carried
        self._rows: dict[tuple[int, int], Page] = {}
        self._visited: set[int] = set()
        self._reopened: set[int] = set()

    async def save(self, changed: list[Changed], children: Mapping[int, Sequence[DirectoryHead]]) -> list[Visit]:
        """Tell what changed in some directories; returns their subdirectories, which are to be visited."""
        records = await self._records([ref for c in changed for ref in c.manifests().values()])
        for c in changed:
            c.records = {page_no: records[ref] for page_no, ref in c.manifests().items() if ref in records}
        await self._recall(changed)
        for c in changed:
            carried = self._carried.pop(c.node_id, None) or _Carried()
            _go_on(c, carried)
            c.plan_files()
            self._count_files(c, carried.counters)
            if c.is_last:
                self.commit.counters.add(carried.counters)
            else:
                self._carried[c.node_id] = _left_over(c, carried.counters)
        following = await self._place_subdirectories(changed, children)
        for c in changed:
            self._visited.add(c.node_id)
            if c.is_unsaved:
                self._rows |= {(row.directory_id, row.page_no): row for row in _rows(c, self._scope.run.run_no)}
            # Pieces to come need not bring page 0's record up to date.
            c.first_record = c.first_record or PageRecord(c.node_id, 0, self._scope.run.run_no, 0, (), ())
        return following

    def _count_files(self, c: Changed, counters: Counters) -> None:
        settings = self._scope.share.settings
        counters.changed_directories += c.is_last
        counters.new_directories += c.is_last and c.is_unsaved and c.visit.path != ""
        counters.deleted_files += c.deleted_files
        for plan in c.plans.values():
            previous = plan.previous
            counters.moved_files += previous is not None and previous.entry.name != plan.entry.name
            if not plan.unchanged:
                counters.changed_files += 1
                counters.changed_bytes += plan.entry.size_bytes
                counters.new_files += previous is None
                needed = content_plan(plan.entry.size_bytes, settings)
                counters.planned_reads += needed.reads
                counters.planned_chunks += needed.chunks
                counters.planned_bundle_bytes += needed.bundle_bytes
        for file in c.left_out:
            self.complain(
                "too_many_files",
                file.path,
                f"the directory has used all of its {SLOT_MAX:,} file numbers",
                hint="split the directory; a backup would leave out every file beyond the limit",
            )

    def _follow(self, c: Changed, entry: Entry, head: DirectoryHead, *, moved: bool) -> Visit:
        if moved:
            self._reopened |= {c.node_id, head.parent_id or 0}
        return super()._follow(c, entry, head, moved=moved)

    def _follow_new(self, c: Changed, entry: Entry, node_id: int) -> Visit:
        self._reopened.add(c.node_id)
        return super()._follow_new(c, entry, node_id)

    def not_listed(self, path: str, error: Exception, node_id: int) -> None:
        """A directory that went while the scan was on its way is nothing to complain of."""
        if not isinstance(error, NotFound):
            super().not_listed(path, error, node_id)
            return
        self.commit.counters.directories += 1
        now, hint = self._scope.clock.now(), advice("vanished", "")
        self.journal.append(
            JournalLine(at=now, kind="vanished", path=path, node_id=node_id, reason=str(error), hint=hint)
        )

    def records(self) -> SegmentWriter:
        """Complete the rows of the batch. There is no record to encode."""
        rows = [*self._rows.values(), *(page for node_id, page in self._bare.items() if node_id not in self._visited)]
        written = {row.directory_id for row in rows if row.page_no == 0}
        self.commit.pages = rows
        self.commit.placed = [head for node_id, head in self._placed.items() if node_id not in written]
        self.commit.reopened = sorted(self._reopened - written)
        self.commit.counters.pages_written = len(rows) + len(self.commit.placed)
        return SegmentWriter()


def _go_on(c: Changed, carried: _Carried) -> None:
    """Let a piece know what the one before it left."""
    c.scanned_slots = carried.scanned_slots | c.scanned_slots
    if carried.rest is not None:
        page_no = carried.rest.page_no
        c.pages.heads[page_no] = PageHead(page_no, carried.lower, None, None, None)
        c.records[page_no] = carried.rest


def _left_over(c: Changed, counters: Counters) -> _Carried:
    """What a piece leaves to the next."""
    names = {entry.name for entry in c.entries()}
    slots = {name: slot for name, slot in c.scanned_slots.items() if name not in names}
    if c.rest is None:
        return _Carried(counters, slots)
    entries: tuple[SavedEntry, ...] = c.rest.entries
    return _Carried(counters, slots, PageRecord(c.node_id, c.rest.page_no, 0, 0, (), entries), c.rest.lower)


def _rows(c: Changed, run_no: int) -> list[Page]:
    """The rows of a directory that is not saved, or of a piece of it, as far as they are not in the catalogue already."""
    rows: dict[int, Page] = {}
    for s in c.changed_slices:
        plans = [c.plans[e.name] for e in s.entries if not e.is_directory and e.name in c.plans]
        files = tuple(
            FileRow(p.entry.name, slot_of(p.node_id), p.entry.size_bytes, ticks.to_unix(p.entry.written), 0)
            for p in plans
        )
        rows[s.page_no] = Page(directory_id=c.node_id, page_no=s.page_no, name=s.lower, files=files)
    for head in c.dissolved.values():
        rows[head.page_no] = Page(directory_id=c.node_id, page_no=head.page_no, name=head.lower, deleted_run=run_no)
    first = rows.pop(0, c.pages.first)
    assert first is not None
    own = c.visit.head
    first = replace(
        first,
        name=own.name,
        parent_id=own.parent_id,
        file_id=own.file_id,
        mtime=c.visit.mtime,
        next_slot=c.next_slot,
    )
    known = {**c.scanned, 0: c.pages.first}
    return [row for row in (first, *rows.values()) if row != known.get(row.page_no)]
