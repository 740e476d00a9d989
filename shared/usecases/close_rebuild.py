"""Close a rebuild: what was made becomes the share's tree, and what is known beside it is recorded.

Order: the tree (with whose appearance the share can be browsed), tombstones of what is gone without a note of it, restore points and
runs, the run's state. Each step may be repeated. Giving a rebuild up leaves the share as a new one is: nothing of it is half there.
"""

from dataclasses import replace
from typing import Final

from shared.core.rebuilt import restore_point_of
from shared.model.point import Origin, PointRecord, RunChange
from shared.model.rebuild import Rebuilt, RebuiltRun, SweptBatch
from shared.model.retention import NOTHING_SAID
from shared.model.run import Counters, RunState
from shared.ports.journal import JournalLine
from shared.usecases.open_backup import outcome
from shared.usecases.open_rebuild import bundles_there, chosen
from shared.usecases.said_in_vault import read_expired, read_said
from shared.usecases.scope import RunScope
from shared.usecases.vault_points import VaultPoints, read_points

MISSING_PER_TRANSACTION: Final = 1_000
LOSSES: Final = 99_999_997
"""Number of the lines about what is lost: after all batches."""


async def close_rebuild(scope: RunScope) -> RunState:
    """End a run that has nothing left to do; returns the final state."""
    if scope.run.state not in (RunState.QUEUED, RunState.RUNNING):
        return scope.run.state
    assert scope.rebuilds is not None
    assert scope.run.rebuild is not None
    run_id, share_id = scope.run.run_id, scope.share.share_id
    found = chosen(await read_points(scope.vault, share_id), scope.run.rebuild.restore_point, share_id)
    newest = found.newest
    assert newest is not None
    await scope.rebuilds.attach(run_id, share_id)
    while await scope.rebuilds.take_missing(run_id, newest.run_no, MISSING_PER_TRANSACTION):
        pass
    losses = await scope.rebuilds.losses(share_id)
    await scope.rebuilds.record(run_id, share_id, await _rebuilt(scope, found, newest, is_whole=not losses))
    directories, files, size = await scope.catalogue.totals(share_id)
    await scope.catalogue.set_report(
        run_id,
        {
            "restore_point": newest.run_no,
            "restore_points": len(found.kept),
            "directories": directories,
            "files": files,
            "bytes": size,
            "lost": losses,
        },
    )
    if losses:
        now = scope.clock.now()
        lines = [
            JournalLine(at=now, kind="lost", path="", reason=f"{loss['object']}: {loss['reason']}", hint=loss["hint"])
            for loss in losses
        ]
        await scope.journal.write(scope.run.key, LOSSES, lines)
    state = outcome(len(losses))
    current, _ = await scope.catalogue.run(run_id)
    done = scope.take_requests()
    done.add(Counters(files=files, bytes=size, errors=max(0, len(losses) - current.counters.errors)))
    await scope.rebuilds.finish(run_id, state, counters=done, keep=True)
    return state


async def give_up_rebuild(scope: RunScope, error: str) -> RunState:
    """Fail the run with ``error``, or end it if it is being cancelled; nothing of it stays."""
    assert scope.rebuilds is not None
    state = scope.run.state
    if state is RunState.CANCELLING:
        state = RunState.CANCELLED
    elif state in (RunState.QUEUED, RunState.RUNNING):
        if state is RunState.QUEUED:
            await scope.catalogue.start_run(scope.run.run_id)
        state = RunState.FAILED
    else:
        return state
    done = scope.take_requests()
    await scope.rebuilds.finish(scope.run.run_id, state, error=error, counters=done, keep=False)
    return state


async def _rebuilt(scope: RunScope, found: VaultPoints, newest: PointRecord, *, is_whole: bool) -> Rebuilt:
    share_id = scope.share.share_id
    prefix = f"{share_id}/permission/"
    permissions = [name.removeprefix(prefix).replace("-", "*") async for name, _ in scope.vault.names(prefix)]
    origins = [record.origin for record in found.records.values() if record.origin is not None]
    share_said = await read_said(scope.vault, share_id)
    expired = await read_expired(scope.vault, share_id, found.expired & found.records.keys(), scope.clock.now())
    return Rebuilt(
        runs=[
            replace(
                _run(record, is_newest=record is newest),
                expired=expired.get(no),
                said=share_said.get(no, (NOTHING_SAID, 1)),
            )
            for no, record in sorted(found.records.items())
        ],
        changes=_changes(origins) if is_whole and len(origins) == len(found.records) else None,
        permissions=permissions,
        next_directory_no=max((origin.next_directory_no for origin in origins), default=2),
        swept=await _swept(scope, found),
        was_swept=found.ledger is not None or bool(found.ledger_trouble),
    )


async def _swept(scope: RunScope, found: VaultPoints) -> list[SweptBatch]:
    """Batches of whose segment a sweep has left nothing, and that have bundles: files are still in these."""
    if found.ledger is None:
        return []
    there = await bundles_there(scope.vault, scope.share.share_id)
    stayed, horizon = {*found.ledger.segments}, found.ledger.horizon
    named = {key for record in found.records.values() for key in record.segments}
    return [
        SweptBatch(run_no, batch_no, tuple(bundles))
        for (run_no, batch_no), bundles in sorted(there.items())
        if run_no <= horizon and (run_no, batch_no) in named - stayed
    ]


def _changes(origins: list[Origin]) -> list[RunChange]:
    return [change for origin in origins for change in origin.changes]


def _run(record: PointRecord, *, is_newest: bool) -> RebuiltRun:
    origin = record.origin
    return RebuiltRun(
        point=restore_point_of(record, kept=is_newest and origin is not None and origin.keeps_snapshot),
        run_id=None if origin is None else origin.run_id,
        requested_at=record.taken_at if origin is None else origin.requested_at,
        started_at=record.taken_at if origin is None else origin.started_at,
        counters=Counters() if origin is None else Counters.from_wire(dict(origin.counters)),
        share_snapshot=record.share_snapshot,
        settings=None if origin is None else origin.settings,
    )
