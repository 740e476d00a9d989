"""``.../shares/{share_id}/restores``: plan and start restores, undo them, and read their reports."""

import datetime as dt
import logging
from dataclasses import replace

import azure.functions as func

from http_api.call import Answer, Call
from http_api.endpoint import SHARE
from http_api.guard import admit_target
from http_api.models.base import NoQuery
from http_api.models.checks import relative
from http_api.models.restores import NewRestore, NewUndo, selection_of
from http_api.models.runs import Run
from http_api.routes import Routes
from http_api.starting import started
from shared import wiring
from shared.db import batches, restore_points, runs
from shared.db.batches import BatchKind
from shared.errors import BackupError, Conflict, NotFound
from shared.formats.frame import expand_stream
from shared.model import run
from shared.model.access import Action
from shared.model.objects import restore_report_name
from shared.model.restore import RestoreOrder
from shared.model.run import ACTIVE, RunKind
from shared.usecases.share_snapshots import UNDO_DAYS

logger = logging.getLogger(__name__)


async def start_restore(call: Call[NoQuery, NewRestore]) -> Answer:
    """Plan (`dry_run`) or start a restore. 409 while another restore writes to the same place."""
    order = await order_of(call)
    share, driver = call.share, call.app.settings.driver
    return started(
        call, await runs.create(call.conn, share.tenant_id, share.share_id, RunKind.RESTORE, order, driver=driver)
    )


async def order_of(call: Call[NoQuery, NewRestore]) -> RestoreOrder:
    """What a restore would be asked to do; it may be asked, and changes nothing.

    :raises Rejected: it may not, or there is no such thing; with the field.
    """
    body, share, conn = call.body, call.share, call.conn
    path, target_path = relative(body.path, "path"), relative(body.target.path, "target.path")
    paths = tuple(relative(path, "selection.paths") for path in body.selection.paths)
    await restore_points.get(conn, share.share_id, body.restore_point)
    newest = await restore_points.last(conn, share.share_id)
    selection = selection_of(body.selection, newest.run_no if newest is not None else body.restore_point)
    if selection.compared_with is not None:
        await restore_points.get(conn, share.share_id, selection.compared_with)
    order = RestoreOrder(
        restore_point=body.restore_point,
        path=path,
        account_url=body.target.account_url or share.account_url,
        share_name=body.target.share_name,
        credential=share.credential if body.target.credential is None else body.target.credential,
        target_path=target_path,
        create_share=body.target.create,
        selection=replace(selection, paths=paths),
        conflicts=body.conflicts,
        part=body.part,
        dry_run=body.dry_run,
        delete_at_most=body.delete_at_most or 0,
        close_handles=body.close_handles,
        keeps_undo=body.undo,
        requested_by=call.principal.name,
    )
    await admit_target(
        conn,
        call.principal,
        Action.RESTORES_PLAN if order.dry_run else Action.RESTORES_START,
        share,
        account_url=order.account_url,
        share_name=order.share_name,
        credential=order.credential,
    )
    call.app.credentials.resolve(order.credential)
    return order


async def undo_restore(call: Call[NoQuery, NewUndo]) -> Answer:
    """Undo a restore. 409 with the reason if that cannot be."""
    share, conn = call.share, call.conn
    done = await runs.by_number(conn, share.share_id, call.number("run_no"))
    chosen = undoable(done)
    # What a worker still writes after the undo has been there would stay.
    if not call.body.dry_run and (left_s := await batches.leased_s(conn, done.run_id, BatchKind.RESTORE)):
        raise Conflict(
            f"run {done.run_no} was ended while workers were at it, and they may still write what they had in hand; hint: undo it in"
            f" {left_s} s",
            "still-writing",
        )
    order = replace(chosen, undoes=done.run_no, undo_snapshot=done.share_snapshot or "", dry_run=call.body.dry_run)
    await admit_target(
        conn,
        call.principal,
        Action.RESTORES_PLAN if order.dry_run else Action.RESTORES_UNDO,
        share,
        account_url=order.account_url,
        share_name=order.share_name,
        credential=order.credential,
    )
    driver = call.app.settings.driver
    return started(
        call, await runs.create(conn, share.tenant_id, share.share_id, RunKind.RESTORE, order, driver=driver)
    )


def undoable(done: run.Run) -> RestoreOrder:
    """The order of a restore that can be undone. :raises Conflict: it cannot."""
    if done.order is None or done.order.undoes:
        raise Conflict(
            f"run {done.run_no} is {'an undo' if done.order else f'a {done.kind}'}: only a restore can be undone"
        )
    if done.state in ACTIVE:
        raise Conflict(f"run {done.run_no} is {done.state}; hint: cancel it, then undo what it has done")
    if done.order.dry_run:
        raise Conflict(f"run {done.run_no} was a dry run: it has changed nothing")
    if done.share_snapshot is None:
        raise Conflict(
            f"run {done.run_no} has no share snapshot of its target: it took none, was undone already, or ended more than"
            f" {UNDO_DAYS} days ago; hint: restore the target from a restore point of before"
        )
    return done.order


async def get_report(call: Call) -> Answer:
    """The whole report of a restore, a line of JSON for each exception: 404 while there is none."""
    found = await runs.by_number(call.conn, call.share.share_id, call.number("run_no"))
    if found.order is None or found.report is None or "object" not in found.report:
        raise NotFound(
            f"run {found.run_no} has no report; hint: a restore has one when it has ended, and a dry run has it in its run"
        )
    await call.release()
    data = await call.app.vault(found.tenant_id).get(restore_report_name(found.share_id, found.run_no))
    return Answer(body=expand_stream(data), media=_LINES)


async def expire_undo(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Delete the share snapshots of restores that nobody has undone for days."""
    app = await wiring.app()
    async with app.transaction() as conn:
        old = await runs.undoable_for(conn, dt.timedelta(days=UNDO_DAYS))
    for done in old:
        try:
            async with app.run_scope(done.run_id) as scope:
                assert scope.admin is not None
                if done.share_snapshot:
                    await scope.admin.delete_snapshot(done.share_snapshot)
            await app.catalogue.forget_undo(done.share_id, done.run_no)
        except BackupError:  # the next time
            logger.exception("undo_snapshot_not_deleted", extra={"run_id": done.run_id})


_LINES = "application/x-ndjson"
_RUN = SHARE + "/runs/{run_no:int}"
routes = Routes("restores")
routes.post(
    SHARE + "/restores",
    start_restore,
    Action.RESTORES_START,
    {202: Run},
    plan=Action.RESTORES_PLAN,
    refuses={409},
    starts=True,
)
routes.post(
    _RUN + "/undo",
    undo_restore,
    Action.RESTORES_UNDO,
    {202: Run},
    plan=Action.RESTORES_PLAN,
    refuses={409},
    starts=True,
)
routes.get(_RUN + "/report", get_report, Action.RUNS_READ, {200: _LINES})
bp = routes.blueprint
bp.timer_trigger(arg_name="timer", schedule="0 40 * * * *")(expire_undo)
