"""Activity ``verify_pieces``: verify pieces of a share until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless: :mod:`shared.usecases.verify_pieces`
holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import VERIFY_PIECES, Wire
from shared.usecases.verify_pieces import verify_pieces

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; what is damaged is a finding of the run, not here."""
    return await in_scope(wire, verify_pieces)


bp.function_name(VERIFY_PIECES)(bp.activity_trigger(input_name="wire", activity=VERIFY_PIECES)(activity))
