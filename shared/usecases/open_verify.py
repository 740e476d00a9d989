"""Open a verify: put in the frontier what there is to look at. Safe to repeat at any point.

The share itself is not spoken to: a vault can be verified when the share is long gone.
"""

from typing import Final

from shared.model.node import ROOT_ID
from shared.model.verify import ItemKind, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.usecases.scope import RunScope
from shared.usecases.verify_objects import pieces_to_read

_BEYOND: Final = (1 << 63) - 1


async def open_verify(scope: RunScope) -> None:
    """QUEUED to RUNNING. Raises ``NotFound`` when the restore point does not exist."""
    order = scope.run.verify
    assert order is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.catalogue.restore_point(scope.share.share_id, order.restore_point)
    items = [VerifyItem(kind=ItemKind.OBJECTS)]
    if order.level is VerifyLevel.FULL:
        items += await pieces_to_read(scope, order.restore_point)
    items.append(VerifyItem(kind=ItemKind.PAGES, low=ROOT_ID, high=_BEYOND))
    await scope.verifies.seed_verify(scope.run.run_id, items)
