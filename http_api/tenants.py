"""``/api/tenants``."""

from typing import Annotated

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, field_validator

from http_api import answers
from http_api.problems import answered, body_as
from http_api.shares import check_share_name
from shared import wiring
from shared.db import tenants

bp = func.Blueprint()


class NewTenant(BaseModel):
    """Body of ``POST /api/tenants``."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    tenant_id: str | None = None
    """Also the name of the tenant's container; made up when left out."""

    @field_validator("tenant_id")
    @classmethod
    def container_name(cls, value: str | None) -> str | None:
        """It names the tenant's container, and containers are named like shares."""
        return None if value is None else check_share_name(value)


@answered
async def create_tenant(req: func.HttpRequest) -> func.HttpResponse:
    """Add a tenant: 201 with the tenant, 409 if its id is taken."""
    body = body_as(req, NewTenant)
    app = await wiring.app()
    async with app.transaction() as conn:
        tenant = await tenants.create(conn, body.tenant_id or f"t{app.ids.new()}", body.name)
    return answers.answer(answers.tenant(tenant), 201, f"/api/tenants/{tenant.tenant_id}")


@answered
async def list_tenants(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """All tenants by id."""
    async with (await wiring.app()).transaction() as conn:
        found = await tenants.listed(conn)
    return answers.answer({"tenants": [answers.tenant(t) for t in found]})


@answered
async def get_tenant(req: func.HttpRequest) -> func.HttpResponse:
    """One tenant."""
    async with (await wiring.app()).transaction() as conn:
        tenant = await tenants.get(conn, req.route_params["tenant_id"])
    return answers.answer(answers.tenant(tenant))


bp.route(route="api/tenants", methods=["POST"])(create_tenant)
bp.route(route="api/tenants", methods=["GET"])(list_tenants)
bp.route(route="api/tenants/{tenant_id}", methods=["GET"])(get_tenant)
