"""One batch of a restore: go down from what was claimed, decide what to do about every node, and do it.

What is on the target decides together with the order (:mod:`shared.core.conflicts`), so each directory of the target is listed once,
except those that were not there. A dry run does the same and counts instead of writing.

Directories are made when they are found. When files are chosen one by one they are made when something in them is restored, with all
above them that are missing. Where a restore may not change what was there, it must know which directories are its own when it
gives them their times in the end: they are noted before they are made, so that a worker that dies in between loses nothing.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.core.conflicts import WRITES, Action, file_action, is_same, name_beside
from shared.core.paths import below
from shared.core.selection import Selector
from shared.errors import IntegrityError, NotFound, Rejected
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.restore import Conflicts, Part
from shared.model.work import RestoreClaim, RestoreCommit, RestoreItem
from shared.ports.journal import JournalLine
from shared.usecases import target
from shared.usecases.map_permission import PermissionMap
from shared.usecases.open_restore import Metadata, metadata_of, properties_of
from shared.usecases.patience import patiently
from shared.usecases.read_manifests import Page, Piece, read_directories_at, read_pieces_at
from shared.usecases.restore_files import FileRestorer, is_own_unfinished
from shared.usecases.restore_links import FileToRestore
from shared.usecases.restore_parts import PartRestorer
from shared.usecases.scope import RunScope
from shared.usecases.target import NOTHING, Here
from shared.usecases.together import together

WAVE_PAGES: Final = 400
"""Pages of entries in memory at once: at 64 entries each a good 25,000 of 2 KB."""


class RestoreBatch:
    """What one claim came to. Call :meth:`walk`, then take :attr:`commit` and :attr:`journal`."""

    def __init__(self, scope: RunScope, claim: RestoreClaim, permissions: PermissionMap) -> None:
        assert scope.writer is not None
        assert scope.run.order is not None
        self._scope = scope
        self._writer = scope.writer
        self._order = scope.run.order
        self._claim = claim
        self.commit = RestoreCommit(run_id=claim.run_id, batch_no=claim.batch_no)
        self._counters = self.commit.counters
        selection = self._order.selection
        self._selector = Selector(selection) if selection.by_file else None
        self._known = {item.node_id: item for item in claim.items}
        self._looked_above = False
        self._taken_at = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._ensured: set[int] = set()
        self.files = FileRestorer(scope, permissions, self._counters)
        self._parts = None if self._order.part is Part.EVERYTHING else PartRestorer(scope, permissions, self._counters)

    @property
    def journal(self) -> list[JournalLine]:
        """What went wrong."""
        return self.files.journal

    async def walk(self) -> None:
        """Work until the batch is full or there is nothing left below what was claimed."""
        limits, clock = self._scope.limits, self._scope.clock
        started = clock.monotonic()
        if self._order.conflicts is Conflicts.KEEP_BOTH:
            point = await self._scope.catalogue.restore_point(self._scope.share.share_id, self._order.restore_point)
            self._taken_at = point.taken_at
        claimed = {item.node_id for item in self._claim.items}
        stack = list(reversed(self._claim.items))
        planned_bytes = 0
        while stack and not self._scope.stop:
            if self._counters.directories and (
                self._counters.directories >= limits.batch_directories
                or planned_bytes >= limits.batch_bytes
                or clock.monotonic() - started >= limits.batch_s
            ):
                break
            wave = [stack.pop() for _ in range(min(limits.wave_directories, len(stack)))]
            pieces, left = await self._read(wave)
            files, following = await self._meet([item for item in wave if item.node_id in pieces], pieces)
            await self._carry_out(files)
            planned_bytes += sum(file.saved.entry.size_bytes for file in files)
            # What was found in a directory that is cut off stays found: it is made and filled once, whoever comes across it.
            cut_off = [item for item in wave if item.node_id in self.files.cut_off]
            went_on = [
                replace(item, next_page=pieces[item.node_id].following)
                for item in wave
                if item.node_id in pieces and pieces[item.node_id].following and item not in cut_off
            ]
            unfinished = {item.node_id for item in (*left, *cut_off, *went_on)}
            done = [item for item in wave if item.node_id not in unfinished]
            self._counters.directories += len(done)
            self.commit.filled += [item for item in done if item.node_id not in claimed]
            stack.extend(reversed([*left, *cut_off, *went_on, *following]))
        self._scope.stop.check()
        waiting = {item.node_id: item for item in stack}
        self.commit.returned = sorted(claimed & waiting.keys())
        self.commit.advanced = {node_id: waiting[node_id].next_page for node_id in self.commit.returned}
        self.commit.done = sorted(claimed - waiting.keys())
        self.commit.found = [item for item in stack if item.node_id not in claimed]

    # ------------------------------------------------------------------------------------------- what the vault has

    async def _read(self, wave: Sequence[RestoreItem]) -> tuple[dict[int, Piece], list[RestoreItem]]:
        """Pages of the directories, and those directories for which there was no room."""
        starts = {item.node_id: item.next_page for item in wave}
        lost: dict[Page, str] = {}
        try:
            pieces = await self._pieces(starts, lost)
        except (IntegrityError, NotFound):
            pieces = {}
            for item in wave:
                try:
                    pieces |= await self._pieces({item.node_id: item.next_page}, lost)
                except (IntegrityError, NotFound) as error:
                    pieces[item.node_id] = Piece((), 0)
                    lost[item.node_id, 0] = str(error)
        known = {item.node_id: item for item in wave}
        for (node_id, page_no), reason in lost.items():
            what = f"some {self._scope.limits.page_entries} names" if page_no else "what is"
            self._complain("damaged", known[node_id], f"{what} in this directory cannot be read: {reason}")
        for item in wave:
            piece = pieces.get(item.node_id)
            if piece is not None and not piece.records and not any(node_id == item.node_id for node_id, _ in lost):
                self._complain("not_saved", item, "the backup could not list this directory; it is restored empty")
        return pieces, [item for item in wave if item.node_id not in pieces]

    async def _pieces(self, starts: Mapping[int, int], lost: dict[Page, str]) -> dict[int, Piece]:
        return await read_pieces_at(self._scope, starts, self._order.restore_point, WAVE_PAGES, lost)

    async def _later(self, items: Sequence[RestoreItem]) -> Mapping[int, Sequence[SavedEntry]]:
        """What the other restore point has in these directories; nothing of one that was deleted by then."""
        other = self._order.selection.compared_with
        if other is None:
            return {}
        ids = [item.node_id for item in items]
        pages = await read_directories_at(self._scope, ids, other)
        gone = await self._scope.catalogue.deleted_runs(self._scope.share.share_id, ids)
        return {
            node_id: []
            if gone.get(node_id, other + 1) <= other
            else [saved for page in pages.get(node_id, ()) for saved in page.entries]
            for node_id in ids
        }

    # ------------------------------------------------------------------------------------------- what is to be done

    async def _meet(
        self, items: Sequence[RestoreItem], pieces: Mapping[int, Piece]
    ) -> tuple[list[FileToRestore], list[RestoreItem]]:
        """Files with what to do about each, and the directories that are to be gone into."""
        at_once = self._scope.limits.concurrent_reads
        ignore_case = not any("posix" in item.properties for item in items)
        here = await target.look(self._writer, items, ignore_case=ignore_case, at_once=at_once)
        later = await self._later(items)
        files: list[FileToRestore] = []
        found: list[tuple[RestoreItem, SavedEntry, Entry | None]] = []
        for item in items:
            there = here[item.node_id]
            if there is None:
                if self._parts is not None:
                    self._complain("not_there", item, "there is no such directory on the target")
                    continue
                there = NOTHING
            entries = [saved for page in pieces[item.node_id].records for saved in page.entries]
            # Only where all of a directory is restored: else what is not restored would be taken for what is not there.
            if self._order.conflicts is Conflicts.MIRROR and not item.next_page and not item.lazy:
                await self._remove_others(item, there, entries, pieces[item.node_id].following)
            files += self._files_of(item, entries, there, later.get(item.node_id))
            found += self._directories_of(item, entries, there)
        return files, await self._go_into(found)

    def _files_of(
        self, item: RestoreItem, entries: Iterable[SavedEntry], there: Here, later: Sequence[SavedEntry] | None
    ) -> list[FileToRestore]:
        chosen = [saved for saved in entries if not saved.entry.is_directory]
        if item.only:
            chosen = [saved for saved in chosen if saved.entry.name in item.only]
        if self._selector is not None:
            chosen = self._selector.files(self._source(item), chosen, later)
        return [self._file(item, saved, there) for saved in chosen]

    def _file(self, item: RestoreItem, saved: SavedEntry, there: Here) -> FileToRestore:
        name = saved.entry.name
        met = there.get(name)
        if self._parts is not None:
            return FileToRestore(saved, below(item.path, name), item.node_id, Action.REPLACE, met)
        action = file_action(saved.entry, met, self._order.conflicts)
        if action is Action.BESIDE:
            name, met = self._beside(saved, there)
            if met is not None and is_same(saved.entry, met):
                action = Action.SAME
        return FileToRestore(saved, below(item.path, name), item.node_id, action, met)

    def _beside(self, saved: SavedEntry, there: Here) -> tuple[str, Entry | None]:
        """Another name for a file, and what has that already: nothing, or what this run wrote before it was interrupted."""
        name = name_beside(saved.entry.name, self._taken_at)
        met = there.get(name)
        if met is None or is_same(saved.entry, met):
            return name, met
        name = name_beside(saved.entry.name, self._taken_at, f"restore {self._scope.run.run_no}")
        return name, there.get(name)

    def _directories_of(
        self, item: RestoreItem, entries: Iterable[SavedEntry], there: Here
    ) -> list[tuple[RestoreItem, SavedEntry, Entry | None]]:
        """Subdirectories that are to be gone into, with what is in their place."""
        if item.only:
            return []
        chosen = {saved.entry.name: saved for saved in entries if saved.entry.is_directory}
        if self._selector is not None:
            entered = self._selector.enters(self._source(item), chosen)
            chosen = {name: saved for name, saved in chosen.items() if name in entered}
        found = []
        for name, saved in chosen.items():
            met = there.get(name)
            child = RestoreItem(
                node_id=saved.node_id,
                path=below(item.path, name),
                properties=properties_of(saved.entry, saved.posix) | {"metadata": saved.metadata},
                parent_id=item.node_id,
                fresh=met is None,
                lazy=self._selector is not None,
            )
            found.append((child, saved, met))
        return found

    def _source(self, item: RestoreItem) -> str:
        """Where a directory was when it was saved."""
        relative = item.path.removeprefix(self._order.target_path).lstrip("/")
        return below(self._order.path, relative) if relative else self._order.path

    # ----------------------------------------------------------------------------------------------- directories

    async def _go_into(self, found: Sequence[tuple[RestoreItem, SavedEntry, Entry | None]]) -> list[RestoreItem]:
        """Make directories that are not there; returns those that can be gone into."""
        following = [child for child, _, met in found if met is not None and met.is_directory]
        if self._parts is not None:
            for child, _, met in found:
                if met is None or not met.is_directory:
                    self._complain("not_there", child, "there is no such directory on the target")
            return self._remember(following)
        lacking = [(child, saved) for child, saved, met in found if met is None]
        for child, saved, met in found:
            if met is None or met.is_directory:
                continue
            if self._order.conflicts is Conflicts.MIRROR:
                if await self._remove(child.path, met):
                    lacking.append((replace(child, fresh=True), saved))
            else:
                self._complain(
                    "not_restored", child, "a file is in its place; neither it nor anything below it is restored"
                )
        if self._selector is not None:
            return self._remember([*following, *(child for child, _ in lacking)])
        self._counters.made_directories += len(lacking)
        if self._order.dry_run:
            again = len(following) if self._order.conflicts.replaces else 0
            self._counters.planned_writes += 2 * (len(lacking) + again)  # made, or given metadata; and finished
            return self._remember([*following, *(child for child, _ in lacking)])
        if not self._order.conflicts.replaces and lacking:
            await self._scope.catalogue.note_made(self._scope.run.run_id, [child.node_id for child, _ in lacking])
        jobs = [(child, saved.metadata) for child, saved in lacking]
        if self._order.conflicts.replaces:
            jobs += [(child, saved.metadata) for child, saved, met in found if met is not None and met.is_directory]
        made = set(await self._make(jobs))
        untouched = following if not self._order.conflicts.replaces else []
        return self._remember([child for child, _, _ in found if child.node_id in made] + untouched)

    async def _make(self, jobs: Sequence[tuple[RestoreItem, Metadata]]) -> list[int]:
        """Make directories, or give metadata to those that are there; returns the node ids of those that are there now."""
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def one(item: RestoreItem, metadata: Metadata) -> int | None:
            async with gate:
                try:
                    if item.fresh:
                        await patiently(lambda: self._writer.create_directory(item.path, metadata))
                    else:
                        await patiently(lambda: self._writer.set_directory_metadata(item.path, metadata))
                except Rejected as error:
                    self._complain("not_restored", item, f"neither it nor anything below it: {error}")
                    return None
            return item.node_id

        return [node_id for node_id in await together(one(item, metadata) for item, metadata in jobs) if node_id]

    def _remember(self, items: list[RestoreItem]) -> list[RestoreItem]:
        self._known |= {item.node_id: item for item in items}
        return items

    async def _ensure(self, directory_ids: Iterable[int]) -> None:
        """Make those of these lazy directories that are missing, and what is missing above them."""
        wanted = {node_id for node_id in directory_ids if self._known[node_id].lazy} - self._ensured
        if wanted and not self._looked_above:
            above = await self._scope.catalogue.restore_above(
                self._scope.run.run_id, [item.node_id for item in self._claim.items]
            )
            self._known = {item.node_id: item for item in above} | self._known
            self._looked_above = True
        lacking: dict[int, RestoreItem] = {}
        for node_id in wanted:
            item = self._known.get(node_id)
            while item is not None and item.lazy and item.node_id not in self._ensured:
                if item.fresh:
                    lacking[item.node_id] = item
                self._ensured.add(item.node_id)
                item = self._known.get(item.parent_id)
        if not lacking:
            return
        self._counters.made_directories += len(lacking)
        self._counters.planned_writes += 2 * len(lacking) if self._order.dry_run else 0
        if self._order.dry_run:
            return
        await self._scope.catalogue.note_made(self._scope.run.run_id, list(lacking))
        by_depth: defaultdict[int, list[RestoreItem]] = defaultdict(list)
        for item in lacking.values():
            by_depth[item.path.count("/")].append(item)
        for depth in sorted(by_depth):
            await self._make([(item, metadata_of(item)) for item in by_depth[depth]])

    # ---------------------------------------------------------------------------------------------------- files

    async def _carry_out(self, files: Sequence[FileToRestore]) -> None:
        if self._parts is not None:
            await self._parts.restore(files, self.files)
            return
        if self._selector is not None or any(item.lazy for item in self._claim.items):
            await self._ensure({file.directory_id for file in files if file.action in WRITES})
        clear = [file for file in files if file.action is Action.CLEAR]
        cleared = {file.path for file in clear if file.there is not None and await self._remove(file.path, file.there)}
        await self.files.restore([file for file in files if file.action is not Action.CLEAR or file.path in cleared])

    # ------------------------------------------------------------------------------------------------- deletions

    async def _remove_others(
        self, item: RestoreItem, there: Here, entries: Iterable[SavedEntry], following: int
    ) -> None:
        """Delete what the restore point does not have in this directory. Own files that are not finished go uncounted."""
        for entry in there.without(await self._all_names(item, entries, following)):
            path = below(item.path, entry.name)
            if is_own_unfinished(entry.name, self._scope.run.run_no):
                await self._writer.delete_file(path)
            else:
                await self._remove(path, entry)

    async def _all_names(self, item: RestoreItem, entries: Iterable[SavedEntry], following: int) -> set[str]:
        """Every name that the restore point has in a directory, of which ``entries`` is the first piece."""
        names = {saved.entry.name for saved in entries}
        while following:
            pieces = await read_pieces_at(self._scope, {item.node_id: following}, self._order.restore_point, WAVE_PAGES)
            names |= {saved.entry.name for page in pieces[item.node_id].records for saved in page.entries}
            following = pieces[item.node_id].following
        return names

    async def _remove(self, path: str, entry: Entry) -> bool:
        """Delete what is in the way, as far as that was confirmed; False, and a line in the journal, if it stays."""
        counters, at_once = self._counters, self._scope.limits.concurrent_reads
        try:
            files, directories = await target.count(self._writer, path, entry)
            if self._order.dry_run:
                counters.planned_writes += files + directories
            elif await self._scope.catalogue.take_deletes(self._scope.run.run_id, files + directories):
                await target.remove(self._writer, path, entry, at_once=at_once)
            else:
                reason = f"with what is below it {files + directories} to delete, more than what is left of the"
                self._tell("not_deleted", path, 0, f"{reason} {self._order.delete_at_most} that were confirmed")
                return False
        except Rejected as error:
            self._tell("not_deleted", path, 0, str(error))
            return False
        counters.removed_files += files
        counters.removed_directories += directories
        return True

    def _complain(self, kind: str, item: RestoreItem, reason: str) -> None:
        self._tell(kind, item.path, item.node_id, reason)

    def _tell(self, kind: str, path: str, node_id: int, reason: str) -> None:
        self.files.tell(kind, path, node_id, reason)
