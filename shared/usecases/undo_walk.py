"""Undo a restore: what it made goes, what it replaced or deleted comes back from the share snapshot that was taken before it.

Nothing was written down about what the restore did, and nothing needs to be: the same walk finds every node it was about, and three states
tell what to do about each: then (the share snapshot), saved (the restore point) and now.

* now is as saved, and then there was nothing: the restore made it; it goes.
* now is as saved, then was otherwise: the restore replaced it; then comes back.
* now is as one of both but for a tick: a restore or an undo was broken off in the middle of that file; as if it were as saved.
* now is as it was then: the restore never came to it, or it was undone already.
* now is neither: somebody has changed it since. It stays, and the journal says so.
* mirror: what then had, saved does not have, and is not there now, was deleted; it comes back.

So it may be repeated, and undoes a restore that was cancelled or died half-way. A file's bytes do not come through here: the service copies
it from the share snapshot, with everything it had.
"""

import asyncio
from collections.abc import Mapping, Sequence

from shared.core.conflicts import half_done, is_half_done, is_same
from shared.core.paths import below
from shared.errors import Conflict, Rejected
from shared.model.entry import Entry
from shared.model.restore import Conflicts, Part
from shared.model.work import RestoreClaim, RestoreItem
from shared.ports.share_writer import NewProperties
from shared.usecases import target
from shared.usecases.map_permission import PermissionMap
from shared.usecases.patience import patiently
from shared.usecases.read_manifests import Piece
from shared.usecases.restore_links import FileToRestore
from shared.usecases.restore_walk import RestoreBatch
from shared.usecases.scope import RunScope
from shared.usecases.target import NOTHING, Here
from shared.usecases.together import together


