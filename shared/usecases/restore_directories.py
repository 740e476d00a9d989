"""Restore directories of one run until the time budget is used: claim, read manifests, write, commit, and claim again.

Two passes over the same frontier. The first makes directories and writes their files; the second gives the directories their
times, attributes and permissions, after everything below them is there. Before that it makes the hard links in them, on NFS
shares. Every write may be repeated with the same effect, so
a crash before a batch's transaction only means that the batch is done again; after it nothing is.
"""

import asyncio

from shared.core.advice import advice
from shared.errors import Rejected
from shared.model.restore import Part
from shared.model.tickets import Receipt, RunTicket
from shared.model.work import RestoreClaim, RestoreItem
from shared.ports.journal import JournalLine
from shared.usecases.lease import lease_kept
from shared.usecases.map_permission import PermissionMap
from shared.usecases.open_restore import new_properties
from shared.usecases.patience import patiently
from shared.usecases.pull_work import pull_work
from shared.usecases.restore_links import make_links
from shared.usecases.restore_parts import PartRestorer
from shared.usecases.restore_walk import RestoreBatch
from shared.usecases.scope import RunScope
from shared.usecases.together import together
from shared.usecases.undo_walk import UndoBatch


async def restore_directories(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. Trouble with single nodes is in the journal, not here."""
    permissions = PermissionMap(scope)
    return await pull_work(ticket, scope, lambda ticket, scope: restore_batch(ticket, scope, permissions))


async def restore_batch(ticket: RunTicket, scope: RunScope, permissions: PermissionMap) -> bool:
    """Claim and finish one batch; False when there is none to claim now."""
    limits = scope.limits
    claim = await scope.catalogue.claim_restore(
        ticket.run_id, ticket.worker, limit=limits.claim_directories, lease_s=limits.lease_s
    )
    if claim is None:
        return False
    with scope.batch(claim.batch_no):
        async with lease_kept(scope, claim.batch_no):
            assert scope.run.order is not None
            batch = (UndoBatch if scope.run.order.undoes else RestoreBatch)(scope, claim, permissions)
            with scope.telemetry.span("finish" if claim.finishing else "restore", directories=len(claim.items)):
                if claim.finishing:
                    await _finish(scope, claim, permissions, batch)
                else:
                    await batch.walk()
            await _commit(scope, permissions, batch)
    return True


async def _commit(scope: RunScope, permissions: PermissionMap, batch: RestoreBatch) -> None:
    commit, journal = batch.commit, batch.journal
    for key, reason in permissions.lost.items():
        commit.counters.errors += 1
        told = f"{key}: {reason}"
        hint = advice("permission_lost", told)
        journal.append(JournalLine(at=scope.clock.now(), kind="permission_lost", path="", reason=told, hint=hint))
    if journal:
        await scope.journal.write(scope.run.key, commit.batch_no, journal)
    commit.counters.add(scope.take_requests())
    await scope.catalogue.commit_restore(commit)
    permissions.told()


async def _finish(scope: RunScope, claim: RestoreClaim, permissions: PermissionMap, batch: RestoreBatch) -> None:
    """The second pass: links, then the directories' own properties."""
    order, writer = scope.run.order, scope.writer
    assert order is not None
    assert writer is not None
    batch.commit.done = [item.node_id for item in claim.items]
    if order.dry_run:
        return
    parts = None if order.part is Part.EVERYTHING else PartRestorer(scope, permissions, batch.commit.counters)
    if parts is None:
        await _make_links(scope, claim, batch)
    mine = await scope.catalogue.made(scope.run.run_id, batch.commit.done)
    gate = asyncio.Semaphore(scope.limits.concurrent_reads)

    async def finish(item: RestoreItem) -> None:
        async with gate:
            try:
                if isinstance(batch, UndoBatch):
                    await batch.finish(item)
                    return
                if parts is not None:
                    await parts.finish(item)
                    return
                key = await permissions.target_key(str(item.properties.get("permission_key", "")))
                wanted = new_properties(item.properties, key)
                await patiently(lambda: writer.set_directory_properties(item.path, wanted))
            except Rejected as error:
                told = f"its times and attributes could not be set: {error}"
                batch.files.tell("not_restored", item.path, item.node_id, told)

    # Of what was there before only what a restore may change is changed.
    whole = order.conflicts.replaces
    await together(
        finish(item) for item in claim.items if order.undoes or (whole and not item.lazy) or item.node_id in mine
    )


async def _make_links(scope: RunScope, claim: RestoreClaim, batch: RestoreBatch) -> None:
    """Make the hard links in the claimed directories."""
    directories = [item.node_id for item in claim.items if "posix" in item.properties]
    if not directories:
        return
    made, failed = await make_links(scope, directories)
    batch.commit.counters.files += len(made)
    for link, reason in failed:
        batch.files.tell("not_restored", link.path, link.node_id, reason)
