"""The catalogue, as rebuilds make it."""

from collections.abc import Sequence
from typing import Any, Protocol

from shared.model.rebuild import (
    FoundShare,
    PurgingShare,
    RebuildClaim,
    RebuildItem,
    Rebuilt,
    Row,
    Staged,
    StagedDirectory,
)
from shared.model.run import Counters, Driver, RebuildOrder, Run, RunState


class Rebuilds(Protocol):
    """The Postgres side of rebuilds. What is staged may be staged again, or be older than what is there: that changes nothing."""

    async def adopt_purging(self, found: PurgingShare) -> None:
        """Make the rows of a share whose purge has begun, and of its tenant, if the catalogue does not have them: it is purged again."""
        ...

    async def queue(self, found: FoundShare, order: RebuildOrder, driver: Driver) -> Run:
        """Queue a rebuild of a share, which is made, with its tenant, if the catalogue does not have it; deleted if the vault says so.

        Raises ``Conflict`` when a run is active on its Azure share, when it has a catalogue that may not be replaced, or when its
        number is taken.
        """
        ...

    async def begin(self, run_id: int) -> None:
        """QUEUED to RUNNING with a place for what will be read; nothing if that is there.

        A catalogue that the share has is dropped if that was asked for. Raises ``Conflict`` if it was not.
        """
        ...

    async def add_items(self, run_id: int, share_id: int, items: Sequence[RebuildItem]) -> None:
        """Add work; what is there already is left as it is."""
        ...

    async def seed(self, run_id: int, share_id: int, *, run_no: int, directory_no: int) -> None:
        """Note that all work was added, and that lower numbers than these have been given out."""
        ...

    async def claim(self, run_id: int, worker: str, *, bytes_most: int, lease_s: float) -> RebuildClaim | None:
        """Claim work of the kind that is next: segments of up to so many bytes (at least one), or one item of another kind.

        None when there is none to claim now. Otherwise as :meth:`Catalogue.claim`.
        """
        ...

    async def superseded(self, share_id: int, page_ids: Sequence[int], run_no: int) -> set[int]:
        """Which of these pages have been read at a later run."""
        ...

    async def stage(self, claim: RebuildClaim, staged: Staged) -> None:
        """Keep what was read of claimed segments. Raises ``Fenced``."""
        ...

    async def lost(self, claim: RebuildClaim, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Note what is lost, by object: :class:`shared.model.rebuild.Loss` as JSON. Raises ``Fenced``."""
        ...

    async def lost_at_opening(self, share_id: int, losses: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """The same of what no claim is about."""
        ...

    async def losses(self, share_id: int) -> list[dict[str, Any]]:
        """What is lost."""
        ...

    async def done(self, claim: RebuildClaim, counters: Counters, returned: Sequence[RebuildItem] = ()) -> None:
        """The items of a claim are finished, but those that are ``returned``, which others may claim. Raises ``Fenced``."""
        ...

    async def plan(self, claim: RebuildClaim) -> None:
        """Divide what was read into ranges, which are work; the claim is finished. Raises ``Fenced``."""
        ...

    async def directories(self, share_id: int, first: int) -> tuple[list[StagedDirectory], bool]:
        """What was read of the directories of the range that begins at page ``first``, and whether anything at all is lost."""
        ...

    async def add_rows(
        self, claim: RebuildClaim, rows: Sequence[Row], missing: Sequence[tuple[int, int]], counters: Counters
    ) -> None:
        """Write the rows of a range; the claim is finished. Raises ``Fenced``.

        :param missing: ``(node_id, parent_id)`` of directories that are gone although nothing notes it.
        """
        ...

    async def make_index(self, claim: RebuildClaim) -> None:
        """Make the claimed index; the claim is finished. Raises ``Fenced``."""
        ...

    async def attach(self, run_id: int, share_id: int) -> None:
        """Make what was written the share's tree; nothing if that was done."""
        ...

    async def take_missing(self, run_id: int, deleted_run: int, limit: int) -> int:
        """As :meth:`Catalogue.take_missing`, with tombstones of ``deleted_run``."""
        ...

    async def record(self, run_id: int, share_id: int, rebuilt: Rebuilt) -> None:
        """Record what there is beside the tree."""
        ...

    async def finish(self, run_id: int, state: RunState, *, error: str = "", counters: Counters, keep: bool) -> None:
        """RUNNING to ``state``, and drop what was kept while the run lasted; without ``keep`` the tree too.

        Nothing if it is already in that state.
        """
        ...