class UndoBatch(RestoreBatch):
    """One batch of it."""

    def __init__(self, scope: RunScope, claim: RestoreClaim, permissions: PermissionMap) -> None:
        super().__init__(scope, claim, permissions)
        self._then: dict[str, Here] = {}

    @property
    def _at(self) -> str:
        return self._order.undo_snapshot

    async def _meet(
        self, items: Sequence[RestoreItem], pieces: Mapping[int, Piece]
    ) -> tuple[list[FileToRestore], list[RestoreItem]]:
        """Undo deletions, and return the files the restore was about, and the directories that are still there."""
        at_once = self._scope.limits.concurrent_reads
        now = await target.look(self._writer, items, ignore_case=True, at_once=at_once)
        then = (
            await target.look(self._writer, items, ignore_case=True, at_once=at_once, at=self._at) if self._at else {}
        )
        later = await self._later(items)
        files: list[FileToRestore] = []
        following: list[RestoreItem] = []
        for item in items:
            here = now[item.node_id] or NOTHING
            before = self._then[item.path] = then.get(item.node_id) or NOTHING
            entries = [saved for page in pieces[item.node_id].records for saved in page.entries]
            if self._order.conflicts is Conflicts.MIRROR and not item.next_page and not item.lazy:
                names = await self._all_names(item, entries, pieces[item.node_id].following)
                gone = before.without(names)
                await together(self._put_back(below(item.path, e.name), e, here.get(e.name)) for e in gone)
            files += self._files_of(item, entries, here, later.get(item.node_id))
            for child, _, met in self._directories_of(item, entries, here):
                was = before.get(child.path.rpartition("/")[2])
                if met is not None and met.is_directory:
                    following.append(child)
                elif was is not None and was.is_directory:
                    self._tell(
                        "changed_since", child.path, child.node_id, "somebody has deleted it, or replaced it by a file"
                    )
        return files, self._remember(following)

    async def _carry_out(self, files: Sequence[FileToRestore]) -> None:
        gate = asyncio.Semaphore(self._scope.limits.concurrent_reads)

        async def one(file: FileToRestore) -> None:
            async with gate:
                if self.files.stopped(file):
                    return
                try:
                    await self._undo(file)
                except Rejected as error:
                    self.files.complain("not_restored", file, str(error))

        await together(one(file) for file in files)

    async def _undo(self, file: FileToRestore) -> None:
        directory, _, name = file.path.rpartition("/")
        was, there, saved, counters = self._then[directory].get(name), file.there, file.saved.entry, self._counters
        if there is None or (was is not None and is_same(was, there)):
            counters.same_files += 1
        elif self._order.part is not Part.EVERYTHING:
            await self._undo_part(file, was, there)
        elif not (is_half_done(was, there) or is_same(saved, there) or is_half_done(saved, there)):
            self.files.complain("changed_since", file, "somebody has changed it since it was restored")
        elif was is None:
            counters.planned_writes += self._order.dry_run
            counters.removed_files += 1
            if not self._order.dry_run:
                await patiently(lambda: self._writer.delete_file(file.path))
        else:
            counters.planned_writes += self._order.dry_run
            if was.is_directory and not self._order.dry_run:
                await patiently(lambda: self._writer.delete_file(file.path))
            await self._put_back(file.path, was, None)

    async def _undo_part(self, file: FileToRestore, was: Entry | None, there: Entry) -> None:
        """Put back permissions, times and attributes, or metadata, whatever somebody did to the content since."""
        if was is None or was.is_directory or there.is_directory:
            return
        self._counters.files += 1
        self._counters.planned_writes += self._order.dry_run
        if self._order.dry_run:
            return
        before = await patiently(lambda: self._writer.file_properties(file.path, self._at))
        if self._order.part is Part.METADATA:
            await patiently(lambda: self._writer.set_file_metadata(file.path, before.metadata))
            return
        now = await patiently(lambda: self._writer.file_properties(file.path))
        await patiently(lambda: self._writer.set_file_properties(file.path, self._part_of(was), now.headers))

    def _part_of(self, was: Entry) -> NewProperties:
        if self._order.part is Part.PERMISSIONS:
            return NewProperties(permission_key=was.permission_key)
        if self._order.part is Part.TIMES:
            return _properties_of(was, "")
        return _properties_of(was, was.permission_key)

    async def _put_back(self, path: str, was: Entry, now: Entry | None) -> None:
        """Bring a file, or a directory with all below it, back from the share snapshot, unless it is back.

        What somebody has put in its place since stays.
        """
        counters, dry = self._counters, self._order.dry_run
        if is_half_done(was, now):
            now = None
        if now is not None and (
            now.is_directory is not was.is_directory or not (was.is_directory or is_same(was, now))
        ):
            self._tell("changed_since", path, 0, "somebody has put something else in its place since it was deleted")
            return
        if not was.is_directory:
            if now is None:
                counters.files += 1
                counters.bytes += was.size_bytes
                if not dry:
                    await patiently(lambda: self._writer.copy_back(path, self._at, half_done(was.changed)))
            return
        if now is None:
            counters.made_directories += 1
            if not dry:
                before = await patiently(lambda: self._writer.directory_properties(path, self._at))
                metadata = before.metadata if before is not None else ()
                await patiently(lambda: self._writer.create_directory(path, metadata))
        found = await patiently(lambda: self._writer.entries(path)) if now is not None else None
        there = Here(found or (), ignore_case=True)
        for entry in await patiently(lambda: self._writer.entries(path, self._at)) or []:
            await self._put_back(below(path, entry.name), entry, there.get(entry.name))
        if not dry:
            await patiently(lambda: self._writer.set_directory_properties(path, self._part_of(was)))

    async def finish(self, item: RestoreItem) -> None:
        """Give a directory what it had, or remove it if it was not there and nothing is in it now."""
        before = await patiently(lambda: self._writer.directory_properties(item.path, self._at)) if self._at else None
        if before is None:
            if self._order.part is Part.EVERYTHING and item.path:
                try:
                    await patiently(lambda: self._writer.delete_directory(item.path))
                except Conflict:
                    return  # somebody has put something into it
                self._counters.removed_directories += 1
            return
        if item.lazy or not self._order.conflicts.replaces:
            return
        if self._order.part in (Part.EVERYTHING, Part.METADATA):
            await patiently(lambda: self._writer.set_directory_metadata(item.path, before.metadata))
        if self._order.part is not Part.METADATA:
            was = Entry(
                name="",
                is_directory=True,
                file_id=before.file_id,
                size_bytes=0,
                created=before.created,
                accessed=0,
                written=before.written,
                changed=before.changed,
                modified=0,
                attributes=before.attributes,
                permission_key=before.permission_key,
            )
            await patiently(lambda: self._writer.set_directory_properties(item.path, self._part_of(was)))


def _properties_of(was: Entry, permission_key: str) -> NewProperties:
    return NewProperties(
        created=was.created,
        written=was.written,
        changed=was.changed,
        attributes=was.attributes,
        permission_key=permission_key,
    )
