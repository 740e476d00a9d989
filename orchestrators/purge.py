"""Purge one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import PURGE_PIECES, PURGE_SHARE

bp = df.Blueprint()


def purge_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, PURGE_PIECES))


bp.orchestration_trigger(context_name="context", orchestration=PURGE_SHARE)(purge_share)
