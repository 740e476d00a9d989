"""Deleting shares and tenants, bringing them back, and purging them. See docs/RETENTION.md."""

import datetime as dt
from typing import Final

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE, TENANT
from http_api.members import made_by
from http_api.models.base import NoQuery, WrongField
from http_api.models.deletions import NewDeletion, NewPurge, PurgeRun, TenantPurge
from http_api.models.runs import Run
from http_api.models.shares import Share
from http_api.models.tenants import Tenant
from http_api.problems import CANNOT, Refusal
from http_api.routes import Routes
from http_api.starting import now_or_by_upkeep, start, started
from shared.db import deletions, purges, shares, tenants
from shared.model.access import Action
from shared.model.deletion import PurgeOrder

SHARES_AT_ONCE: Final = 200
"""Whose purges one request queues; asked again it goes on."""


async def delete_share(call: Call[NoQuery, NewDeletion]) -> Answer:
    """Mark a share deleted. Nothing of it goes; it can be restored from, and brought back until `purge_after` and beyond, until it is purged.

    Nothing new is backed up, nothing is pruned or swept, and its schedules are silent. 409 while a run of it is active.
    """
    share = call.share
    await deletions.delete_share(
        call.conn,
        share.tenant_id,
        share.share_id,
        by=made_by(call.principal),
        reason=call.body.reason.strip(),
        at=call.now,
        until=_until(call),
    )
    return await _share_as_it_is(call)


async def undelete_share(call: Call) -> Answer:
    """Bring a share back that is deleted. 409 when its purge has begun."""
    share = call.share
    await deletions.undelete_share(call.conn, share.tenant_id, share.share_id, by=made_by(call.principal), at=call.now)
    return await _share_as_it_is(call)


async def start_purge(call: Call[NoQuery, NewPurge]) -> Answer:
    """Delete all there is of a share, for good: its objects in the vault, its journals, and all the catalogue has of it.

    It must be deleted, `purge_after` be over, and its name be typed. 409 while a restore point is under a legal hold or a run is active. When the
    run is done there is no share, and no run: both are answered with 404. Where the vault may not delete something yet the run ends
    `completed_with_errors`, and the purge is to be asked for again.
    """
    share = call.share
    _check_typed(call.body.confirm, share.name, "share")
    driver = call.app.settings.driver
    queued = await purges.begin_share(call.conn, share, _order(call, share.name), call.now, driver)
    return started(call, queued)


async def delete_tenant(call: Call[NoQuery, NewDeletion]) -> Answer:
    """Mark a tenant deleted, with all its shares. Its people and keys are nobody from then on; the platform's admins see it.

    409 while a run of any of its shares is active.
    """
    await deletions.delete_tenant(
        call.conn,
        call.tenant.tenant_id,
        by=made_by(call.principal),
        reason=call.body.reason.strip(),
        at=call.now,
        until=_until(call),
    )
    return await _tenant_as_it_is(call)


async def undelete_tenant(call: Call) -> Answer:
    """Bring a tenant back that is deleted, with its people and keys. 409 when its purge has begun.

    Shares that were deleted by themselves stay deleted.
    """
    await deletions.undelete_tenant(call.conn, call.tenant.tenant_id, by=made_by(call.principal), at=call.now)
    return await _tenant_as_it_is(call)


async def purge_tenant(call: Call[NoQuery, NewPurge]) -> Answer:
    """Purge all shares of a tenant, and then the tenant: its people, keys, accounts, policies, channels, usage, and its container.

    As of a share. Asked again it goes on with the shares that are left, and are not being purged.
    """
    tenant = call.tenant
    _check_typed(call.body.confirm, tenant.name, "tenant")
    queued = await purges.begin_tenant(
        call.conn,
        tenant.tenant_id,
        _order(call, tenant.name),
        call.now,
        call.app.settings.driver,
        limit=SHARES_AT_ONCE,
    )
    left = await purges.shares_of(call.conn, tenant.tenant_id)

    async def then() -> None:
        for run in queued:
            call.app.telemetry.run_started(run)
            await start(call.client, run, call.app.settings.width)
        if not left:
            await now_or_by_upkeep(lambda: call.app.finish_tenants(tenant.tenant_id))

    shown = [PurgeRun.of(run, now=call.now, tenant_id=run.tenant_id, share_id=run.share_id) for run in queued]
    return Answer(
        body=TenantPurge(tenant_id=tenant.tenant_id, runs=shown, shares_left=left),
        location=f"/api/tenants/{tenant.tenant_id}",
        then=then,
    )


def _until(call: AnyCall) -> dt.datetime:
    return call.now + dt.timedelta(days=call.app.settings.purge_grace_days)


def _order(call: AnyCall, name: str) -> PurgeOrder:
    who = call.principal
    return PurgeOrder(by=made_by(who), actor_kind=who.kind.value, actor_id=who.id, actor_name=who.name, name=name)


def _check_typed(typed: str, name: str, what: str) -> None:
    """:raises Refusal: somebody means another one, or has not looked."""
    if typed != name:
        expected = f"the name of the {what}, which is {name!r}"
        raise Refusal(CANNOT, f"confirm: expected {expected}", [WrongField(field="confirm", expected=expected)])


async def _share_as_it_is(call: AnyCall) -> Answer:
    share = call.share
    found = await shares.get(call.conn, share.share_id, share.tenant_id)

    async def then() -> None:
        await now_or_by_upkeep(lambda: call.app.tell_deletions(share.tenant_id, share.share_id))

    return Answer(body=Share.of(found), then=then)


async def _tenant_as_it_is(call: AnyCall) -> Answer:
    tenant_id = call.tenant.tenant_id
    found = await tenants.get(call.conn, tenant_id)

    async def then() -> None:
        await now_or_by_upkeep(lambda: call.app.tell_deletions(tenant_id))

    return Answer(body=Tenant.model_validate(found), then=then)


routes = Routes("deletion")
routes.post(SHARE + "/delete", delete_share, Action.SHARES_DELETE, {200: Share}, refuses={409}, purging=True)
routes.post(SHARE + "/undelete", undelete_share, Action.SHARES_DELETE, {200: Share}, refuses={409}, purging=True)
routes.post(
    SHARE + "/purge", start_purge, Action.SHARES_PURGE, {202: Run}, refuses={409, 422}, starts=True, purging=True
)
routes.post(TENANT + "/delete", delete_tenant, Action.TENANT_DELETE, {200: Tenant}, refuses={409}, purging=True)
routes.post(TENANT + "/undelete", undelete_tenant, Action.TENANT_DELETE, {200: Tenant}, refuses={409}, purging=True)
routes.post(
    TENANT + "/purge",
    purge_tenant,
    Action.TENANT_PURGE,
    {202: TenantPurge},
    refuses={409, 422},
    starts=True,
    purging=True,
)
bp = routes.blueprint
