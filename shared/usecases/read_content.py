"""Read saved content from the vault: planned by object, every byte checked before anybody sees it.

Members that lie close together in a bundle come in one request, whatever directories they belong to. Content is what the BLAKE3 digest
in its manifest says, or it is ``IntegrityError``; an object that is gone is damage too, because a manifest refers to it. So a damaged
object costs the files in it and nothing else.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from shared.core.hashing import ShareHasher
from shared.core.ranges import Span, coalesce
from shared.errors import IntegrityError, NotFound
from shared.formats import chunk, content_list
from shared.formats.bundle import member_content
from shared.formats.frame import unframe
from shared.model import chunk_list
from shared.model.chunk_list import ChunkList
from shared.model.content import Content, ContentKind
from shared.model.manifest import SavedEntry
from shared.model.objects import bundle_name, chunk_name, node_object_name
from shared.ports.vault import Vault

GAP_BYTES: Final = 256 * 1024
"""Bytes of other members worth reading for nothing to save a request."""
READ_BYTES_MAX: Final = 8 * 1024 * 1024
THREAD_BYTES: Final = 256 * 1024
"""Expanding and hashing less than this takes under a millisecond: not worth a thread."""


class HasSaved(Protocol):
    """Anything that is about one saved file."""

    @property
    def saved(self) -> SavedEntry:
        """The manifest's entry."""
        ...


F = TypeVar("F", bound=HasSaved)


@dataclass(frozen=True, slots=True)
class Joined(Generic[F]):
    """Members of one bundle that are read together."""

    name: str
    """Of the bundle."""
    span: Span[F]


class ContentReader:
    """Content of one share's files. Nothing is kept between calls."""

    def __init__(self, vault: Vault, share_id: int, hasher: ShareHasher) -> None:
        self._vault = vault
        self._share_id = share_id
        self._hasher = hasher

    def plan(self, files: Iterable[F]) -> tuple[list[Joined[F]], list[F]]:
        """Those of ``files`` that are in bundles, neighbours together, bundle by bundle; and all others, in order."""
        bundled: defaultdict[str, list[F]] = defaultdict(list)
        others: list[F] = []
        for file in files:
            if file.saved.content.kind is ContentKind.BUNDLED:
                bundled[self._bundle(file.saved.content)].append(file)
            else:
                others.append(file)
        joined = [
            Joined(name, span)
            for name, members in bundled.items()
            for span in coalesce(
                ((f.saved.content.offset, f.saved.content.length, f) for f in members),
                gap=GAP_BYTES,
                length_max=READ_BYTES_MAX,
            )
        ]
        return joined, others

    async def span(self, joined: Joined[F]) -> bytes:
        """The bytes of a joined read, for :meth:`member`. Raises ``IntegrityError`` if the bundle is gone or too short."""
        return await self._stored(joined.name, joined.span.offset, joined.span.length)

    def member(self, joined: Joined[F], data: bytes, file: F) -> bytes:
        """The content of one file of a joined read. :raises IntegrityError: it is not what was saved."""
        content = file.saved.content
        start = content.offset - joined.span.offset
        return self._member(joined.name, data[start : start + content.length], file.saved)

    async def whole(self, saved: SavedEntry) -> bytes:
        """The content of a file by itself, or the text of a symbolic link. In memory whole: for files of at most some MiB.

        :raises IntegrityError: it is not what was saved.
        """
        content, size = saved.content, saved.entry.size_bytes
        if saved.posix is not None and saved.posix.link_text:
            return self._checked(saved.posix.link_text.encode(), saved)
        if content.kind is ContentKind.NONE:
            return self._checked(b"", saved)
        if content.kind is ContentKind.BUNDLED:
            name = self._bundle(content)
            return self._member(name, await self._stored(name, content.offset, content.length), saved)
        if content.kind is ContentKind.PLAIN:
            stored = await self._stored(node_object_name(self._share_id, content.node_id, content.run_no))
            return self._checked(unframe(stored, size), saved)
        chunks = await self.chunks(saved)
        pieces = dict(chunks.chunks())
        parts = [
            await self.chunk(pieces[place], length) if place in pieces else bytes(length)
            for place, length in enumerate(chunk_list.lengths(size))
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunks(self, saved: SavedEntry) -> ChunkList:
        """The chunks of a file that is kept so. :raises IntegrityError: the list is not the one that was saved."""
        content = saved.content
        chunks = chunk_list.of_digests(b"".join(content.chunks))
        if content.kind is ContentKind.LISTED:
            name = node_object_name(self._share_id, content.node_id, content.run_no)
            chunks = content_list.decode(await self._stored(name)).chunks
        if self._hasher.digest_of_joined(chunks.joined()) != saved.digest:
            raise IntegrityError("its list of chunks is not the one that was saved")
        return chunks

    async def chunk(self, digest: bytes, length: int) -> bytes:
        """A chunk, whose content must be ``length`` bytes. :raises IntegrityError: it is not what its name says."""
        name = chunk_name(self._share_id, digest)
        stored = await self._stored(name)

        def checked() -> bytes:
            data = chunk.decode(stored)
            if len(data) != length or self._hasher.digest(data) != digest:
                raise IntegrityError(f"{name}: its content is not what its name says")
            return data

        return await asyncio.to_thread(checked) if length > THREAD_BYTES else checked()

    def _bundle(self, content: Content) -> str:
        return bundle_name(self._share_id, content.run_no, content.batch_no, content.part)

    def _member(self, name: str, data: bytes, saved: SavedEntry) -> bytes:
        try:
            return self._checked(member_content(data, saved.entry.size_bytes), saved)
        except IntegrityError as error:
            raise IntegrityError(f"{name}: {error}") from error

    def _checked(self, body: bytes, saved: SavedEntry) -> bytes:
        if self._hasher.digest(body) != saved.digest:
            raise IntegrityError("its bytes are not the ones that were saved")
        return body

    async def _stored(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object that a manifest refers to, so that its absence is damage."""
        try:
            return await self._vault.get(name, offset, length)
        except NotFound as error:
            raise IntegrityError(f"{name} is gone from the vault") from error
