"""Rebuild the catalogue of one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import REBUILD_CATALOGUE, REBUILD_SHARE

bp = df.Blueprint()


def rebuild_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, REBUILD_CATALOGUE))


bp.orchestration_trigger(context_name="context", orchestration=REBUILD_SHARE)(rebuild_share)
