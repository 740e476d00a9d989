"""Back up a directory with very many entries in bounded memory and in bounded pieces.

Its listing is sorted once on disk and streamed through :func:`shared.core.paging.cut`. Pages that changed are gathered into
*pieces* of some ten thousand entries. Each piece is claimed, saved, written and committed as a batch of its own, with the
same code as an ordinary directory (:mod:`shared.usecases.batch`). All pieces but the last leave the directory in the frontier
and without a fingerprint; the last one stores the fingerprint and takes the directory out.

**After every piece the directory's pages are whole**: names up to some name x are as listed now, names from x on are as they
were, and page 0's record lists just these pages. When x falls into what was one page, the rest of that page becomes a page of
its own, as it was saved (:class:`shared.usecases.changed_directory.Rest`). So a crash, or time that is up,

* between two pieces leaves a directory that whoever claims it next (at once if it was given back, else when the lease of the
  worker that is gone ends), in this run or a later one, lists again: the pages that are finished have their fingerprints and
  are passed by, the others are compared as if nothing had happened;
* within a piece leaves what any batch leaves: objects that nothing refers to, and a claim that ends.

A restore point cannot see a directory between two pieces, because a run does not close while its frontier holds it. There is
one exception: a directory that could be listed, and then, after a crash, cannot any more. The run tells so in the journal
(``not_listed``), and the restore point has every name in the state it was last saved in.

Files are matched by FileId *within a piece*. Whatever changes in a night fits one, so renames keep their slots and read
nothing. A file that moves between two pieces in one run is read again and gets a new slot, and until the second of them is
committed the directory has it under both names or neither.

Memory: a piece, a block of each sorted run, two pages, some 300 bytes per page of the directory, and its subdirectories.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from shared.core.paging import Slice
from shared.errors import IntegrityError
from shared.model.entry import Entry
from shared.model.manifest import PageRecord
from shared.model.page import DirectoryHead, DirectoryPages, PageHead
from shared.model.tickets import RunTicket
from shared.model.work import BatchCommit, Claim, FoundDirectory
from shared.usecases.batch import Batch
from shared.usecases.changed_directory import Changed, Pages, Rest, Visit
from shared.usecases.lease import lease_kept
from shared.usecases.make_durable import make_durable
from shared.usecases.scope import RunScope
from shared.usecases.sort_entries import SortedEntries
from shared.usecases.walk import MakeBatch, Wide


async def back_up_wide(
    ticket: RunTicket, scope: RunScope, found: Sequence[Wide], deadline: float, make_batch: MakeBatch = Batch
) -> None:
    """Back up directories that a walk has left, piece by piece, until the clock's ``deadline``.

    One that the walk has not kept is in the frontier. If somebody else has claimed it meanwhile it is left to them, as is all that there
    is no time for.
    """
    for wide in found:
        # Of one that the walk has kept one piece at least, so that a directory gets done however little time there is.
        if wide.claim is None and (scope.stop or scope.clock.monotonic() >= deadline):
            return
        directory = _WideDirectory(scope, wide, deadline, make_batch)
        try:
            while await directory.commit_piece(ticket):
                pass
        finally:
            directory.close()


@dataclass(slots=True)
class _Piece:
    """Pages, in name order, as far as they were gathered at once."""

    changed: list[Slice] = field(default_factory=list)
    dissolved: dict[int, PageHead] = field(default_factory=dict)
    subdirectories: list[Entry] = field(default_factory=list)
    quiet: set[int] = field(default_factory=set)
    """FileIds of the subdirectories in unchanged pages but the first."""
    visited: set[int] = field(default_factory=set)
    """FileIds of those in pages that an earlier piece of this run wrote, and that it put in the frontier."""
    renumbered: bool = False
    """Other pages than before: page 0's record must say so."""
    entries: int = 0
    bytes: int = 0


