"""Verify rows of the tree, and the records and the content that they lead to, at the restore points that were asked for.

What a restore point shows of a directory is its newest record not newer than the point, unless the directory was deleted by then. Of the
directory's pages those count that the record of its page 0 names. Records are read from the newest backwards, a step for all
pages of a wave at a time, by the pointers that restores follow: of the others, which no restore point needs, a sweep may have left nothing. A
version of a file that a newer record shows too is not checked again.

That the root leads to everything is proven directory by directory: each subdirectory that a record names must have a row that was not
deleted by then. That each of those has its record follows from the sums, which are compared with the restore point's own
(:mod:`shared.usecases.close_verify`).

A record that cannot be read costs what only it leads to: from the newer ones that point beyond it the walk goes on.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.core import sampling
from shared.core.fingerprint import entries_fingerprint
from shared.core.history import next_hops
from shared.errors import IntegrityError, NotFound
from shared.model.manifest import ManifestRef, PageRecord
from shared.model.node import SLOT_MAX
from shared.model.objects import permission_name, segment_name
from shared.model.page import Page
from shared.model.run import Counters
from shared.model.verify import ROW, Damage, FindingKind, ItemKind, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.usecases.changed_directory import file_row
from shared.usecases.findings import CheckedFile, Findings
from shared.usecases.read_manifests import read_each
from shared.usecases.scope import RunScope
from shared.usecases.verify_content import ContentVerifier
from shared.usecases.verify_state import FOR_EVER, VerifyState

WAVE_PAGES: Final = 256
"""Rows looked at together: full pages of 64 files are 16,000, some 40 MB with their records."""
WAVE_BYTES: Final = 1 << 30
"""Of files to be read after which a wave is closed: ten seconds or so, for it is between waves that a piece can stop."""
FILES_AT_ONCE: Final = 20_000
"""Files gathered before they are checked: of a long history a wave has many more than it has pages."""


@dataclass(slots=True)
class _Chain:
    """A page on its way back through its records."""

    page: Page
    ref: ManifestRef
    """The record to read next."""
    before: int
    """Run from which on something else is shown: a newer record, or the deletion."""
    sought: list[int] = field(default_factory=list)
    """Selected restore points that are looked for through that record, ascending."""
    depth: int | None = None
    """Of that record, as a newer one says."""
    known: dict[int, ManifestRef] = field(default_factory=dict)
    """Records that newer ones point to, by depth."""

    @property
    def is_newest(self) -> bool:
        return self.depth is None

    @property
    def page_id(self) -> int:
        return self.page.directory_id | self.page.page_no


@dataclass(slots=True)
class _Named:
    """Which pages a directory had: ``page_nos`` from run ``first`` on until before run ``before``. None: nobody can tell."""

    first: int
    before: int
    page_nos: frozenset[int] | None


class TreeVerifier:
    """Verifies the rows of one piece."""

    def __init__(self, scope: RunScope, state: VerifyState, findings: Findings, counters: Counters) -> None:
        self._scope = scope
        self._share_id = scope.share.share_id
        self._state = state
        self._order = state.order
        self._selected = state.selected
        self._newest = state.order.restore_point
        self._findings = findings
        self._counters = counters
        self._content = ContentVerifier(scope, state, findings, counters)
        self._named: dict[int, list[_Named]] = {}
        self._seen: defaultdict[int, set[tuple[int, int, int, int]]] = defaultdict(set)
        self._children: dict[int, tuple[int, int, str]] = {}
        self._files: list[CheckedFile] = []
        self._sets: dict[tuple[int, ...], frozenset[int]] = {}

    async def run(self, low: int, high: int) -> list[VerifyItem]:
        """Work until all is done or the time is up; returns what is left to do."""
        clock, limits = self._scope.clock, self._scope.limits
        started = clock.monotonic()
        at = low
        while at < high and not self._scope.stop and (at == low or clock.monotonic() - started < limits.batch_s):
            found = await self._scope.verifies.rows(self._share_id, at, high, WAVE_PAGES)
            if not found:
                at = high
                break
            wave = found[: self._pages_to_read(found)]
            await self._wave([self._readable(row) for row in wave])
            last = wave[-1]
            at = (last[0] if isinstance(last, tuple) else last.directory_id | last.page_no) + 1
            if len(wave) == len(found) < WAVE_PAGES:
                at = high
        self._scope.stop.check()
        left = [VerifyItem(kind=ItemKind.PAGES, low=at, high=high)] if at < high else []
        return left + self._content.following

    def _pages_to_read(self, found: Sequence[Page | tuple[int, str]]) -> int:
        """How many of these rows make a wave, by the files that are to be read; one at least."""
        if self._order.level is VerifyLevel.QUICK:
            return len(found)
        size = 0
        for count, row in enumerate(found):
            if count and size >= WAVE_BYTES * self._order.parts:
                return count
            size += sum(file.size_bytes for file in row.files) if isinstance(row, Page) else 0
        return len(found)

    def _readable(self, row: Page | tuple[int, str]) -> Page | None:
        if isinstance(row, Page):
            return row
        page_id, reason = row
        finding = self._findings.note(
            FindingKind.ROW, f"row {page_id}", reason, node_id=page_id & ~SLOT_MAX, points=self._selected
        )
        self._findings.node(finding, page_id & ~SLOT_MAX, "")
        return None

    async def _wave(self, rows: Sequence[Page | None]) -> None:
        pages = [page for page in rows if page is not None]
        self._named, self._children = {}, {}
        self._seen.clear()
        first = [page for page in pages if page.page_no == 0]
        context = await self._cut_off(pages)
        await self._walk(context, only_named=True)
        await self._walk(first)
        await self._walk([page for page in pages if page.page_no])
        await self._check_files()
        await self._check_children()
        await self._check_named(pages)

    async def _cut_off(self, pages: Sequence[Page]) -> list[Page]:
        """Page 0 of the directory whose first pages were in an earlier wave."""
        if not pages or pages[0].page_no == 0:
            return []
        found = await self._scope.verifies.rows(self._share_id, pages[0].directory_id, pages[0].directory_id + 1, 1)
        return [page for page in found if isinstance(page, Page)]

    # ----------------------------------------------------------------------------------------------------------- records

    async def _walk(self, pages: Sequence[Page], *, only_named: bool = False) -> None:
        chains = [
            _Chain(page, page.manifest, before, [point for point in self._selected if point < before])
            for page in pages
            if page.manifest is not None
            for before in [FOR_EVER if page.deleted_run is None else page.deleted_run]
        ]
        # A sweep may have left nothing of a page that no restore point shows.
        chains = [chain for chain in chains if chain.page.deleted_run is None or chain.sought]
        while chains:
            records = await read_each(self._scope.vault, self._share_id, [chain.ref for chain in chains])
            chains = [
                following
                for chain in chains
                for following in self._step(chain, records[chain.ref], only_named=only_named)
            ]
            if len(self._files) >= FILES_AT_ONCE:
                await self._check_files()

    def _step(self, chain: _Chain, found: PageRecord | IntegrityError | NotFound, *, only_named: bool) -> list[_Chain]:
        """Look at a record; which to read next, and for which restore points."""
        if isinstance(found, PageRecord):
            reason = _misplaced(chain, found)
            if not reason:
                return self._next(chain, found, only_named=only_named)
            kind, name = FindingKind.HISTORY, f"records of page {chain.page_id}"
        else:
            kind = FindingKind.LOST if isinstance(found, NotFound) else FindingKind.DAMAGED
            name, reason = segment_name(self._share_id, chain.ref.run_no, chain.ref.batch_no), str(found)
            if isinstance(found, NotFound):
                reason = "it is not in the vault"
        return self._lost(chain, kind, name, reason, only_named=only_named)

    def _next(self, chain: _Chain, record: PageRecord, *, only_named: bool) -> list[_Chain]:
        if not only_named:
            self._counters.records += 1
            if chain.is_newest:
                self._check_row(chain.page, record)
        shown = self._shown(chain, record)
        if shown:
            self._look_at(chain, record, shown, only_named=only_named)
        for ancestor in record.ancestors:
            if chain.known.setdefault(ancestor.depth, ancestor.ref) != ancestor.ref and not only_named:
                told = f"records of runs {record.run_no} and later disagree about record {ancestor.depth} of the page"
                self._findings.note(
                    FindingKind.HISTORY, f"records of page {chain.page_id}", told, node_id=chain.page.directory_id
                )
        following: list[_Chain] = []
        for ref, sought in next_hops(record, [point for point in chain.sought if point < record.run_no]).items():
            depth = next(ancestor.depth for ancestor in record.ancestors if ancestor.ref == ref)
            # Behind a jump it is known only of the restore points that led here that it is shown; of the others nobody asks.
            last = max((point for point in sought if point >= ref.run_no), default=ref.run_no)
            before = min(chain.before, record.run_no if depth == record.depth - 1 else last + 1)
            following.append(_Chain(chain.page, ref, before, sought, depth, chain.known))
        return following

    def _lost(self, chain: _Chain, kind: FindingKind, name: str, reason: str, *, only_named: bool) -> list[_Chain]:
        """A record is not there: tell what that concerns, and go on behind it if anything points there."""
        page, ref = chain.page, chain.ref
        older = max((depth for depth in chain.known if chain.depth is None or depth < chain.depth), default=None)
        # Without it a restore cannot get from the newer ones to the next older one either, so what that shows is concerned too.
        first = ref.run_no if chain.depth == 0 else chain.known[older].run_no if older is not None else 0
        points = {*self._state.between(first, chain.before), *chain.sought}
        if page.page_no == 0:
            self._named.setdefault(page.directory_id, []).append(_Named(first, chain.before, None))
        if not only_named and (points or chain.is_newest):
            current = chain.is_newest and page.deleted_run is None
            finding = self._findings.note(kind, name, reason, node_id=page.directory_id, points=points, current=current)
            self._findings.node(finding, page.directory_id, "")
            if current:  # else nobody knows which files were on it
                finding.files += len(page.files)
                finding.bytes += sum(file.size_bytes for file in page.files)
                for file in page.files:
                    self._findings.node(finding, page.directory_id, file.name)
                self._findings.damaged.append(Damage(chain.page_id))
        behind = [point for point in chain.sought if point < ref.run_no]
        if older is None or not behind:
            return []
        return [_Chain(page, chain.known[older], min(chain.before, ref.run_no), behind, older, chain.known)]

    def _shown(self, chain: _Chain, record: PageRecord) -> list[int]:
        """Which of the selected restore points show a record."""
        points = [point for point in chain.sought if record.run_no <= point < chain.before]
        page = chain.page
        if page.page_no == 0 or not points:
            return points
        named = self._named.get(page.directory_id, [])
        return [
            point
            for point in points
            if any(n.first <= point < n.before and (n.page_nos is None or page.page_no in n.page_nos) for n in named)
        ]

    def _look_at(self, chain: _Chain, record: PageRecord, shown: Sequence[int], *, only_named: bool) -> None:
        page = chain.page
        if page.page_no == 0:
            page_nos = self._sets.setdefault(record.page_nos, frozenset(record.page_nos))
            self._named.setdefault(page.directory_id, []).append(_Named(record.run_no, chain.before, page_nos))
        if only_named:
            return
        counters, is_newest = self._counters, self._newest in shown
        seen = self._seen[page.directory_id]
        current = chain.is_newest and page.deleted_run is None
        bad_permissions = self._state.bad_permissions
        for saved in record.entries:
            entry = saved.entry
            if entry.is_directory:
                last, _, _ = self._children.get(saved.node_id, (0, 0, ""))
                if shown[-1] > last:
                    self._children[saved.node_id] = shown[-1], page.directory_id, entry.name
            elif is_newest:
                counters.files += 1
                counters.bytes += entry.size_bytes
            content = saved.content  # after a repack one version has it in two places
            version = saved.node_id, saved.saved_run, content.run_no, content.batch_no
            if version in seen:
                continue
            seen.add(version)
            file = CheckedFile(saved, page.directory_id, chain.page_id, chain.before, current)
            if entry.permission_key in bad_permissions:
                kind, reason = bad_permissions[entry.permission_key]
                name = permission_name(self._share_id, entry.permission_key)
                self._findings.file(kind, name, reason, file, again=False)
            if not entry.is_directory:
                self._files.append(file)
        if is_newest and page.page_no == 0:
            counters.directories += 1

    # ------------------------------------------------------------------------------------------------------------ checks

    def _check_row(self, page: Page, record: PageRecord) -> None:
        """A row against its newest record; of a deleted one only the place is left."""
        if page.deleted_run is not None:
            return
        saved = tuple([file_row(one) for one in record.entries if not one.entry.is_directory])
        told = ""
        if saved != page.files:
            odd = sorted({file.name for file in {*saved} ^ {*page.files}})
            told = f"the row and its record disagree about {len(odd)} files"
        elif page.page_fingerprint is not None:
            odd = []
            if page.page_fingerprint != entries_fingerprint([one.entry for one in record.entries]):
                told = "the fingerprint of the page is not that of its record: changes could go unnoticed"
        if told:
            name = f"row {page.directory_id | page.page_no}"
            finding = self._findings.note(FindingKind.ROW, name, told, node_id=page.directory_id, current=True)
            finding.files += len(odd)
            for file_name in odd or [""]:
                self._findings.node(finding, page.directory_id, file_name)
            self._findings.damaged.append(Damage(page.directory_id | page.page_no, saved_run=ROW))

    async def _check_files(self) -> None:
        files, self._files = self._files, []
        level, order = self._order.level, self._order
        if level is VerifyLevel.QUICK:
            await self._content.look(files)
            return
        if level is VerifyLevel.SAMPLE:
            parts = [sampling.part_of(file.saved.node_id, file.saved.saved_run, order.parts) for file in files]
            await self._content.look([f for f, part in zip(files, parts, strict=True) if part != order.part])
            files = [f for f, part in zip(files, parts, strict=True) if part == order.part]
        await self._content.read(files)

    async def _check_children(self) -> None:
        """Every subdirectory that a record names has a row that was not deleted by then."""
        heads = await self._scope.verifies.heads_of(self._share_id, list(self._children))
        for node_id, (last, parent_id, name) in self._children.items():
            head = heads.get(node_id)
            if head is None:
                told = "the catalogue has no row of a directory that is in the restore points"
            elif head.deleted_run is not None and head.deleted_run <= last:
                told = f"the row says that it was deleted by run {head.deleted_run}, and restore point {last} has it"
            else:
                if head.manifest is None:
                    self._counters.unsaved += 1
                continue
            points = {point for point in self._selected if point <= last}
            finding = self._findings.note(FindingKind.ROW, f"row {node_id}", told, node_id=node_id, points=points)
            self._findings.node(finding, parent_id, name)

    async def _check_named(self, pages: Sequence[Page]) -> None:
        """Every page that a directory had has a row."""
        there = {page.directory_id | page.page_no for page in pages}
        firsts = {page.directory_id for page in pages if page.page_no == 0}
        named = {
            directory_id | page_no: max(n.before - 1 for n in found)
            for directory_id, found in self._named.items()
            if directory_id in firsts
            for page_no in {no for n in found for no in n.page_nos or ()}
        }
        asked = [page_id for page_id in named if page_id not in there]
        if not asked:
            return
        heads = await self._scope.verifies.heads_of(self._share_id, asked)
        for page_id in asked:
            if page_id not in heads:
                told = f"the catalogue has no row of page {page_id & SLOT_MAX} of a directory"
                points = {point for point in self._selected if point <= named[page_id]}
                directory_id = page_id & ~SLOT_MAX
                finding = self._findings.note(
                    FindingKind.ROW, f"row {page_id}", told, node_id=directory_id, points=points
                )
                self._findings.node(finding, directory_id, "")


def _misplaced(chain: _Chain, record: PageRecord) -> str:
    """What is wrong with a record that is not the one it should be."""
    page = chain.page
    if (record.directory_id, record.page_no) != (page.directory_id, page.page_no):
        return f"at {chain.ref} is the record of page {record.page_no} of directory {record.directory_id}"
    if record.run_no != chain.ref.run_no:
        return f"the record at {chain.ref} says it is of run {record.run_no}"
    if chain.depth is not None and record.depth > chain.depth:  # less: one between them was lost and is back
        return f"the record at {chain.ref} has {record.depth} older ones, and {chain.depth} at most by the newer ones"
    return ""
