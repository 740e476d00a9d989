"""Keep a claim while it is worked on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.errors import BackupError
from shared.usecases.scope import RunScope


@asynccontextmanager
async def lease_kept(scope: RunScope, batch_no: int) -> AsyncIterator[None]:
    """Renew the claim of ``batch_no`` every third of its lease for as long as the block runs."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(scope.limits.lease_s / 3)
            # A lost claim shows at the commit, which is fenced; until then the work is merely in vain.
            with suppress(BackupError):
                await scope.catalogue.renew(scope.run.run_id, batch_no, scope.limits.lease_s)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
