"""Write files to a share from the vault.

Reads are planned by vault object: members that lie close together in a bundle come in one request, whatever directories they
belong to. Each file's bytes are checked against their BLAKE3 digest before they are written, and a damaged object costs only
the files in it. A file up to 4 MiB is one request to the share, times and attributes included.

Of a file that has several names (hard links, on NFS shares) the first that any worker comes to is written; the others become links to
it when everything is written (:mod:`shared.usecases.restore_links`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.core.advice import advice
from shared.core.ranges import Span, coalesce
from shared.errors import IntegrityError, NotFound, Rejected, Retryable
from shared.formats import chunk, content_list
from shared.formats.bundle import member_content
from shared.formats.frame import unframe
from shared.model import chunk_list
from shared.model.chunk_list import ChunkList
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.objects import bundle_name, chunk_name, node_object_name
from shared.model.run import Counters
from shared.ports import JournalLine, NewProperties
from shared.usecases.map_permission import PermissionMap
from shared.usecases.patience import TRIES
from shared.usecases.restore_links import FileToRestore, first_names
from shared.usecases.scope import RunScope
from shared.usecases.stopping import Stopped
from shared.usecases.together import VaultTrouble, together

GAP_BYTES: Final = 256 * 1024
"""Bytes of other members worth reading for nothing to save a request."""

READ_BYTES_MAX: Final = 8 * 1024 * 1024
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

    async def restore(self, files: Sequence[FileToRestore]) -> None:
        """Write every file; what cannot be written is in the journal. Raises ``Retryable`` when the target is down."""
        files = await first_names(self.scope, files)
        bundled: defaultdict[str, list[FileToRestore]] = defaultdict(list)
        single: list[FileToRestore] = []
        for file in files:
            content = file.saved.content
            if content.kind is ContentKind.BUNDLED:
                name = bundle_name(self.scope.share.share_id, content.run_no, content.batch_no, content.part)
                bundled[name].append(file)
            elif content.kind is ContentKind.UNSAVED:
                self.complain(
                    "not_saved", file, "the restore point has no content for it: the backup could not read it"
                )
            else:
                single.append(file)
            if file.saved.stale:
                self.complain(
                    "stale", file, "the backup could not read the version of then; the one before is restored"
                )
        spans = [
            (name, span)
            for name, members in bundled.items()
            for span in coalesce(
                ((f.saved.content.offset, f.saved.content.length, f) for f in members),
                gap=GAP_BYTES,
                length_max=READ_BYTES_MAX,
            )
        ]
        gate = asyncio.Semaphore(SPANS_AT_ONCE)
        writes = asyncio.Semaphore(self.scope.limits.concurrent_reads)

        async def one_span(name: str, span: Span[FileToRestore]) -> None:
            async with gate:
                if not self._stopped(*span.items):
                    await self._restore_span(name, span, writes)

        async def one_file(file: FileToRestore) -> None:
            async with writes:
                if not self._stopped(file):
                    await self._restore_single(file)

        await together([*(one_span(name, span) for name, span in spans), *(one_file(file) for file in single)])
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

    async def _restore_span(self, name: str, span: Span[FileToRestore], writes: asyncio.Semaphore) -> None:
        try:
            data = await self._stored(name, span.offset, span.length)
        except IntegrityError as error:
            for file in span.items:
                self._damaged(file, str(error))
            return

        async def one(file: FileToRestore) -> None:
            async with writes:
                if self._stopped(file):
                    return
                content = file.saved.content
                start = content.offset - span.offset
                try:
                    body = member_content(data[start : start + content.length], file.saved.entry.size_bytes)
                except IntegrityError as error:
                    self._damaged(file, f"{name}: {error}")
                    return
                await self._write_small(file, body)

        await together(one(file) for file in span.items)

    def _damaged(self, file: FileToRestore, reason: str) -> None:
        self.complain("damaged", file, reason, hint="restore it from another restore point")

    async def _restore_single(self, file: FileToRestore) -> None:
        content, size = file.saved.content, file.saved.entry.size_bytes
        share_id = self.scope.share.share_id
        try:
            if file.saved.posix is not None and file.saved.posix.link_text:
                await self._write_small(file, file.saved.posix.link_text.encode())
            elif content.kind is ContentKind.NONE:
                await self._write_small(file, b"")
            elif content.kind is ContentKind.PLAIN:
                stored = await self._stored(node_object_name(share_id, content.node_id, content.run_no))
                await self._write_small(file, unframe(stored, size))
            else:
                await self._write_chunks(file, await self._chunks(file))
        except IntegrityError as error:
            self._damaged(file, str(error))

    async def _stored(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object that a manifest refers to, so that its absence is damage."""
        try:
            return await self.scope.vault.get(name, offset, length)
        except NotFound as error:
            raise IntegrityError(f"{name} is gone from the vault") from error

    async def _chunks(self, file: FileToRestore) -> ChunkList:
        content = file.saved.content
        chunks = chunk_list.of_digests(b"".join(content.chunks))
        if content.kind is ContentKind.LISTED:
            name = node_object_name(self.scope.share.share_id, content.node_id, content.run_no)
            chunks = content_list.decode(await self._stored(name)).chunks
        if self.scope.hasher.digest_of_joined(chunks.joined()) != file.saved.digest:
            raise IntegrityError("its list of chunks is not the one that was saved")
        return chunks

    async def _chunk(self, digest: bytes, length: int) -> bytes:
        """A chunk's bytes, checked. ``length`` is what the file's size says."""
        name = chunk_name(self.scope.share.share_id, digest)
        try:
            stored = await self._stored(name)
        except Retryable as error:
            raise VaultTrouble(error) from error
        data = await asyncio.to_thread(chunk.decode, stored)
        if len(data) != length or await asyncio.to_thread(self.scope.hasher.digest, data) != digest:
            raise IntegrityError(f"{name}: its content is not what its name says")
        return data

    async def _write_small(self, file: FileToRestore, body: bytes) -> None:
        if self.scope.hasher.digest(body) != file.saved.digest:
            self._damaged(file, "its bytes are not the ones that were saved")
            return
        await self._write(file, body)

    async def _write_chunks(self, file: FileToRestore, chunks: ChunkList) -> None:
        size = file.saved.entry.size_bytes
        if chunks.count > 1:
            await self._write(file, None, chunks)
            return
        try:
            body = await self._chunk(chunks.digests, size) if chunks.filled else bytes(size)
        except VaultTrouble as trouble:
            raise trouble.cause from trouble
        await self._write(file, body)

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
