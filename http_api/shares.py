"""``/api/tenants/{tenant_id}/shares``, and the restore points of a share."""

from http_api.call import Answer, Call
from http_api.endpoint import SHARE, TENANT
from http_api.guard import admit_account
from http_api.models.base import NoQuery, Paged
from http_api.models.deletions import WithDeleted
from http_api.models.shares import NewShare, RestorePoint, RestorePointPage, Share, ShareChange, SharePage
from http_api.routes import Routes
from shared.core.access import visible_shares
from shared.db import restore_points, runs, shares
from shared.errors import Conflict
from shared.model.access import Action


async def create_share(call: Call[NoQuery, NewShare]) -> Answer:
    """Protect an Azure Files share. 409 while the tenant is deleted, or where it protects this Azure share already, deleted or not."""
    body = call.body
    if (await runs.hold_tenant(call.conn, call.tenant.tenant_id))[0] is not None:
        raise Conflict(f"tenant {call.tenant.tenant_id!r} is deleted; hint: bring it back first", "deleted")
    await admit_account(
        call.conn,
        call.principal,
        call.tenant.tenant_id,
        account_url=body.account_url,
        share_name=body.share_name,
        credential=body.credential,
    )
    call.app.credentials.resolve(body.credential)  # an unknown name is refused before anything is stored
    share = await shares.create(
        call.conn,
        call.tenant.tenant_id,
        name=body.name,
        account_url=body.account_url,
        share_name=body.share_name,
        credential=body.credential,
        settings=body.settings.chosen(),
    )
    return Answer(body=Share.of(share), location=f"/api/tenants/{share.tenant_id}/shares/{share.share_id}")


async def list_shares(call: Call[WithDeleted]) -> SharePage:
    """The shares of a tenant that one may see, by name; with `deleted` also those that are deleted."""
    place = call.place(str)
    tenant_id = call.tenant.tenant_id
    found = await shares.of_tenant(
        call.conn,
        tenant_id,
        after=place[0] if place else "",
        limit=call.query.limit + 1,
        among=visible_shares(call.principal, tenant_id),
        deleted=call.query.deleted,
    )
    shown = found[: call.query.limit]
    return SharePage(
        shares=[Share.of(share) for share in shown], **call.part_after(found, shown, lambda share: (share.name,))
    )


async def get_share(call: Call) -> Share:
    """One share."""
    return Share.of(call.share)


async def change_share(call: Call[NoQuery, ShareChange]) -> Share:
    """Change settings of a share, for runs that are started from now on."""
    changes = call.body.settings.changes()
    share = call.share
    return Share.of(await shares.change_settings(call.conn, share.share_id, share.tenant_id, changes))


async def current_share(call: Call) -> Share:
    """A share as it is, until the transaction ends."""
    await shares.lock(call.conn, call.share.share_id)
    return Share.of(await shares.get(call.conn, call.share.share_id))


async def list_restore_points(call: Call[Paged]) -> RestorePointPage:
    """The restore points of a share, the newest first."""
    place = call.place(int)
    found = await restore_points.of_share(
        call.conn, call.share.share_id, before=place[0] if place else None, limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    return RestorePointPage(
        restore_points=[RestorePoint.of(point) for point in shown],
        **call.part_after(found, shown, lambda point: (point.run_no,)),
    )


async def get_restore_point(call: Call) -> RestorePoint:
    """One restore point."""
    return RestorePoint.of(await restore_points.get(call.conn, call.share.share_id, call.number("restore_point")))


routes = Routes("shares")
routes.post(TENANT + "/shares", create_share, Action.SHARES_CREATE, {201: Share}, refuses={409})
routes.get(TENANT + "/shares", list_shares, Action.SHARES_LIST, {200: SharePage}, purging=True)
routes.get(SHARE, get_share, Action.SHARES_READ, {200: Share}, etag=True, purging=True)
routes.patch(SHARE, change_share, Action.SHARES_CHANGE, {200: Share}, current=current_share)
routes.get(SHARE + "/restore-points", list_restore_points, Action.POINTS_READ, {200: RestorePointPage})
routes.get(SHARE + "/restore-points/{restore_point:int}", get_restore_point, Action.POINTS_READ, {200: RestorePoint})
bp = routes.blueprint
