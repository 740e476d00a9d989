"""The keeping of a lease ends with the work."""

import asyncio
import time
from contextlib import suppress
from types import SimpleNamespace

from shared.model.run import RunState
from shared.usecases.lease import lease_kept
from shared.usecases.scope import Limits
from shared.usecases.stopping import StopSignal


class Deaf:
    """A catalogue whose answer comes at the moment in which nobody wants it any more."""

    def __init__(self):
        self.asked = asyncio.Event()

    async def state_now(self, _):
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
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
    async with asyncio.timeout(5), lease_kept(scope, 1):
        await catalogue.asked.wait()
