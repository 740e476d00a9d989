"""Open a verify: put in the frontier what there is to look at. Safe to repeat at any point.

The share itself is not spoken to: a vault can be verified when the share is long gone. A scratch share that an earlier drill could not delete
is, if its account can be reached.
"""

from typing import Final

from shared.model.node import ROOT_ID
from shared.model.verify import ItemKind, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.usecases.scope import RunScope
from shared.usecases.scratch_share import delete_left_behind, open_drill
from shared.usecases.verify_objects import pieces_to_read

_BEYOND: Final = (1 << 63) - 1


async def open_verify(scope: RunScope) -> None:
    """QUEUED to RUNNING. Raises ``NotFound`` when the restore point does not exist."""
    order = scope.run.verify
    assert order is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)
    if not scope.run.seeded:
        await delete_left_behind(scope)
    if order.level is VerifyLevel.DRILL:
        await open_drill(scope)
        return
    items = [VerifyItem(kind=ItemKind.OBJECTS)]
    if order.level is VerifyLevel.FULL:
        items += await pieces_to_read(scope, order.restore_point)
    items.append(VerifyItem(kind=ItemKind.PAGES, low=ROOT_ID, high=_BEYOND))
    await scope.verifies.seed_verify(scope.run.run_id, items)
