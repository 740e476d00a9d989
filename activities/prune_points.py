"""Activity ``prune_points``: a prune is done when it is closed (:mod:`shared.usecases.prune`); this finds nothing to do, however often."""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import PRUNE_POINTS, Wire
from shared.usecases.prune import nothing_left

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict."""
    return await in_scope(wire, nothing_left)


bp.function_name(PRUNE_POINTS)(bp.activity_trigger(input_name="wire", activity=PRUNE_POINTS)(activity))
