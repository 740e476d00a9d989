"""Let go of restore points of one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import PRUNE_POINTS, PRUNE_SHARE

bp = df.Blueprint()


def prune_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, PRUNE_POINTS))


bp.orchestration_trigger(context_name="context", orchestration=PRUNE_SHARE)(prune_share)
