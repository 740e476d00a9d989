"""The scratch share of a drill: made when the drill opens, deleted when it closes, however it ends.

It has the number of its run and something nobody can guess in its name, and a tag like that of our share snapshots: tenant, share, run, and the
mark that no other catalogue knows. Only what has the tag is deleted, and a share of that name without it is never written to. Whoever closes the
run deletes it before the run ends, so a worker that is killed leaves it to whoever closes the run instead. It stays behind when the account
does not let us delete it, or when a run is abandoned because nothing of it can be spoken to. Then the report of the drill does not
say that it is gone, and every later verify of the share, of whatever level, tries again when it opens.
"""

from typing import Any, Final

from shared.core.advice import advice
from shared.errors import BackupError, Fenced, OutOfReach, Rejected, Retryable
from shared.formats import point
from shared.model.node import ROOT_ID
from shared.model.objects import point_name
from shared.model.run import ACTIVE, Run, RunState
from shared.model.share import Share
from shared.model.verify import ItemKind, VerifyItem
from shared.model.verify_order import scratch_order
from shared.ports.journal import WARNED, JournalLine
from shared.usecases.open_restore import prepare_restore, protocol_of
from shared.usecases.scope import RunScope
from shared.usecases.share_snapshots import snapshot_tag

LEFT_MOST: Final = 20
"""Scratch shares looked for at one opening: as many drills have failed to delete theirs, and a person is needed."""
QUOTA_LEAST_GIB: Final = 100
"""Of a premium share."""
QUOTA_MOST_GIB: Final = 5_120
"""What every account allows, and what one gives that is not asked for less."""
SCRATCH_LEFT: Final = 89_999_999
"""Batch number of the line about a scratch share that stays: after all batches, before the findings."""


def scratch_tag(share: Share, run_id: int) -> str:
    """By which a scratch share is known for ours."""
    return f"{snapshot_tag(share, run_id)}.drill"


async def open_drill(scope: RunScope) -> None:
    """Make the scratch share and the directories that the restore begins with; put in the frontier what to restore and then to compare.

    Raises as :func:`shared.usecases.open_restore.prepare_restore`, and ``Conflict`` if there is such a share that is not ours.
    """
    run, order, admin = scope.run, scope.run.verify, scope.admin
    assert order is not None
    assert admin is not None
    tag = scratch_tag(scope.share, run.run_id)
    record = point.decode(await scope.vault.get(point_name(scope.share.share_id, order.restore_point)))
    await admin.create(protocol_of(record.share_properties), tag, _quota_gib(record.bytes))
    state, _ = await scope.catalogue.state_now(run.run_id)
    if state not in ACTIVE or state is RunState.CANCELLING:
        # Whoever ended the run while this worker stood still has seen no share to delete, or has deleted it.
        await admin.delete(tag)
        raise Fenced("the run was ended while it was opened")
    seeds, passed = await prepare_restore(scope)
    compare = VerifyItem(kind=ItemKind.RESTORED, details={"directories": [[ROOT_ID, "", 0]]})
    await scope.verifies.seed_drill(run.run_id, seeds, passed, [compare])


def _quota_gib(size_bytes: int) -> int:
    """Room for all that a sample can be of: some accounts charge by the quota, however little is in the share."""
    wanted = max(QUOTA_LEAST_GIB, -(-size_bytes >> 30) + 1)
    return wanted if wanted <= QUOTA_MOST_GIB else 0


async def delete_scratch(scope: RunScope) -> dict[str, Any]:
    """Delete the scratch share of a drill that ends; what its report says of that. A reason not to is no reason for another outcome."""
    run = scope.run
    assert scope.admin is not None
    assert run.order is not None
    told: dict[str, Any] = {"account_url": run.order.account_url, "name": run.order.share_name, "removed": True}
    try:
        await scope.admin.delete(scratch_tag(scope.share, run.run_id))
    except (OutOfReach, Rejected, Retryable) as error:
        told |= {"removed": False, "reason": str(error)}
        await scope.journal.write(scope.run.key, SCRATCH_LEFT, [_left(scope, run.order.share_name, error)])
    return told


async def delete_left_behind(scope: RunScope) -> None:
    """Delete the scratch shares that earlier drills have left behind; of those that stay the journal tells."""
    lines: list[JournalLine] = []
    for run in await scope.verifies.drills_left(scope.share.share_id, scope.run.run_no, LEFT_MOST):
        assert run.verify is not None
        order = scratch_order(run.run_id, run.verify)
        try:
            async with scope.scratch(run) as admin:
                await admin.delete(scratch_tag(scope.share, run.run_id))
        except BackupError as error:
            lines.append(_left(scope, order.share_name, error))
        else:
            await scope.catalogue.set_report(run.run_id, _without_share(run, order.account_url, order.share_name))
    if lines:
        await scope.journal.write(scope.run.key, WARNED, lines)


def _without_share(run: Run, account_url: str, share_name: str) -> dict[str, Any]:
    return {**(run.report or {}), "scratch_share": {"account_url": account_url, "name": share_name, "removed": True}}


def _left(scope: RunScope, share_name: str, error: BackupError) -> JournalLine:
    reason = f"the scratch share {share_name!r} could not be deleted: {error}"
    return JournalLine(
        at=scope.clock.now(), kind="scratch_left", path="", reason=reason, hint=advice("scratch_left", "")
    )
