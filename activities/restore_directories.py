"""Activity ``restore_directories``: restore directories of one run until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless:
:mod:`shared.usecases.restore_directories` holds the argument.
"""

import azure.durable_functions as df

from shared import wiring
from shared.model.tickets import RESTORE_DIRECTORIES, RunTicket, Wire
from shared.usecases.restore_directories import restore_directories

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    ticket = RunTicket.from_wire(wire)
    async with wiring.run_scope(ticket.run_id) as scope:
        receipt = await restore_directories(ticket, scope)
    return receipt.to_wire()


bp.function_name(RESTORE_DIRECTORIES)(bp.activity_trigger(input_name="wire", activity=RESTORE_DIRECTORIES)(activity))
