"""``.../shares/{share_id}/verifications``: start verifies. They are followed, and their findings read, like any run's."""

from typing import Annotated, Literal

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from http_api import answers
from http_api.problems import answered, body_as
from http_api.requested import requested_share
from http_api.runs import start
from shared import wiring
from shared.core.verify_report import next_part
from shared.db import restore_points, runs
from shared.db.pool import Connection
from shared.errors import InvalidInput, NotFound
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder

bp = df.Blueprint()

PARTS: int = 100
"""Verifies after which everything has been read, unless asked for otherwise: 1 % each time."""
NEWEST = 2**31 - 1
"""A ``run_no`` that no run has reached."""


class NewVerification(BaseModel):
    """Body of ``POST .../verifications``."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["quick", "sample", "full"] = "quick"
    restore_point: Annotated[int, Field(ge=1, le=2**31 - 1)] | Literal["latest", "all"] = "latest"
    over_runs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Of a sample: after so many verifies everything has been read."""


@answered
async def start_verification(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start a verify: 202 with the run, 404 for an unknown restore point, 409 while another verify of the share is active."""
    body = body_as(req, NewVerification)
    if body.over_runs is not None and body.level != "sample":
        raise InvalidInput(f"over_runs is for level sample; expected none for level {body.level}", field="over_runs")
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        order = await _order(conn, share, body)
        run = await runs.create(
            conn, share.tenant_id, share.share_id, RunKind.VERIFY, driver=app.settings.driver, verify=order
        )
    await start(client, run, app.settings.width)
    url = f"/api/tenants/{run.tenant_id}/shares/{run.share_id}/runs/{run.run_no}"
    return answers.answer(answers.run(run, now=app.clock.now()), 202, url)


async def _order(conn: Connection, share: Share, body: NewVerification) -> VerifyOrder:
    if isinstance(body.restore_point, int):
        point = await restore_points.get(conn, share.share_id, body.restore_point)
    else:
        last = await restore_points.last(conn, share.share_id)
        if last is None:
            raise NotFound(f"share {share.share_id} has no restore point yet; hint: back it up first")
        point = last
    level = VerifyLevel(body.level)
    parts, part = 1, 0
    if level is VerifyLevel.SAMPLE:
        parts = body.over_runs or PARTS
        before = await runs.sampled(conn, share.share_id, NEWEST, parts)
        part = next_part(parts, before[0].verify if before else None)
    return VerifyOrder(
        level=level,
        restore_point=point.run_no,
        all_points=body.restore_point == "all",
        parts=parts,
        part=part,
    )


bp.route(route="api/tenants/{tenant_id}/shares/{share_id:int}/verifications", methods=["POST"])(
    bp.durable_client_input(client_name="client")(start_verification)
)
