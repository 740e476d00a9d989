"""Open a backup run: check the share, take the share snapshot it reads from, put the root in the frontier.

Safe to repeat at any point: the snapshot is found again by its tag, the frontier is seeded once. What earlier runs left at the
share goes first (:mod:`shared.usecases.share_snapshots`).
"""

from typing import Final

from shared.model.node import ROOT_ID
from shared.model.run import RunState
from shared.usecases.scope import RunScope
from shared.usecases.share_snapshots import check_room, snapshot_tag, tidy, warn

PAGES_PER_TRANSACTION: Final = 1_000
"""Pages that are reopened in one transaction."""


async def open_backup(scope: RunScope) -> None:
    """QUEUED to RUNNING with a share snapshot.

    :raises ShareGone: the share does not exist.
    :raises NoAccess: the credential is refused, or may not take share snapshots.
    :raises Conflict: the share has as many share snapshots as Azure allows.
    """
    assert scope.admin is not None
    await scope.catalogue.start_run(scope.run.run_id)
    if await scope.catalogue.last_restore_point(scope.share.share_id) is None:
        await scope.vault.prepare()
    if scope.run.share_snapshot is None:
        await scope.admin.properties()
        found = await tidy(scope)
        await warn(scope, found)
        check_room(found, scope.share.share_name)
        snapshot = found.own or await scope.admin.take_snapshot(
            snapshot_tag(scope.share, scope.run.run_id), is_new=found.looked
        )
        await scope.catalogue.set_snapshot(scope.run.run_id, snapshot)
    await _reopen_noted(scope)
    await scope.catalogue.seed(scope.run.run_id, scope.share.share_id, [(ROOT_ID, 0)])


async def _reopen_noted(scope: RunScope) -> None:
    """Have compared, though nothing in the share has changed, what verifies and sweeps have noted: usecases/batch.py sees to it."""
    after: int | None = 0
    while after is not None:
        after = await scope.catalogue.reopen_damaged(scope.share.share_id, after, PAGES_PER_TRANSACTION)
    after = 0 if scope.share.settings.repack else None
    while after is not None:
        after = await scope.catalogue.reopen_repacks(scope.share.share_id, after, PAGES_PER_TRANSACTION)


def outcome(errors: int) -> RunState:
    """How a run ends that did all it could."""
    return RunState.COMPLETED_WITH_ERRORS if errors else RunState.SUCCEEDED
