"""Keep a claim while it is worked on, and hear whether to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.errors import BackupError
from shared.usecases.scope import RunScope
from shared.usecases.stopping import look


@asynccontextmanager
async def lease_kept(scope: RunScope, batch_no: int) -> AsyncIterator[None]:
    """Renew the claim of ``batch_no`` every third of its lease for as long as the block runs.

    Meanwhile the scope's stop signal is set within a second of the run being paused or cancelled.
    """
    ended = False

    async def keep() -> None:
        monotonic, limits = scope.clock.monotonic, scope.limits
        renew_at = monotonic() + limits.lease_s / 3
        # Not only until it is cancelled: of 6,000 cancellations that met a query under load one got lost below us, and the worker
        # waited for this task for good.
        while not ended:
            await asyncio.sleep(max(0.0, min(limits.look_s, renew_at - monotonic())))
            # A lost claim shows at the commit, which is fenced; until then the work is merely in vain.
            with suppress(BackupError):
                if monotonic() >= renew_at:
                    renew_at = monotonic() + limits.lease_s / 3
                    await scope.catalogue.renew(scope.run.run_id, batch_no, limits.lease_s)
                else:
                    await look(scope)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        ended = True
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
