"""Save changed directories: read what changed, place subdirectories, and gather what one batch makes durable.

Content goes to the vault as it is read. Nothing else is written: what a batch came to is for
:mod:`shared.usecases.make_durable`.

A directory's fingerprint is set only when everything its listing names is safe (DESIGN 6, invariant 5): all files saved, and
every subdirectory has a row of its own, which the batch inserts together with the fingerprint.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.core import addressing, diff
from shared.core.advice import advice
from shared.core.paths import ending
from shared.errors import IntegrityError, NotFound
from shared.formats.segment import SegmentWriter
from shared.model import ticks
from shared.model.content import HOLE, Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import ManifestRef, PageRecord, SavedEntry
from shared.model.node import SLOT_MAX, directory_id
from shared.model.note import note_of
from shared.model.objects import segment_name
from shared.model.page import DirectoryHead, Page
from shared.model.repack import BundleKey, Noted, Repack
from shared.model.verify import Damage
from shared.model.work import BatchCommit, Claim, LargeContent, LargeFile
from shared.ports.journal import JournalLine
from shared.usecases.changed_directory import Changed, Visit
from shared.usecases.copy_members import copy_members
from shared.usecases.list_directory import Listing
from shared.usecases.patience import NODE_TROUBLE, patiently
from shared.usecases.plan_large import plan_large
from shared.usecases.read_manifests import read_records
from shared.usecases.save_files import FileSaver, FileToSave
from shared.usecases.save_large import save_content_list
from shared.usecases.save_permission import SavedPermission, save_permission
from shared.usecases.scope import RunScope
from shared.usecases.together import together

LISTS_AT_ONCE: Final = 8
"""Content lists of large files being written: mostly some hundred kilobytes of memory each, of the largest file 200 MB."""


class Batch:
    """What one claim came to. Add to it, then close :attr:`saver`, call :meth:`records`, take :attr:`commit` and :attr:`journal`."""

    def __init__(self, scope: RunScope, claim: Claim) -> None:
        assert scope.reader is not None
        self._scope = scope
        self._reader = scope.reader
        self._claim = claim
        self._changed: list[Changed] = []
        self._bare: dict[int, Page] = {}
        self._placed: dict[int, DirectoryHead] = {}
        self._known_permissions: set[str] | None = None
        self._lost_permissions: set[str] = set()
        self.waiting: dict[int, Visit] = {}
        """Directories that wait for large files of theirs."""
        self.saver = FileSaver(scope, claim.batch_no)
        self.journal: list[JournalLine] = []
        self.commit = BatchCommit(
            run_id=claim.run_id, share_id=scope.share.share_id, run_no=scope.run.run_no, batch_no=claim.batch_no
        )

    async def save(self, changed: list[Changed], children: Mapping[int, Sequence[DirectoryHead]]) -> list[Visit]:
        """Read and save what changed in some directories; returns their subdirectories, which are to be visited.

        :param children: of each directory, those that are known and not yet accounted for by an earlier piece of it.
        """
        records = await self._records([ref for c in changed for ref in c.manifests().values()])
        for c in changed:
            c.records = {page_no: records[ref] for page_no, ref in c.manifests().items() if ref in records}
        noted = await self._noted(changed)
        mended = self._forget_damaged(changed, noted.damaged)
        await self._recall(changed)
        for c in changed:
            c.plan_files()
        changed = await self._large_first(changed)
        for c in changed:
            self.commit.mended += mended.get(c.node_id, [])
        if noted.repacks and self._scope.share.settings.repack:
            await self._repack(changed, noted.repacks)
        following = await self._place_subdirectories(changed, children)
        await self._save_subdirectories(changed)
        await self._save_permissions(changed)
        await self.saver.save(file for c in changed for name, file in c.files.items() if name not in c.listed_content)
        for c in changed:
            self._changed.append(c)
            self._tell(c)
        return following

    def count(self, listing: Listing) -> None:
        """Count a directory that is done."""
        self.commit.counters.directories += 1
        self.commit.counters.files += listing.file_count
        self.commit.counters.bytes += listing.total_bytes
        self.commit.counters.excluded_files += listing.excluded_files
        self.commit.counters.excluded_directories += listing.excluded_directories
        self.commit.counters.large_files += listing.large_count

    async def _records(self, refs: list[ManifestRef]) -> dict[ManifestRef, PageRecord]:
        """Read what was saved of changed pages.

        A record that is damaged or gone is complained of and left out: its page is saved anew, and the damage does not keep the
        share from being backed up.
        """
        vault, share_id = self._scope.vault, self._scope.share.share_id
        try:
            return await read_records(vault, share_id, refs)
        except (IntegrityError, NotFound):
            found: dict[ManifestRef, PageRecord] = {}
            for ref in refs:
                try:
                    found |= await read_records(vault, share_id, [ref])
                except (IntegrityError, NotFound) as error:
                    name = segment_name(share_id, ref.run_no, ref.batch_no)
                    hint = "older versions of this directory may be out of reach; what is there now is saved anew"
                    self.complain("damaged", "", f"{name}: {error}", hint=hint)
            return found

    async def _noted(self, changed: list[Changed]) -> Noted:
        saved = [c.node_id for c in changed if c.manifests()]
        return await self._scope.catalogue.noted_within(self._scope.share.share_id, saved) if saved else Noted()

    def _forget_damaged(self, changed: list[Changed], found: Sequence[Damage]) -> dict[int, list[Damage]]:
        """Take what verifies found damaged out of what was saved before, so that it is read again; what that is, by directory."""
        by_node = {c.node_id: c for c in changed}
        mended: dict[int, list[Damage]] = {}
        for damage in found:
            c = by_node[damage.page_id & ~SLOT_MAX]
            if c.forget(damage):
                mended.setdefault(c.node_id, []).append(damage)
        return mended

    async def _repack(self, changed: list[Changed], noted: Sequence[Repack]) -> None:
        """Copy files that have not changed out of the bundles that a sweep has found to be worth leaving."""
        bundles: dict[int, set[BundleKey]] = {}
        pages: dict[int, list[int]] = {}
        for one in noted:
            bundles.setdefault(one.page_id & ~SLOT_MAX, set()).add(one.bundle)
            pages.setdefault(one.page_id & ~SLOT_MAX, []).append(one.page_id)
        leaving = [c for c in changed if c.node_id in bundles]
        for c in leaving:
            c.leave(bundles[c.node_id])
        whose = {id(file): c for c in leaving for file in c.copies.values()}
        for file, error in await copy_members(self._scope, self.saver, [f for c in leaving for f in c.copies.values()]):
            whose[id(file)].read_again(file)
            hint = "it is read again from the share; restore points from before this one may have lost it: verify them"
            self.complain("damaged", file.path, str(error), node_id=file.plan.node_id, hint=hint)
        for c in leaving:
            if len(c.copied()) == len(c.copies):
                done = c.manifests()
                self.commit.repacked += [page_id for page_id in pages[c.node_id] if page_id & SLOT_MAX in done]

    async def _recall(self, changed: list[Changed]) -> None:
        """Read what scans have numbered and no run has saved: those files keep their numbers."""
        asked = {c.node_id | page_no: c for c in changed for page_no in c.unsaved_pages()}
        if asked:
            for row in await self._scope.catalogue.whole_pages(self._scope.share.share_id, list(asked)):
                asked[row.directory_id | row.page_no].recall(row)

    async def _large_first(self, changed: list[Changed]) -> list[Changed]:
        """Take out the directories that must wait for large files; give the others the content that is ready."""
        limit = self._scope.share.settings.large_file_bytes
        large = {c.node_id: [f for f in c.files.values() if f.plan.entry.size_bytes > limit] for c in changed}
        asked = [node_id for node_id, files in large.items() if files]
        if not asked:
            return changed
        ready = {
            (content.directory_id, content.file_id, content.changed): content
            for content in await self._scope.catalogue.large_contents(self._claim.run_id, asked)
        }
        open_files: list[tuple[int, FileToSave]] = []
        for c in changed:
            for file in large[c.node_id]:
                entry = file.plan.entry
                content = ready.get((c.node_id, entry.file_id, entry.changed))
                if content is None:
                    open_files.append((c.node_id, file))
                else:
                    c.listed_content[entry.name] = content
        once = {(node_id, f.plan.entry.file_id): (node_id, f) for node_id, f in open_files}  # hard links are read once
        planned: dict[int, list[LargeFile]] = {}
        known: dict[tuple[int, int], LargeContent] = {}
        for found in await plan_large(self._scope, list(once.values())):
            if isinstance(found, LargeFile):
                planned.setdefault(found.directory_id, []).append(found)
            else:
                known[found.directory_id, found.file_id] = found
        by_node = {c.node_id: c for c in changed}
        for node_id, file in open_files:
            content = known.get((node_id, file.plan.entry.file_id))
            if content is not None:
                by_node[node_id].listed_content[file.plan.entry.name] = content
        for c in changed:
            if c.node_id in planned:
                self.commit.large += planned[c.node_id]
                self.waiting[c.node_id] = c.visit
                if c.visit.is_new:
                    self._bare[c.node_id] = self._bare_page(c.visit)
        going_on = [c for c in changed if c.node_id not in planned]
        gate = asyncio.Semaphore(LISTS_AT_ONCE)

        async def save(file: FileToSave, content: LargeContent) -> None:
            async with gate:
                await save_content_list(self._scope, file, content, self._reader)

        await together(save(c.files[name], content) for c in going_on for name, content in c.listed_content.items())
        return going_on

    async def _place_subdirectories(
        self, changed: list[Changed], children: Mapping[int, Sequence[DirectoryHead]]
    ) -> list[Visit]:
        """Give every subdirectory its node: the one it had here, the one it had elsewhere, or a new one."""
        scope = self._scope
        share_id = scope.share.share_id
        matches = [diff.match_subdirectories(c.subdirectories, children.get(c.node_id, [])) for c in changed]
        unknown = [entry.file_id for match in matches for entry in match.unknown]
        elsewhere = await scope.catalogue.heads_by_file_id(share_id, unknown) if unknown else {}
        new_count = sum(1 for file_id in unknown if file_id not in elsewhere)
        numbers = iter(await scope.catalogue.allocate_directories(share_id, new_count) if new_count else range(0))
        following: list[Visit] = []
        for c, match in zip(changed, matches, strict=True):
            here = c.node_id
            for entry, child in match.same:
                following.append(self._follow(c, entry, child, moved=child.name != entry.name))
            for entry in match.unknown:
                head = elsewhere.get(entry.file_id)
                if head is not None:
                    following.append(self._follow(c, entry, head, moved=True))
                else:
                    following.append(self._follow_new(c, entry, directory_id(next(numbers))))
            if c.is_last:
                self.commit.missing += [(child.node_id, here) for child in match.missing]
        following.sort(key=lambda visit: visit.path)
        return following

    def _follow(self, c: Changed, entry: Entry, head: DirectoryHead, *, moved: bool) -> Visit:
        if moved:
            head = replace(head, parent_id=c.node_id, name=entry.name)
            self._placed[head.node_id] = head
            self.commit.counters.moved_directories += 1
        c.subdirectory_ids[entry.file_id] = head.node_id
        return Visit(head, c.visit.child_path(entry.name), ticks.to_unix(entry.written), is_new=False, claimed=False)

    def _follow_new(self, c: Changed, entry: Entry, node_id: int) -> Visit:
        mtime = ticks.to_unix(entry.written)
        head = DirectoryHead(
            node_id=node_id,
            parent_id=c.node_id,
            name=entry.name,
            file_id=entry.file_id,
            mtime=mtime,
            fingerprint=None,
        )
        c.subdirectory_ids[entry.file_id] = node_id
        visit = Visit(head, c.visit.child_path(entry.name), mtime, is_new=True, claimed=False)
        self._bare[node_id] = self._bare_page(visit)
        return visit

    @staticmethod
    def _bare_page(visit: Visit) -> Page:
        """The row of a directory that was found but not yet visited: no fingerprint, so that it will be."""
        head = visit.head
        return Page(
            directory_id=head.node_id,
            name=head.name,
            parent_id=head.parent_id,
            file_id=head.file_id,
            mtime=visit.mtime,
        )

    async def _save_subdirectories(self, changed: list[Changed]) -> None:
        """Saved entries of the subdirectories in changed pages; user metadata is one request per changed one."""
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def save(c: Changed, entry: Entry, previous: SavedEntry | None) -> None:
            node_id = c.subdirectory_ids[entry.file_id]
            if previous is not None and previous.entry.changed == entry.changed and not previous.stale:
                c.saved_subdirectories[entry.file_id] = replace(previous, entry=entry, node_id=node_id)
                return
            path = c.visit.child_path(entry.name)
            try:
                async with gate:
                    properties = await patiently(lambda: self._reader.directory_properties(path))
                metadata, posix, stale = properties.metadata, properties.posix, False
            except NODE_TROUBLE as error:
                metadata, posix = (previous.metadata, previous.posix) if previous is not None else ((), None)
                stale = True
                c.unsafe.add(entry.name)
                self.complain("unreadable", path, f"its metadata could not be read: {error}", node_id=node_id)
            c.saved_subdirectories[entry.file_id] = SavedEntry(
                entry=entry,
                node_id=node_id,
                saved_run=self._scope.run.run_no,
                content=Content(ContentKind.NONE),
                metadata=metadata,
                stale=stale,
                posix=posix,
            )

        jobs = []
        for c in changed:
            previous = {saved.entry.file_id: saved for saved in c.saved_before() if saved.entry.is_directory}
            jobs += [save(c, entry, previous.get(entry.file_id)) for entry in c.entries() if entry.is_directory]
        await together(jobs)

    async def _save_permissions(self, changed: list[Changed]) -> None:
        """Put every security descriptor the batch refers to in the vault, each once per share."""
        keys = {entry.permission_key for c in changed for entry in c.entries()} - {""}
        if not keys:
            return  # an NFS share has none
        if self._known_permissions is None:
            self._known_permissions = await self._scope.catalogue.known_permissions(self._scope.share.share_id)
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def save(key: str) -> SavedPermission:
            async with gate:
                return await save_permission(self._scope, key)

        new = sorted(keys - self._known_permissions - self._lost_permissions)
        for key, saved in zip(new, await together(save(key) for key in new), strict=True):
            if saved.error:
                self.complain("permission_unreadable", "", f"permission {key}: {saved.error}")
                self._lost_permissions.add(key)
            else:
                self.commit.permissions.append(key)
                self.commit.checksums[key] = saved.checksum
                self._known_permissions.add(key)
        for c in changed:
            if self._lost_permissions:
                c.unsafe |= {e.name for e in c.entries() if e.permission_key in self._lost_permissions}

    # --------------------------------------------------------------------------------------------------------- outcome

    def _tell(self, c: Changed) -> None:
        """Count what was saved and complain about what was not."""
        counters = self.commit.counters
        c.cut_off = any(file.cut_off for file in c.files.values())
        counters.changed_directories += c.is_last and not c.cut_off
        counters.new_directories += c.is_unsaved and not c.cut_off and c.visit.path != ""
        counters.deleted_files += c.deleted_files
        for file in c.left_out:
            c.unsafe.add(file.plan.entry.name)
            self.complain(
                "too_many_files",
                file.path,
                f"the directory has used all of its {SLOT_MAX:,} file numbers",
                hint="split the directory; every file beyond the limit is left out",
            )
        for file in c.files.values():
            if file.cut_off:
                c.unsafe.add(file.plan.entry.name)
            elif file.error:
                c.unsafe.add(file.plan.entry.name)
                saved = file.saved(self._scope.run.run_no)
                self.complain(
                    "stale" if saved.stale else "unreadable",
                    file.path,
                    file.error,
                    node_id=saved.node_id,
                )
            else:
                counters.changed_files += 1
                counters.new_files += file.plan.previous is None
                counters.changed_bytes += file.plan.entry.size_bytes
                if file.plan.previous is not None and file.plan.previous.entry.name != file.plan.entry.name:
                    counters.moved_files += 1
                    counters.new_endings += ending(file.plan.previous.entry.name) != ending(file.plan.entry.name)

    def not_listed(self, path: str, error: Exception, node_id: int) -> None:
        """A directory could not be listed: complain, and be done with it."""
        self.complain("not_listed", path, str(error), node_id=node_id)
        self.commit.counters.directories += 1

    def complain(self, kind: str, path: str, reason: str, *, node_id: int = 0, hint: str = "") -> None:
        """Tell the journal what went wrong with one node, and count it. Without a ``hint`` its name or the reason gives one."""
        self.commit.counters.errors += 1
        now, hint = self._scope.clock.now(), hint or addressing.hint(path) or advice(kind, reason)
        self.journal.append(JournalLine(at=now, kind=kind, path=path, node_id=node_id, reason=reason, hint=hint))

    def records(self) -> SegmentWriter:
        """Encode the manifests of the batch and complete its rows. Call after the saver was closed."""
        segment = SegmentWriter()
        for c in self._changed:
            self.commit.pages += c.finish(self._scope.run.run_no, self._claim.batch_no, segment)
            chunks = (digest for file in c.files.values() for digest in file.content.chunks if digest != HOLE)
            self.commit.chunks += chunks
        for page in self.commit.pages:
            segment.note(note_of(page, self._scope.run.run_no, self._claim.batch_no))
        copied = [file for c in self._changed for file in c.copied()]
        self.commit.counters.repacked_files += len(copied)
        self.commit.counters.repacked_bytes += sum(file.content.length for file in copied)
        visited = {c.node_id for c in self._changed}
        self.commit.pages += [page for node_id, page in self._bare.items() if node_id not in visited]
        inserted = {page.directory_id for page in self.commit.pages}
        self.commit.placed = [head for node_id, head in self._placed.items() if node_id not in inserted]
        self.commit.counters.pages_written = len(self.commit.pages) + len(self.commit.placed)
        self.commit.counters.read_bytes = self.saver.content_bytes
        return segment
