"""``.../shares/{share_id}/restores``: plan and start restores, and read their reports."""

import datetime as dt
import logging
from dataclasses import replace
from typing import Annotated

import azure.durable_functions as df
import azure.functions as func
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from http_api import answers
from http_api.problems import answered, body_as
from http_api.requested import requested_share
from http_api.runs import run_url, start, with_client
from http_api.shares import ElsewhereOrHere, check_share_name
from shared import wiring
from shared.core import rules
from shared.db import restore_points, runs
from shared.errors import BackupError, Conflict, InvalidInput, NotFound
from shared.formats.frame import expand_stream
from shared.model.objects import restore_report_name
from shared.model.restore import Change, Conflicts, Part, RestoreOrder, Selection
from shared.model.run import ACTIVE, Run, RunKind
from shared.usecases.share_snapshots import UNDO_DAYS

logger = logging.getLogger(__name__)
bp = df.Blueprint()

PATHS_MAX = 1_000
_Path = Annotated[str, Field(max_length=2048)]


class Target(ElsewhereOrHere):
    """Where a restore writes."""

    share_name: str
    """To be said, also when it is the share that was backed up: nobody overwrites that by leaving something out."""
    path: _Path = ""
    """Directory below which to write; made if missing."""
    create: Annotated[bool, Field(strict=True)] = True
    """Make the share if it does not exist."""

    _share_name = field_validator("share_name")(staticmethod(check_share_name))


class Selected(BaseModel):
    """Which nodes; everything that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    paths: Annotated[tuple[_Path, ...], Field(max_length=PATHS_MAX)] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore_case: Annotated[bool, Field(strict=True)] = True
    extensions: Annotated[tuple[Annotated[str, Field(min_length=2, max_length=60)], ...], Field(max_length=200)] = ()
    written_from: AwareDatetime | None = None
    written_before: AwareDatetime | None = None
    compared_with: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    changes: Annotated[tuple[Change, ...], Field(validate_default=True)] = ()

    @field_validator("exclude")
    @classmethod
    def _exclude(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        rules.parse(lines)
        return lines

    @field_validator("include")
    @classmethod
    def _include(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        rules.parse(lines, negation=False)
        return lines

    @field_validator("extensions")
    @classmethod
    def _extensions(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not value.startswith(".") or "/" in value:
                raise ValueError("ends of names that begin with a dot, such as .docx")
        return values

    @field_validator("written_before")
    @classmethod
    def _later(cls, value: dt.datetime | None, others: ValidationInfo) -> dt.datetime | None:
        begin = others.data.get("written_from")
        if value is not None and begin is not None and value <= begin:
            raise ValueError("a time later than written_from")
        return value

    @field_validator("changes")
    @classmethod
    def _changes(cls, value: tuple[Change, ...], others: ValidationInfo) -> tuple[Change, ...]:
        if others.data.get("compared_with") is not None and not value:
            raise ValueError("changed, deleted or both, as compared_with is given")
        return value


class NewRestore(BaseModel):
    """Body of ``POST .../restores``."""

    model_config = ConfigDict(extra="forbid")

    restore_point: Annotated[int, Field(ge=1, le=2**31 - 1)]
    path: _Path = ""
    """Directory whose content goes to the target's path; empty for the whole share."""
    selection: Selected = Field(default_factory=Selected)
    target: Target
    part: Part = Part.EVERYTHING
    conflicts: Conflicts = Conflicts.OVERWRITE
    undo: Annotated[bool, Field(strict=True)] = True
    """Take a share snapshot of the target first, by which the restore can be undone for some days."""
    dry_run: Annotated[bool, Field(strict=True)] = False
    delete_at_most: Annotated[int | None, Field(ge=0, validate_default=True)] = None
    close_handles: Annotated[bool, Field(strict=True)] = False

    # Each complains of the later field of those that do not go together.

    @field_validator("conflicts")
    @classmethod
    def _conflicts(cls, value: Conflicts, others: ValidationInfo) -> Conflicts:
        if others.data.get("part", Part.EVERYTHING) is not Part.EVERYTHING and value is not Conflicts.OVERWRITE:
            raise ValueError(
                "nothing else than overwrite with a part: it is given to what is there, and nothing is made"
            )
        selection = others.data.get("selection")
        if value is Conflicts.MIRROR and selection is not None and selection_of(selection, 1).by_file:
            raise ValueError("anything but mirror when files are chosen one by one: it would delete all others")
        return value

    @field_validator("delete_at_most")
    @classmethod
    def _delete_at_most(cls, value: int | None, others: ValidationInfo) -> int | None:
        mirrors = others.data.get("conflicts") is Conflicts.MIRROR
        if mirrors and value is None and not others.data.get("dry_run"):
            raise ValueError(
                "how many files and directories mirror may delete: the report of the same restore with dry_run says"
            )
        if value is not None and not mirrors and "conflicts" in others.data:
            raise ValueError("nothing, unless conflicts is mirror: nothing else deletes")
        return value


