"""Delete what is not marked: segments, bundles, plain objects and content lists; and note the chunks that are not.

Names of all but chunks carry the run that wrote them. Of runs up to the horizon nothing is written any more that anybody will refer to, and a later
run refers to nothing of theirs but what is part of the state at the horizon, which is marked. So these objects are garbage as soon as
they are not marked, whatever backups do meanwhile. Chunks are named by their content, and are another matter: :mod:`shared.usecases.sweep_chunks`.

Order: what the catalogue says of an object is taken back, then the object goes. Of segments the ledger comes before everything: from then on
nobody who makes a catalogue of the vault misses them.

An object that may not be deleted yet stays, is counted, and is met again by the next sweep.
"""

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from shared.core import sweeping
from shared.errors import IntegrityError, NotFound
from shared.formats import ledger, marks, segment
from shared.formats.marks import SECTIONS, Numbers, Section
from shared.model.note import PageNote, note_of
from shared.model.objects import ledger_name, marks_name
from shared.model.page import Page
from shared.model.sweep import Ledger, SweepCommit, SweepItem, SweepKind, SweepOrder
from shared.ports.vault import Deletion, StoredObject
from shared.usecases.scope import RunScope
from shared.usecases.spool import spooling
from shared.usecases.together import together

DELETES_AT_ONCE: Final = 16
"""Deletions under way. One by one, not in batches: a batch request carries no condition that would be worth it, and costs as much."""
READS_AT_ONCE: Final = 16
BLOCK: Final = 500
"""Objects taken back and deleted together."""
TAIL_BYTES: Final = 32 * 1024
MARKS_IN_MEMORY: Final = 4 << 20
"""Marks of a piece beyond which they are sorted on disk: 32 MiB."""
_ROOTS_OF_NODES: Final = "123456789"


