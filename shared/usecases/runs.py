"""Open and close a run of any kind: what the activities call."""

from collections.abc import Awaitable, Callable
from typing import Final

from shared.errors import BackupError
from shared.model.run import RunKind
from shared.model.tickets import Receipt, RunTicket
from shared.usecases.close_backup import close_backup, give_up_backup
from shared.usecases.close_restore import close_restore
from shared.usecases.close_scan import close_scan, give_up_scan
from shared.usecases.open_backup import open_backup
from shared.usecases.open_restore import open_restore
from shared.usecases.open_scan import open_scan
from shared.usecases.scope import RunScope
from shared.usecases.verdict import verdict

_OPEN: Final[dict[RunKind, Callable[[RunScope], Awaitable[None]]]] = {
    RunKind.BACKUP: open_backup,
    RunKind.RESTORE: open_restore,
    RunKind.SCAN: open_scan,
}


async def open_run(_ticket: RunTicket, scope: RunScope) -> Receipt:
    """Open the run; an error is a verdict."""
    try:
        await _OPEN[scope.run.kind](scope)
        await scope.catalogue.add_counters(scope.run.run_id, scope.take_requests())
        return Receipt(left=await scope.catalogue.left(scope.run.run_id))
    except BackupError as error:
        return verdict(error)


async def close_run(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Close the run, or give it up when the ticket says why; an error is a verdict."""
    try:
        if scope.run.kind is RunKind.RESTORE:
            await close_restore(scope, ticket.error)
        elif scope.run.kind is RunKind.SCAN:
            await (give_up_scan(scope, ticket.error) if ticket.error else close_scan(scope))
        elif ticket.error:
            await give_up_backup(scope, ticket.error)
        else:
            await close_backup(scope)
        return Receipt(left=0)
    except BackupError as error:
        return verdict(error)
