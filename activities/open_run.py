"""Activity ``open_run``: make a run ready to work on.

Safe to repeat: :mod:`shared.usecases.open_backup` and :mod:`shared.usecases.open_restore` say why.
"""

import azure.durable_functions as df

from shared import wiring
from shared.model.tickets import OPEN_RUN, RunTicket, Wire
from shared.usecases.runs import open_run

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    ticket = RunTicket.from_wire(wire)
    async with wiring.run_scope(ticket.run_id) as scope:
        receipt = await open_run(ticket, scope)
    return receipt.to_wire()


bp.function_name(OPEN_RUN)(bp.activity_trigger(input_name="wire", activity=OPEN_RUN)(activity))
