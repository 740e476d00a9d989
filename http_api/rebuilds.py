"""``/api/rebuilds``: make the catalogue of shares from the vault. For whoever administers the platform, not for tenants."""

from typing import Annotated, Any

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, field_validator

from http_api import answers
from http_api.problems import answered, body_as
from http_api.runs import start
from http_api.shares import check_credential, check_share_name
from shared import wiring
from shared.errors import InvalidInput
from shared.model.run import RebuildOrder

bp = df.Blueprint()


class NewRebuild(BaseModel):
    """Body of ``POST /api/rebuilds``. Empty: every share of every tenant that the vault has and the catalogue has not."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str | None = None
    """Only this tenant's shares."""
    share_id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Only this share of the tenant."""
    restore_point: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The catalogue of the share as it was at this restore point; default: the newest that can be read."""
    replace: bool = False
    """Drop the catalogue that the share has."""
    credential: str = ""
    """Of shares whose restore points are from before the vault said it."""

    _credential = field_validator("credential")(staticmethod(check_credential))

    @field_validator("tenant_id")
    @classmethod
    def _container_name(cls, value: str | None) -> str | None:
        return None if value is None else check_share_name(value)


def _check(body: NewRebuild) -> None:
    """:raises InvalidInput: something is said of one share, and not of which."""
    if body.share_id is not None and body.tenant_id is None:
        raise InvalidInput("share_id needs tenant_id: expected both, or neither for all shares", field="tenant_id")
    for name, given in (("restore_point", body.restore_point is not None), ("replace", body.replace)):
        if given and body.share_id is None:
            raise InvalidInput(f"{name} is about one share: expected tenant_id and share_id with it", field="share_id")


@answered
async def start_rebuilds(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start rebuilds: 202 with the runs, and the shares that were left out and why; 404 if the vault has nothing of what was asked."""
    body = body_as(req, NewRebuild)
    _check(body)
    app = await wiring.app()
    queued, left_out = await app.queue_rebuilds(
        RebuildOrder(restore_point=body.restore_point, replace=body.replace),
        tenant_id=body.tenant_id,
        share_id=body.share_id,
        credential=body.credential,
    )
    for run in queued:
        await start(client, run, app.settings.width)
    now = app.clock.now()
    shown: list[dict[str, Any]] = [
        {"tenant_id": run.tenant_id, "share_id": run.share_id, **answers.run(run, now=now)} for run in queued
    ]
    told = [{"tenant_id": one.tenant_id, "share_id": one.share_id, "reason": one.reason} for one in left_out]
    return answers.answer({"runs": shown, "left_out": told}, 202 if queued else 409)


bp.route(route="api/rebuilds", methods=["POST"])(bp.durable_client_input(client_name="client")(start_rebuilds))
