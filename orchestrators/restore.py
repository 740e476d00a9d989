"""Restore a share or a part of it."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import RESTORE_DIRECTORIES, RESTORE_SHARE

bp = df.Blueprint()


def restore_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, RESTORE_DIRECTORIES))


bp.orchestration_trigger(context_name="context", orchestration=RESTORE_SHARE)(restore_share)
