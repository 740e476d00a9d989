"""Prove that the content of files is what was saved: quickly, from what the vault lists, or by reading every byte of it again.

Quick: every object that a file refers to is there, in the size that the catalogue or the manifest has noted; a chunk, of which nobody
noted it, in one that it can have. A content list is read, because only it says which chunks there are.

Again: BLAKE3 as the manifest says, and QuickXorHash with it, which costs next to nothing and is another function. What is wrong is read a
second time, by itself, before it is told.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from shared.core import xorhash
from shared.errors import IntegrityError
from shared.formats import chunk
from shared.model import chunk_list
from shared.model.chunk_list import STATE_BYTES, ChunkList
from shared.model.content import CHUNK_BYTES, ContentKind
from shared.model.manifest import SavedEntry
from shared.model.objects import bundle_name, chunk_name, node_object_name
from shared.model.run import Counters
from shared.model.verify import FindingKind, ItemKind, StoredBatch, VerifyItem
from shared.usecases.findings import CheckedFile, Findings
from shared.usecases.read_content import ContentReader, Joined
from shared.usecases.scope import RunScope
from shared.usecases.together import together
from shared.usecases.vault_inventory import ABSENT
from shared.usecases.verify_state import VerifyState

SPANS_AT_ONCE: Final = 3
"""Joined reads of up to 8 MiB under way; compressed, so twice that of memory each and more."""
FILES_AT_ONCE: Final = 4
"""Other files, a chunk of each at a time."""
LISTS_AT_ONCE: Final = 4
PIECE_CHUNKS: Final = 64
"""A file with more chunks than this is read in pieces of so many, each for whoever claims it: 256 MiB, some seconds."""
INLINE_BYTES: Final = 4 << 30
"""Once a piece has read so much, every file that has a content list is left to pieces of its own."""
GONE: Final = "it is not in the vault"


class ContentVerifier:
    """Checks files of one piece of a verify."""

    def __init__(self, scope: RunScope, state: VerifyState, findings: Findings, counters: Counters) -> None:
        self._scope = scope
        self._share_id = scope.share.share_id
        self._state = state
        self._findings = findings
        self._counters = counters
        self._reader = ContentReader(scope.vault, self._share_id, scope.hasher)
        self._stored: dict[tuple[int, int], StoredBatch | None] = {}
        self._read_bytes = 0
        self.following: list[VerifyItem] = []
        """Pieces of files that are too large to read here."""

    # ------------------------------------------------------------------------------------------------------------- quick

    async def look(self, files: Sequence[CheckedFile]) -> None:
        """Check files by what the vault lists."""
        bundles: defaultdict[tuple[int, int, int], list[CheckedFile]] = defaultdict(list)
        plain: list[CheckedFile] = []
        chunked: list[CheckedFile] = []
        listed: list[CheckedFile] = []
        for file in files:
            content = file.saved.content
            if content.kind is ContentKind.BUNDLED:
                bundles[content.run_no, content.batch_no, content.part].append(file)
            elif content.kind is ContentKind.PLAIN:
                plain.append(file)
            elif content.kind is ContentKind.CHUNKED:
                chunked.append(file)
            elif content.kind is ContentKind.LISTED:
                listed.append(file)
            elif content.kind is ContentKind.UNSAVED:
                self._counters.unsaved += 1
        await self._look_at_bundles(bundles)
        self._look_at_plain(plain)
        for file in chunked:
            self._look_at_chunks(file, chunk_list.of_digests(b"".join(file.saved.content.chunks)))
        gate = asyncio.Semaphore(LISTS_AT_ONCE)

        async def look(file: CheckedFile) -> None:
            async with gate:
                chunks = await self._chunks(file)
                if chunks is not None:
                    self._look_at_chunks(file, chunks)

        await together(look(file) for file in listed)

    async def _look_at_bundles(self, bundles: dict[tuple[int, int, int], list[CheckedFile]]) -> None:
        keys = list(bundles)
        unknown = {(run_no, batch_no) for run_no, batch_no, _ in keys} - self._stored.keys()
        if unknown:
            found = await self._scope.verifies.stored(self._share_id, sorted(unknown))
            self._stored.update({key: found.get(key) for key in unknown})
        names = [bundle_name(self._share_id, *key) for key in keys]
        for key, name, size_bytes in zip(keys, names, self._state.inventory.sizes(names), strict=True):
            run_no, batch_no, part = key
            stored = self._stored[run_no, batch_no]
            members = bundles[key]
            if size_bytes == ABSENT:
                for file in members:
                    self._findings.file(FindingKind.LOST, name, GONE, file)
                continue
            if stored is not None:
                self._check_recorded(name, size_bytes, stored.bundle_bytes, part, members)
            for file in members:
                end = file.saved.content.offset + file.saved.content.length
                if end > size_bytes:
                    told = f"it has {size_bytes} bytes, and members up to byte {end}"
                    self._findings.file(FindingKind.SIZE, name, told, file)

    def _check_recorded(
        self, name: str, size_bytes: int, recorded: tuple[int, ...], part: int, members: Sequence[CheckedFile]
    ) -> None:
        if part >= len(recorded):
            key = f"batch {name}"
            told = f"the catalogue knows of {len(recorded)} bundles of this batch, and files are in number {part}"
            for file in members:
                self._findings.file(FindingKind.ROW, key, told, file, again=False)
        elif recorded[part] != size_bytes:
            told = f"it has {size_bytes} bytes, and had {recorded[part]} when it was written"
            self._findings.note(FindingKind.SIZE, name, told)

    def _look_at_plain(self, files: Sequence[CheckedFile]) -> None:
        names = [self._own_object(file.saved) for file in files]
        for file, name, size_bytes in zip(files, names, self._state.inventory.sizes(names), strict=True):
            if size_bytes == ABSENT:
                self._findings.file(FindingKind.LOST, name, GONE, file)
            elif size_bytes != file.saved.content.length:
                told = f"it has {size_bytes} bytes, and had {file.saved.content.length} when it was written"
                self._findings.file(FindingKind.SIZE, name, told, file)

    def _look_at_chunks(self, file: CheckedFile, chunks: ChunkList) -> None:
        size = file.saved.entry.size_bytes
        once: dict[bytes, int] = {}
        for place, digest in chunks.chunks():
            once.setdefault(digest, min(CHUNK_BYTES, size - place * CHUNK_BYTES))
        names = [chunk_name(self._share_id, digest) for digest in once]
        for name, size_bytes, length in zip(names, self._state.inventory.sizes(names), once.values(), strict=True):
            if size_bytes == ABSENT:
                self._findings.file(FindingKind.LOST, name, GONE, file)
            elif not chunk.HEADER_BYTES < size_bytes <= chunk.HEADER_BYTES + length:
                told = f"it has {size_bytes} bytes, which a chunk of {length} cannot have"
                self._findings.file(FindingKind.SIZE, name, told, file)

    async def _chunks(self, file: CheckedFile) -> ChunkList | None:
        """The chunks of a file, or None and a finding."""
        saved = file.saved
        for last in (False, True):
            try:
                chunks = await self._reader.chunks(saved)
                if chunks.count == chunk_list.count_of(saved.entry.size_bytes):
                    return chunks
                reason = f"it is of {chunks.count} chunks, of a file of {saved.entry.size_bytes} bytes"
            except IntegrityError as error:
                reason = str(error)
            if last:
                self._bad(file, self._own_object(saved), reason)
        return None

    # ------------------------------------------------------------------------------------------------------------- again

    async def read(self, files: Sequence[CheckedFile]) -> None:
        """Check files by reading them."""
        saved = [file for file in files if file.saved.content.kind is not ContentKind.UNSAVED]
        self._counters.unsaved += len(files) - len(saved)
        self._counters.reread_files += len(saved)
        self._counters.reread_bytes += sum(file.saved.entry.size_bytes for file in saved)
        joined, others = self._reader.plan(saved)
        spans, single = asyncio.Semaphore(SPANS_AT_ONCE), asyncio.Semaphore(FILES_AT_ONCE)

        async def span(one: Joined[CheckedFile]) -> None:
            async with spans:
                await self._read_span(one)

        async def alone(file: CheckedFile) -> None:
            async with single:
                if file.saved.content.kind in (ContentKind.CHUNKED, ContentKind.LISTED):
                    await self._read_chunked(file)
                else:
                    await self._read_whole(file)

        await together([*map(span, joined), *map(alone, others)])

    async def _read_span(self, joined: Joined[CheckedFile]) -> None:
        try:
            data = await self._reader.span(joined)
        except IntegrityError:
            doubtful: Iterable[CheckedFile] = joined.span.items
        else:
            doubtful = await asyncio.to_thread(self._doubtful, joined, data)
        for file in doubtful:
            await self._read_whole(file)

    def _doubtful(self, joined: Joined[CheckedFile], data: bytes) -> list[CheckedFile]:
        found: list[CheckedFile] = []
        for file in joined.span.items:
            try:
                _check_quickxor(self._reader.member(joined, data, file), file.saved)
            except IntegrityError:
                found.append(file)
        return found

    async def _read_whole(self, file: CheckedFile) -> None:
        """A file by itself; one that is damaged is read twice."""
        for last in (False, True):
            try:
                _check_quickxor(await self._reader.whole(file.saved), file.saved)
            except IntegrityError as error:
                if last:
                    self._unreadable(file, self._own_object(file.saved), str(error))
            else:
                return

    async def _read_chunked(self, file: CheckedFile) -> None:
        chunks = await self._chunks(file)
        if chunks is None:
            self._counters.unreadable += 1
            return
        saved = file.saved
        is_listed = saved.content.kind is ContentKind.LISTED
        if is_listed and (chunks.filled > PIECE_CHUNKS or (chunks.filled and self._read_bytes >= INLINE_BYTES)):
            self._in_pieces(file, chunks)
            return
        self._read_bytes += chunks.filled * CHUNK_BYTES
        states = await self._read_chunks(file, chunks, 0, chunks.count)
        if states is not None and saved.quickxor:
            whole = xorhash.finish(xorhash.combine(states), saved.entry.size_bytes)
            if whole != saved.quickxor:
                self._unreadable(file, self._own_object(saved), "its QuickXorHash is not the one that was saved")

    async def _read_chunks(self, file: CheckedFile, chunks: ChunkList, low: int, high: int) -> list[bytes] | None:
        """QuickXorHash states of the chunks in some places that have content; None and findings if some cannot be read."""
        size = file.saved.entry.size_bytes
        states: list[bytes] = []
        bad: set[bytes] = set()
        for number, (place, digest) in enumerate(chunks.chunks()):
            if place < low or digest in bad:
                continue
            if place >= high:
                break
            self._scope.stop.check()
            offset = place * CHUNK_BYTES
            try:
                data = await self._chunk(digest, min(CHUNK_BYTES, size - offset))
                states.append(await asyncio.to_thread(xorhash.state, data, offset))
                noted = chunks.states[number * STATE_BYTES :][:STATE_BYTES]
                if noted and noted != states[-1]:
                    raise IntegrityError("its QuickXorHash state is not the one in the content list")
            except IntegrityError as error:
                bad.add(digest)
                self._bad(file, chunk_name(self._share_id, digest), str(error))
        if bad:
            self._counters.unreadable += 1
            return None
        return states

    async def _chunk(self, digest: bytes, length: int) -> bytes:
        try:
            return await self._reader.chunk(digest, length)
        except IntegrityError:
            return await self._reader.chunk(digest, length)

    def _in_pieces(self, file: CheckedFile, chunks: ChunkList) -> None:
        saved = file.saved
        details = {
            "name": saved.entry.name,
            "size_bytes": saved.entry.size_bytes,
            "node_id": saved.node_id,
            "saved_run": saved.saved_run,
            "digest": saved.digest.hex(),
            "list": [saved.content.node_id, saved.content.run_no],
            "met": [file.directory_id, file.page_id, file.before, file.current],
        }
        places = chunks.places()[::PIECE_CHUNKS].tolist()
        for low, high in zip(places, [*places[1:], chunks.count], strict=True):
            self.following.append(VerifyItem(kind=ItemKind.CHUNKS, low=low, high=high, details=details))

    async def read_piece(self, file: CheckedFile, low: int, high: int) -> None:
        """Check chunks ``[low, high)`` of a file that was too large to be read at once."""
        chunks = await self._chunks(file)
        if chunks is not None:
            await self._read_chunks(file, chunks, low, high)

    # ---------------------------------------------------------------------------------------------------------- findings

    def _unreadable(self, file: CheckedFile, name: str, reason: str) -> None:
        self._counters.unreadable += 1
        self._bad(file, name, reason)

    def _bad(self, file: CheckedFile, name: str, reason: str) -> None:
        """Tell of an object that is not what it was."""
        (size_bytes,) = self._state.inventory.sizes([name])
        content = file.saved.content
        end = content.offset + content.length
        if size_bytes == ABSENT and name.startswith(f"{self._share_id}/"):
            self._findings.file(FindingKind.LOST, name, GONE, file)
        elif content.kind in (ContentKind.BUNDLED, ContentKind.PLAIN) and end > size_bytes:
            self._findings.file(
                FindingKind.SIZE, name, f"it has {size_bytes} bytes, and is read up to byte {end}", file
            )
        else:
            self._findings.file(FindingKind.DAMAGED, name, reason.removeprefix(f"{name}: "), file)

    def _own_object(self, saved: SavedEntry) -> str:
        """The object that a file's content begins with."""
        content = saved.content
        if content.kind is ContentKind.BUNDLED:
            return bundle_name(self._share_id, content.run_no, content.batch_no, content.part)
        if content.kind in (ContentKind.PLAIN, ContentKind.LISTED):
            return node_object_name(self._share_id, content.node_id, content.run_no)
        return f"manifest of node {saved.node_id} at run {saved.saved_run}"  # its digests alone


def _check_quickxor(body: bytes, saved: SavedEntry) -> None:
    if saved.quickxor and xorhash.quickxor(body) != saved.quickxor:
        raise IntegrityError("its QuickXorHash is not the one that was saved")
