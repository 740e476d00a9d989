"""Read changed files and make their content safe in the vault.

Small files are read many at a time and join the batch's bundle in the order they are given, so that neighbours in the tree
are neighbours in the vault. Larger ones go chunk by chunk. Nothing refers to what is written here until the batch's segment
and transaction are through, so a crash leaves objects that the sweeper collects.

On NFS shares a symbolic link is read in place of a file that cannot be: listings do not tell them apart. A file with hard links is
kept as chunks whatever its size: whoever comes across another of its names, in another directory, batch or run, finds them by their
names, so its content is stored once. Within a batch it is also read once.

A file that cannot be read is a verdict (:attr:`FileToSave.error`), not an exception: the run goes on. A vault that cannot be
written is an exception, and so is a share that has stopped answering altogether.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from shared.core import xorhash
from shared.core.diff import FilePlan
from shared.errors import IntegrityError, Rejected, Retryable
from shared.formats import chunk
from shared.formats.bundle import BundleWriter
from shared.formats.frame import frame
from shared.model import ticks
from shared.model.content import CHUNK_BYTES, HOLE, NO_CONTENT, UNSAVED, Content, ContentKind
from shared.model.manifest import SavedEntry
from shared.model.objects import bundle_name, chunk_name, node_object_name
from shared.ports.share_reader import NodeProperties
from shared.usecases.patience import TRIES
from shared.usecases.put_once import put_once
from shared.usecases.scope import RunScope
from shared.usecases.stopping import Stopped
from shared.usecases.together import VaultTrouble

TROUBLE_MAX: Final = 16
"""Failed reads in a row, over all files, after which the share is down rather than the files bad."""

BUNDLE_MEMBERS_MIN: Final = 3
"""Fewer are not worth a TAR: a plain object each is as many writes and simpler to read."""

THREAD_BYTES: Final = 256 * 1024
"""Hashing and compressing less than this takes under a millisecond: not worth a thread."""

LINK_TEXT_BYTES_MAX: Final = 64 * 1024
"""No symbolic link is longer; most systems end at 4 KiB."""

CHUNK_WRITES: Final = 4
"""Chunks of one file on their way to the vault at once: bounds memory to a few times 4 MiB."""

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class FileToSave:
    """A file to read, then what came of it."""

    plan: FilePlan
    path: str
    content: Content = UNSAVED
    digest: bytes = b""
    quickxor: bytes = b""
    properties: NodeProperties | None = None
    error: str = ""
    cut_off: bool = False
    """Not read to its end, because the work was to stop: neither saved nor wrong."""
    leaves: bool = False
    """What was saved of it is in a bundle that is worth leaving: it is not referred to again, also if it is the same."""

    def saved(self, run_no: int) -> SavedEntry:
        """The manifest's entry: the new version, or the last one that could be read, marked stale, or one without content."""
        entry, previous = self.plan.entry, self.plan.previous
        if self.properties is not None and not self.error:
            return SavedEntry(
                entry=entry,
                node_id=self.plan.node_id,
                saved_run=run_no,
                content=self.content,
                digest=self.digest,
                quickxor=self.quickxor,
                metadata=self.properties.metadata,
                headers=self.properties.headers,
                posix=self.properties.posix,
            )
        if previous is not None and previous.content.kind is not ContentKind.UNSAVED:
            return replace(previous, entry=replace(previous.entry, name=entry.name), stale=True)
        return SavedEntry(entry=entry, node_id=self.plan.node_id, saved_run=run_no, content=UNSAVED)


