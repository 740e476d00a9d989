"""Delete chunks that are not marked, while backups may find them by their names and rely on them. The argument is docs/adr/0015.

1. *Condemn*: chunks that are not marked, and older than the margin, are put on a list in the catalogue.
2. *Barrier*: wait for the transactions of batches that had looked at the list before. Whoever commits from now on takes what they refer to
   off the list (:mod:`shared.db.condemned`).
3. *Rescue*: what was committed before is looked at: segments of runs later than the horizon, and what was read of large files.
   Chunks that these refer to are taken off the list.
4. *Delete*: what is left is *being deleted*, which nobody can undo: a batch that refers to it is refused, and done again. Then the object goes,
   and with it only that very object: the ETag says which. So a deletion that is late deletes nothing that was written since.
5. That it is gone stays on the list until all batches have ended that may have seen it.
6. *Again*, from where condemning ended because the list was full: each round is a whole one, with its own barrier.

Each step may be done twice. A crash leaves chunks on the list; the closing of the sweep takes them off, or finishes what was begun.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.core.ranges import coalesce
from shared.errors import IntegrityError, NotFound
from shared.formats import manifest, segment
from shared.formats.marks import Section
from shared.model.objects import chunk_name, segment_name
from shared.model.sweep import Condemned, SweepItem, SweepKind, SweepOrder
from shared.ports.vault import Deletion, StoredObject
from shared.usecases.changed_between import RUN_NO_MAX
from shared.usecases.read_manifests import READ_BYTES_MAX
from shared.usecases.scope import RunScope
from shared.usecases.sweep_marks import read_list, unknown
from shared.usecases.sweep_objects import BLOCK, ObjectSweeper, delete_all, has, load_marks

CONDEMNED_MAX: Final = 1_000_000
"""Chunks of a share on the list at once: 100 MB of rows, 4 TB of chunks. What is beyond is for the next round of the sweep."""
SEGMENTS_PER_PIECE: Final = 32
SPANS_AT_ONCE: Final = 1_000
DIGEST_BYTES: Final = 32
_HEX: Final = "0123456789abcdef"


class ChunkSweeper:
    """Sweeps one piece."""

    def __init__(self, scope: RunScope, order: SweepOrder, objects: ObjectSweeper, following: list[SweepItem]) -> None:
        assert order.horizon is not None
        self._scope = scope
        self._share_id = scope.share.share_id
        self._horizon = order.horizon
        self._objects = objects
        self._following = following

    async def condemn(self, batch_no: int, low: int, high: int, after: str = "") -> None:
        """Put on the list what is not marked of the chunks whose first digit is in ``[low, high)``, and whose names come after one.

        When the list is full, the rest is for another round. That it begins after what was looked at, and not with what is not marked, has it end
        although chunks may not be deleted.
        """
        marked = await load_marks(self._scope, [Section.CHUNKS + digit for digit in range(low, high)])
        block: list[StoredObject] = []
        for digit in range(low, high):
            async for found in self._scope.vault.listed(f"{self._share_id}/chunk/{_HEX[digit]}"):
                if found.name > after and self._objects.is_old(found):
                    block.append(found)
                if len(block) >= BLOCK:
                    if not await self._condemn(batch_no, marked, block):
                        rest = {"after": block[-1].name}
                        self._following.append(SweepItem(kind=SweepKind.AGAIN, low=digit, high=high, details=rest))
                        return
                    block = []
        await self._condemn(batch_no, marked, block)

    async def _condemn(
        self, batch_no: int, marked: "np.ndarray[tuple[int], np.dtype[np.uint64]]", block: Sequence[StoredObject]
    ) -> bool:
        """Whether there is room for more."""
        self._scope.stop.check()
        chunks = [(found, digest) for found in block if (digest := _digest_of(found.name)) is not None]
        if not chunks:
            return True
        numbers = np.array([int.from_bytes(digest[:8], "big") for _, digest in chunks], dtype=np.uint64)
        kept = has(marked, numbers)
        doomed = [
            Condemned(digest, found.etag, found.size_bytes)
            for (found, digest), is_marked in zip(chunks, kept.tolist(), strict=True)
            if not is_marked
        ]
        if not doomed:
            return True
        await self._scope.sweeps.condemn(self._scope.run.run_id, batch_no, self._share_id, doomed)
        return await self._scope.sweeps.condemned_count(self._share_id) < CONDEMNED_MAX

    async def again(self, low: int, high: int, after: str) -> None:
        """Begin another round."""
        await self._scope.sweeps.tidy_condemned(
            self._share_id
        )  # nothing is condemned now: what is gone need not stay on the list
        self._following += [
            SweepItem(kind=SweepKind.CONDEMN, low=low, high=high, details={"after": after}),
            SweepItem(kind=SweepKind.BARRIER),
            SweepItem(kind=SweepKind.DELETE, low=low, high=high),
        ]

    async def barrier(self) -> None:
        """Make the list known to all, take off what was read of large files, and have the younger segments looked at."""
        await self._scope.sweeps.barrier(self._share_id)
        if not await self._scope.sweeps.condemned_count(self._share_id):
            return
        after = (0, 0, -(1 << 63), 0)
        while spans := await self._scope.sweeps.span_digests(self._share_id, after, SPANS_AT_ONCE):
            await self._rescue(b"".join(digests for _, digests in spans))
            after = spans[-1][0]
        # After the spans: what was one before is in a segment now, if it is none any more.
        by_run: dict[int, list[list[int]]] = {}
        for run_no, batch_no, size in await self._scope.catalogue.segments(self._share_id, self._horizon, RUN_NO_MAX):
            by_run.setdefault(run_no, []).append([batch_no, size])
        for run_no, batches in by_run.items():
            for start in range(0, len(batches), SEGMENTS_PER_PIECE):
                some = {"batches": batches[start : start + SEGMENTS_PER_PIECE]}
                self._following.append(SweepItem(kind=SweepKind.RESCUE, low=run_no, high=run_no + 1, details=some))

    async def rescue(self, run_no: int, batches: Sequence[Sequence[int]]) -> None:
        """Take off the list what some segments refer to."""
        for batch_no, size_bytes in batches:
            self._scope.stop.check()
            await self._rescue_segment(run_no, batch_no, size_bytes)

    async def _rescue_segment(self, run_no: int, batch_no: int, size_bytes: int) -> None:
        name = segment_name(self._share_id, run_no, batch_no)
        try:
            tail = await self._scope.vault.get(name, max(0, size_bytes - READ_BYTES_MAX))
            needed = segment.index_bytes(tail)
            if needed > len(tail):
                tail = await self._scope.vault.get(name, size_bytes - needed)
            index = segment.read_index(tail).records
            ranges = ((entry.offset, entry.length, entry) for entry in index)
            for span in coalesce(ranges, gap=READ_BYTES_MAX, length_max=READ_BYTES_MAX):
                data = await self._scope.vault.get(name, span.offset, span.length)
                for entry in span.items:
                    start = entry.offset - span.offset
                    found = manifest.references(data[start : start + entry.length])
                    await self._rescue(found.chunks)
                    for node_id, listed_run in sorted(found.listed):
                        await self._rescue(await read_list(self._scope, node_id, listed_run))
        except NotFound as error:
            raise unknown(name, "it is not in the vault") from error
        except IntegrityError as error:
            raise unknown(name, str(error)) from error

    async def _rescue(self, digests: bytes) -> None:
        pieces = [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]
        for start in range(0, len(pieces), 10 * BLOCK):
            await self._scope.sweeps.rescue(self._share_id, pieces[start : start + 10 * BLOCK])

    async def delete(self, batch_no: int, low: int, high: int) -> None:
        """Delete what is left on the list of the chunks whose first digit is in ``[low, high)``."""
        sweeps, run_id = self._scope.sweeps, self._scope.run.run_id
        while doomed := await sweeps.doom(run_id, batch_no, self._share_id, low, high, BLOCK):
            named = [
                StoredObject(chunk_name(self._share_id, c.digest), c.size_bytes, self._scope.clock.now(), c.etag)
                for c in doomed
            ]
            outcome = await self._objects.delete(named)
            await settle(self._scope, doomed, outcome)


async def settle(scope: RunScope, doomed: Sequence[Condemned], outcome: Sequence[Deletion]) -> None:
    """Note what came of chunks that were being deleted. One that may not be deleted is what it was before it was condemned."""
    spared = [c.digest for c, result in zip(doomed, outcome, strict=True) if result is Deletion.REFUSED]
    gone = [c.digest for c, result in zip(doomed, outcome, strict=True) if result is not Deletion.REFUSED]
    await scope.sweeps.settle_chunks(scope.share.share_id, gone, spared)


async def finish_deletions(scope: RunScope, digests: Sequence[bytes] | None = None) -> None:
    """Finish what somebody has begun to delete: all chunks of the share, or those among ``digests``.

    For a sweep that ends, and for a batch that cannot be committed because of it: nobody has to wait for anybody.
    """
    share_id = scope.share.share_id
    while doomed := await scope.sweeps.being_deleted(share_id, digests):
        outcome = await delete_all(scope, [(chunk_name(share_id, c.digest), c.etag) for c in doomed])
        await settle(scope, doomed, outcome)


def _digest_of(name: str) -> bytes | None:
    """The digest that a chunk's name is; None of something else that is in its place."""
    text = name.rpartition("/")[2]
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    return digest if len(digest) == DIGEST_BYTES and digest.hex() == text else None
