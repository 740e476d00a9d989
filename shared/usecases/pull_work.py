"""Pull work of one run, batch after batch, until there is none or the time is up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.core.rounds import stop_of
from shared.errors import BackupError
from shared.model.tickets import Receipt, RunTicket, Stop
from shared.usecases.scope import RunScope
from shared.usecases.stopping import DROPS, look
from shared.usecases.verdict import verdict

POLL_LEAST_S: Final = 0.01

OneBatch = Callable[[RunTicket, RunScope], Awaitable[bool]]
"""Claims and finishes one piece of work; False when there is none to claim now."""


async def pull_work(ticket: RunTicket, scope: RunScope, one_batch: OneBatch) -> Receipt:
    """Repeat ``one_batch``, waiting while other workers hold all there is to do; an error is a verdict.

    Ends early, and says why, when the run is paused, cancelled or ended by others, or when this process is to go.
    """
    batches = 0
    why = stop_of(scope.run.state, scope.run.epoch, ticket.epoch)
    if why is not Stop.NO:
        return Receipt(left=-1, stop=why)
    try:
        monotonic, limits = scope.clock.monotonic, scope.limits
        deadline = monotonic() + limits.activity_s
        worked_at = monotonic()
        while not scope.stop and monotonic() < deadline:
            if await one_batch(ticket, scope):
                batches += 1
                worked_at = monotonic()
                continue
            await look(scope)
            if scope.stop or await scope.catalogue.left(ticket.run_id) == 0 or monotonic() - worked_at >= limits.wait_s:
                break
            # A tenth of the wait so far: at the beginning and the end of a run, when work comes and goes, little is waited in vain.
            await asyncio.sleep(min(limits.poll_s, max((monotonic() - worked_at) / 10, POLL_LEAST_S)))
        return Receipt(left=await scope.catalogue.left(ticket.run_id), batches=batches, stop=scope.stop.why)
    except BackupError as error:
        if scope.stop.why in DROPS:  # what is in the way of a commit is not trouble
            return Receipt(left=-1, batches=batches, stop=scope.stop.why)
        return verdict(error, batches)
