"""Activity ``close_run``: bring a run to its end.

Safe to repeat: :mod:`shared.usecases.close_backup` says why.
"""

import azure.durable_functions as df

from shared import wiring
from shared.model.tickets import CLOSE_RUN, RunTicket, Wire
from shared.usecases.runs import close_run

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    return (await (await wiring.app()).close(RunTicket.from_wire(wire), close_run)).to_wire()


bp.function_name(CLOSE_RUN)(bp.activity_trigger(input_name="wire", activity=CLOSE_RUN)(activity))
