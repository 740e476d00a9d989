"""Close a restore run. Nothing is left to clean up: everything it wrote is what was asked for."""

from shared.model.run import RunState
from shared.usecases.open_backup import outcome
from shared.usecases.scope import RunScope


async def close_restore(scope: RunScope, error: str = "") -> RunState:
    """Record how the run ended; with ``error``, that it was given up, if it is being cancelled, that. Safe to repeat."""
    if scope.run.state is RunState.CANCELLING:
        await scope.catalogue.finish_run(scope.run.run_id, RunState.CANCELLED, counters=scope.take_requests())
        return RunState.CANCELLED
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    await scope.catalogue.start_run(scope.run.run_id)
    state = RunState.FAILED if error else outcome(scope.run.counters.errors)
    await scope.catalogue.finish_run(scope.run.run_id, state, error=error, counters=scope.take_requests())
    return state
