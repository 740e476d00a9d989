"""``.../shares/{share_id}/restores``: plan and start restores, and read their reports."""

import datetime as dt
from typing import Annotated, Self

import azure.durable_functions as df
import azure.functions as func
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from http_api import answers
from http_api.problems import answered, body_as
from http_api.requested import requested_share
from http_api.runs import run_url, start, with_client
from http_api.shares import check_account_url, check_credential, check_share_name
from shared import wiring
from shared.core import rules
from shared.db import restore_points, runs
from shared.errors import InvalidInput, NotFound
from shared.formats.frame import expand_stream
from shared.model.objects import restore_report_name
from shared.model.restore import Change, Conflicts, Part, RestoreOrder, Selection
from shared.model.run import RunKind

bp = df.Blueprint()

PATHS_MAX = 1_000
_Path = Annotated[str, Field(max_length=2048)]


class Target(BaseModel):
    """Where a restore writes; what is not given is as of the share that was backed up."""

    model_config = ConfigDict(extra="forbid")

    share_name: str | None = None
    account_url: str | None = None
    credential: str | None = None
    path: _Path = ""
    """Directory below which to write; made if missing."""
    create: Annotated[bool, Field(strict=True)] = True
    """Make the share if it does not exist."""

    @field_validator("share_name")
    @classmethod
    def _share_name(cls, value: str | None) -> str | None:
        return None if value is None else check_share_name(value)

    @field_validator("account_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else check_account_url(value)

    @field_validator("credential")
    @classmethod
    def _credential(cls, value: str | None) -> str | None:
        return None if value is None else check_credential(value)


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
    changes: tuple[Change, ...] = ()

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

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.compared_with is not None and not self.changes:
            raise ValueError("changes as well: any of changed, deleted")
        if self.written_from and self.written_before and self.written_from >= self.written_before:
            raise ValueError("a time in written_before that is later than written_from")
        return self


class NewRestore(BaseModel):
    """Body of ``POST .../restores``."""

    model_config = ConfigDict(extra="forbid")

    restore_point: Annotated[int, Field(ge=1, le=2**31 - 1)]
    path: _Path = ""
    """Directory whose content goes to the target's path; empty for the whole share."""
    selection: Selected = Field(default_factory=Selected)
    target: Target = Field(default_factory=Target)
    conflicts: Conflicts = Conflicts.OVERWRITE
    part: Part = Part.EVERYTHING
    dry_run: Annotated[bool, Field(strict=True)] = False
    delete_at_most: Annotated[int | None, Field(ge=0)] = None
    close_handles: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _together(self) -> Self:
        mirrors = self.conflicts is Conflicts.MIRROR
        if mirrors and _selection(self.selection, 1).by_file:
            raise ValueError(
                "a selection of whole directories for mirror: among chosen files it would delete all others"
            )
        if mirrors and not self.dry_run and self.delete_at_most is None:
            raise ValueError(
                "delete_at_most for mirror: the report of the same restore with dry_run says how many that is"
            )
        if self.delete_at_most is not None and not mirrors:
            raise ValueError("delete_at_most with mirror only: nothing else deletes")
        if self.part is not Part.EVERYTHING and self.conflicts is not Conflicts.OVERWRITE:
            raise ValueError("no conflicts with a part: it is given to what is there, and nothing is made or replaced")
        return self


def _selection(given: Selected, newest: int) -> Selection:
    """``newest`` is the restore point to compare with unless one was given."""
    compared = given.compared_with if given.compared_with is not None else newest
    return Selection(
        paths=tuple(_relative(path, "selection.paths") for path in given.paths),
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
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        await restore_points.get(conn, share.share_id, body.restore_point)
        newest = await restore_points.last(conn, share.share_id)
        selection = _selection(body.selection, newest.run_no if newest is not None else body.restore_point)
        if selection.compared_with is not None:
            await restore_points.get(conn, share.share_id, selection.compared_with)
        order = RestoreOrder(
            restore_point=body.restore_point,
            path=_relative(body.path, "path"),
            account_url=body.target.account_url or share.account_url,
            share_name=body.target.share_name or share.share_name,
            credential=share.credential if body.target.credential is None else body.target.credential,
            target_path=_relative(body.target.path, "target.path"),
            create_share=body.target.create,
            selection=selection,
            conflicts=body.conflicts,
            part=body.part,
            dry_run=body.dry_run,
            delete_at_most=body.delete_at_most or 0,
            close_handles=body.close_handles,
            requested_by="the API",
        )
        app.credentials.resolve(order.credential)
        run = await runs.create(
            conn, share.tenant_id, share.share_id, RunKind.RESTORE, order, driver=app.settings.driver
        )
    await start(client, run, app.settings.width)
    return answers.answer(answers.run(run, now=app.clock.now()), 202, run_url(run))


def _relative(path: str, field: str) -> str:
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise InvalidInput(f"{field} is {path!r}; expected a path without '.' and '..'", field=field)
    return "/".join(parts)


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
bp.route(route=_SHARE + "/restores", methods=["POST"])(with_client(start_restore))
bp.route(route=_SHARE + "/runs/{run_no:int}/report", methods=["GET"])(get_report)