class FileSaver:
    """Saves the files of one batch. ``close`` must be called before anything refers to what was saved."""

    def __init__(self, scope: RunScope, batch_no: int) -> None:
        assert scope.reader is not None
        self._scope = scope
        self._reader = scope.reader
        self._batch_no = batch_no
        self._bundle = BundleWriter()
        self._members: list[FileToSave] = []
        self._first_bodies: list[bytes] = []  # kept until it is sure that there will be a bundle
        self._uploads: list[asyncio.Task[None]] = []
        self._trouble = 0
        self.bundle_sizes: list[int] = []
        self._linked: dict[tuple[int, int], FileToSave] = {}  # by FileId and ChangeTime: files with several names
        self.content_bytes = 0
        """Bytes of content read so far."""
        self.copied_bytes = 0
        """Bytes of content taken over from other bundles so far."""

    async def save(self, files: Iterable[FileToSave]) -> None:
        """Read and store ``files``, in order. Memory: the window, one bundle, and a few chunks.

        When the work is to stop, the files on their way are finished, and the others are cut off.
        """
        limits = self._scope.limits
        pending: deque[tuple[FileToSave, int, asyncio.Task[bytes | None]]] = deque()
        in_flight = 0
        first: dict[tuple[int, int], FileToSave] = {}  # of an NFS share; the others may be links to them
        others: list[FileToSave] = []
        try:
            for file in files:
                if self._scope.stop:
                    self._scope.stop.check()
                    file.cut_off = True
                    continue
                if not file.plan.entry.permission_key and first.setdefault(_state(file), file) is not file:
                    others.append(file)
                    continue
                size = file.plan.entry.size_bytes
                small = size <= self._scope.share.settings.bundle_file_max_bytes
                weight = size if small else CHUNK_BYTES * (CHUNK_WRITES + 1)
                while pending and (len(pending) >= limits.concurrent_reads or in_flight + weight > limits.window_bytes):
                    in_flight -= await self._finish(pending)
                task = asyncio.create_task(self._read_small(file) if small else self._save_chunks(file))
                pending.append((file, weight, task))
                in_flight += weight
            while pending:
                await self._finish(pending)
        finally:
            for _, _, task in pending:
                task.cancel()
            await asyncio.gather(*(task for _, _, task in pending), return_exceptions=True)
        again = [file for file in others if not self._share_content(file)]
        for file in again:  # its other name could not be read, say
            await self.save([file])

    def _share_content(self, file: FileToSave) -> bool:
        """Give ``file`` what was saved under another name of it in this batch, if anything was."""
        same = self._linked.get(_state(file))
        if same is None:
            return False
        file.properties, file.content, file.digest, file.quickxor = (
            same.properties,
            same.content,
            same.digest,
            same.quickxor,
        )
        return True

    async def close(self) -> None:
        """Store what is left as a bundle, or as plain objects if it is too little; wait for every upload."""
        if len(self._members) >= BUNDLE_MEMBERS_MIN:
            await self._close_bundle()
        else:
            for file, body in zip(self._members, self._first_bodies, strict=True):
                await self._store_plain(file, body)
        await asyncio.gather(*self._uploads)
        self._uploads.clear()

    async def abandon(self) -> None:
        """Stop every upload; what is already in the vault is for the sweeper."""
        for task in self._uploads:
            task.cancel()
        await asyncio.gather(*self._uploads, return_exceptions=True)

    async def _finish(self, pending: deque[tuple[FileToSave, int, asyncio.Task[bytes | None]]]) -> int:
        file, weight, task = pending[0]
        body = await task
        pending.popleft()
        if body is not None:
            await self._add_small(file, body)
        return weight

    async def _read(self, file: FileToSave, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Run ``attempt``; None, with ``file.error`` set, when the file cannot be read."""
        for _ in range(TRIES):
            try:
                result = await attempt()
            except VaultTrouble as trouble:
                raise trouble.cause from trouble
            except (Rejected, IntegrityError) as error:
                file.error = str(error)
                return None
            except Retryable as error:
                file.error = str(error)
                self._trouble += 1
                if self._trouble >= TROUBLE_MAX:
                    raise
            else:
                self._trouble = 0
                file.error = ""
                return result
        return None

    async def _read_small(self, file: FileToSave) -> bytes | None:
        async def attempt() -> tuple[NodeProperties, bytes]:
            return await self._reader.read_file(file.path, file.plan.entry.size_bytes)

        if self._share_content(file):
            return None
        result = await self._read(file, attempt)
        if result is None:
            await self._read_link(file)
            return None
        file.properties, body = result
        if file.properties.is_symbolic_link:
            await self._read_link(file)
        elif file.properties.posix is not None and file.properties.posix.links > 1:
            await self._save_linked(file, body)
        else:
            return body
        return None

    async def _read_link(self, file: FileToSave) -> None:
        """See whether what could not be read is a symbolic link, and save it as one."""
        if file.plan.entry.permission_key or file.plan.entry.size_bytes > LINK_TEXT_BYTES_MAX:
            return
        reason, trouble = file.error, self._trouble

        async def attempt() -> tuple[NodeProperties, str]:
            properties = await self._reader.file_properties(file.path)
            return properties, await self._reader.link_text(file.path) if properties.is_symbolic_link else ""

        properties, text = await self._read(file, attempt) or (None, "")
        if properties is None or properties.posix is None or not text:
            file.error = reason or file.error or "a symbolic link that does not say where it points"
            if properties is not None:  # the service answers, but the file could not be read
                self._trouble = trouble
            return
        file.properties = replace(properties, posix=replace(properties.posix, link_text=text))
        file.content = NO_CONTENT
        self._hash(file, text.encode())

    async def _save_linked(self, file: FileToSave, body: bytes) -> None:
        """Save the content of a file with several names where another of them finds it."""
        previous = file.plan.previous
        self.content_bytes += len(body)
        await asyncio.to_thread(self._hash, file, body)
        if not body:
            file.content = NO_CONTENT
        elif previous is not None and previous.digest == file.digest and not file.leaves:
            file.content = previous.content  # saved when it had one name
        else:
            known = set(previous.content.chunks) if previous is not None else set[bytes]()
            pieces = [(body[at : at + CHUNK_BYTES], at) for at in range(0, len(body), CHUNK_BYTES)]
            try:
                chunks = tuple([(await save_chunk(self._scope, data, at, known))[0] for data, at in pieces])
            except VaultTrouble as trouble:
                raise trouble.cause from trouble
            file.digest = self._scope.hasher.digest_of_chunks(chunks)
            file.content = Content(ContentKind.CHUNKED, chunks=chunks)
        self._linked[_state(file)] = file

    async def _add_small(self, file: FileToSave, body: bytes) -> None:
        self.content_bytes += len(body)
        if len(body) > THREAD_BYTES:
            await asyncio.to_thread(self._hash, file, body)
        else:
            self._hash(file, body)
        if not body:
            file.content = NO_CONTENT
            return
        previous = file.plan.previous
        if (
            previous is not None
            and previous.digest == file.digest
            and previous.content.kind is not ContentKind.UNSAVED
            and not file.leaves
        ):
            file.content = previous.content  # only times, attributes, permission or metadata changed
            return
        if previous is not None and previous.content.kind is ContentKind.CHUNKED and self._is_in_chunks(previous, body):
            file.content, file.digest = previous.content, previous.digest  # it had other names, or was not small yet
            return
        await self._store_small(file, body)

    async def take_over(self, file: FileToSave, body: bytes) -> None:
        """Store the content of a file that has not changed once more."""
        self.copied_bytes += len(body)
        await self._store_small(file, body)

    async def _store_small(self, file: FileToSave, body: bytes) -> None:
        if len(body) > THREAD_BYTES:
            await asyncio.to_thread(self._add_member, file, body)
        else:
            self._add_member(file, body)
        if self._bundle.raw_bytes >= self._scope.share.settings.bundle_target_bytes:
            await self._close_bundle()

    def _is_in_chunks(self, previous: SavedEntry, body: bytes) -> bool:
        """Whether what was saved as chunks is ``body``."""
        pieces = [body[at : at + CHUNK_BYTES] for at in range(0, len(body), CHUNK_BYTES)]
        digests = [self._scope.hasher.digest(piece) if piece.strip(b"\0") else HOLE for piece in pieces]
        return self._scope.hasher.digest_of_chunks(digests) == previous.digest

    def _hash(self, file: FileToSave, body: bytes) -> None:
        file.digest = self._scope.hasher.digest(body)
        file.quickxor = xorhash.quickxor(body)

    def _add_member(self, file: FileToSave, body: bytes) -> None:
        offset, length = self._bundle.add(file.path, ticks.to_unix(file.plan.entry.written), body)
        file.content = Content(
            ContentKind.BUNDLED,
            run_no=self._scope.run.run_no,
            batch_no=self._batch_no,
            part=len(self.bundle_sizes),
            offset=offset,
            length=length,
        )
        self._members.append(file)
        if len(self._members) < BUNDLE_MEMBERS_MIN:
            self._first_bodies.append(body)
        else:
            self._first_bodies.clear()

    async def _close_bundle(self) -> None:
        data = self._bundle.finish()
        name = bundle_name(self._scope.share.share_id, self._scope.run.run_no, self._batch_no, len(self.bundle_sizes))
        self.bundle_sizes.append(len(data))
        self._bundle = BundleWriter()
        self._members.clear()
        self._first_bodies.clear()
        if self._uploads:  # one on its way while the next is filled: memory stays at two bundles
            await self._uploads[-1]
        # A taken name is our own earlier try: no other claim has this batch number.
        self._uploads.append(asyncio.create_task(self._put(name, data)))

    async def _put(self, name: str, data: bytes | bytearray) -> None:
        await self._scope.vault.put(name, data)

    async def _store_plain(self, file: FileToSave, body: bytes) -> None:
        run_no, node_id = self._scope.run.run_no, file.plan.node_id
        data = frame(body)
        await put_once(self._scope.vault, node_object_name(self._scope.share.share_id, node_id, run_no), data)
        file.content = Content(ContentKind.PLAIN, run_no=run_no, node_id=node_id, length=len(data))

    async def _save_chunks(self, file: FileToSave) -> None:
        """Stream a larger file into chunks; ``file`` tells how it went."""
        size = file.plan.entry.size_bytes
        previous = file.plan.previous
        known = set(previous.content.chunks) if previous is not None else set[bytes]()

        async def attempt() -> NodeProperties:
            properties: NodeProperties | None = None
            blocks: list[asyncio.Task[tuple[bytes, bytes]]] = []
            try:
                async for item in self._reader.stream_file(file.path, size, CHUNK_BYTES):
                    if self._scope.stop:
                        raise Stopped
                    if isinstance(item, NodeProperties):
                        properties = item
                        continue
                    if len(blocks) >= CHUNK_WRITES:
                        await blocks[-CHUNK_WRITES]
                    offset = len(blocks) * CHUNK_BYTES
                    blocks.append(asyncio.create_task(save_chunk(self._scope, item, offset, known)))
                done = await asyncio.gather(*blocks)
            finally:
                for task in blocks:
                    task.cancel()
                await asyncio.gather(*blocks, return_exceptions=True)
            assert properties is not None
            chunks = tuple(digest for digest, _ in done)
            file.digest = self._scope.hasher.digest_of_chunks(chunks)
            file.quickxor = xorhash.finish(xorhash.combine(state for _, state in done), size)
            file.content = Content(ContentKind.CHUNKED, chunks=chunks)
            return properties

        if self._share_content(file):
            return
        try:
            file.properties = await self._read(file, attempt)
        except Stopped:
            file.cut_off = True
            return
        self.content_bytes += size
        if file.properties is None:
            await self._read_link(file)
        elif file.properties.posix is not None and file.properties.posix.links > 1:
            self._linked[_state(file)] = file


def _state(file: FileToSave) -> tuple[int, int]:
    """What is equal for all names of a file in one state."""
    return file.plan.entry.file_id, file.plan.entry.changed


async def save_chunk(scope: RunScope, data: bytes, offset: int, known: set[bytes]) -> tuple[bytes, bytes]:
    """Store one chunk unless it is all zeros or ``known`` to be in the vault.

    :returns: its digest (:data:`HOLE` for zeros) and its QuickXorHash state at ``offset``.
    """

    def work() -> tuple[bytes, bytes, bytes | None]:
        if not data.strip(b"\0"):
            return HOLE, bytes(20), None
        digest = scope.hasher.digest(data)
        return digest, xorhash.state(data, offset), None if digest in known else chunk.encode(data)

    digest, state, encoded = await asyncio.to_thread(work)
    if encoded is not None:
        try:
            await scope.vault.put(chunk_name(scope.share.share_id, digest), encoded)
        except (Retryable, Rejected) as error:
            raise VaultTrouble(error) from error
    return digest, state
