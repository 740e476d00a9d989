"""Hand out saved content to somebody who downloads it: a selection as one archive, made while it is sent.

Nothing is staged and nothing is kept: memory is a wave of entries, what is read ahead (:data:`WINDOW_BYTES`), and for a ZIP its
directory. Who takes the bytes slowly slows the reading down.

A file that fits the memory is checked before its first byte leaves, and one that is damaged is left out. A larger one is checked
chunk by chunk; a chunk that is damaged is zeros. Either is told in the last member of the archive, :data:`NOT_DOWNLOADED`: a
download in which something is missing says so, and a directory that is damaged does not cost the others. Trouble with a
service ends the archive in the middle, which every reader notices.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from shared.errors import IntegrityError
from shared.formats.archive import ArchiveWriter
from shared.model import ticks
from shared.model.chunk_list import ChunkList
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.member import Member
from shared.model.restore import Selection
from shared.usecases.ahead import ahead, one_ahead
from shared.usecases.download_walk import SelectedFile, Source, Walk, Wave
from shared.usecases.read_content import ContentReader, Joined

NOT_DOWNLOADED: Final = "_not_downloaded.txt"
"""Last member of an archive in which something is missing or not as it was saved; with a number if there is such a file."""
IN_MEMORY_BYTES: Final = 2 * CHUNK_BYTES
"""Files above this size are sent chunk by chunk."""
WINDOW_BYTES: Final = 24 * 1024 * 1024
"""Stored bytes read ahead: three of the largest joined reads."""
_READS: Final = 16
CHUNKS_AHEAD: Final = 4
_BLOCK_BYTES: Final = 256 * 1024
"""Handed on at once: small members are gathered."""
_THREAD_BYTES: Final = 128 * 1024
"""Deflating this takes some milliseconds."""
_TOLD_MAX: Final = 8
"""Damaged parts of one file that are told one by one."""

Job = Joined[SelectedFile] | SelectedFile


class Download:
    """One archive of a selection: :meth:`begin`, then :meth:`stream` to its end, once."""

    def __init__(self, source: Source, run_no: int, selection: Selection, writer: ArchiveWriter) -> None:
        self._source = source
        self._run_no = run_no
        self._walk = Walk(source, run_no, selection)
        self._writer = writer
        self._content = ContentReader(source.vault, source.share.share_id, source.hasher)
        self._missing = _Missing()

    async def begin(self) -> None:
        """Find what is selected. Raises ``NotFound`` when a path, or the restore point, is not there."""
        await self._walk.begin()

    @property
    def not_downloaded(self) -> int:
        """How many lines :data:`NOT_DOWNLOADED` has so far."""
        return self._missing.count

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The archive, in blocks of some hundred KiB."""
        gathered = bytearray()
        async with aclosing(self._members()) as members:
            async for data in members:
                if len(data) >= _BLOCK_BYTES and not gathered:
                    yield data
                    continue
                gathered += data
                if len(gathered) >= _BLOCK_BYTES:
                    yield bytes(gathered)
                    gathered = bytearray()
        if gathered:
            yield bytes(gathered)

    async def _members(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(one_ahead(self._walk.waves(self._missing.tell))) as waves:
            async for wave in waves:
                for directory in wave.directories:
                    yield self._writer.directory(directory)
                async with aclosing(self._files(wave)) as files:
                    async for data in files:
                        yield data
        if self._missing.count:
            point = await self._source.catalogue.restore_point(self._source.share.share_id, self._run_no)
            for data in self._missing.member(self._writer, ticks.from_datetime(point.taken_at)):
                yield data
        for data in self._writer.finish():
            yield data

    async def _files(self, wave: Wave) -> AsyncGenerator[bytes, None]:
        wanted: list[SelectedFile] = []
        for file in wave.files:
            if file.saved.content.kind is ContentKind.UNSAVED:
                self._missing.tell(file.path, "the backup could not read it: there is no content")
                continue
            if file.saved.stale:
                self._missing.tell(file.path, "the backup could not read the version of then; this is the one before")
            self._missing.avoid(file.path)
            wanted.append(file)
        joined, others = self._content.plan(wanted)
        jobs: list[Job] = [*joined, *others]
        async with aclosing(ahead(jobs, self._read, _weight, weight_max=WINDOW_BYTES, count_max=_READS)) as read:
            async for job, task in read:
                try:
                    found = await task
                except IntegrityError as error:
                    for file in job.span.items if isinstance(job, Joined) else (job,):
                        self._missing.tell(file.path, f"damaged: {error}")
                    continue
                if isinstance(job, Joined):
                    assert isinstance(found, bytes)
                    for file in job.span.items:
                        try:
                            data = self._content.member(job, found, file)
                        except IntegrityError as error:
                            self._missing.tell(file.path, f"damaged: {error}")
                            continue
                        yield await self._whole(file, data)
                elif isinstance(found, ChunkList):
                    async with aclosing(self._in_pieces(job, found)) as pieces:
                        async for data in pieces:
                            yield data
                else:
                    yield await self._whole(job, found)

    async def _read(self, job: Job) -> bytes | ChunkList:
        if isinstance(job, Joined):
            return await self._content.span(job)
        if job.saved.entry.size_bytes > IN_MEMORY_BYTES:
            return await self._content.chunks(job.saved)
        return await self._content.whole(job.saved)

    async def _whole(self, file: SelectedFile, data: bytes) -> bytes:
        posix, content, writer = file.saved.posix, file.saved.content, self._writer
        if posix is not None and posix.link_text:
            return writer.symbolic_link(file.member, posix.link_text)
        # What zstd could not make smaller, deflate cannot either. Of chunks it is not known.
        prepared = None
        if not content.length or content.length < 0.9 * len(data):
            prepare = writer.prepared
            prepared = await asyncio.to_thread(prepare, data) if len(data) > _THREAD_BYTES else prepare(data)
        return writer.file(file.member, data, prepared)

    async def _in_pieces(self, file: SelectedFile, chunks: ChunkList) -> AsyncGenerator[bytes, None]:
        writer, damage, size_bytes = self._writer, _Damage(), file.saved.entry.size_bytes
        yield writer.begin(file.member)
        at = 0

        async def read(part: Part) -> tuple[bytes, bytes] | None:
            if part.digest is None:
                return None
            data = await self._content.chunk(part.digest, part.length)
            return data, await asyncio.to_thread(writer.prepared, data)

        parts = parts_of(chunks, 0, size_bytes, size_bytes)
        reads = ahead(parts, read, _part_weight, weight_max=CHUNKS_AHEAD * CHUNK_BYTES, count_max=CHUNKS_AHEAD)
        async with aclosing(reads):
            async for part, task in reads:
                try:
                    found = await task
                except IntegrityError as error:
                    damage.add(at, part.length, error)
                    found = None
                if found is not None:
                    yield writer.piece(*found)
                else:
                    for data in writer.hole(part.length):
                        yield data
                at += part.length
        if damage.count:
            self._missing.tell(file.path, str(damage))
        yield writer.end(intact=not damage.count)


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk of a file, or a hole of any length."""

    length: int
    digest: bytes | None


def parts_of(chunks: ChunkList, start: int, size_bytes: int, end: int) -> Iterator[Part]:
    """The parts of a file of ``size_bytes``, from the chunk on that begins at ``start``, to the one in which ``end`` lies."""
    at = start
    for place, digest in chunks.chunks():
        begin = place * CHUNK_BYTES
        if begin < start:
            continue
        if begin >= end:
            break
        if begin > at:
            yield Part(begin - at, None)
        length = min(CHUNK_BYTES, size_bytes - begin)
        yield Part(length, digest)
        at = begin + length
    if at < end:
        yield Part(end - at, None)


def _part_weight(part: Part) -> int:
    return 0 if part.digest is None else part.length


def _weight(job: Job) -> int:
    if isinstance(job, Joined):
        return job.span.length
    size = job.saved.entry.size_bytes
    return size if size <= IN_MEMORY_BYTES else size // CHUNK_BYTES * 32


class _Damage:
    """Parts of one file that cannot be read."""

    def __init__(self) -> None:
        self.count = 0
        self._told: list[str] = []
        self._bytes = 0

    def add(self, at: int, length: int, error: IntegrityError) -> None:
        self.count += 1
        self._bytes += length
        if len(self._told) < _TOLD_MAX:
            self._told.append(f"{at} to {at + length - 1} ({error})")

    def __str__(self) -> str:
        more = f", and {self.count - len(self._told)} more parts" if self.count > len(self._told) else ""
        return f"damaged: {self._bytes} of its bytes are zeros here: {', '.join(self._told)}{more}"


class _Missing:
    """The lines of :data:`NOT_DOWNLOADED`, compressed: there may be as many as there are files."""

    def __init__(self) -> None:
        self.count = 0
        self._size = 0
        self._deflate = zlib.compressobj(1)
        self._packed = bytearray()
        self._taken: set[str] = set()
        self._add("What is not in this archive, or not as it was saved, and why:\n\n")

    def avoid(self, path: str) -> None:
        """Know that the archive has a file there."""
        if path.casefold().startswith(NOT_DOWNLOADED.removesuffix(".txt")):
            self._taken.add(path.casefold())

    def tell(self, path: str, reason: str) -> None:
        self.count += 1
        told = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in f"/{path}")
        self._add(f"{told}: {' '.join(reason.split())}\n")

    def _add(self, line: str) -> None:
        data = line.encode()
        self._size += len(data)
        self._packed += self._deflate.compress(data)

    def member(self, writer: ArchiveWriter, written: int) -> Iterator[bytes]:
        """The member, as the archive has it."""
        name, number = NOT_DOWNLOADED, 1
        while name in self._taken:
            number += 1
            name = NOT_DOWNLOADED.replace(".txt", f" ({number}).txt")
        yield writer.begin(Member(name, self._size, written, written, written))
        self._packed += self._deflate.flush()
        inflate = zlib.decompressobj()
        packed = memoryview(self._packed)
        for at in range(0, len(packed), 64 * 1024):
            data = inflate.decompress(packed[at : at + 64 * 1024])
            yield writer.piece(data, writer.prepared(data))
        yield writer.end(intact=True)
