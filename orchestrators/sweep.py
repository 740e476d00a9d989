"""Sweep one share's part of the vault."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import SWEEP_PIECES, SWEEP_SHARE

bp = df.Blueprint()


def sweep_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, SWEEP_PIECES))


bp.orchestration_trigger(context_name="context", orchestration=SWEEP_SHARE)(sweep_share)
