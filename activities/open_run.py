"""Activity ``open_run``: make a run ready to work on.

Safe to repeat: :mod:`shared.usecases.open_backup` and :mod:`shared.usecases.open_restore` say why.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import OPEN_RUN, Wire
from shared.usecases.runs import open_run

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    return await in_scope(wire, open_run)


bp.function_name(OPEN_RUN)(bp.activity_trigger(input_name="wire", activity=OPEN_RUN)(activity))
