"""Activity ``close_run``: bring a run to its end.

Safe to repeat: :mod:`shared.usecases.close_backup` says why.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared import wiring
from shared.model.tickets import CLOSE_RUN, Receipt, RunTicket, Wire
from shared.usecases.runs import close_run

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    receipt = await in_scope(wire, close_run)
    ticket = RunTicket.from_wire(wire)
    if receipt["error"] and ticket.error and not receipt["retryable"]:
        # The run is given up and not even its share can be spoken to: let go of it, or no other run could ever start.
        await (await wiring.app()).catalogue.abandon_run(
            ticket.run_id, f"{ticket.error}; closing it: {receipt['error']}"
        )
        return Receipt().to_wire()
    return receipt


bp.function_name(CLOSE_RUN)(bp.activity_trigger(input_name="wire", activity=CLOSE_RUN)(activity))