class ObjectSweeper:
    """Sweeps one piece."""

    def __init__(self, scope: RunScope, order: SweepOrder, commit: SweepCommit) -> None:
        assert order.horizon is not None
        assert order.opened_at is not None
        self._scope = scope
        self._share_id = scope.share.share_id
        self._horizon = order.horizon
        self._written_before = order.opened_at - dt.timedelta(seconds=order.margin_s)
        self._commit = commit
        self._told = False

    def is_old(self, found: StoredObject) -> bool:
        """Whether an object is older than the margin; to the second, as the service tells times."""
        return found.written_at <= self._written_before

    # ----------------------------------------------------------------------------------------------------------- segments

    async def segments(self) -> None:
        """Write the ledger, delete the segments that are not in it, and divide the rest of the work."""
        counts = [0] * SECTIONS
        marked = await load_marks(self._scope, [Section.SEGMENTS], counts)
        staying: list[tuple[int, int]] = []
        doomed: list[tuple[StoredObject, tuple[int, int]]] = []
        candidates: list[tuple[StoredObject, tuple[int, int]]] = []
        async for found, key in self.of_runs("segment", ".fb"):
            if len(key) != 2 or key[0] > self._horizon:
                continue
            if _has(marked, marks.number_of(found.name)):
                staying.append((key[0], key[1]))
            else:
                candidates.append((found, (key[0], key[1])))
        for start in range(0, len(candidates), BLOCK):
            some = candidates[start : start + BLOCK]
            counting = await self._that_count(some)
            staying += [key for _, key in some if key in counting]
            doomed += [(found, key) for found, key in some if key not in counting]
            self._scope.stop.check()
        left = await self._write_ledger(staying)
        going = [(found, key) for found, key in doomed if key not in left and self.is_old(found)]
        for start in range(0, len(going), BLOCK):
            block = going[start : start + BLOCK]
            await self._scope.sweeps.forget_segments(self._share_id, [key for _, key in block])
            await self.delete([found for found, _ in block])
        self._commit.following += _following(counts)

    async def _write_ledger(self, staying: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """Write the ledger; returns the segments in it. If this piece is done again it is the one of the first time that counts."""
        run_no = self._scope.run.run_no
        name = ledger_name(self._share_id, run_no)
        written = Ledger(run_no=run_no, horizon=self._horizon, segments=tuple(sorted(staying)))
        if not await self._scope.vault.put(name, ledger.encode(written)):
            written = ledger.decode(await self._scope.vault.get(name))
        return set(written.segments)

    async def _that_count(self, some: Sequence[tuple[StoredObject, tuple[int, int]]]) -> set[tuple[int, int]]:
        """Segments among these that stay although nothing is marked in them, of those that a batch has committed.

        * those that the margin protects,
        * those whose notes say what the catalogue has of a page whose record is elsewhere, or had before a run that is in progress. Without
          them a rebuild would not know which pages are dissolved and which directories deleted.
        """
        stored = await self._scope.verifies.stored(self._share_id, [key for _, key in some])
        committed = {key for key, batch in stored.items() if not batch.segment_swept}
        young = {key for found, key in some if key in committed and not self.is_old(found)}
        gate = asyncio.Semaphore(READS_AT_ONCE)

        async def read(found: StoredObject, key: tuple[int, int]) -> tuple[tuple[int, int], list[PageNote]]:
            async with gate:
                return key, await self._notes(found)

        told = await together(read(found, key) for found, key in some if key in committed - young)
        page_ids = sorted({note.page_id for _, notes in told for note in notes})
        rows: dict[int, Page] = {}
        for start in range(0, len(page_ids), BLOCK):
            for row in await self._scope.catalogue.whole_pages(self._share_id, page_ids[start : start + BLOCK]):
                rows[row.directory_id | row.page_no] = row
        return young | {key for key, notes in told if any(self._counts(note, rows.get(note.page_id)) for note in notes)}

    def _counts(self, note: PageNote, row: Page | None) -> bool:
        """Whether a note says what counts of a page at the horizon, as far as its row can tell."""
        if row is None:
            return False
        changed = max(row.manifest.run_no if row.manifest is not None else 0, row.deleted_run or 0)
        if changed > self._horizon:
            return True
        told = note_of(row, -1, -1)
        if (
            row.fingerprint is None and row.page_fingerprint is None
        ):  # a backup that has been opened may have taken them off
            note = replace(note, fingerprint=None, page_fingerprint=None)
        return told == note

    async def _notes(self, found: StoredObject) -> list[PageNote]:
        """What a segment notes of pages whose records are elsewhere; nothing if it cannot be read, and so not by others either."""
        begin = max(0, found.size_bytes - TAIL_BYTES)
        try:
            tail = await self._scope.vault.get(found.name, begin)
            needed = segment.index_bytes(tail)
            if needed > len(tail):
                tail = await self._scope.vault.get(found.name, max(0, found.size_bytes - needed))
            return [note for note in segment.read_index(tail).notes if note.record is not None]
        except (IntegrityError, NotFound):
            return []

    # ------------------------------------------------------------------------------------------------------------ others

    async def objects(self) -> None:
        """Delete bundles, plain objects and content lists that are not marked."""
        marked = await load_marks(self._scope, [Section.BUNDLES])
        block: list[tuple[StoredObject, tuple[int, ...]]] = []
        async for found, key in self.of_runs("bundle", ".tar.zst"):
            if len(key) != 3 or key[0] > self._horizon or not self.is_old(found):
                continue
            if not _has(marked, marks.number_of(found.name)):
                block.append((found, key))
            if len(block) >= BLOCK:
                await self._bundles(block)
                block = []
        await self._bundles(block)
        marked = await load_marks(self._scope, [Section.OBJECTS])
        doomed: list[StoredObject] = []
        for digit in _ROOTS_OF_NODES:
            async for found in self._scope.vault.listed(f"{self._share_id}/{digit}"):
                run_no = _number(found.name.rpartition("/")[2])
                if run_no is None or run_no > self._horizon or not self.is_old(found):
                    continue
                if not _has(marked, marks.number_of(found.name)):
                    doomed.append(found)
                if len(doomed) >= BLOCK:
                    await self.delete(doomed)
                    doomed = []
        await self.delete(doomed)

    async def _bundles(self, block: Sequence[tuple[StoredObject, tuple[int, ...]]]) -> None:
        if block:
            await self._scope.sweeps.forget_bundles(self._share_id, [(key[0], key[1], key[2]) for _, key in block])
            await self.delete([found for found, _ in block])

    async def of_runs(self, folder: str, ending: str) -> AsyncIterator[tuple[StoredObject, tuple[int, ...]]]:
        """Objects named ``run/batch`` or ``run/batch-part``, and these numbers; of bundles always three."""
        prefix = f"{self._share_id}/{folder}/"
        async for found in self._scope.vault.listed(prefix):
            run, _, rest = found.name.removeprefix(prefix).removesuffix(ending).partition("/")
            batch, _, part = rest.partition("-")
            numbers = [_number(run), _number(batch), *([_number(part or "0")] if folder == "bundle" else [])]
            known = tuple(number for number in numbers if number is not None)
            if len(known) == len(numbers) and found.name.endswith(ending):
                yield found, known

    # ---------------------------------------------------------------------------------------------------------- deletion

    async def delete(self, doomed: Sequence[StoredObject]) -> list[Deletion]:
        """Delete objects, and count what came of it."""
        self._scope.stop.check()
        outcome = await delete_all(self._scope, [(found.name, found.etag) for found in doomed])
        counters = self._commit.counters
        for found, result in zip(doomed, outcome, strict=True):
            if result is Deletion.GONE:
                counters.deleted_objects += 1
                counters.deleted_bytes += found.size_bytes
            elif result is Deletion.REFUSED:
                counters.refused_objects += 1
                counters.refused_bytes += found.size_bytes
        refused = [found.name for found, result in zip(doomed, outcome, strict=True) if result is Deletion.REFUSED]
        if refused and not self._told:
            self._told = True
            until = await self._scope.vault.kept_until(refused[0])
            told = {"refused_object": refused[0], "refused_until": until.isoformat() if until is not None else None}
            await self._scope.catalogue.set_report(self._scope.run.run_id, told)
        return outcome


async def delete_all(scope: RunScope, doomed: Iterable[tuple[str, str]]) -> list[Deletion]:
    """Delete objects by name and ETag, some at once."""
    gate = asyncio.Semaphore(DELETES_AT_ONCE)

    async def delete(name: str, etag: str) -> Deletion:
        async with gate:
            return await scope.vault.delete(name, etag)

    return await together(delete(name, etag) for name, etag in doomed)


async def load_marks(scope: RunScope, sections: Sequence[int], counts: list[int] | None = None) -> Numbers:
    """Everything that the pieces of this sweep have marked in some sections, ascending; beyond a limit in a file.

    :param counts: gets the number of marks of each section, each as often as pieces have it.
    :raises IntegrityError: marks are damaged or not there. Without them nothing can be deleted.
    """
    written = await scope.sweeps.marks_written(scope.run.run_id)
    if not written:
        raise IntegrityError("no piece of this sweep has marked anything")
    parts: list[Numbers] = []
    held = 0
    spool = None
    for start in range(0, len(written), READS_AT_ONCE):
        for sections_read in await together(
            _read_marks(scope, batch_no, size_bytes, sections, counts)
            for batch_no, size_bytes in written[start : start + READS_AT_ONCE]
        ):
            parts += sections_read
            held += sum(map(len, sections_read))
        if held > MARKS_IN_MEMORY:
            with spooling("what a sweep has marked"):
                if spool is None:
                    spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
                for part in parts:
                    spool.write(part.tobytes())
            parts, held = [], 0
    if spool is None:
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
    with spooling("what a sweep has marked"), spool:
        for part in parts:
            spool.write(part.tobytes())
        spool.flush()
        count = spool.tell() // 8
        # A file that is mapped may be closed: it lasts as long as the mapping.
        mapped: Numbers = np.memmap(spool, dtype=np.uint64, mode="r+", shape=(count,))
        await asyncio.to_thread(mapped.sort)
    return mapped


async def _read_marks(
    scope: RunScope, batch_no: int, size_bytes: int, sections: Sequence[int], counts: list[int] | None
) -> list[Numbers]:
    name = marks_name(scope.share.share_id, scope.run.run_no, batch_no)
    try:
        data = await scope.vault.get(name)
    except NotFound as error:
        raise IntegrityError(f"{name} is not there: what this sweep has marked is not known any more") from error
    if len(data) != size_bytes:
        raise IntegrityError(f"{name} has {len(data)} bytes, and had {size_bytes} when it was written")
    if counts is not None:
        for at, found in enumerate(marks.decode(data, range(SECTIONS))):
            counts[at] += len(found)
    return [found.copy() for found in marks.decode(data, sections)]


def _following(counts: Sequence[int]) -> list[SweepItem]:
    ranges = sweeping.divide(counts[Section.CHUNKS :])
    return [
        SweepItem(kind=SweepKind.OBJECTS),
        *(SweepItem(kind=SweepKind.CONDEMN, low=low, high=high) for low, high in ranges),
        SweepItem(kind=SweepKind.BARRIER),
        *(SweepItem(kind=SweepKind.DELETE, low=low, high=high) for low, high in ranges),
    ]


def has(marked: Numbers, wanted: Numbers) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which of ``wanted`` are marked."""
    if not len(marked):
        return np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(marked, wanted), len(marked) - 1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = marked[places] == wanted
    return found


def _has(marked: Numbers, number: int) -> bool:
    return bool(has(marked, np.array([number], dtype=np.uint64))[0])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
