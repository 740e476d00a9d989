"""``/api/tenants/{tenant_id}/members`` and ``/api/members``: who has which role. ``/api/me``: who one is."""

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import TENANT
from http_api.models.access import Me, Member, MemberChange, MemberPage, NewMember, NewPlatformMember
from http_api.models.base import NoQuery, Paged
from http_api.routes import Routes
from shared.core.access import may_grant
from shared.db import members, shares
from shared.db.pool import Connection
from shared.errors import Conflict, Denied, InvalidInput
from shared.model.access import Action, Grant, Principal, Role
from shared.model.membership import Membership


async def get_me(call: Call) -> Me:
    """Who one is, and which roles one has where."""
    return Me.of(call.principal)


async def list_members(call: Call[Paged]) -> MemberPage:
    """The members of a tenant."""
    return await _listed(call, call.tenant.tenant_id)


async def list_platform_members(call: Call[Paged]) -> MemberPage:
    """Those who have a role on the whole platform."""
    return await _listed(call, None)


async def add_member(call: Call[NoQuery, NewMember]) -> Answer:
    """Give somebody a role in a tenant, or for one share of it. Nobody gives a role that may do more than their own."""
    tenant_id, body = call.tenant.tenant_id, call.body
    grant = checked_grant(call.principal, body.role, tenant_id, body.share_id)
    if body.share_id is not None:
        await shares.get(call.conn, body.share_id, tenant_id)
    return await _added(call, grant, body)


async def add_platform_member(call: Call[NoQuery, NewPlatformMember]) -> Answer:
    """Give somebody a role on the whole platform: in all tenants."""
    return await _added(call, checked_grant(call.principal, call.body.role, None, None), call.body)


async def change_member(call: Call[NoQuery, MemberChange]) -> Member:
    """Another name or another role. The last admin of a tenant stays that until there is another one."""
    return await _changed(call, call.tenant.tenant_id)


async def change_platform_member(call: Call[NoQuery, MemberChange]) -> Member:
    """Another name or another role on the whole platform."""
    return await _changed(call, None)


async def remove_member(call: Call) -> Answer:
    """Take a role away. The last admin of a tenant stays until there is another one."""
    return await _removed(call, call.tenant.tenant_id)


async def remove_platform_member(call: Call) -> Answer:
    """Take a role on the whole platform away."""
    return await _removed(call, None)


def checked_grant(principal: Principal, role: Role, tenant_id: str | None, share_id: int | None) -> Grant:
    """What is to be given.

    :raises InvalidInput: there is no such role there.
    :raises Denied: it is more than ``principal`` has.
    """
    if role is Role.PLATFORM_ADMIN and tenant_id is not None:
        raise InvalidInput(
            "role is platform_admin; expected a role in a tenant: that one is given at /api/members", field="role"
        )
    if role is Role.TENANT_ADMIN and (tenant_id is None or share_id is not None):
        raise InvalidInput("role is tenant_admin; expected it for one tenant, and all of its shares", field="role")
    grant = Grant(role, tenant_id, share_id)
    if not may_grant(principal, grant):
        raise Denied(f"{principal.name} may not give the role {role}: it may do more than they may", field="role")
    return grant


async def _listed(call: Call[Paged], tenant_id: str | None) -> MemberPage:
    place = call.place(int)
    limit = call.query.limit
    found = await members.listed(call.conn, tenant_id, after=place[0] if place else 0, limit=limit + 1)
    shown = found[:limit]
    return MemberPage(
        members=[Member.of(one) for one in shown], **call.part_after(found, shown, lambda one: (one.member_id,))
    )


async def _added(call: AnyCall, grant: Grant, body: NewMember | NewPlatformMember) -> Answer:
    added = await members.add(
        call.conn,
        grant,
        object_id=body.object_id.lower(),
        kind=body.kind,
        name=body.name,
        created_by=made_by(call.principal),
    )
    where = "/api" if grant.tenant_id is None else f"/api/tenants/{grant.tenant_id}"
    return Answer(body=Member.of(added), location=f"{where}/members/{added.member_id}")


async def _changed(call: Call[NoQuery, MemberChange], tenant_id: str | None) -> Member:
    found = await members.get(call.conn, tenant_id, call.number("member_id"))
    role = call.body.role or found.grant.role
    checked_grant(call.principal, role, tenant_id, found.grant.share_id)
    if role is not found.grant.role:
        await _check_changeable(call, found)
    name = call.body.name or found.name
    return Member.of(await members.change(call.conn, tenant_id, found.member_id, name=name, role=role))


async def _removed(call: AnyCall, tenant_id: str | None) -> Answer:
    found = await members.get(call.conn, tenant_id, call.number("member_id"))
    await _check_changeable(call, found)
    await members.remove(call.conn, tenant_id, found.member_id)
    return Answer(status=204)


async def _check_changeable(call: AnyCall, found: Membership) -> None:
    """:raises Denied: they have more than whoever takes it away. :raises Conflict: they are the last admin."""
    if not may_grant(call.principal, found.grant):
        raise Denied(
            f"{call.principal.name} may not take the role {found.grant.role} away: it may do more than they may"
        )
    if await _is_last_admin(call.conn, found) and (
        found.grant.tenant_id is not None or not call.app.settings.first_admin
    ):
        where = "tenant" if found.grant.tenant_id is not None else "platform"
        raise Conflict(
            f"{found.name} is the last admin of this {where}; hint: make somebody else one first", code="last_admin"
        )


async def _is_last_admin(conn: Connection, found: Membership) -> bool:
    return await members.admins(conn, found.grant.tenant_id) == [found.member_id]


def made_by(principal: Principal) -> str:
    """Who made something, for those who look at it later."""
    return f"{principal.kind} {principal.id} ({principal.name})"


routes = Routes("members")
routes.get("/api/me", get_me, Action.SELF_READ, {200: Me}, transaction=False)
for _path, _listing, _adding, _changing, _removing in (
    (TENANT + "/members", list_members, add_member, change_member, remove_member),
    ("/api/members", list_platform_members, add_platform_member, change_platform_member, remove_platform_member),
):
    routes.get(_path, _listing, Action.MEMBERS_READ, {200: MemberPage})
    routes.post(_path, _adding, Action.MEMBERS_CHANGE, {201: Member}, refuses={409})
    _one = _path + "/{member_id:int}"
    routes.patch(_one, _changing, Action.MEMBERS_CHANGE, {200: Member}, refuses={404, 409})
    routes.delete(_one, _removing, Action.MEMBERS_CHANGE, {204: None}, refuses={404, 409})
bp = routes.blueprint
