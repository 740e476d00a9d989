"""The catalogue, as sweeps need it."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from shared.model.repack import Repack
from shared.model.sweep import Condemned, SweepClaim, SweepCommit, SweepItem, SweepOrder, TreeRow


class Sweeps(Protocol):
    """The Postgres side of sweeps, in whole transactions as :class:`Catalogue`'s."""

    async def begin_sweep(self, run_id: int, opened_at: dt.datetime, *, repack: bool = False) -> SweepOrder | None:
        """QUEUED to RUNNING, and decide what the sweep holds on to, once; None if the share has no restore point.

        ``repack``: also for how long, to find out what is worth repacking.

        Raises ``Conflict`` while a catalogue is being rebuilt, or a backup older than the newest restore point is not finished.
        """
        ...

    async def is_backing_up(self, share_id: int, run_no: int) -> bool:
        """Whether a run is a backup that has not ended."""
        ...

    async def seed_sweep(self, run_id: int, items: Sequence[SweepItem]) -> None:
        """Put ``items`` in the frontier of a sweep if it has never had any."""
        ...

    async def claim_sweep(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> SweepClaim | None:
        """Claim a piece of the kind that is next, None while others hold all there is of it; of rows of the tree the last ``most_pages``.

        Else as :meth:`Catalogue.claim`.
        """
        ...

    async def commit_sweep(self, commit: SweepCommit) -> None:
        """Apply what a piece came to. Raises ``Fenced``."""
        ...

    async def tree_rows(self, share_id: int, low: int, high: int, limit: int) -> list[TreeRow]:
        """The first ``limit`` rows with ``low <= page_id < high``. Raises ``IntegrityError`` for one that is unreadable."""
        ...

    async def children_of(self, share_id: int, page_ids: Sequence[int]) -> list[tuple[int, int]]:
        """``(parent, child)`` of all rows that hang below these, tombstones included."""
        ...

    async def marks_written(self, run_id: int) -> list[tuple[int, int]]:
        """``(batch_no, bytes)`` of the marks that committed pieces of a sweep have written."""
        ...

    async def note_repacks(
        self, run_id: int, batch_no: int, share_id: int, noted: Sequence[Repack], *, anew: bool = False
    ) -> None:
        """Note what the next backup is to write into other bundles; ``anew``: and forget what was noted before. Raises ``Fenced``."""
        ...

    async def forget_repacks(self, share_id: int) -> None:
        """Forget what was noted to be repacked."""
        ...

    async def forget_segments(self, share_id: int, segments: Sequence[tuple[int, int]]) -> None:
        """Note that these segments, ``(run_no, batch_no)``, count no more: they are about to be deleted."""
        ...

    async def forget_bundles(self, share_id: int, bundles: Sequence[tuple[int, int, int]]) -> None:
        """The same of bundles, ``(run_no, batch_no, part)``."""
        ...

    async def condemned_count(self, share_id: int) -> int:
        """Chunks on the list of a share that are not deleted."""
        ...

    async def condemn(self, run_id: int, batch_no: int, share_id: int, chunks: Sequence[Condemned]) -> None:
        """Put chunks on the list; one that is there is left as it is. Raises ``Fenced``."""
        ...

    async def barrier(self, share_id: int) -> None:
        """Wait for all batches that are being committed. Those that commit from now on see what is on the list."""
        ...

    async def span_digests(
        self, share_id: int, after: tuple[int, int, int, int], limit: int
    ) -> list[tuple[tuple[int, int, int, int], bytes]]:
        """Chunks that runs in progress have read of large files, by key of their spans, in order."""
        ...

    async def rescue(self, share_id: int, digests: Sequence[bytes]) -> int:
        """Take chunks off the list that something refers to; how many were on it."""
        ...

    async def doom(self, run_id: int, batch_no: int, share_id: int, low: int, high: int, limit: int) -> list[Condemned]:
        """Some chunks whose first hexadecimal digit is in ``[low, high)`` that are to be deleted, and are from now on being deleted.

        Raises ``Fenced``.
        """
        ...

    async def being_deleted(self, share_id: int, digests: Sequence[bytes] | None = None) -> list[Condemned]:
        """Chunks that are being deleted: all, or those among ``digests``."""
        ...

    async def settle_chunks(self, share_id: int, gone: Sequence[bytes], spared: Sequence[bytes]) -> None:
        """Note what came of chunks that were being deleted: they are gone, or they stay and are off the list."""
        ...

    async def tidy_condemned(self, share_id: int) -> None:
        """Forget chunks that were deleted and that no batch at work can have seen before; take off the list what was not begun with."""
        ...
