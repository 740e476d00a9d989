"""Sweep pieces of a share until the time budget is used: claim one, do it, commit it, and claim again.

Marking writes nothing but marks. Deleting is safe to repeat, and safe to come late: what a piece deletes it decides by marks that are complete
by then, by the horizon, and by ETags (:mod:`shared.usecases.sweep_objects`, :mod:`shared.usecases.sweep_chunks`). So running this twice, at the same
time or one after the other, is harmless, and a crash costs the piece that was in hand. Nothing waits for a backup, and no backup waits for this.
"""

from shared.model.sweep import SweepCommit, SweepItem, SweepKind, SweepOrder
from shared.model.tickets import Receipt, RunTicket
from shared.usecases.lease import lease_kept
from shared.usecases.plan_repack import plan_repack
from shared.usecases.pull_work import pull_work
from shared.usecases.scope import RunScope
from shared.usecases.sweep_chunks import ChunkSweeper
from shared.usecases.sweep_marks import TreeMarker
from shared.usecases.sweep_objects import ObjectSweeper


async def sweep_pieces(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up."""
    return await pull_work(ticket, scope, _one_piece)


async def _one_piece(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece; False when there is none to claim now."""
    limits = scope.limits
    claim = await scope.sweeps.claim_sweep(
        ticket.run_id, ticket.worker, most_pages=limits.sweep_pages, lease_s=limits.lease_s
    )
    if claim is None:
        return False
    run, _ = await scope.catalogue.run(ticket.run_id)
    assert run.retention is not None
    order = SweepOrder.from_wire(run.retention)  # as it was opened, which may be after this scope was made
    commit = SweepCommit(run_id=claim.run_id, share_id=scope.share.share_id, batch_no=claim.batch_no)
    with scope.batch(claim.batch_no) as span:
        async with lease_kept(scope, claim.batch_no):
            with scope.telemetry.span("sweep", piece=claim.item.kind.name.lower()):
                await _do(claim.item, scope, order, commit)
            scope.stop.check()
        commit.counters.add(scope.take_requests())
        await scope.sweeps.commit_sweep(commit)
        done = commit.counters
        span.set(deleted_objects=done.deleted_objects, refused_objects=done.refused_objects)
    return True


async def _do(item: SweepItem, scope: RunScope, order: SweepOrder, commit: SweepCommit) -> None:
    if item.kind is SweepKind.MARK:
        await TreeMarker(scope, order, commit).run(item)
        return
    objects = ObjectSweeper(scope, order, commit)
    chunks = ChunkSweeper(scope, order, objects, commit.following)
    if item.kind is SweepKind.SEGMENTS:
        await objects.segments()
    elif item.kind is SweepKind.OBJECTS:
        await objects.objects()
    elif item.kind is SweepKind.CONDEMN:
        await chunks.condemn(commit.batch_no, item.low, item.high, item.details.get("after", ""))
    elif item.kind is SweepKind.AGAIN:
        await chunks.again(item.low, item.high, item.details["after"])
    elif item.kind is SweepKind.BARRIER:
        await chunks.barrier()
    elif item.kind is SweepKind.RESCUE:
        await chunks.rescue(item.low, item.details["batches"])
    elif item.kind is SweepKind.REPACK:
        await plan_repack(scope, order, objects, commit)
    else:
        await chunks.delete(commit.batch_no, item.low, item.high)
