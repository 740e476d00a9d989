"""Verify pieces of a share until the time budget is used: claim one, look at it, commit what was found, and claim again.

A piece happened or did not: what it found and what follows from it are committed with it, fenced by its claim. So running this twice, at
the same time or one after the other, is harmless, and a crash costs the piece that was in hand. Nothing is written to the vault.

Damage is a finding and never stops the rest. A service that does not answer is trouble of the run: it is tried again, and is no finding.
"""

from shared.model.content import Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.run import Counters
from shared.model.tickets import Receipt, RunTicket
from shared.model.verify import ItemKind, VerifyCommit, VerifyItem
from shared.model.verify_order import VerifyLevel
from shared.usecases.compare_restored import RestoredComparer
from shared.usecases.findings import CheckedFile, Findings
from shared.usecases.lease import lease_kept
from shared.usecases.map_permission import PermissionMap
from shared.usecases.pull_work import pull_work
from shared.usecases.restore_directories import restore_batch
from shared.usecases.scope import RunScope
from shared.usecases.verify_content import ContentVerifier
from shared.usecases.verify_objects import ObjectVerifier
from shared.usecases.verify_state import VerifyState
from shared.usecases.verify_tree import TreeVerifier


async def verify_pieces(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up. What is damaged is a finding of the run, not here.

    A drill restores first, as a restore does and by its code, and compares when all is restored.
    """
    assert scope.run.verify is not None
    if scope.run.verify.level is not VerifyLevel.DRILL:
        return await pull_work(ticket, scope, _one_piece)
    permissions = PermissionMap(scope)

    async def restore_or_compare(ticket: RunTicket, scope: RunScope) -> bool:
        if await restore_batch(ticket, scope, permissions):
            return True
        return not await scope.verifies.restore_left(ticket.run_id) and await _one_piece(ticket, scope)

    return await pull_work(ticket, scope, restore_or_compare)


async def _one_piece(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece; False when there is none to claim now."""
    order = scope.run.verify
    assert order is not None
    limits = scope.limits
    pages = limits.verify_pages if order.level is VerifyLevel.QUICK else limits.verify_read_pages
    claim = await scope.verifies.claim_verify(ticket.run_id, ticket.worker, most_pages=pages, lease_s=limits.lease_s)
    if claim is None:
        return False
    commit = VerifyCommit(run_id=claim.run_id, share_id=scope.share.share_id, batch_no=claim.batch_no)
    with scope.batch(claim.batch_no):
        async with lease_kept(scope, claim.batch_no):
            with scope.telemetry.span("verify", piece=claim.item.kind.name.lower()):
                await (_compare if claim.item.kind is ItemKind.RESTORED else _verify)(claim.item, scope, commit)
        commit.counters.add(scope.take_requests())
        await scope.verifies.commit_verify(commit)
    return True


async def _compare(item: VerifyItem, scope: RunScope, commit: VerifyCommit) -> None:
    comparer = RestoredComparer(scope, commit.counters)
    commit.following = await comparer.run(item)
    commit.findings, commit.damaged = comparer.findings, comparer.damaged


async def _verify(item: VerifyItem, scope: RunScope, commit: VerifyCommit) -> None:
    state = await scope.verify_states.of(scope)
    findings = Findings(state)
    commit.following = await _look_at(item, scope, state, findings, commit.counters)
    scope.stop.check()
    commit.findings = await findings.resolved(scope.verifies, commit.share_id)
    commit.damaged, commit.checksums = findings.damaged, state.checksums


async def _look_at(
    item: VerifyItem, scope: RunScope, state: VerifyState, findings: Findings, counters: Counters
) -> list[VerifyItem]:
    """What is left to do after it."""
    if item.kind is ItemKind.PAGES:
        return await TreeVerifier(scope, state, findings, counters).run(item.low, item.high)
    if item.kind is ItemKind.CHUNKS:
        reader = ContentVerifier(scope, state, findings, counters)
        await reader.read_piece(_file_of(item), item.low, item.high)
    elif item.kind is ItemKind.SEGMENTS:
        await ObjectVerifier(scope, state, findings, counters).read_whole(item.low, item.details["batches"])
    else:
        await ObjectVerifier(scope, state, findings, counters).compare()
    return []


def _file_of(item: VerifyItem) -> CheckedFile:
    """As much of a large file as its pieces need (:class:`ContentVerifier` writes the details)."""
    told = item.details
    node_id, run_no = told["list"]
    entry = Entry(told["name"], False, 0, told["size_bytes"], 0, 0, 0, 0, 0, 0, "")
    content = Content(ContentKind.LISTED, run_no=run_no, node_id=node_id)
    saved = SavedEntry(entry, told["node_id"], told["saved_run"], content, bytes.fromhex(told["digest"]))
    return CheckedFile(saved, *told["met"])
