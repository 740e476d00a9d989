"""Close a restore run: say what was done, and record how it ended. Everything it wrote is what was asked for.

Safe to repeat: the report that was written first stays.
"""

from contextlib import suppress

from shared.errors import BackupError
from shared.model.run import RunState
from shared.usecases.open_backup import outcome
from shared.usecases.restore_report import report_restore
from shared.usecases.scope import RunScope


async def close_restore(scope: RunScope, error: str = "") -> RunState:
    """Record how the run ended; with ``error``, that it was given up, if it is being cancelled, that."""
    run, catalogue = scope.run, scope.catalogue
    if run.state not in (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING):
        return run.state
    if run.state is RunState.CANCELLING:
        state = RunState.CANCELLED
    else:
        await catalogue.start_run(run.run_id)
        state = RunState.FAILED if error else outcome(run.counters.errors)
    if error or state is RunState.CANCELLED:
        # A target or a vault that does not answer keeps nobody from ending it.
        with suppress(BackupError):
            await catalogue.set_report(run.run_id, await report_restore(scope, state, error))
    else:
        await catalogue.set_report(run.run_id, await report_restore(scope, state, error))
    # A plan of an undo has undone nothing: what the undo needs stays.
    if run.order is not None and run.order.undoes and not run.order.dry_run and state is RunState.SUCCEEDED:
        assert scope.admin is not None
        if run.order.undo_snapshot:
            await scope.admin.delete_snapshot(run.order.undo_snapshot)
        await catalogue.forget_undo(scope.share.share_id, run.order.undoes)
    await catalogue.finish_run(run.run_id, state, error=error, counters=scope.take_requests())
    return state
