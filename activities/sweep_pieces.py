"""Activity ``sweep_pieces``: sweep pieces of a share until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless: :mod:`shared.usecases.sweep_pieces`
holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import SWEEP_PIECES, Wire
from shared.usecases.sweep_pieces import sweep_pieces

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict."""
    return await in_scope(wire, sweep_pieces)


bp.function_name(SWEEP_PIECES)(bp.activity_trigger(input_name="wire", activity=SWEEP_PIECES)(activity))
