"""Compare what a drill has restored with what was saved.

From the root of the restore point down, the files are chosen again by the same lot, and each is read back from the scratch share with all that
belongs to it. Nothing is taken from the restore itself but which directories it made, so what it left out, or believes to have written, is missed here. What differs is told by
what of it differs: one finding for content, one for times, and so on, however many nodes it concerns. What is missing or has
other bytes is first read from the vault again: if it is damaged there, that is the finding, and the next backup is told to save it again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.core import sampling
from shared.errors import IntegrityError, NotFound, Rejected, Retryable
from shared.model import ticks
from shared.model.content import CHUNK_BYTES, HOLE, ContentKind
from shared.model.entry import SETTABLE, Attributes
from shared.model.manifest import PageRecord, SavedEntry
from shared.model.objects import permission_name
from shared.model.page import Page
from shared.model.run import Counters
from shared.model.verify import PATHS_TOLD, Damage, Finding, FindingKind, ItemKind, VerifyItem
from shared.ports.share_reader import NodeProperties, ShareReader
from shared.usecases.findings import CheckedFile, Findings
from shared.usecases.patience import patiently
from shared.usecases.read_content import ContentReader
from shared.usecases.read_manifests import Piece, read_pieces_at
from shared.usecases.scope import RunScope
from shared.usecases.together import together
from shared.usecases.verify_content import ContentVerifier
from shared.usecases.verify_state import FOR_EVER

DIRECTORIES_AT_ONCE: Final = 64
"""Whose manifests are read together."""
PAGES_AT_ONCE: Final = 400
"""At 64 entries each a good 25,000 of 2 KB in memory."""
NODES_AT_ONCE: Final = 16
"""Read back at once, up to 4 MiB each."""
CHUNKS_AT_ONCE: Final = 8
"""Of all larger files together."""
FIRST_TICKS: Final = ticks.from_text("1601-01-01T00:00:00Z")
"""A time before it was never set, and no restore sets it."""
_NO_AUDIT: Final = "S:NO_ACCESS_CONTROL"
"""What the service adds to a descriptor that says nothing of auditing."""

_Directory = tuple[int, str, int]
"""Node id, path on both shares, and which page to go on with."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A node that is to be on the scratch share."""

    saved: SavedEntry
    path: str
    record: PageRecord


