"""Hand out one saved file, from any byte to any other, checked before it leaves."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from shared.errors import InvalidInput, NotFound
from shared.formats.archive import ZEROS
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.manifest import SavedEntry
from shared.usecases.ahead import ahead
from shared.usecases.download import CHUNKS_AHEAD, IN_MEMORY_BYTES, Part, parts_of
from shared.usecases.download_walk import Source
from shared.usecases.find_saved import find_saved
from shared.usecases.read_content import ContentReader


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of a restore point."""

    source: Source
    saved: SavedEntry

    @property
    def name(self) -> str:
        """Its name."""
        return self.saved.entry.name

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return self.saved.entry.size_bytes if not self._link else len(self._link)

    @property
    def etag(self) -> str:
        """The same for the same content, in quotes."""
        return f'"{self.saved.digest.hex()}"'

    @property
    def _link(self) -> bytes:
        return self.saved.posix.link_text.encode() if self.saved.posix is not None else b""

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Bytes ``[start, end)``, in pieces of at most 4 MiB, or 8 MiB if that is the whole file.

        Holes cost no request. Raises ``IntegrityError``, before any byte of the damaged piece.
        """
        content = ContentReader(self.source.vault, self.source.share.share_id, self.source.hasher)
        if start >= end:
            return
        if self.size_bytes <= IN_MEMORY_BYTES:
            yield (await content.whole(self.saved))[start:end]
            return
        chunks = await content.chunks(self.saved)

        async def read(part: Part) -> bytes | None:
            return None if part.digest is None else await content.chunk(part.digest, part.length)

        def weight(part: Part) -> int:
            return 0 if part.digest is None else part.length

        at = start - start % CHUNK_BYTES
        parts = parts_of(chunks, at, self.size_bytes, end)
        async with aclosing(
            ahead(parts, read, weight, weight_max=CHUNKS_AHEAD * CHUNK_BYTES, count_max=CHUNKS_AHEAD)
        ) as found:
            async for part, task in found:
                data = await task
                here, at = at, at + part.length
                if data is not None:
                    yield data[max(start - here, 0) : min(end - here, part.length)]
                    continue
                left = min(end, at) - max(start, here)
                while left > 0:
                    yield ZEROS[:left]
                    left -= len(ZEROS)


async def open_file(source: Source, run_no: int, path: str) -> SavedFile:
    """The file at ``path``.

    :raises NotFound: there is none, or the backup could not read it.
    :raises InvalidInput: it is a directory.
    """
    await source.catalogue.restore_point(source.share.share_id, run_no)
    chain = await find_saved(source, run_no, path)
    if not chain or chain[-1].entry.is_directory:
        raise InvalidInput(f"{'/' + path!r} is a directory; expected a file. hint: ask for an archive", field="path")
    if chain[-1].content.kind is ContentKind.UNSAVED:
        raise NotFound(f"restore point {run_no} has no content of {'/' + path!r}: the backup could not read it")
    return SavedFile(source, chain[-1])
