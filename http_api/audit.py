"""``/api/tenants/{tenant_id}/audit`` and ``/api/audit``: who did what, when, from where, and what became of it."""

from http_api.call import Call
from http_api.endpoint import TENANT
from http_api.models.audit import Audited, AuditPart, AuditQuery
from http_api.routes import Routes
from shared.model.access import Action


async def list_audit(call: Call[AuditQuery]) -> AuditPart:
    """What was done about a tenant, the newest first: every change, and every time somebody got file content."""
    return await _listed(call, call.word("tenant_id"))


async def list_platform_audit(call: Call[AuditQuery]) -> AuditPart:
    """The same of what is no tenant's: tenants made, roles and keys for the whole platform, rebuilds."""
    return await _listed(call, None)


async def _listed(call: Call[AuditQuery], tenant_id: str | None) -> AuditPart:
    after, query = call.after(), call.query
    await call.release()
    found, following = await call.app.audit.page(
        tenant_id,
        after=after,
        limit=query.limit,
        actor_id=query.actor,
        action=query.action or "",
        since=query.since,
        until=query.until,
    )
    return AuditPart(entries=[Audited.of(one) for one in found], **call.part(following))


routes = Routes("audit")
# Also of a tenant that is gone, which is what the audit is for: of such the platform's admins ask.
routes.get(TENANT + "/audit", list_audit, Action.AUDIT_READ, {200: AuditPart}, loads=False)
routes.get("/api/audit", list_platform_audit, Action.AUDIT_READ, {200: AuditPart})
bp = routes.blueprint