class _WideDirectory:
    """One directory over its pieces; close it."""

    def __init__(self, scope: RunScope, wide: Wide, deadline: float, make_batch: MakeBatch) -> None:
        self._scope = scope
        self._make_batch = make_batch
        self._visit = wide.visit
        self._listing = wide.listing
        self._deadline = deadline
        self._claim = wide.claim
        self._sorted: SortedEntries | None = None
        self._progress: Progress | None = None

    def close(self) -> None:
        """Give back memory and disk."""
        self._listing.close()
        if self._sorted is not None:
            self._sorted.close()

    async def commit_piece(self, ticket: RunTicket) -> bool:
        """Commit the next piece; False when that was the last for now, or somebody else has the directory."""
        scope = self._scope
        claim = self._claim or await scope.catalogue.claim(
            ticket.run_id, ticket.worker, limit=1, lease_s=scope.limits.lease_s, only=self._visit.head.node_id
        )
        if claim is None:
            return False
        batch = self._make_batch(scope, claim)
        async with lease_kept(scope, claim.batch_no):
            kept = await make_durable(scope, batch, lambda: self._fill(batch, claim))
        if not batch.commit.kept:
            return False
        assert self._progress is not None  # or nothing would be kept
        self._progress.committed(batch.commit)
        self._claim = replace(claim, batch_no=kept.batch_no) if kept is not None else None
        return True

    async def _fill(self, batch: Batch, claim: Claim) -> None:
        """Save the next piece and say in the batch's commit what becomes of the directory."""
        node_id = self._visit.head.node_id
        self._scope.stop.check()
        if self._scope.stop:
            batch.commit.returned = [node_id]
            return
        if self._progress is None:
            try:
                self._sorted = await asyncio.to_thread(SortedEntries.of, self._listing)
            except IntegrityError as error:
                if self._visit.path == "":
                    raise  # without the root there is no backup
                batch.not_listed(self._visit.path, error, node_id)
                batch.commit.done = [node_id]
                return
            self._progress = await self._begin(iter(self._sorted), claim.directories[0].head)
        progress = self._progress
        piece = await asyncio.to_thread(progress.gather)
        c = progress.changed(piece, self._listing.fingerprint)
        visits = await batch.save([c], {node_id: progress.children})
        if batch.waiting:
            batch.commit.waiting = [node_id]
            return
        batch.commit.found = progress.found(c, piece, visits)
        if c.is_last and not c.cut_off:
            batch.count(self._listing)
            batch.commit.done = [node_id]
        elif self._scope.clock.monotonic() < self._deadline and not self._scope.stop:
            batch.commit.kept = [node_id]
        else:
            batch.commit.returned = [node_id]

    async def _begin(self, entries: Iterator[Entry], head: DirectoryHead) -> "Progress":
        catalogue, share = self._scope.catalogue, self._scope.share
        node_id = head.node_id
        visit = Visit(head, self._visit.path, self._visit.mtime, is_new=False, claimed=True)
        found = (await catalogue.page_heads(share.share_id, [node_id]))[node_id]
        children = (await catalogue.child_heads(share.share_id, [node_id]))[node_id]
        return Progress(visit, found, children, entries, self._scope)


