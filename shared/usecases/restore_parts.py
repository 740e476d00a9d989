"""Give nodes that are on the target a part of what was saved of them: permissions, times and attributes, or metadata.

Nothing is made and no content moves. A file's content headers go with every change of its properties, because the service clears
those that are not sent: so they are asked for first, which makes two requests per file. What is as it was saved already is known from
the listing of its directory and costs none.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import Rejected
from shared.model.entry import SETTABLE, Entry
from shared.model.manifest import SavedEntry
from shared.model.restore import Part
from shared.model.run import Counters
from shared.model.work import RestoreItem
from shared.ports.share_writer import NewProperties
from shared.usecases.map_permission import PermissionMap
from shared.usecases.open_restore import metadata_of, new_properties
from shared.usecases.patience import patiently
from shared.usecases.restore_files import FileRestorer
from shared.usecases.restore_links import FileToRestore
from shared.usecases.scope import RunScope
from shared.usecases.together import together


@dataclass(frozen=True, slots=True)
class PartRestorer:
    """Restores the part that the order names."""

    scope: RunScope
    permissions: PermissionMap
    counters: Counters

    @property
    def _part(self) -> Part:
        assert self.scope.run.order is not None
        return self.scope.run.order.part

    async def restore(self, files: Sequence[FileToRestore], told: FileRestorer) -> None:
        """Give each of ``files`` its part; what cannot be done is told. Raises ``Retryable`` when the target is down."""
        gate = asyncio.Semaphore(self.scope.limits.concurrent_reads)

        async def one(file: FileToRestore) -> None:
            async with gate:
                if told.stopped(file):
                    return
                if file.there is None or file.there.is_directory:
                    told.complain("not_there", file, "there is no such file on the target")
                    return
                try:
                    changed = await patiently(lambda: self._file(file, file.there))
                except Rejected as error:
                    told.complain("not_restored", file, str(error))
                    return
                if changed:
                    self.counters.files += 1
                else:
                    self.counters.same_files += 1

        await together(one(file) for file in files)

    async def _file(self, file: FileToRestore, there: Entry | None) -> bool:
        """False if it is so already."""
        assert there is not None
        writer, dry = self.scope.writer, self._dry_run
        assert writer is not None
        if self._part is Part.METADATA:
            self.counters.planned_writes += dry
            if not dry:
                await writer.set_file_metadata(file.path, file.saved.metadata)
            return True
        wanted = await self._wanted(file.saved)
        if wanted is None or _is_so(wanted, there):
            return False
        self.counters.planned_writes += dry
        if not dry:
            now = await writer.file_properties(file.path)
            await writer.set_file_properties(file.path, wanted, now.headers)
        return True

    async def _wanted(self, saved: SavedEntry) -> NewProperties | None:
        """What to set; None if the backup does not have it, or the target does not take it (then the map tells)."""
        entry = saved.entry
        whole = NewProperties(
            created=entry.created,
            written=entry.written,
            changed=entry.changed,
            attributes=entry.attributes,
            posix=saved.posix,
        )
        return await self._part_of(whole, entry.permission_key)

    async def _part_of(self, whole: NewProperties, source_key: str) -> NewProperties | None:
        """The part of a node's properties; None where there is no permission to give."""
        if self._part is Part.TIMES:
            attributes = None if whole.posix is not None else whole.attributes
            return NewProperties(
                created=whole.created, written=whole.written, changed=whole.changed, attributes=attributes
            )
        if whole.posix is not None:
            return NewProperties(posix=whole.posix)
        # A dry run makes no permission on the target, and so cannot tell what key it would have on another account.
        key = source_key if self._dry_run else await self.permissions.target_key(source_key)
        return NewProperties(permission_key=key) if key else None

    @property
    def _dry_run(self) -> bool:
        assert self.scope.run.order is not None
        return self.scope.run.order.dry_run

    async def finish(self, item: RestoreItem) -> None:
        """Give a directory its part. Raises ``Rejected``."""
        writer = self.scope.writer
        assert writer is not None
        if self._part is Part.METADATA:
            await patiently(lambda: writer.set_directory_metadata(item.path, metadata_of(item)))
            return
        source_key = str(item.properties.get("permission_key", ""))
        wanted = await self._part_of(new_properties(item.properties, ""), source_key)
        if wanted is not None:
            await patiently(lambda: writer.set_directory_properties(item.path, wanted))


def _is_so(wanted: NewProperties, there: Entry) -> bool:
    """Whether a node has these properties already, as far as its listing tells."""
    if wanted.posix is not None:
        return False
    if wanted.permission_key:
        return there.permission_key == wanted.permission_key
    return (
        (there.created, there.written, there.changed) == (wanted.created, wanted.written, wanted.changed)
        and wanted.attributes is not None
        and there.attributes & SETTABLE == wanted.attributes & SETTABLE
    )
