"""Open, work on and close a run of any kind."""

from shared.core.rounds import stop_of
from shared.errors import BackupError
from shared.model.run import RunKind
from shared.model.tickets import Receipt, RunTicket, Stop
from shared.usecases.backup_directories import backup_directories
from shared.usecases.close_backup import close_backup, give_up_backup
from shared.usecases.close_restore import close_restore
from shared.usecases.open_backup import open_backup
from shared.usecases.open_restore import open_restore
from shared.usecases.restore_directories import restore_directories
from shared.usecases.scope import RunScope
from shared.usecases.verdict import verdict


async def open_run(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Open the run; an error is a verdict."""
    why = stop_of(scope.run.state, scope.run.epoch, ticket.epoch)
    if why is not Stop.NO:
        return Receipt(left=-1, stop=why)
    try:
        await (open_backup(scope) if scope.run.kind is RunKind.BACKUP else open_restore(scope))
        await scope.catalogue.add_counters(scope.run.run_id, scope.take_requests())
        return Receipt(left=await scope.catalogue.left(scope.run.run_id))
    except BackupError as error:
        return verdict(error)


async def work_on(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Do what there is to do in the run until the time is up; an error is a verdict."""
    if scope.run.kind is RunKind.BACKUP:
        return await backup_directories(ticket, scope)
    return await restore_directories(ticket, scope)


async def close_run(ticket: RunTicket, scope: RunScope) -> Receipt:
    """Close the run, give it up when the ticket says why, or end it when it is being cancelled; an error is a verdict."""
    why = stop_of(scope.run.state, scope.run.epoch, ticket.epoch)
    if why not in (Stop.NO, Stop.CANCELLED):
        return Receipt(left=-1, stop=why)
    error = "" if why is Stop.CANCELLED else ticket.error
    try:
        if scope.run.kind is RunKind.RESTORE:
            await close_restore(scope, error)
        elif error or why is Stop.CANCELLED:
            await give_up_backup(scope, error)
        else:
            await close_backup(scope)
        return Receipt(left=0)
    except BackupError as trouble:
        return verdict(trouble)
