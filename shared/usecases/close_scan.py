"""Close a scan: count or delete what it found missing, reckon what a backup would take, record the outcome.

**Directories that are missing are only counted**, once the share has a restore point. A scan reads a share in use, without
a share snapshot, so a directory that is moved while the scan is under way can be missed at both places. A backup would then find
it again under a new number and read all of its content once more; a scan that costs a full read of ten million files is not one that
people start to *save* money. The next backup lists the directory that lacks it in any case, and decides.

While a share has no restore point there is nothing to lose: what is gone is deleted as by a backup, or the analytics of a share
that is scanned every week and never backed up would fill with what has long been gone.

Steps may be repeated: what was counted is no longer queued.
"""

from shared.core.cost import scan_report
from shared.core.progress import worked_seconds
from shared.model.run import RunState
from shared.usecases.close_backup import MISSING_PER_TRANSACTION
from shared.usecases.giving_up import giving_up
from shared.usecases.open_backup import outcome
from shared.usecases.scope import RunScope


async def close_scan(scope: RunScope) -> RunState:
    """Record the report of a scan that has nothing left to do; returns the final state."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    assert scope.admin is not None
    catalogue, run, share = scope.catalogue, scope.run, scope.share
    has_point = await catalogue.last_restore_point(share.share_id) is not None
    see_to = catalogue.count_missing if has_point else catalogue.take_missing
    while await see_to(run.run_id, MISSING_PER_TRANSACTION):
        pass
    tier = (await scope.admin.properties()).get("access_tier", "")
    current, _ = await catalogue.run(run.run_id)
    walk_s = worked_seconds(current, scope.clock.now())
    workers = scope.limits.workers
    report = scan_report(current.counters, share.settings, scope.prices, walk_s=walk_s, workers=workers, tier=tier)
    await catalogue.set_report(run.run_id, report)
    state = outcome(current.counters.errors)
    await catalogue.finish_run(run.run_id, state, counters=scope.take_requests())
    return state


async def give_up_scan(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled; the rows it wrote are as good as any scan's."""
    state = await giving_up(scope)
    if state is None:
        return scope.run.state
    await scope.catalogue.forget_missing(scope.run.run_id)
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state
