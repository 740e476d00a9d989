"""Activity ``rebuild_catalogue``: work on the rebuild of a share's catalogue until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless: :mod:`shared.usecases.rebuild_catalogue`
holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import REBUILD_CATALOGUE, Wire
from shared.usecases.rebuild_catalogue import rebuild_catalogue

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; what is lost is in the run's report, not here."""
    return await in_scope(wire, rebuild_catalogue)


bp.function_name(REBUILD_CATALOGUE)(bp.activity_trigger(input_name="wire", activity=REBUILD_CATALOGUE)(activity))