class RestoredComparer:
    """Compares the directories of one piece of a drill."""

    def __init__(self, scope: RunScope, counters: Counters) -> None:
        assert scope.reader is not None
        assert scope.run.verify is not None
        self._scope = scope
        self._share_id = scope.share.share_id
        self._order = scope.run.verify
        self._reader: ShareReader = scope.reader
        self._content = ContentReader(scope.vault, self._share_id, scope.hasher)
        self._counters = counters
        self._differences: dict[str, Finding] = {}
        self._in_vault: list[Finding] = []
        self._descriptors: dict[tuple[bool, str], asyncio.Task[str]] = {}
        self._gate = asyncio.Semaphore(NODES_AT_ONCE)
        self._chunk_gate = asyncio.Semaphore(CHUNKS_AT_ONCE)
        self._following: list[VerifyItem] = []
        self.damaged: list[Damage] = []
        """What the next backup is to save again."""

    @property
    def findings(self) -> list[Finding]:
        """What is wrong."""
        return [*self._differences.values(), *self._in_vault]

    async def run(self, item: VerifyItem) -> list[VerifyItem]:
        """Work until all is done or the piece is full; returns what is left to do."""
        limits, clock = self._scope.limits, self._scope.clock
        started, visited = clock.monotonic(), 0
        stack: list[_Directory] = [
            (node_id, path, page) for node_id, path, page in reversed(item.details["directories"])
        ]
        while stack and not self._scope.stop:
            if visited and (
                visited >= limits.batch_directories
                or self._counters.reread_bytes >= limits.batch_bytes
                or clock.monotonic() - started >= limits.batch_s
            ):
                break
            room = min(DIRECTORIES_AT_ONCE, limits.batch_directories, len(stack))
            wave = [stack.pop() for _ in range(room)]
            stack.extend(reversed(await self._wave(wave)))
            visited += len(wave)
        self._scope.stop.check()
        return self._shared_out(stack) + self._following

    def _shared_out(self, left: Sequence[_Directory]) -> list[VerifyItem]:
        """One piece for each worker."""
        pieces = [left[number :: self._scope.limits.workers] for number in range(self._scope.limits.workers)]
        return [
            VerifyItem(kind=ItemKind.RESTORED, details={"directories": [list(one) for one in piece]})
            for piece in pieces
            if piece
        ]

    # ------------------------------------------------------------------------------------------------------ what is chosen

    async def _wave(self, wave: Sequence[_Directory]) -> list[_Directory]:
        """Compare what was chosen in some directories; returns what is to be visited next."""
        pieces = await self._read(wave)
        following: list[_Directory] = []
        files: list[_Chosen] = []
        directories: list[_Chosen] = []
        for node_id, path, page in wave:
            piece = pieces.get(node_id)
            if piece is None:
                following.append((node_id, path, page))
                continue
            if piece.following:
                following.append((node_id, path, piece.following))
            for record in piece.records:
                self._counters.records += 1
                for saved in record.entries:
                    below = f"{path}/{saved.entry.name}" if path else saved.entry.name
                    if saved.entry.is_directory:
                        directories.append(_Chosen(saved, below, record))
                    elif self._is_chosen(saved):
                        files.append(_Chosen(saved, below, record))
        ids = [directory.saved.node_id for directory in directories]
        made = await self._scope.catalogue.made(self._scope.run.run_id, ids)
        await together(
            [
                *(self._check_file(file) for file in files),
                *(self._check_directory(one) for one in directories if one.saved.node_id in made),
            ]
        )
        return [*following, *((one.saved.node_id, one.path, 0) for one in directories)]

    async def _read(self, wave: Sequence[_Directory]) -> dict[int, Piece]:
        """Records of the directories; those for which there was no room are left out. What cannot be read the restore has told of."""
        starts = {node_id: page for node_id, _, page in wave}
        point = self._order.restore_point
        try:
            return await read_pieces_at(self._scope, starts, point, PAGES_AT_ONCE, {})
        except (IntegrityError, NotFound):
            pieces: dict[int, Piece] = {}
            for node_id, page in starts.items():
                try:
                    pieces |= await read_pieces_at(self._scope, {node_id: page}, point, PAGES_AT_ONCE, {})
                except (IntegrityError, NotFound):
                    pieces[node_id] = Piece((), 0)
            return pieces

    def _is_chosen(self, saved: SavedEntry) -> bool:
        if sampling.part_of(saved.node_id, saved.saved_run, self._order.parts) != self._order.part:
            return False
        if saved.content.kind is ContentKind.UNSAVED:
            self._counters.unsaved += 1
            return False
        return True

    # ------------------------------------------------------------------------------------------------------ what is there

    async def _check_directory(self, chosen: _Chosen) -> None:
        async with self._gate:
            self._scope.stop.check()
            self._counters.reread_directories += 1
            try:
                found = await patiently(lambda: self._reader.directory_properties(chosen.path))
            except (Rejected, IntegrityError) as error:
                self._tell(FindingKind.NOT_RESTORED, "directories", chosen, str(error))
                return
            async for aspect, told in self._other_properties(chosen.saved, found):
                self._tell(FindingKind.RESTORED_OTHERWISE, aspect, chosen, told)

    async def _check_file(self, chosen: _Chosen) -> None:
        async with self._gate:
            self._scope.stop.check()
            self._counters.reread_files += 1
            self._counters.reread_bytes += chosen.saved.entry.size_bytes
            kind, aspect = FindingKind.NOT_RESTORED, "files"
            try:
                found, told = await self._read_back(chosen)
            except (Rejected, IntegrityError) as error:
                told = str(error)
            else:
                kind, aspect = FindingKind.RESTORED_OTHERWISE, "content"
            wrong = [(kind, aspect, told)] if told and not await self._damaged_in_vault(chosen) else []
            if kind is FindingKind.RESTORED_OTHERWISE:
                wrong += [(kind, *other) async for other in self._other_properties(chosen.saved, found)]
            for one in wrong:
                self._tell(one[0], one[1], chosen, one[2])
            self._counters.unreadable += bool(told or wrong)

    async def _read_back(self, chosen: _Chosen) -> tuple[NodeProperties, str]:
        """Properties of a file, and what is wrong with its content. Raises ``Rejected`` if it is not there."""
        saved, path, reader = chosen.saved, chosen.path, self._reader
        size = saved.entry.size_bytes
        if saved.posix is not None and saved.posix.link_text:
            text = await patiently(lambda: reader.link_text(path))
            same = text == saved.posix.link_text
            return await patiently(lambda: reader.file_properties(path)), "" if same else f"it leads to {text!r}"
        if size > CHUNK_BYTES:
            found = await patiently(lambda: reader.file_properties(path))
            return found, _size(found, size) or await self._other_chunks(chosen)
        try:
            found, body = await patiently(lambda: reader.read_file(path, size))
        except Retryable:  # one of another length looks like an answer that was cut short
            found = await patiently(lambda: reader.file_properties(path))
            told = _size(found, size)
            if not told:
                raise
            return found, told
        digest = self._scope.hasher.digest(body)
        if saved.content.kind in (ContentKind.CHUNKED, ContentKind.LISTED):
            digest = self._scope.hasher.digest_of_chunks([digest if any(body) else HOLE])
        return found, "" if digest == saved.digest else "its bytes are not those that were saved"

    async def _other_chunks(self, chosen: _Chosen) -> str:
        """What is wrong with the content of a file of several chunks; its holes are looked at where something was written."""
        saved, size = chosen.saved, chosen.saved.entry.size_bytes
        chunks = await self._content.chunks(saved)
        left = chunks.chunks()
        wrong: list[int] = []

        async def compare() -> None:
            for place, digest in left:  # one iterator for all
                data = await self._chunk(chosen, place)
                if await asyncio.to_thread(self._scope.hasher.digest, data) != digest:
                    wrong.append(place)
                if wrong:
                    return

        await together(compare() for _ in range(CHUNKS_AT_ONCE))
        if wrong:
            return f"its bytes are not those that were saved, from byte {min(wrong) * CHUNK_BYTES} on"
        filled = set(chunks.places().tolist())
        written: set[int] = set()
        async for page in self._reader.ranges(chosen.path, size):
            for there in page:
                written.update(range(there.start // CHUNK_BYTES, -(-there.end // CHUNK_BYTES)))
        for place in sorted(written - filled):
            if any(await self._chunk(chosen, place)):
                return f"it has bytes where zeros were saved, from byte {place * CHUNK_BYTES} on"
        return ""

    async def _chunk(self, chosen: _Chosen, place: int) -> bytes:
        self._scope.stop.check()
        offset = place * CHUNK_BYTES
        length = min(CHUNK_BYTES, chosen.saved.entry.size_bytes - offset)
        async with self._chunk_gate:
            return await patiently(lambda: self._reader.read_range(chosen.path, offset, length))

    # ------------------------------------------------------------------------------------------------------ what differs

    async def _other_properties(self, saved: SavedEntry, found: NodeProperties) -> AsyncIterator[tuple[str, str]]:
        """What of a node is not as it was saved, and how, but for its content."""
        for aspect, was, now in _properties(saved, found):
            if was != now:
                yield aspect, f"was {was}, is {now}"
        key = saved.entry.permission_key
        if saved.posix is None and key:
            try:
                was = await self._descriptor(key, saved=True)
            except NotFound:  # the backup could not read it, or it is lost; the restore has told
                return
            now = await self._descriptor(found.permission_key, saved=False)
            if was != now:
                yield "permissions", f"was {was}, is {now}"

    async def _descriptor(self, key: str, *, saved: bool) -> str:
        """A security descriptor as saved, or as the scratch share tells it; each is asked for once."""
        task = self._descriptors.get((saved, key))
        if task is None:
            task = self._descriptors[saved, key] = asyncio.create_task(self._read_descriptor(key, saved=saved))
        return await asyncio.shield(task)

    async def _read_descriptor(self, key: str, *, saved: bool) -> str:
        if saved:
            data = await self._scope.vault.get(permission_name(self._share_id, key))
            return data.decode(errors="replace").removesuffix(_NO_AUDIT)
        if not key:
            return "none"
        try:
            return (await patiently(lambda: self._reader.permission(key))).removesuffix(_NO_AUDIT)
        except (Rejected, IntegrityError) as error:
            return f"unreadable: {error}"

    async def _damaged_in_vault(self, chosen: _Chosen) -> bool:
        """Whether what was to be restored is not what was saved; then that is a finding, as that of a sample."""
        scope, record = self._scope, chosen.record
        state = await scope.verify_states.of(scope)
        page_id = record.directory_id | record.page_no
        rows = await scope.verifies.rows(self._share_id, page_id, page_id + 1, 1)
        row = rows[0] if rows else None
        current = (
            isinstance(row, Page)
            and row.deleted_run is None
            and row.manifest is not None
            and row.manifest.run_no == record.run_no
        )
        findings = Findings(state)
        verifier = ContentVerifier(scope, state, findings, Counters())
        await verifier.read([CheckedFile(chosen.saved, record.directory_id, page_id, FOR_EVER, current)])
        found = await findings.resolved(scope.verifies, self._share_id)
        self._in_vault += found
        self.damaged += findings.damaged
        self._following += verifier.following
        return bool(found)

    def _tell(self, kind: FindingKind, aspect: str, chosen: _Chosen, told: str) -> None:
        name = f"restored {aspect}"
        finding = self._differences.get(name)
        if finding is None:
            points = {self._order.restore_point}
            reason = f"{chosen.path!r}: {told}"
            finding = Finding(kind=kind, object=name, reason=reason, points=points, node_id=chosen.saved.node_id)
            self._differences[name] = finding
        finding.files += 1
        finding.bytes += chosen.saved.entry.size_bytes
        if len(finding.paths) < PATHS_TOLD:
            finding.paths.append(chosen.path)


def _size(found: NodeProperties, size: int) -> str:
    return "" if found.size_bytes == size else f"it has {found.size_bytes} bytes, and had {size}"


def _properties(saved: SavedEntry, found: NodeProperties) -> Iterator[tuple[str, object, object]]:
    """Each thing that a restore promises to bring back, as saved and as found."""
    entry, posix = saved.entry, saved.posix
    for name in ("created", "written", "changed"):
        was, now = getattr(entry, name), getattr(found, name)
        if was >= FIRST_TICKS:
            yield "times", f"{name} {ticks.to_text(was)}", f"{name} {ticks.to_text(now)}"
    if posix is not None:
        there = found.posix
        now = (there.owner, there.group, f"{there.mode:o}") if there is not None else None
        yield "owners and modes", (posix.owner, posix.group, f"{posix.mode:o}"), now
    else:
        mask = SETTABLE & ~(Attributes.TEMPORARY.value if entry.is_directory else 0)
        yield "attributes", Attributes(entry.attributes & mask), Attributes(found.attributes & mask)
    yield "metadata", sorted(saved.metadata), sorted(found.metadata)
    if not entry.is_directory and not (posix is not None and posix.link_text):
        yield "content headers", saved.headers, found.headers
