"""Write files to a share from the vault.

Each file's bytes are checked before they are written, and a damaged object costs only the files in it
(:mod:`shared.usecases.read_content`). A file up to 4 MiB is one request to the share, times and attributes included.

Of a file that has several names (hard links, on NFS shares) the first that any worker comes to is written; the others become links to
it when everything is written (:mod:`shared.usecases.restore_links`).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from shared.core.advice import advice
from shared.core.conflicts import WRITES, Action
from shared.errors import BackupError, IntegrityError, Rejected, Retryable
from shared.model.chunk_list import ChunkList, count_of
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.run import Counters
from shared.ports.journal import JournalLine
from shared.ports.share_writer import NewProperties
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


SHARING_VIOLATION: Final = "SharingViolation"
_UNFINISHED: Final = ".afb-restore-"


def unfinished_name(run_no: int, node_id: int) -> str:
    """The name of a file of many chunks until it is whole; the same in every try."""
    return f"{_UNFINISHED}{run_no}-{node_id:x}"


def is_own_unfinished(name: str, run_no: int) -> bool:
    """Whether a name is :func:`unfinished_name` of this run."""
    return name.startswith(f"{_UNFINISHED}{run_no}-")


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
        """Do about every file what its action says; what cannot be written is in the journal.

        Raises ``Retryable`` when the target is down.
        """
        for file in files:
            if file.action is Action.SAME:
                self.counters.same_files += 1
            elif file.action is Action.LEAVE:
                self.counters.left_files += 1
            elif file.action is Action.BLOCKED:
                self.complain("not_restored", file, "a directory is in its place")
        files = [file for file in files if file.action in WRITES]
        if not self._dry_run:
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
        if self._dry_run:
            self._count(wanted, len(spans) + len(single))
            return
        gate = asyncio.Semaphore(SPANS_AT_ONCE)
        writes = asyncio.Semaphore(self.scope.limits.concurrent_reads)

        async def one_span(joined: Joined[FileToRestore]) -> None:
            async with gate:
                if not self.stopped(*joined.span.items):
                    await self._restore_span(joined, writes)

        async def one_file(file: FileToRestore) -> None:
            async with writes:
                if not self.stopped(file):
                    await self._restore_single(file)

        await together([*(one_span(joined) for joined in spans), *(one_file(file) for file in single)])
        if self._written:
            await self.scope.catalogue.links_written(self.scope.run.run_id, self._written)
            self._written.clear()

    @property
    def _dry_run(self) -> bool:
        assert self.scope.run.order is not None
        return self.scope.run.order.dry_run

    def _count(self, files: Sequence[FileToRestore], reads: int) -> None:
        """What :meth:`restore` would do, as far as it is known beforehand: holes of large files are counted as if they were written."""
        counters = self.counters
        counters.planned_reads_vault += reads
        for file in files:
            size = file.saved.entry.size_bytes
            chunks = count_of(size) if size > CHUNK_BYTES else 0
            counters.planned_writes += 2 + chunks if chunks else 1  # made and renamed
            counters.planned_reads_vault += chunks
            self._wrote(file)

    def _wrote(self, file: FileToRestore) -> None:
        self.counters.files += 1
        self.counters.bytes += file.saved.entry.size_bytes
        self.counters.replaced_files += file.action in (Action.REPLACE, Action.CLEAR)
        self.counters.kept_files += file.action is Action.BESIDE

    def stopped(self, *files: FileToRestore) -> bool:
        """Whether to stop; then these files are left for another time."""
        stop = self.scope.stop
        if stop:
            stop.check()
            self.cut_off.update(file.directory_id for file in files)
        return bool(stop)

    def complain(self, kind: str, file: FileToRestore, reason: str, hint: str = "") -> None:
        """Journal one file that is not on the target as it was."""
        self.tell(kind, file.path, file.saved.node_id, reason, hint)

    def tell(self, kind: str, path: str, node_id: int, reason: str, hint: str = "") -> None:
        """Journal one node that is not on the target as it was."""
        self.counters.errors += 1
        line = JournalLine(
            at=self.scope.clock.now(),
            kind=kind,
            path=path,
            node_id=node_id,
            reason=reason,
            hint=hint or advice(kind, reason),
        )
        self.journal.append(line)

    async def _restore_span(self, joined: Joined[FileToRestore], writes: asyncio.Semaphore) -> None:
        try:
            data = await self._content.span(joined)
        except IntegrityError as error:
            for file in joined.span.items:
                self._damaged(file, str(error))
            return

        async def one(file: FileToRestore) -> None:
            async with writes:
                if self.stopped(file):
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
                self.stopped(file)
                return
            except Rejected as rejected:
                error = rejected
                if rejected.code != SHARING_VIOLATION or not await self._close_handles(file):
                    break
            except Retryable as retryable:
                error = retryable
                self._trouble += 1
                if self._trouble >= TROUBLE_MAX:
                    raise
            else:
                self._trouble = 0
                self._wrote(file)
                if posix is not None and posix.links > 1:
                    self._written.append(file.saved.node_id)
                return
        self.complain("not_restored", file, str(error))

    async def _close_handles(self, file: FileToRestore) -> bool:
        """Whether it is worth trying again, after whoever has the file open was shut out."""
        writer, order = self.scope.writer, self.scope.run.order
        assert writer is not None
        assert order is not None
        return order.close_handles and await writer.close_handles(file.path) > 0

    async def _create(self, file: FileToRestore, body: bytes | None, path: str = "") -> None:
        assert self.scope.writer is not None
        saved = file.saved
        if file.there is not None and saved.posix is not None and not path:
            await self.scope.writer.make_way(file.path)
        await self.scope.writer.create_file(
            path or file.path,
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
        """Make the file sparse, put every chunk that is not zeros, and give it its name, times and attributes last, all at once.

        It has another name until its content is whole: what was there before stays until then, and nobody ever sees half a file.
        """
        writer = self.scope.writer
        assert writer is not None
        size = file.saved.entry.size_bytes
        left = chunks.chunks()
        directory, slash, _ = file.path.rpartition("/")
        unfinished = directory + slash + unfinished_name(self.scope.run.run_no, file.saved.node_id)
        properties = await self._properties(file)

        async def put() -> None:
            for place, digest in left:  # one iterator for all: nothing is held of the chunks that are not on their way
                if self.scope.stop:
                    raise Stopped
                offset = place * CHUNK_BYTES
                data = await self._chunk(digest, min(CHUNK_BYTES, size - offset))
                await writer.put_range(unfinished, offset, data)

        try:
            await self._create(file, None, unfinished)
            await together(put() for _ in range(CHUNKS_AT_ONCE))
            if file.there is not None and file.saved.posix is not None:
                await writer.make_way(file.path)
            try:
                await writer.rename_file(unfinished, file.path, properties, file.saved.headers)
            except Rejected as rejected:  # here, so that what was written is not written again
                if rejected.code != SHARING_VIOLATION or not await self._close_handles(file):
                    raise
                await writer.rename_file(unfinished, file.path, properties, file.saved.headers)
        except BaseException:
            with suppress(BackupError):
                await asyncio.shield(writer.delete_file(unfinished))
            raise

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
