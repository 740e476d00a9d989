"""Back up one share."""

import azure.durable_functions as df

from orchestrators.rounds import Orchestration, run_in_rounds
from shared.model.tickets import BACKUP_DIRECTORIES, BACKUP_SHARE

bp = df.Blueprint()


def backup_share(context: df.DurableOrchestrationContext) -> Orchestration:
    """Input and output: :class:`shared.core.rounds.RoundState` as JSON."""
    return (yield from run_in_rounds(context, BACKUP_DIRECTORIES))


bp.orchestration_trigger(context_name="context", orchestration=BACKUP_SHARE)(backup_share)
