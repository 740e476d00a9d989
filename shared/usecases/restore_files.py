"""Write files to a share from the vault.

Each file's bytes are checked before they are written, and a damaged object costs only the files in it
(:mod:`shared.usecases.read_content`). A file up to 4 MiB is one request to the share, times and attributes included.

Of a file that has several names (hard links, on NFS shares) the first that any worker comes to is written; the others become links to
it when everything is written (:mod:`shared.usecases.restore_links`).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.core.advice import advice
from shared.errors import IntegrityError, Rejected, Retryable
from shared.model.chunk_list import ChunkList
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.run import Counters
from shared.ports import JournalLine, NewProperties
from shared.usecases.map_permission import PermissionMap
from shared.usecases.patience import TRIES
from shared.usecases.read_content import ContentReader, Joined
from shared.usecases.restore_links import FileToRestore, first_names
from shared.usecases.scope import RunScope
from shared.usecases.stopping import Stopped
from shared.usecases.together import VaultTrouble, together

SPANS_AT_ONCE: Final = 4
"""Joined reads in memory at once: at most 32 MiB as stored."""

CHUNKS_AT_ONCE: Final = 4
TROUBLE_MAX: Final = 16
"""Failed writes in a row after which the target is down rather than the files bad."""


@dataclass(slots=True)
class FileRestorer:
    """Restores the files of one batch."""

    scope: RunScope
    permissions: PermissionMap
    counters: Counters
    journal: list[JournalLine] = field(default_factory=list)
    cut_off: set[int] = field(default_factory=set)
    """Directories of which some file was not written, because the work was to stop."""
    _trouble: int = 0
    _written: list[int] = field(default_factory=list)  # node ids of files that others will be links to
    _content: ContentReader = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self._content = ContentReader(self.scope.vault, self.scope.share.share_id, self.scope.hasher)

    async def restore(self, files: Sequence[FileToRestore]) -> None:
        """Write every file; what cannot be written is in the journal. Raises ``Retryable`` when the target is down."""
        files = await first_names(self.scope, files)
        wanted: list[FileToRestore] = []
        for file in files:
            if file.saved.content.kind is ContentKind.UNSAVED:
                self.complain(
                    "not_saved", file, "the restore point has no content for it: the backup could not read it"
                )
                continue
            wanted.append(file)
            if file.saved.stale:
                self.complain(
                    "stale", file, "the backup could not read the version of then; the one before is restored"
                )
        spans, single = self._content.plan(wanted)
        gate = asyncio.Semaphore(SPANS_AT_ONCE)
        writes = asyncio.Semaphore(self.scope.limits.concurrent_reads)

        async def one_span(joined: Joined[FileToRestore]) -> None:
            async with gate:
                if not self._stopped(*joined.span.items):
                    await self._restore_span(joined, writes)

        async def one_file(file: FileToRestore) -> None:
            async with writes:
                if not self._stopped(file):
                    await self._restore_single(file)

        await together([*(one_span(joined) for joined in spans), *(one_file(file) for file in single)])
        if self._written:
            await self.scope.catalogue.links_written(self.scope.run.run_id, self._written)
            self._written.clear()

    def _stopped(self, *files: FileToRestore) -> bool:
        """Whether to stop; then these files are left for another time."""
        stop = self.scope.stop
        if stop:
            stop.check()
            self.cut_off.update(file.directory_id for file in files)
        return bool(stop)

    def complain(self, kind: str, file: FileToRestore, reason: str, hint: str = "") -> None:
        """Journal one file that is not on the target as it was."""
        self.counters.errors += 1
        self.journal.append(
            JournalLine(
                at=self.scope.clock.now(),
                kind=kind,
                path=file.path,
                node_id=file.saved.node_id,
                reason=reason,
                hint=hint or advice(kind, reason),
            )
        )

    async def _restore_span(self, joined: Joined[FileToRestore], writes: asyncio.Semaphore) -> None:
        try:
            data = await self._content.span(joined)
        except IntegrityError as error:
            for file in joined.span.items:
                self._damaged(file, str(error))
            return

        async def one(file: FileToRestore) -> None:
            async with writes:
                if self._stopped(file):
                    return
                try:
                    body = self._content.member(joined, data, file)
                except IntegrityError as error:
                    self._damaged(file, str(error))
                    return
                await self._write(file, body)

        await together(one(file) for file in joined.span.items)

    def _damaged(self, file: FileToRestore, reason: str) -> None:
        self.complain("damaged", file, reason, hint="restore it from another restore point")

    async def _restore_single(self, file: FileToRestore) -> None:
        saved = file.saved
        try:
            if saved.entry.size_bytes <= CHUNK_BYTES:
                await self._write(file, await self._content.whole(saved))
            else:
                await self._write(file, None, await self._content.chunks(saved))
        except IntegrityError as error:
            self._damaged(file, str(error))

    async def _chunk(self, digest: bytes, length: int) -> bytes:
        """A chunk, with the vault's trouble told apart from the target's."""
        try:
            return await self._content.chunk(digest, length)
        except Retryable as error:
            raise VaultTrouble(error) from error

    async def _write(self, file: FileToRestore, body: bytes | None, chunks: ChunkList | None = None) -> None:
        """Write ``body``, or else ``chunks``, with the target's trouble told apart from the vault's."""
        error: Exception | None = None
        posix = file.saved.posix
        for _ in range(TRIES):
            try:
                if posix is not None and posix.link_text:
                    await self._create_link(file)
                elif chunks is None:
                    await self._create(file, body)
                else:
                    await self._create_large(file, chunks)
            except VaultTrouble as trouble:
                raise trouble.cause from trouble
            except Stopped:
                self._stopped(file)
                return
            except Rejected as rejected:
                error = rejected
                break
            except Retryable as retryable:
                error = retryable
                self._trouble += 1
                if self._trouble >= TROUBLE_MAX:
                    raise
            else:
                self._trouble = 0
                self.counters.files += 1
                self.counters.bytes += file.saved.entry.size_bytes
                if posix is not None and posix.links > 1:
                    self._written.append(file.saved.node_id)
                return
        self.complain("not_restored", file, str(error))

    async def _create(self, file: FileToRestore, body: bytes | None) -> None:
        assert self.scope.writer is not None
        saved = file.saved
        if file.replaces:
            await self.scope.writer.make_way(file.path)
        await self.scope.writer.create_file(
            file.path,
            saved.entry.size_bytes,
            body,
            await self._properties(file),
            saved.headers,
            saved.metadata,
        )

    async def _create_link(self, file: FileToRestore) -> None:
        assert self.scope.writer is not None
        await self.scope.writer.create_symbolic_link(file.path, await self._properties(file), file.saved.metadata)

    async def _create_large(self, file: FileToRestore, chunks: ChunkList) -> None:
        """Make the file sparse, put every chunk that is not zeros, then its times and attributes last."""
        writer = self.scope.writer
        assert writer is not None
        size = file.saved.entry.size_bytes
        left = chunks.chunks()

        async def put() -> None:
            for place, digest in left:  # one iterator for all: nothing is held of the chunks that are not on their way
                if self.scope.stop:
                    raise Stopped
                offset = place * CHUNK_BYTES
                data = await self._chunk(digest, min(CHUNK_BYTES, size - offset))
                await writer.put_range(file.path, offset, data)

        await self._create(file, None)
        await together(put() for _ in range(CHUNKS_AT_ONCE))
        await writer.set_file_properties(file.path, await self._properties(file), file.saved.headers)

    async def _properties(self, file: FileToRestore) -> NewProperties:
        entry = file.saved.entry
        return NewProperties(
            created=entry.created,
            written=entry.written,
            changed=entry.changed,
            attributes=entry.attributes,
            permission_key=await self.permissions.target_key(entry.permission_key),
            posix=file.saved.posix,
        )
