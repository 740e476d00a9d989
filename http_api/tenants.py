"""``/api/tenants``."""

from http_api.call import Answer, Call
from http_api.endpoint import TENANT
from http_api.models.base import NoQuery
from http_api.models.deletions import WithDeleted
from http_api.models.tenants import NewTenant, Tenant, TenantChange, TenantPage
from http_api.routes import Routes
from shared.core.access import visible_tenants
from shared.db import tenants
from shared.model.access import Action


async def create_tenant(call: Call[NoQuery, NewTenant]) -> Answer:
    """Add a tenant."""
    tenant_id = call.body.tenant_id or f"t{call.app.ids.new()}"
    tenant = await tenants.create(call.conn, tenant_id, call.body.name)
    return Answer(body=Tenant.model_validate(tenant), location=f"/api/tenants/{tenant.tenant_id}")


async def list_tenants(call: Call[WithDeleted]) -> TenantPage:
    """The tenants that one may see, by id; with `deleted` also those that are deleted, which only the platform's admins see."""
    place = call.place(str)
    found = await tenants.listed(
        call.conn,
        after=place[0] if place else "",
        limit=call.query.limit + 1,
        among=visible_tenants(call.principal),
        deleted=call.query.deleted,
    )
    shown = found[: call.query.limit]
    return TenantPage(
        tenants=[Tenant.model_validate(tenant) for tenant in shown],
        **call.part_after(found, shown, lambda tenant: (tenant.tenant_id,)),
    )


async def get_tenant(call: Call) -> Tenant:
    """One tenant."""
    return Tenant.model_validate(call.tenant)


async def change_tenant(call: Call[NoQuery, TenantChange]) -> Tenant:
    """Give a tenant another name. Its id stays."""
    return Tenant.model_validate(await tenants.rename(call.conn, call.tenant.tenant_id, call.body.name))


async def current_tenant(call: Call) -> Tenant:
    """A tenant as it is, until the transaction ends."""
    return Tenant.model_validate(await tenants.locked(call.conn, call.tenant.tenant_id))


routes = Routes("tenants")
routes.post("/api/tenants", create_tenant, Action.TENANTS_CREATE, {201: Tenant}, refuses={409})
routes.get("/api/tenants", list_tenants, Action.TENANTS_LIST, {200: TenantPage})
routes.get(TENANT, get_tenant, Action.TENANT_READ, {200: Tenant}, etag=True, purging=True)
routes.patch(TENANT, change_tenant, Action.TENANT_CHANGE, {200: Tenant}, current=current_tenant)
bp = routes.blueprint
