"""Open a scan: see that the share is there, put the root in the frontier. Safe to repeat at any point.

A scan reads the share as it is. It takes no share snapshot, for which it would need the right to write, and of which a share has
room for 200 only.
"""

from shared.model.node import ROOT_ID
from shared.usecases.scope import RunScope


async def open_scan(scope: RunScope) -> None:
    """QUEUED to RUNNING.

    :raises ShareGone: the share does not exist.
    :raises NoAccess: the credential is refused, or may not read its properties.
    """
    assert scope.admin is not None
    await scope.catalogue.start_run(scope.run.run_id)
    await scope.admin.properties()
    await scope.catalogue.seed(scope.run.run_id, scope.share.share_id, [(ROOT_ID, 0)])