class Progress:
    """How far the pieces of a directory have come. No I/O but that of the entries it is given."""

    def __init__(
        self,
        visit: Visit,
        found: DirectoryPages,
        children: Sequence[DirectoryHead],
        entries: Iterator[Entry],
        scope: RunScope,
    ) -> None:
        self._visit = visit
        self._limits = scope.limits
        self._run_no = scope.run.run_no
        self._large_file_bytes = scope.share.settings.large_file_bytes
        self._pages = Pages(found)
        self._bounds = self._pages.bounds()
        self._slices = self._pages.cut(entries, self._bounds, scope.limits.page_entries)
        self._next: Slice | None = None
        self._begun = False
        self._passed: list[int] = []
        """Numbers of the pages that were gathered."""
        self._overtaken = 0
        """How many of the bounds those account for."""
        self._first: Slice | None = None
        self._first_record: PageRecord | None = None
        self._first_ids: dict[int, int] = {}
        self._current: Changed | None = None
        self._unsafe = False
        self._later: list[FoundDirectory] = []
        self.children = children
        """Known subdirectories that no piece has come across yet."""

    def gather(self) -> _Piece:
        """The next piece: pages up to its size, with those between that did not change. Takes 10 us per entry."""
        if not self._begun:
            self._next, self._begun = next(self._slices), True
        piece = _Piece(renumbered=not self._passed and self._pages.lost_some())
        while self._next is not None:
            self._pass(self._next, piece)
            self._next = next(self._slices, None)
            if piece.entries >= self._limits.piece_entries or piece.bytes >= self._limits.piece_bytes:
                break
        return piece

    def _pass(self, s: Slice, piece: _Piece) -> None:
        subdirectories = [entry for entry in s.entries if entry.is_directory]
        piece.subdirectories += subdirectories
        if self._pages.is_unchanged(s):
            ids = {entry.file_id for entry in subdirectories}
            manifest = self._pages.heads[s.page_no].manifest
            if manifest is not None and manifest.run_no == self._run_no:
                piece.visited |= ids
            elif s.page_no:  # page 0 may yet be written for its list of pages: its subdirectories go first
                piece.quiet |= ids
        else:
            piece.changed.append(s)
            piece.entries += len(s.entries)
            piece.bytes += sum(e.size_bytes for e in s.entries if e.size_bytes <= self._large_file_bytes)
        if s.page_no == 0:
            self._first = s
        piece.dissolved |= {page_no: self._pages.heads[page_no] for page_no in s.dissolved}
        piece.renumbered |= self._pages.is_unnamed(s) or bool(s.dissolved)
        self._passed.append(s.page_no)
        self._overtaken += (not s.is_new) + len(s.dissolved)

    def changed(self, piece: _Piece, fingerprint: int) -> Changed:
        """What the piece changes; ``fingerprint`` is that of the listing, which the last piece stores."""
        following = self._next
        rest = None
        if following is not None and following.is_new:  # the piece ends within what was one page
            rest = Rest(page_no=following.page_no, lower=following.lower)
            piece.renumbered = True
        c = Changed(
            visit=self._visit,
            pages=self._pages,
            page_nos=(
                *self._passed,
                *([rest.page_no] if rest is not None else []),
                *(no for no in (b.page_no for b in self._bounds[self._overtaken :]) if self._pages.heads[no].manifest),
            ),
            changed_slices=piece.changed,
            dissolved=piece.dissolved,
            subdirectories=piece.subdirectories,
            fingerprint=fingerprint if following is None and not self._unsafe else None,
            is_last=following is None,
            rest=rest,
        )
        assert self._first is not None
        if piece.renumbered and self._first not in piece.changed:
            c.first_record = self._first_record
            if c.first_record is None:
                c.changed_slices.insert(0, self._first)
                c.subdirectory_ids |= self._first_ids
        self._current = c
        return c

    def found(self, c: Changed, piece: _Piece, visits: Sequence[Visit]) -> list[FoundDirectory]:
        """The subdirectories to put in the frontier with this piece.

        Those in page 0 and in changed pages; those in other pages with the last piece. So a second pass over the directory, after a
        crash or because it waited for large files, mostly meets each of them once: what is in pages that this run wrote has
        been in the frontier then. (Meeting one twice is a list request, no more.)
        """
        assert self._first is not None
        matched = set(c.subdirectory_ids.values())
        self.children = [child for child in self.children if child.node_id not in matched]
        self._first_ids = self._first_ids or {
            entry.file_id: c.subdirectory_ids[entry.file_id] for entry in self._first.entries if entry.is_directory
        }
        now: list[FoundDirectory] = []
        for visit in visits:
            if visit.head.file_id in piece.visited:
                continue
            directory = FoundDirectory(node_id=visit.head.node_id, mtime=visit.mtime)
            (self._later if visit.head.file_id in piece.quiet else now).append(directory)
        return [*now, *self._later] if c.is_last and not c.cut_off else now

    def committed(self, commit: BatchCommit) -> None:
        """Go on from what a piece has made of the directory."""
        c = self._current
        assert c is not None
        for row in commit.pages:
            if row.directory_id == c.node_id:
                self._pages.take(row)
        self._first_record = c.first_record or self._first_record
        self._unsafe |= bool(c.unsafe)
