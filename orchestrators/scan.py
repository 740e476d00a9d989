"""Scan one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import SCAN_DIRECTORIES, SCAN_SHARE

bp = df.Blueprint()


def scan_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, SCAN_DIRECTORIES))


bp.orchestration_trigger(context_name="context", orchestration=SCAN_SHARE)(scan_share)
