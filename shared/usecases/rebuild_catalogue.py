"""Work on a rebuild until it is done or the time is up: read segments, then make rows of what was read, then indexes.

Work is pulled, as everywhere. Everything that is read is kept in Postgres at once and may be kept twice; an item is done in the
transaction that makes its last change. So a crash leaves a claim whose work is done again with the same effect. Memory: what is
claimed at once, and one piece of a segment; neither depends on the size of the share or on how old it is.

What cannot be read is noted as lost and left out: the pages in it are rebuilt as an older record has them, if there is one.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from shared.core.ranges import coalesce
from shared.core.rebuilt import Assembly, stage, stage_note
from shared.errors import IntegrityError, NotFound
from shared.formats import manifest, segment
from shared.formats.segment import Index, IndexEntry
from shared.model import ticks
from shared.model.manifest import ManifestRef
from shared.model.note import PageNote
from shared.model.objects import segment_name
from shared.model.rebuild import Loss, RebuildClaim, RebuildItem, Row, Staged, Task, segment_of_item
from shared.model.run import Counters
from shared.model.tickets import Receipt, RunTicket
from shared.usecases.dropped_pages import DroppedPages, read_dropped
from shared.usecases.lease import lease_kept
from shared.usecases.open_rebuild import chosen
from shared.usecases.pull_work import pull_work
from shared.usecases.scope import RunScope
from shared.usecases.vault_points import VaultPoints, read_points

CLAIM_BYTES: Final = 16 * 1024 * 1024
"""Bytes of segments claimed at once: of some 100,000 to 200,000 files."""
PIECE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one segment read and kept at once."""
TAIL_BYTES: Final = 256 * 1024
"""Read first of a segment that is larger than a piece: mostly holds its index."""


