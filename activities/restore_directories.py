"""Activity ``restore_directories``: restore directories of one run until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless:
:mod:`shared.usecases.restore_directories` holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import RESTORE_DIRECTORIES, Wire
from shared.usecases.restore_directories import restore_directories

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    return await in_scope(wire, restore_directories)


bp.function_name(RESTORE_DIRECTORIES)(bp.activity_trigger(input_name="wire", activity=RESTORE_DIRECTORIES)(activity))
