"""Mark what the restore points that stay need: one piece of the tree, from its rows through the records to the content.

Of each page the records are read that anybody reads who looks for a root's state of it, coming from the newest record: those states, and the
records on the way to them (:func:`shared.core.history.next_hops`). Of states all they refer to is marked, of the others only that they stay. Beside
the roots' states the newest record counts as one, and every record that a run later than the horizon made: a backup in progress builds on
them, and may make a restore point of them.

**A record that cannot be read stops the sweep.** Nobody knows what it refers to, and what is not known to be garbage is not.

What is marked goes to the vault as one object per piece (:mod:`shared.formats.marks`), where all workers find it. Tombstones that no root needs
are listed in another one before their rows go: what segments that stay still say of them is nothing that a rebuilt catalogue should have.

Memory: 24 MB of records at a time, and 40 bytes for each object that the piece refers to.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from shared.core import history, sweeping
from shared.core.ranges import coalesce
from shared.errors import IntegrityError, NotFound
from shared.formats import content_list, ledger, manifest, marks
from shared.formats.manifest import References
from shared.formats.marks import CHUNK_SECTIONS, Numbers, Section
from shared.model.manifest import ManifestRef
from shared.model.node import SLOT_MAX
from shared.model.objects import bundle_name, dropped_name, marks_name, node_object_name, segment_name, tally_name
from shared.model.sweep import SweepCommit, SweepItem, SweepKind, SweepOrder, TreeRow
from shared.usecases.past import Past
from shared.usecases.plan_repack import BundleTally
from shared.usecases.read_manifests import GAP_BYTES, READ_BYTES_MAX, READS_AT_ONCE
from shared.usecases.scope import RunScope
from shared.usecases.together import together

WAVE_ROWS: Final = 4_096
"""Rows whose newest records are read together: neighbours mostly lie in one segment."""
RECORDS_BYTES: Final = 24 << 20
"""Records read and kept at once: 6 KB each when they are full pages, and a hundred KB with many chunks. The more, the fewer requests: those of
one run that the wave asks for mostly lie together."""
MARKS_MAX: Final = 500_000
"""Marks after which a piece ends, however few of its rows are done: 40 MB."""


@dataclass(slots=True)
class Marked:
    """What a piece has marked, as numbers that stand for names."""

    named: tuple[set[int], set[int], set[int]] = field(default_factory=lambda: (set(), set(), set()))
    """Segments, bundles, other objects."""
    chunks: list[Numbers] = field(default_factory=list)
    chunk_count: int = 0
    room: int = MARKS_MAX
    """Marks of chunks, some of them twice, that may be gathered before they are looked through."""

    def __len__(self) -> int:
        return sum([len(numbers) for numbers in self.named]) + self.chunk_count

    def add(self, section: Section, name: str) -> None:
        """Mark an object that is not a chunk."""
        self.named[section].add(marks.number_of(name))

    def add_chunks(self, digests: bytes) -> None:
        """Mark chunks."""
        if digests:
            found = np.unique(marks.numbers_of(digests))
            self.chunks.append(found)
            self.chunk_count += len(found)
            if self.chunk_count > self.room:  # the same chunks, met again and again, are few
                self.chunks = [np.unique(np.concatenate(self.chunks))]
                self.chunk_count = len(self.chunks[0])
                self.room = max(MARKS_MAX, 2 * self.chunk_count)

    def sections(self) -> Iterator[Numbers]:
        """As :func:`shared.formats.marks.encode` wants them."""
        for numbers in self.named:
            yield np.sort(np.fromiter(numbers, dtype=np.uint64, count=len(numbers)))
        chunks = np.unique(np.concatenate(self.chunks)) if self.chunks else np.empty(0, dtype=np.uint64)
        firsts = np.array([digit << 60 for digit in range(CHUNK_SECTIONS)], dtype=np.uint64)
        bounds: list[int] = [*np.searchsorted(chunks, firsts).tolist(), len(chunks)]
        for start, end in pairwise(bounds):
            yield chunks[start:end]


@dataclass(slots=True)
class _Wanted:
    """A record that is to be read."""

    row: TreeRow
    ref: ManifestRef
    roots: list[int]
    """Roots that are looked for through it, ascending."""
    is_newest: bool = False


@dataclass(slots=True)
class _Shown:
    """Who shows a content list."""

    surely: bool = False
    """The share as it is now, or a run in progress."""
    by: set[tuple[int, int]] = field(default_factory=set)
    """Page and root, as far as the records of the page can tell."""


class TreeMarker:
    """Marks one piece."""

    def __init__(self, scope: RunScope, order: SweepOrder, commit: SweepCommit) -> None:
        assert order.horizon is not None
        self._scope = scope
        self._share_id = scope.share.share_id
        self._roots = list(order.roots)
        self._horizon = order.horizon
        self._commit = commit
        self._marked = Marked()
        self._tally = BundleTally(self._share_id, order) if order.held_s else None
        self._lists: dict[tuple[int, int], _Shown] = {}
        self._read: set[tuple[int, int]] = set()
        self._droppable: dict[int, TreeRow] = {}

    async def run(self, item: SweepItem) -> None:
        """Mark from the last row of the piece backwards until all is done or the time is up; what is left follows."""
        clock, limits = self._scope.clock, self._scope.limits
        started = clock.monotonic()
        at = item.low
        while at < item.high and not self._scope.stop:
            if at > item.low and (clock.monotonic() - started >= limits.batch_s or len(self._marked) > MARKS_MAX):
                break
            rows = await self._scope.sweeps.tree_rows(self._share_id, at, item.high, WAVE_ROWS)
            await self._mark(rows)
            at = rows[-1].page_id + 1 if len(rows) == WAVE_ROWS else item.high
        self._scope.stop.check()
        if at < item.high:
            self._commit.following.append(SweepItem(kind=SweepKind.MARK, low=at, high=item.high))
        await self._write()

    async def _write(self) -> None:
        share_id, run_no, batch_no = self._share_id, self._scope.run.run_no, self._commit.batch_no
        vault = self._scope.vault
        going = await self._going()
        for row in self._droppable.values():
            # One that others hang below is looked at by whoever goes through the tree, so its record stays.
            if row.page_id not in going and row.manifest is not None:
                self._marked.add(Section.SEGMENTS, segment_name(share_id, row.manifest.run_no, row.manifest.batch_no))
        if self._tally is not None:  # before the marks: whoever knows of these finds it
            await vault.put(tally_name(share_id, run_no, batch_no), self._tally.encoded())
        data = marks.encode(list(self._marked.sections()))
        await vault.put(marks_name(share_id, run_no, batch_no), data)
        self._commit.marks_bytes = len(data)
        if going:
            listed = ledger.encode_dropped(run_no, self._horizon, sorted(going))
            await vault.put(dropped_name(share_id, run_no, batch_no), listed)
            self._commit.dropped = [self._droppable[page_id] for page_id in sorted(going)]

    async def _going(self) -> set[int]:
        heads = [page_id for page_id in self._droppable if not page_id & SLOT_MAX]
        children = await self._scope.sweeps.children_of(self._share_id, heads) if heads else []
        return sweeping.droppable(self._droppable.keys(), children)

    # ----------------------------------------------------------------------------------------------------------- records

    async def _mark(self, rows: Sequence[TreeRow]) -> None:
        wanted = [
            _Wanted(row, row.manifest, list(sweeping.concerned(self._roots, row.deleted_run)), is_newest=True)
            for row in rows
            if row.manifest is not None
        ]
        while wanted:
            some = [wanted.pop()]
            size = some[0].ref.length
            while wanted and size + wanted[-1].ref.length <= RECORDS_BYTES:
                some.append(wanted.pop())
                size += some[-1].ref.length
            found = await read_references(self._scope, [one.ref for one in some])
            for one in some:
                wanted += self._step(one, found[one.ref])
            await self._read_lists()

    def _step(self, one: _Wanted, record: References) -> list[_Wanted]:
        """Mark a record and what it shows; which to read next."""
        row = one.row
        if record.directory_id | record.page_no != row.page_id or record.run_no != one.ref.run_no:
            raise IntegrityError(
                f"at {one.ref} is the record of page {record.page_no} of directory {record.directory_id} at run {record.run_no},"
                f" and not of page {row.page_id}; hint: verify the share"
            )
        self._commit.counters.records += 1
        deleted_run = row.deleted_run if one.is_newest else None
        if deleted_run is not None and not sweeping.is_needed(record, self._roots, deleted_run, self._horizon):
            self._droppable[row.page_id] = row
            return []
        self._marked.add(Section.SEGMENTS, segment_name(self._share_id, one.ref.run_no, one.ref.batch_no))
        older = [root for root in one.roots if root < record.run_no]
        shown = one.roots[len(older) :]
        surely = record.run_no > self._horizon or (one.is_newest and row.deleted_run is None)
        if shown or surely:
            self._mark_content(record)
            if self._tally is not None and record.bundles:
                is_current = one.is_newest and row.deleted_run is None
                self._tally.add(row.page_id, record, shown, is_current=is_current)
            for listed in record.listed:
                who = self._lists.setdefault(listed, _Shown())
                who.surely |= surely
                who.by |= {(row.page_id, root) for root in shown}
        following = history.next_hops(record, older)
        if record.run_no > self._horizon and record.ancestors and record.ancestors[0].ref.run_no > self._horizon:
            following.setdefault(record.ancestors[0].ref, [])
        return [_Wanted(row, ref, roots) for ref, roots in following.items()]

    # ----------------------------------------------------------------------------------------------------------- content

    def _mark_content(self, record: References) -> None:
        for bundle in record.bundles:
            self._marked.add(Section.BUNDLES, bundle_name(self._share_id, *bundle))
        for node_id, run_no in (*record.plain, *record.listed):
            self._marked.add(Section.OBJECTS, node_object_name(self._share_id, node_id, run_no))
        self._marked.add_chunks(record.chunks)

    async def _read_lists(self) -> None:
        """Mark the chunks of large files, one list at a time: the longest takes 200 MB."""
        lists, self._lists = self._lists, {}
        for listed in sorted(lists.keys() - self._read):
            try:
                self._marked.add_chunks(await read_list(self._scope, *listed))
            except IntegrityError as error:
                if not isinstance(error.__cause__, NotFound) or await self._is_shown(lists[listed]):
                    raise
            else:
                self._read.add(listed)

    async def _is_shown(self, who: _Shown) -> bool:
        """Whether a lost list is missed, or a sweep before this one has deleted it.

        The number of a page that was merged away is given again. For a root in between, the records of such a page end in one that no root
        shows: only the directory's page 0 of then can tell. That is read for a list that is not there, and not for every page.
        """
        past = Past(self._scope.catalogue, self._scope.vault, self._share_id)
        for page_id, root in sorted(who.by):
            directory_id, page_no = page_id & ~SLOT_MAX, page_id & SLOT_MAX
            if not page_no:
                return True
            then = await past.look(directory_id, root)
            if then is not None and page_no in then.first.page_nos:
                return True
        return who.surely


async def read_list(scope: RunScope, node_id: int, run_no: int) -> bytes:
    """Digests of the chunks of a content list. Raises ``IntegrityError`` when it is damaged or lost."""
    name = node_object_name(scope.share.share_id, node_id, run_no)
    try:
        return content_list.decode(await scope.vault.get(name)).chunks.digests
    except NotFound as error:
        raise unknown(name, "it is not in the vault") from error
    except IntegrityError as error:
        raise unknown(name, str(error)) from error


async def read_references(scope: RunScope, refs: Iterable[ManifestRef]) -> dict[ManifestRef, References]:
    """What the records at ``refs`` refer to. Raises ``IntegrityError`` when one of them is damaged or lost."""
    by_segment: dict[tuple[int, int], set[ManifestRef]] = {}
    for ref in refs:
        by_segment.setdefault((ref.run_no, ref.batch_no), set()).add(ref)
    found: dict[ManifestRef, References] = {}
    gate = asyncio.Semaphore(READS_AT_ONCE)

    async def read(run_no: int, batch_no: int, wanted: set[ManifestRef]) -> None:
        name = segment_name(scope.share.share_id, run_no, batch_no)
        for span in coalesce(((r.offset, r.length, r) for r in wanted), gap=GAP_BYTES, length_max=READ_BYTES_MAX):
            try:
                async with gate:
                    data = await scope.vault.get(name, span.offset, span.length)
                for ref in span.items:
                    start = ref.offset - span.offset
                    found[ref] = manifest.references(data[start : start + ref.length])
            except NotFound as error:
                raise unknown(name, "it is not in the vault") from error
            except IntegrityError as error:
                raise unknown(name, str(error)) from error

    await together(read(run_no, batch_no, wanted) for (run_no, batch_no), wanted in by_segment.items())
    return found


def unknown(name: str, reason: str) -> IntegrityError:
    """The error that ends a sweep."""
    return IntegrityError(
        f"{name}: {reason}; what it refers to is not known, so nothing is deleted; hint: verify the share, then back it up, which saves"
        " anew what is there; restore points that need it have to be let go before the next sweep"
    )
