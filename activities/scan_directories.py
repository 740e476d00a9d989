"""Activity ``scan_directories``: scan directories of one run until the time is used up.

Work is pulled, not handed over. Delivered twice, or killed half-way, it is harmless: :mod:`shared.usecases.scan_directories`
holds the argument.
"""

import azure.durable_functions as df

from activities.in_scope import in_scope
from shared.model.tickets import SCAN_DIRECTORIES, Wire
from shared.usecases.scan_directories import scan_directories

bp = df.Blueprint()


async def activity(wire: Wire) -> Wire:
    """Return the verdict; trouble with single nodes is in the journal, not here."""
    return await in_scope(wire, scan_directories)


bp.function_name(SCAN_DIRECTORIES)(bp.activity_trigger(input_name="wire", activity=SCAN_DIRECTORIES)(activity))
