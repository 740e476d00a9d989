"""The catalogue, as verifies and drills need it."""

from collections.abc import Sequence
from typing import Protocol

from shared.model.page import Page, PageHead
from shared.model.run import RestorePoint, Run
from shared.model.verify import Finding, StoredBatch, VerifyClaim, VerifyCommit, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.model.work import RestoreItem


class Verifies(Protocol):
    """The Postgres side of verifies, in whole transactions as :class:`Catalogue`'s."""

    async def verify_points(self, share_id: int) -> list[RestorePoint]:
        """All restore points of a share, oldest first."""
        ...

    async def seed_verify(self, run_id: int, items: Sequence[VerifyItem]) -> None:
        """Put ``items`` in the frontier of a verify if it has never had any."""
        ...

    async def seed_drill(
        self, run_id: int, items: Sequence[RestoreItem], passed: Sequence[RestoreItem], compare: Sequence[VerifyItem]
    ) -> None:
        """Put the restore of a drill in the frontier, and what is to be compared after it, if the run has never had any of it."""
        ...

    async def restore_left(self, run_id: int) -> int:
        """Directories that a drill has not finished restoring."""
        ...

    async def restored_seconds(self, run_id: int) -> float:
        """From the first batch of a drill's restore to the end of the last, pauses included; 0.0 if there was none."""
        ...

    async def drills_left(self, share_id: int, before_run_no: int, limit: int) -> list[Run]:
        """Some drills of a share that have ended and whose report does not say that their scratch share is gone; newest first."""
        ...

    async def claim_verify(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> VerifyClaim | None:
        """Claim a piece, in order of kind; of rows of the tree the next ``most_pages``. Else as :meth:`Catalogue.claim`."""
        ...

    async def commit_verify(self, batch: VerifyCommit) -> None:
        """Apply what a piece came to. ``counters.errors`` becomes the number of damaged objects that nobody had met. Raises ``Fenced``."""
        ...

    async def findings(self, run_id: int, after: str, limit: int) -> list[Finding]:
        """Up to ``limit`` findings of a run that has not ended, in order of object, those after one."""
        ...

    async def rows(self, share_id: int, low: int, high: int, limit: int) -> list[Page | tuple[int, str]]:
        """The first ``limit`` rows of the tree with ``low <= page_id < high``; of one that is unreadable, its page_id and why."""
        ...

    async def heads_of(self, share_id: int, page_ids: Sequence[int]) -> dict[int, PageHead]:
        """These rows without their files, those that exist and are readable, deleted ones included."""
        ...

    async def directory_paths(self, share_id: int, directory_ids: Sequence[int]) -> dict[int, str]:
        """Where these directories are, or were when they were deleted; of one that hangs below nothing, its number."""
        ...

    async def stored(self, share_id: int, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], StoredBatch]:
        """What the batches ``(run_no, batch_no)`` wrote to the vault; those without a segment are left out."""
        ...

    async def stored_of_run(self, share_id: int, run_no: int) -> list[StoredBatch]:
        """The same of all batches of a run, in order."""
        ...

    async def runs_stored(self, share_id: int, up_to_run_no: int) -> list[int]:
        """Runs that wrote segments, in order."""
        ...

    async def permission_checksums(self, share_id: int) -> dict[str, int | None]:
        """XXH3-64 of the security descriptor of each key that is in the vault; None where nobody has noted it."""
        ...

    async def sampled_runs(self, share_id: int, before_run_no: int, parts: int, level: VerifyLevel) -> list[Run]:
        """Verifies of a level and a share that have read their part, of so many ``parts``, newest first; as many as there are parts."""
        ...
