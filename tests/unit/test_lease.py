"""The keeping of a lease ends with the work."""

import asyncio
import time
from types import SimpleNamespace

from shared.model.run import RunState
from shared.usecases.lease import lease_kept
from shared.usecases.scope import Limits
from shared.usecases.stopping import StopSignal


class Deaf:
    """A catalogue whose answer comes at the moment in which nobody wants it any more."""

    def __init__(self):
        self.asked = 0

    async def state_now(self, _):
        self.asked += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
        return RunState.RUNNING, 0


async def test_a_cancellation_that_gets_lost_in_a_query_does_not_keep_the_worker():
    catalogue = Deaf()
    scope = SimpleNamespace(
        limits=Limits(look_s=0.01),
        clock=time,
        catalogue=catalogue,
        run=SimpleNamespace(run_id=1, epoch=0),
        stop=StopSignal(),
    )
    async with asyncio.timeout(5):
        async with lease_kept(scope, 1):
            while not catalogue.asked:
                await asyncio.sleep(0.01)
    assert catalogue.asked == 1
