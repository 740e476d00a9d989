"""Scan directories of one run until the time budget is used: claim, walk, commit what was found, and claim again.

The walk is a backup's, with the same claims and fences: each batch happened or did not, and running this twice, at the same time
or one after the other, is harmless. What is different is the batch, :mod:`shared.usecases.scan_batch`.
"""

import math

from shared.model.tickets import Receipt, RunTicket
from shared.usecases.pull_work import pull_work
from shared.usecases.scan_batch import ScanBatches
from shared.usecases.scope import RunScope
from shared.usecases.walk import Walk
from shared.usecases.wide_directory import back_up_wide


async def scan_directories(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. Trouble with single nodes is in the journal, not here."""
    return await pull_work(ticket, scope, _one_batch)


async def _one_batch(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece of work; False when there is none to claim now."""
    limits = scope.limits
    claim = await scope.catalogue.claim(
        ticket.run_id,
        ticket.worker,
        limit=limits.claim_directories,
        part=limits.claim_part,
        lease_s=limits.lease_s,
    )
    if claim is None:
        return False
    make_batch = ScanBatches()
    walk = Walk(scope, claim, make_batch)
    try:
        await walk.run()
        # To the end, however long that takes: a scan stores no fingerprint of a page that would let the next activity go on where
        # this one stopped. It is some 30 us per entry, so minutes for the largest directory there can be.
        await back_up_wide(ticket, scope, walk.wide, math.inf, make_batch)
    finally:
        await walk.close()
    return True
