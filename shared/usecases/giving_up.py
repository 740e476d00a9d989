"""Give a run up: what that begins with, whatever its kind."""

from shared.model.run import RunState
from shared.usecases.scope import RunScope


async def giving_up(scope: RunScope) -> RunState | None:
    """The state in which the run is to end, CANCELLED if it is being cancelled and else FAILED; None if it has ended.

    A run that nobody has opened is started first: what has not begun cannot fail.
    """
    if scope.run.state is RunState.CANCELLING:
        return RunState.CANCELLED
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return None
    await scope.catalogue.start_run(scope.run.run_id)
    return RunState.FAILED
