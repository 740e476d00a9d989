"""Open, work on and close a run of any kind."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final

from shared.core.rounds import stop_of
from shared.errors import BackupError
from shared.model.run import Run, RunKind, RunState
from shared.model.tickets import Receipt, RunTicket, Stop
from shared.ports.journal import CLOSED, OPENED, JournalLine, event
from shared.usecases.backup_directories import backup_directories
from shared.usecases.close_backup import close_backup, give_up_backup
from shared.usecases.close_purge import close_purge, give_up_purge
from shared.usecases.close_rebuild import close_rebuild, give_up_rebuild
from shared.usecases.close_restore import close_restore
from shared.usecases.close_scan import close_scan, give_up_scan
from shared.usecases.close_sweep import close_sweep, give_up_sweep
from shared.usecases.close_verify import close_verify, give_up_verify
from shared.usecases.open_backup import open_backup
from shared.usecases.open_purge import open_purge
from shared.usecases.open_rebuild import open_rebuild
from shared.usecases.open_restore import open_restore
from shared.usecases.open_scan import open_scan
from shared.usecases.open_sweep import open_sweep
from shared.usecases.open_verify import open_verify
from shared.usecases.prune import close_prune, give_up_prune, nothing_left, open_prune
from shared.usecases.purge_pieces import purge_pieces
from shared.usecases.rebuild_catalogue import rebuild_catalogue
from shared.usecases.restore_directories import restore_directories
from shared.usecases.scan_directories import scan_directories
from shared.usecases.scope import RunScope
from shared.usecases.sweep_pieces import sweep_pieces
from shared.usecases.verdict import verdict
from shared.usecases.verify_pieces import verify_pieces

_OPEN: Final[dict[RunKind, Callable[[RunScope], Awaitable[None]]]] = {
    RunKind.BACKUP: open_backup,
    RunKind.RESTORE: open_restore,
    RunKind.SCAN: open_scan,
    RunKind.VERIFY: open_verify,
    RunKind.REBUILD: open_rebuild,
    RunKind.PRUNE: open_prune,
    RunKind.SWEEP: open_sweep,
    RunKind.PURGE: open_purge,
}
_WORK: Final[dict[RunKind, Callable[[RunTicket, RunScope], Awaitable[Receipt]]]] = {
    RunKind.BACKUP: backup_directories,
    RunKind.RESTORE: restore_directories,
    RunKind.SCAN: scan_directories,
    RunKind.VERIFY: verify_pieces,
    RunKind.REBUILD: rebuild_catalogue,
    RunKind.PRUNE: nothing_left,
    RunKind.SWEEP: sweep_pieces,
    RunKind.PURGE: purge_pieces,
}


async def open_run(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Open the run; an error is a verdict."""
    why = stop_of(scope.run.state, scope.run.epoch, ticket.epoch)
    if why is not Stop.NO:
        return Receipt(left=-1, stop=why)
    catalogue, run_id = scope.catalogue, scope.run.run_id
    try:
        await _OPEN[scope.run.kind](scope)
        if not scope.run.seeded:
            opened, _ = await catalogue.run(run_id)
            await scope.journal.write(scope.run.key, OPENED, [*_opening(opened, scope)])
        await catalogue.add_counters(run_id, scope.take_requests())
        return Receipt(left=await catalogue.left(run_id))
    except BackupError as error:
        return verdict(error)


async def work_on(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Do what there is to do in the run until the time is up; an error is a verdict."""
    return await _WORK[scope.run.kind](ticket, scope)


async def close_run(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Close the run, give it up when the ticket says why, or end it when it is being cancelled; an error is a verdict.

    The journal is told last. A crash before that leaves a run that has ended, of which a repeated closing tells.
    """
    why = stop_of(scope.run.state, scope.run.epoch, ticket.epoch)
    if why in (Stop.PAUSED, Stop.SUPERSEDED):
        return Receipt(left=-1, stop=why)
    error = "" if why is Stop.CANCELLED else ticket.error
    try:
        if scope.run.kind is RunKind.RESTORE:
            await close_restore(scope, error)
        elif scope.run.kind is RunKind.SCAN:
            await (give_up_scan(scope, error) if error or why is Stop.CANCELLED else close_scan(scope))
        elif scope.run.kind is RunKind.VERIFY:
            await (give_up_verify(scope, error) if error or why is Stop.CANCELLED else close_verify(scope))
        elif scope.run.kind is RunKind.REBUILD:
            await (give_up_rebuild(scope, error) if error or why is Stop.CANCELLED else close_rebuild(scope))
        elif scope.run.kind is RunKind.PRUNE:
            await (give_up_prune(scope, error) if error or why is Stop.CANCELLED else close_prune(scope))
        elif scope.run.kind is RunKind.SWEEP:
            await (give_up_sweep(scope, error) if error or why is Stop.CANCELLED else close_sweep(scope))
        elif scope.run.kind is RunKind.PURGE:
            state = await (give_up_purge(scope, error) if error or why is Stop.CANCELLED else close_purge(scope))
            if state is None:  # the run is gone, with its journal
                scope.telemetry.run_ended(replace(scope.run, state=RunState.SUCCEEDED, finished_at=scope.clock.now()))
                return Receipt(left=0)
        elif error or why is Stop.CANCELLED:
            await give_up_backup(scope, error)
        else:
            await close_backup(scope)
        ended, _ = await scope.catalogue.run(scope.run.run_id)
        await scope.journal.write(scope.run.key, CLOSED, [_ending(ended)])
        scope.telemetry.run_ended(ended)
        return Receipt(left=0)
    except BackupError as trouble:
        return verdict(trouble)


def _opening(run: Run, scope: RunScope) -> Iterator[JournalLine]:
    now = scope.clock.now()
    yield event(run.started_at or now, "opened", f"{run.kind} run {run.run_no} was opened", driver=run.driver)
    if run.share_snapshot:
        told = f"it reads from the share snapshot {run.share_snapshot}"
        if run.order is not None:
            told = f"the target's share snapshot {run.share_snapshot} was taken, by which it can be undone"
        yield event(now, "share_snapshot", told, share_snapshot=run.share_snapshot)


def _ending(run: Run) -> JournalLine:
    """How a run ended. What a repeated closing tells is the same."""
    done = run.counters
    what = {RunState.FAILED: "given_up", RunState.CANCELLED: "cancelled"}.get(run.state, "committed")
    told = f"{what.replace('_', ' ')} as {run.state}: {done.files} files, {done.bytes} bytes, {done.errors} errors"
    assert run.finished_at is not None
    return event(run.finished_at, what, f"{told}; {run.error}" if run.error else told, state=run.state)
