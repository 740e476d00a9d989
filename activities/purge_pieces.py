"""Activity ``purge_pieces``: delete pieces of a share until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless: :mod:`shared.usecases.purge_pieces`
holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import PURGE_PIECES, Wire
from shared.usecases.purge_pieces import purge_pieces

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict."""
    return await in_scope(wire, purge_pieces)


bp.function_name(PURGE_PIECES)(bp.activity_trigger(input_name="wire", activity=PURGE_PIECES)(activity))