def selection_of(given: Selected, newest: int) -> Selection:
    """What was asked for, but for its paths. ``newest`` is the restore point to compare with unless one was given."""
    compared = given.compared_with if given.compared_with is not None else newest
    return Selection(
        include=given.include,
        exclude=given.exclude,
        ignore_case=given.ignore_case,
        extensions=given.extensions,
        written_from=_utc(given.written_from),
        written_before=_utc(given.written_before),
        compared_with=compared if given.changes else None,
        changes=given.changes,
    )


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(dt.UTC)


@answered
async def start_restore(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start a restore: 202 with the run, 404 for an unknown restore point, 409 while another run writes there."""
    body = body_as(req, NewRestore)
    path, target_path = relative(body.path, "path"), relative(body.target.path, "target.path")
    paths = tuple(relative(path, "selection.paths") for path in body.selection.paths)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
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
            requested_by="the API",
        )
        app.credentials.resolve(order.credential)
        run = await runs.create(
            conn, share.tenant_id, share.share_id, RunKind.RESTORE, order, driver=app.settings.driver
        )
    await start(client, run, app.settings.width)
    return answers.answer(answers.run(run, now=app.clock.now()), 202, run_url(run))


def relative(path: str, field: str) -> str:
    """A path from the share's root as everything below the edges takes it. Raises ``InvalidInput`` about ``field``."""
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise InvalidInput(f"{field} is {path!r}; expected a path without '.' and '..'", field=field)
    return "/".join(parts)


class NewUndo(BaseModel):
    """Body of ``POST .../undo``."""

    model_config = ConfigDict(extra="forbid")

    dry_run: Annotated[bool, Field(strict=True)] = False


@answered
async def undo_restore(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Undo a restore: 202 with the run that does, 409 with the reason if that cannot be."""
    body = body_as(req, NewUndo)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        done = await runs.by_number(conn, share.share_id, int(req.route_params["run_no"]))
        order = replace(
            _undoable(done), undoes=done.run_no, undo_snapshot=done.share_snapshot or "", dry_run=body.dry_run
        )
        run = await runs.create(
            conn, share.tenant_id, share.share_id, RunKind.RESTORE, order, driver=app.settings.driver
        )
    await start(client, run, app.settings.width)
    return answers.answer(answers.run(run, now=app.clock.now()), 202, run_url(run))


def _undoable(run: Run) -> RestoreOrder:
    """The order of a restore that can be undone. :raises Conflict: it cannot."""
    if run.order is None or run.order.undoes:
        raise Conflict(
            f"run {run.run_no} is {'an undo' if run.order else f'a {run.kind}'}: only a restore can be undone"
        )
    if run.state in ACTIVE:
        raise Conflict(f"run {run.run_no} is {run.state}; hint: cancel it, then undo what it has done")
    if run.order.dry_run:
        raise Conflict(f"run {run.run_no} was a dry run: it has changed nothing")
    if run.share_snapshot is None:
        raise Conflict(
            f"run {run.run_no} has no share snapshot of its target: it took none, was undone already, or ended more than"
            f" {UNDO_DAYS} days ago; hint: restore the target from a restore point of before"
        )
    return run.order


async def expire_undo(timer: func.TimerRequest) -> None:  # noqa: ARG001
    """Delete the share snapshots of restores that nobody has undone for days."""
    app = await wiring.app()
    async with app.transaction() as conn:
        old = await runs.undoable_for(conn, dt.timedelta(days=UNDO_DAYS))
    for run in old:
        try:
            async with app.run_scope(run.run_id) as scope:
                assert scope.admin is not None
                if run.share_snapshot:
                    await scope.admin.delete_snapshot(run.share_snapshot)
            await app.catalogue.forget_undo(run.share_id, run.run_no)
        except BackupError:  # the next time
            logger.exception("undo_snapshot_not_deleted", extra={"run_id": run.run_id})


@answered
async def get_report(req: func.HttpRequest) -> func.HttpResponse:
    """The whole report of a restore, a line of JSON for each exception: 404 while there is none."""
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        run = await runs.by_number(conn, share.share_id, int(req.route_params["run_no"]))
    if run.order is None or run.report is None or "object" not in run.report:
        raise NotFound(
            f"run {run.run_no} has no report; hint: a restore has one when it has ended, and a dry run has it in its run"
        )
    data = await app.vault(share.tenant_id).get(restore_report_name(share.share_id, run.run_no))
    return func.HttpResponse(expand_stream(data), mimetype="application/x-ndjson")


_SHARE = "api/tenants/{tenant_id}/shares/{share_id:int}"
bp.route(route=_SHARE + "/restores", methods=["POST"])(with_client(bp, start_restore))
bp.route(route=_SHARE + "/runs/{run_no:int}/undo", methods=["POST"])(with_client(bp, undo_restore))
bp.route(route=_SHARE + "/runs/{run_no:int}/report", methods=["GET"])(get_report)
bp.timer_trigger(arg_name="timer", schedule="0 40 * * * *")(expire_undo)