async def rebuild_catalogue(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run. What is damaged is reported when it is closed, not here."""
    work = _Work(scope)
    return await pull_work(ticket, scope, work.one_batch)


class _Work:
    def __init__(self, scope: RunScope) -> None:
        assert scope.rebuilds is not None
        self._scope = scope
        self._rebuilds = scope.rebuilds
        self._points: VaultPoints | None = None
        self._dropped: DroppedPages | None = None
        self._counters = Counters()

    async def one_batch(self, ticket: RunTicket, scope: RunScope) -> bool:
        """Claim and finish one batch; False when there is none to claim now."""
        claim = await self._rebuilds.claim(
            ticket.run_id, ticket.worker, bytes_most=CLAIM_BYTES, lease_s=scope.limits.lease_s
        )
        if claim is None:
            return False
        self._counters = Counters()
        with scope.batch(claim.batch_no) as span:
            span.set(task=claim.task.name.lower())
            async with lease_kept(scope, claim.batch_no):
                await self._do(claim, scope)
        return True

    async def _do(self, claim: RebuildClaim, scope: RunScope) -> None:
        if claim.task is Task.SEGMENT:
            left = list(claim.items)
            while left and not scope.stop:
                await self._read(claim, left[0])
                del left[0]
            scope.stop.check()
            await self._rebuilds.done(claim, self._counted(), left)
        elif claim.task is Task.PLAN:
            await self._rebuilds.plan(claim)
        elif claim.task is Task.RANGE:
            await self._assemble(claim)
        else:
            await self._rebuilds.make_index(claim)

    def _counted(self) -> Counters:
        self._counters.add(self._scope.take_requests())
        return self._counters

    async def _known_points(self) -> VaultPoints:
        if self._points is None:
            assert self._scope.run.rebuild is not None
            share_id = self._scope.share.share_id
            every = await read_points(self._scope.vault, share_id)
            self._points = chosen(every, self._scope.run.rebuild.restore_point, share_id)
        return self._points

    async def _dropped_pages(self) -> DroppedPages:
        if self._dropped is None:
            self._dropped = await read_dropped(self._scope.vault, self._scope.share.share_id)
        return self._dropped

    # --------------------------------------------------------------------------------------------------------- segments

    async def _read(self, claim: RebuildClaim, item: RebuildItem) -> None:
        """Read one segment and keep what it says."""
        run_no, batch_no = segment_of_item(item.item_no)
        name = segment_name(claim.share_id, run_no, batch_no)
        if item.bytes < 0:
            await self._lose(claim, name, run_no, "the vault does not have it", 0)
            return
        try:
            whole = await self._scope.vault.get(name) if item.bytes <= PIECE_BYTES else None
            index = segment.read_index(whole if whole is not None else await self._tail(name, item.bytes))
        except (IntegrityError, NotFound) as error:
            await self._lose(claim, name, run_no, str(error), 0)
            return
        dropped = await self._dropped_pages()
        index = Index(
            [e for e in index.records if not dropped.has(e.directory_id | e.page_no, run_no)],
            [note for note in index.notes if not dropped.has(note.page_id, run_no)],
        )
        own = {note.page_id: note for note in index.notes if note.record is None}
        staged = Staged()
        for note in index.notes:
            if note.record is not None:
                stage_note(run_no, batch_no, note, staged)
        await self._rebuilds.stage(claim, staged)
        later = await self._superseded(claim, index, run_no)
        for span in coalesce(((e.offset, e.length, e) for e in index.records), gap=PIECE_BYTES, length_max=PIECE_BYTES):
            data = whole
            try:
                start = 0 if whole is not None else span.offset
                data = data if data is not None else await self._scope.vault.get(name, span.offset, span.length)
            except (IntegrityError, NotFound) as error:
                await self._lose(claim, name, run_no, str(error), len({e.directory_id for e in span.items}))
                continue
            entries = list(span.items)
            staged, broken = await asyncio.to_thread(_decode, data, start, entries, own, later, run_no, batch_no)
            staged.places = {
                key: place for key, place in staged.places.items() if not dropped.has(place.node_id, run_no)
            }
            await self._rebuilds.stage(claim, staged)
            if broken:
                reason = next(iter(broken.values()))
                await self._lose(claim, name, run_no, reason, len(broken))

    async def _tail(self, name: str, size: int) -> bytes:
        tail = await self._scope.vault.get(name, max(0, size - TAIL_BYTES))
        needed = segment.index_bytes(tail)
        return tail if needed <= len(tail) else await self._scope.vault.get(name, max(0, size - needed))

    async def _superseded(self, claim: RebuildClaim, index: Index, run_no: int) -> set[int]:
        """Pages that a later run has written: where all that is to be known of a record is noted, those need not be opened."""
        if not index.notes or not index.records:
            return set()
        page_ids = [entry.directory_id | entry.page_no for entry in index.records]
        return await self._rebuilds.superseded(claim.share_id, page_ids, run_no)

    async def _lose(self, claim: RebuildClaim, name: str, run_no: int, reason: str, directories: int) -> None:
        points = await self._known_points()
        concerned = tuple(no for no in points.kept if no >= run_no)
        loss = Loss(
            object=name,
            reason=reason,
            restore_points=concerned,
            directories=directories,
            hint="start a backup: it lists the share anew and saves what the catalogue has no record of; for older states of these"
            " directories look in a copy of the vault, if there is one",
        )
        self._counters.errors += 1
        await self._rebuilds.lost(claim, [(name, loss.to_wire())])

    # ----------------------------------------------------------------------------------------------------------- ranges

    async def _assemble(self, claim: RebuildClaim) -> None:
        """Make the rows of one range."""
        points = await self._known_points()
        newest = points.newest
        assert newest is not None
        found, has_losses = await self._rebuilds.directories(claim.share_id, claim.items[0].item_no)
        assembly = Assembly(ticks.to_unix(newest.root.written), newest.run_no, has_losses)
        rows: list[Row] = []
        missing: list[tuple[int, int]] = []
        for directory in found:
            made, below = assembly.rows(directory)
            rows += made
            if below is not None:
                missing.append((directory.node_id, below))
        self._counters.directories += len(found)
        self._counters.pages_written += len(rows)
        await self._rebuilds.add_rows(claim, rows, missing, self._counted())


def _decode(
    data: bytes,
    start: int,
    entries: Sequence[IndexEntry],
    own: dict[int, PageNote],
    later: set[int],
    run_no: int,
    batch_no: int,
) -> tuple[Staged, dict[int, str]]:
    """What the records at ``entries`` say, and of which directories one cannot be read, and why."""
    staged = Staged()
    broken: dict[int, str] = {}
    for entry in entries:
        at = entry.offset - start
        try:
            if entry.directory_id | entry.page_no in later:
                manifest.check(data[at : at + entry.length])
                continue
            found = manifest.outline(data[at : at + entry.length])
            if (found.directory_id, found.page_no) != (entry.directory_id, entry.page_no):
                raise IntegrityError(f"the record at {entry.offset} is of another page than its index says")
        except IntegrityError as error:
            broken[entry.directory_id] = str(error)
            continue
        ref = ManifestRef(run_no, batch_no, entry.offset, entry.length)
        stage(found, ref, own.get(entry.directory_id | entry.page_no), staged)
    return staged, broken
