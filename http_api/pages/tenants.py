"""``/tenants``, ``/new-tenant``, ``/tenants/{tenant_id}`` and ``.../settings``: tenants, the shares of one, and what can be set for it."""

from dataclasses import replace

from http_api import accounts, deletions, schedules, tenants
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.access import NewAccount
from http_api.models.base import NoQuery
from http_api.models.deletions import NewDeletion, NewPurge, WithDeleted
from http_api.models.schedules import Limits
from http_api.models.tenants import NewTenant, Tenant, TenantChange
from http_api.pages.first_share import accounts_of
from http_api.pages.places import TENANT, tenant_url
from http_api.pages.running import running_now
from http_api.pages.share_list import SharesQuery, share_list, share_rows
from http_api.rendering import page, see, wants_fragment
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.db import health_facts
from shared.db.health_facts import Holding
from shared.model.access import Action


async def tenants_page(call: Call[WithDeleted]) -> Answer:
    """The tenants that one sees."""
    part = await tenants.list_tenants(call)
    holdings = await health_facts.of_tenants(
        call.conn, seen_by(call.principal), [one.tenant_id for one in part.tenants]
    )
    more = f"/tenants?after={part.next}" + ("&deleted=true" if call.query.deleted else "") if part.next else ""
    return page(
        call,
        "tenants.html",
        tab="settings",
        fragment="_tenant_rows.html",
        lines=[(one, holdings.get(one.tenant_id, Holding())) for one in part.tenants],
        more=more,
        deleted=call.query.deleted,
    )


async def new_tenant_page(call: Call) -> Answer:
    """The form for a new tenant."""
    return page(call, "tenant_new.html", tab="settings")


async def add_tenant(call: Call[NoQuery, NewTenant]) -> Answer:
    """Add a tenant and go on with its first share."""
    answer = await tenants.create_tenant(call)
    assert isinstance(answer.body, Tenant)
    return see(f"{tenant_url(answer.body.tenant_id)}/shares/new", answer)


async def tenant_page(call: Call[SharesQuery]) -> Answer:
    """The shares of a tenant, what needs attention first."""
    tenant_id = call.tenant.tenant_id
    if call.tenant.deletion is not None and not call.query.deleted:
        call = replace(call, query=call.query.model_copy(update={"deleted": True}))
    if call.query.after and wants_fragment(call.headers):
        return page(call, "_share_rows.html", found=await share_rows(call, tenant_id))
    found = await share_list(call, tenant_id)
    now = await running_now(call, tenant_id, whole=found.next is None)
    base = tenant_url(tenant_id)
    return page(call, "tenant.html", tab="shares", fragment="_shares.html", found=found, now=now, base=base)


async def tenant_settings(call: Call) -> Answer:
    """Name, limits, storage accounts and deletion of a tenant."""
    limits = await schedules.get_limits(call)
    return page(call, "tenant_settings.html", tab="settings", limits=limits, accounts=await accounts_of(call))


async def rename_tenant(call: Call[NoQuery, TenantChange]) -> Answer:
    """Give a tenant another name."""
    await tenants.change_tenant(call)
    return _to_settings(call)


async def limit_tenant(call: Call[NoQuery, Limits]) -> Answer:
    """Set how many runs of a tenant may be at work at once."""
    await schedules.set_limits(call)
    return _to_settings(call)


async def give_account(call: Call[NoQuery, NewAccount]) -> Answer:
    """Let a tenant use a storage account."""
    await accounts.add_account(call)
    return _to_settings(call)


async def take_account(call: Call) -> Answer:
    """Take a storage account from a tenant."""
    await accounts.remove_account(call)
    return _to_settings(call)


async def delete_tenant_form(call: Call[NoQuery, NewDeletion]) -> Answer:
    """Mark a tenant deleted."""
    return _to_settings(call, await deletions.delete_tenant(call))


async def undelete_tenant_form(call: Call) -> Answer:
    """Bring a tenant back."""
    return _to_settings(call, await deletions.undelete_tenant(call))


async def purge_tenant_form(call: Call[NoQuery, NewPurge]) -> Answer:
    """Purge a tenant. One without shares is gone at once, so this goes to where it is listed while it is there."""
    return see("/tenants?deleted=true", await deletions.purge_tenant(call))


def _to_settings(call: AnyCall, answer: Answer | None = None) -> Answer:
    return see(f"{tenant_url(call.tenant.tenant_id)}/settings", answer)


def _limit(fields: Fields) -> dict[str, object]:
    """An empty field takes the limit away."""
    return {"runs_at_once": fields.text("runs_at_once") or None}


def _account(fields: Fields) -> dict[str, object]:
    return {"account_url": fields.text("account_url"), "credential": fields.text("credential")}


routes = Routes("tenant pages")
routes.page("/tenants", tenants_page, Action.TENANTS_LIST)
_new = routes.page("/new-tenant", new_tenant_page, Action.TENANTS_CREATE)
routes.form("/new-tenant", add_tenant, Action.TENANTS_CREATE, _new, fields=lambda f: f.nested("name", "tenant_id"))
routes.page(TENANT, tenant_page, Action.TENANT_READ, purging=True)
_SETTINGS = TENANT + "/settings"
_settings = routes.page(_SETTINGS, tenant_settings, Action.TENANT_CHANGE, purging=True)
routes.form(
    _SETTINGS + "/name", rename_tenant, Action.TENANT_CHANGE, _settings, fields=lambda f: {"name": f.text("name")}
)
routes.form(_SETTINGS + "/limits", limit_tenant, Action.TENANT_LIMIT, _settings, fields=_limit)
routes.form(_SETTINGS + "/accounts", give_account, Action.ACCOUNTS_CHANGE, _settings, fields=_account)
routes.form(_SETTINGS + "/accounts/{account_id:int}/remove", take_account, Action.ACCOUNTS_CHANGE, _settings)
routes.form(
    _SETTINGS + "/delete", delete_tenant_form, Action.TENANT_DELETE, _settings, fields=lambda f: f.nested("reason"), purging=True
)  # fmt: skip
routes.form(_SETTINGS + "/undelete", undelete_tenant_form, Action.TENANT_DELETE, _settings, purging=True)
routes.form(
    _SETTINGS + "/purge", purge_tenant_form, Action.TENANT_PURGE, _settings,
    fields=lambda f: {"confirm": f.text("confirm")}, starts=True, purging=True,
)  # fmt: skip
bp = routes.blueprint
