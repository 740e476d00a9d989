"""Purge pieces of a share until the time budget is used: claim one, delete it, commit it, and claim again.

The share is being purged, in the catalogue and in the vault, before anything goes (:mod:`shared.usecases.open_purge`), and nobody can bring it back. So
it does not matter in which order things go, nor how often a piece is done: what is gone is gone. A crash costs the piece that was in hand. Restore points
go first all the same: a program that does not know of purges then has nothing of which to make a catalogue.

A piece is some thousand objects; what is left of it is another piece.
"""

from typing import Final

from shared.model.run import RunKey
from shared.model.sweep import SweepCommit, SweepItem, SweepKind
from shared.model.tickets import Receipt, RunTicket
from shared.ports.vault import Deletion, StoredObject
from shared.usecases.lease import lease_kept
from shared.usecases.pull_work import pull_work
from shared.usecases.scope import RunScope
from shared.usecases.sweep_objects import BLOCK, delete_all
from shared.usecases.together import together

PIECE_OBJECTS: Final = 10_000
"""Of a piece: half a minute's work."""
NODE_DIGITS: Final = 3
"""First digits of node ids by which pieces are divided at most."""
PIECE_LINES: Final = 20_000
"""Lines of one journal deleted before others get their turn."""
PIECE_ROWS: Final = 20_000
"""Rows of a table deleted in one transaction."""
ROWS_AT_ONCE: Final = 10
"""Such transactions in a piece."""
JOURNALS_AT_ONCE: Final = 8


async def purge_pieces(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Work on the run until it is done or the time is up."""
    return await pull_work(ticket, scope, _one_piece)


async def _one_piece(ticket: RunTicket, scope: RunScope) -> bool:
    """Claim and finish one piece; False when there is none to claim now."""
    claim = await scope.sweeps.claim_sweep(ticket.run_id, ticket.worker, most_pages=0, lease_s=scope.limits.lease_s)
    if claim is None:
        return False
    commit = SweepCommit(run_id=claim.run_id, share_id=scope.share.share_id, batch_no=claim.batch_no)
    async with lease_kept(scope, claim.batch_no):
        if claim.item.kind is SweepKind.PURGE_JOURNAL:
            await _journals(scope, claim.item, commit)
        elif claim.item.kind is SweepKind.PURGE_ROWS:
            await _rows(scope, claim.item, commit)
        else:
            await _objects(scope, claim.item, commit)
        scope.stop.check()
    commit.counters.add(scope.take_requests())
    await scope.sweeps.commit_sweep(commit)
    return True


async def _objects(scope: RunScope, item: SweepItem, commit: SweepCommit) -> None:
    """Delete the objects of a piece. Those that may not be deleted are counted, and passed by when the piece is gone on with."""
    prefix, after = str(item.details["prefix"]), str(item.details.get("after", ""))
    share_id, seen = scope.share.share_id, 0
    block: list[StoredObject] = []
    async for found in scope.vault.listed(f"{share_id}/{prefix}"):
        if found.name <= after:
            continue
        block.append(found)
        if len(block) < BLOCK:
            continue
        await delete_objects(scope, block, commit)
        seen += len(block)
        last, block = block[-1].name, []
        if seen >= PIECE_OBJECTS:
            parts = dict.fromkeys(divided(prefix), "") or {prefix: last}
            commit.following += [
                SweepItem(kind=item.kind, details={"prefix": part, "after": done}) for part, done in parts.items()
            ]
            return
    await delete_objects(scope, block, commit)


def divided(prefix: str) -> list[str]:
    """The same names by longer prefixes, for more workers, where these are known to be well filled; else nothing."""
    if prefix.startswith("chunk/") and len(prefix) == len("chunk/0"):
        return [f"{prefix}{digit}" for digit in "0123456789abcdef"]
    if prefix.isdigit() and len(prefix) < NODE_DIGITS:
        return [f"{prefix}{character}" for character in "/0123456789"]
    return []


async def delete_objects(scope: RunScope, doomed: list[StoredObject], commit: SweepCommit) -> list[StoredObject]:
    """Delete objects and count what came of it; returns those that are there still."""
    scope.stop.check()
    outcome = await delete_all(scope, [(found.name, found.etag) for found in doomed])
    left = []
    for found, result in zip(doomed, outcome, strict=True):
        if result is Deletion.GONE:
            commit.counters.deleted_objects += 1
            commit.counters.deleted_bytes += found.size_bytes
        else:
            left.append(found)
            commit.counters.refused_objects += 1
            commit.counters.refused_bytes += found.size_bytes
    return left


async def _journals(scope: RunScope, item: SweepItem, commit: SweepCommit) -> None:
    """Delete the journals of some runs; those that are long are gone on with, one by one."""
    tenant_id, share_id = scope.share.tenant_id, scope.share.share_id

    async def forget(run_no: int) -> None:
        if await scope.journal.forget(RunKey(tenant_id, share_id, run_no), PIECE_LINES):
            commit.following.append(SweepItem(kind=item.kind, low=run_no, high=run_no + 1))

    for start in range(item.low, item.high, JOURNALS_AT_ONCE):
        scope.stop.check()
        await together(forget(run_no) for run_no in range(start, min(start + JOURNALS_AT_ONCE, item.high)))


async def _rows(scope: RunScope, item: SweepItem, commit: SweepCommit) -> None:
    assert scope.purges is not None
    for _ in range(ROWS_AT_ONCE):
        scope.stop.check()
        if not await scope.purges.forget_rows(commit.run_id, commit.share_id, PIECE_ROWS):
            return
    commit.following.append(SweepItem(kind=item.kind))
