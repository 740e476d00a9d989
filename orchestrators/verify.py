"""Verify one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import VERIFY_PIECES, VERIFY_SHARE

bp = df.Blueprint()


def verify_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, VERIFY_PIECES))


bp.orchestration_trigger(context_name="context", orchestration=VERIFY_SHARE)(verify_share)
