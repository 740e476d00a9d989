"""Pull work of one run, batch after batch, until there is none or the time is up."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.errors import BackupError
from shared.model.tickets import Receipt, RunTicket
from shared.usecases.scope import RunScope
from shared.usecases.verdict import verdict

OneBatch = Callable[[RunTicket, RunScope], Awaitable[bool]]
"""Claims and finishes one piece of work; False when there is none to claim now."""


async def pull_work(ticket: RunTicket, scope: RunScope, one_batch: OneBatch) -> Receipt:
    """Repeat ``one_batch``, waiting while other workers hold all there is to do; an error is a verdict."""
    batches = 0
    try:
        deadline = scope.clock.monotonic() + scope.limits.activity_s
        while scope.clock.monotonic() < deadline:
            if await one_batch(ticket, scope):
                batches += 1
            elif await scope.catalogue.left(ticket.run_id) == 0:
                break
            else:
                await asyncio.sleep(scope.limits.poll_s)
        return Receipt(left=await scope.catalogue.left(ticket.run_id), batches=batches)
    except BackupError as error:
        return verdict(error, batches)
