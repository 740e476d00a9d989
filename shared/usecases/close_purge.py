"""Close a purge: see that nothing is left in the vault, and take the share out of the catalogue.

Order: what came late is deleted, then what says in the vault that the share is being purged, then the audit is told, then the journal of this run goes, and
last the rows, in one transaction. Each step may be repeated. A crash in between leaves a share that is being purged, with nothing left of it or
almost; the repeated closing finishes it, or the next purge does. When it is done there is neither share nor run.

What may not be deleted yet stays, and with it all that says that the share is being purged: the run ends with errors, and the purge is to be
ordered again when the vault allows it.
"""

from typing import Final

from shared.model.deletion import PurgeOrder
from shared.model.objects import deletion_folder
from shared.model.run import Counters, Run, RunState
from shared.model.sweep import SweepCommit
from shared.ports.journal import JournalLine
from shared.ports.vault import StoredObject
from shared.usecases.finish_tenants import finish_tenants
from shared.usecases.giving_up import giving_up
from shared.usecases.purge_pieces import PIECE_LINES, delete_objects
from shared.usecases.scope import RunScope
from shared.usecases.sweep_objects import BLOCK
from shared.usecases.tombstone import tombstone

REFUSED: Final = 99_999_994
"""Number of the journal's lines about what may not be deleted yet."""


async def close_purge(scope: RunScope) -> RunState | None:
    """End a run that has nothing left to do; returns its final state, None if it is gone with its share."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    assert scope.purges is not None
    run, share = scope.run, scope.share
    left = await _left(scope)
    if left is not None:
        return await _to_be_repeated(scope, left)
    current, _ = await scope.catalogue.run(run.run_id)
    await _tell_audit(scope, current)
    while await scope.journal.forget(run.key, PIECE_LINES):
        pass
    await scope.purges.forget_share(run.run_id, share.share_id)
    assert scope.audit is not None
    await finish_tenants(scope.purges, lambda _: scope.vault, scope.audit, share.tenant_id)
    return None


async def give_up_purge(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled. The share is being purged still, and is to be purged again."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state


async def _left(scope: RunScope) -> StoredObject | None:
    """Delete what is left; something that may not be deleted, None if nothing is left."""
    folder = deletion_folder(scope.share.share_id)
    counted = SweepCommit(run_id=scope.run.run_id, share_id=scope.share.share_id, batch_no=0)
    marks: list[StoredObject] = []
    block: list[StoredObject] = []
    async for found in scope.vault.listed(f"{scope.share.share_id}/"):
        if found.name.startswith(folder):
            marks.append(found)
            continue
        block.append(found)
        if len(block) == BLOCK:
            if left := await delete_objects(scope, block, counted):
                return left[0]
            block = []
    left = await delete_objects(scope, block, counted) or await delete_objects(scope, marks, counted)
    return left[0] if left else None


async def _to_be_repeated(scope: RunScope, left: StoredObject) -> RunState:
    run = scope.run
    current, _ = await scope.catalogue.run(run.run_id)
    done = current.counters
    until = await scope.vault.kept_until(left.name)
    when = f"; {left.name} not before {until.isoformat()}" if until is not None else f", such as {left.name}"
    refused = max(1, done.refused_objects)
    line = JournalLine(
        at=scope.clock.now(),
        kind="not_deleted",
        path="",
        reason=f"{refused} objects may not be deleted yet{when}",
        hint="an immutability policy, a legal hold of the container, a lease or a blob snapshot keeps them; purge the share again when it has ended",
    )
    await scope.journal.write(run.key, REFUSED, [line])
    await scope.catalogue.set_report(
        run.run_id,
        {
            "by": PurgeOrder.from_wire(run.retention or {"by": ""}).by,
            "deleted_objects": done.deleted_objects,
            "deleted_bytes": done.deleted_bytes,
            "refused_objects": refused,
            "refused_bytes": max(left.size_bytes, done.refused_bytes),
            "refused_object": left.name,
            "refused_until": None if until is None else until.isoformat(),
        },
    )
    counted = scope.take_requests()
    counted.add(Counters(errors=refused))
    await scope.catalogue.finish_run(run.run_id, RunState.COMPLETED_WITH_ERRORS, counters=counted)
    return RunState.COMPLETED_WITH_ERRORS


async def _tell_audit(scope: RunScope, run: Run) -> None:
    assert scope.audit is not None
    share, order = scope.share, PurgeOrder.from_wire(run.retention or {"by": ""})
    told = {
        "azure_share": f"{share.account_url.rstrip('/')}/{share.share_name}",
        "deleted_objects": run.counters.deleted_objects,
        "deleted_bytes": run.counters.deleted_bytes,
    }
    await scope.audit.write(tombstone(share.tenant_id, share.share_id, order, run.requested_at, told))
