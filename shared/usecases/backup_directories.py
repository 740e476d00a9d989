"""Back up directories of one run until the time budget is used: claim, walk, make durable, commit, and claim again.

Write order: content (by the walk), then the segment, then the journal, then one catalogue transaction that is fenced by the
claim. A crash

* before the transaction leaves objects that nothing refers to, which the sweeper collects, and a claim that another worker
  takes over when its lease ends, or at once when the same activity is delivered again;
* after it leaves nothing: the batch is done, and the run goes on with the next.

So running this twice, at the same time or one after the other, is harmless.
"""

from shared.model.objects import segment_name
from shared.model.tickets import Receipt, RunTicket
from shared.model.work import Claim
from shared.usecases.lease import lease_kept
from shared.usecases.pull_work import pull_work
from shared.usecases.save_large import save_span
from shared.usecases.scope import RunScope
from shared.usecases.walk import Walk


async def backup_directories(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. Trouble with single nodes is in the journal, not here."""
    return await pull_work(ticket, scope, _one_batch)


async def _one_batch(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece of work; False when there is none to claim now."""
    catalogue, limits = scope.catalogue, scope.limits
    # Large files first: a directory waits for each of them.
    span = await catalogue.claim_span(ticket.run_id, ticket.worker, lease_s=limits.lease_s)
    if span is not None:
        async with lease_kept(scope, span.batch_no):
            await save_span(scope, span)
        return True
    claim = await catalogue.claim(ticket.run_id, ticket.worker, limit=limits.claim_directories, lease_s=limits.lease_s)
    if claim is None:
        return False
    async with lease_kept(scope, claim.batch_no):
        await _walk_and_commit(scope, claim)
    return True


async def _walk_and_commit(scope: RunScope, claim: Claim) -> None:
    walk = Walk(scope, claim)
    try:
        await walk.run()
        await walk.saver.close()
    except BaseException:
        await walk.saver.abandon()
        raise
    commit = walk.commit
    segment = walk.records()
    if not segment.empty:
        data = segment.finish()
        # A taken name is our own earlier try: no other claim has this batch number.
        await scope.vault.put(segment_name(scope.share.share_id, scope.run.run_no, claim.batch_no), data)
        commit.segment_bytes = len(data)
    commit.bundles = walk.saver.bundle_sizes
    if walk.journal:
        await scope.journal.write(scope.run.key, claim.batch_no, walk.journal)
    commit.counters.add(scope.take_requests())
    await scope.catalogue.commit(commit)
