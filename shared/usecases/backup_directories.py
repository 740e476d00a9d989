"""Back up directories of one run until the time budget is used: claim, walk, make durable, and claim again.

Each batch is durable or did not happen (:mod:`shared.usecases.make_durable`), and a claim has one owner. So running this
twice, at the same time or one after the other, is harmless.
"""

from shared.model.tickets import Receipt, RunTicket
from shared.usecases.lease import lease_kept
from shared.usecases.pull_work import pull_work
from shared.usecases.save_large import save_span
from shared.usecases.scope import RunScope
from shared.usecases.walk import Walk
from shared.usecases.wide_directory import back_up_wide


async def backup_directories(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. Trouble with single nodes is in the journal, not here."""
    return await pull_work(ticket, scope, _one_batch)


async def _one_batch(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece of work; False when there is none to claim now."""
    catalogue, limits = scope.catalogue, scope.limits
    # Large files first: a directory waits for each of them.
    span = await catalogue.claim_span(ticket.run_id, ticket.worker, lease_s=limits.lease_s)
    if span is not None:
        with scope.batch(span.batch_no):
            async with lease_kept(scope, span.batch_no):
                await save_span(scope, span)
        return True
    claim = await catalogue.claim(
        ticket.run_id,
        ticket.worker,
        limit=limits.claim_directories,
        part=limits.claim_part,
        lease_s=limits.lease_s,
    )
    if claim is None:
        return False
    deadline = scope.clock.monotonic() + limits.wide_s
    walk = Walk(scope, claim)
    try:
        await walk.run()
        await back_up_wide(ticket, scope, walk.wide, deadline)
    finally:
        await walk.close()
    return True
