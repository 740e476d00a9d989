"""``.../people/members/...``: give somebody a role, change it, take it away."""

from typing import Any

from http_api import members
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.access import Member, MemberChange, NewMember, NewPlatformMember
from http_api.models.base import NoQuery
from http_api.pages.both import of_platform
from http_api.pages.people import PEOPLE, people_url, share_names, shares_offered
from http_api.pages.places import TENANT
from http_api.pages.roles import ROLES, grantable
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core.access import may_grant
from shared.db import members as on_record
from shared.model.access import Action, Role


async def new_member(call: Call) -> Answer:
    """The form for a member."""
    offered = await shares_offered(call)
    return page(
        call, "member_new.html", tab="people", base=people_url(call), roles=ROLES, may_give=grantable(call.principal, call.tenant_id),
        shares=offered,
    )  # fmt: skip


async def member_page(call: Call) -> Answer:
    """One member: another role or name, or none any more."""
    found = await on_record.get(call.conn, call.tenant_id, call.number("member_id"))
    names = await share_names(call, [found.grant.share_id])
    offered = [
        role
        for role in grantable(call.principal, call.tenant_id)
        if found.grant.share_id is None or role in (Role.VIEWER, Role.OPERATOR)
    ]
    return page(
        call, "member.html", tab="people", base=people_url(call), member=Member.of(found), names=names, roles=ROLES,
        may_give=offered, may_take=may_grant(call.principal, found.grant),
    )  # fmt: skip


async def add_member_form(call: Call[NoQuery, NewMember]) -> Answer:
    """Give somebody a role in a tenant, or for one share of it."""
    return _done(call, await members.add_member(call))


async def add_platform_member_form(call: Call[NoQuery, NewPlatformMember]) -> Answer:
    """Give somebody a role on the whole platform."""
    return _done(call, await members.add_platform_member(call))


async def change_member_form(call: Call[NoQuery, MemberChange]) -> Answer:
    """Another name or role."""
    await (members.change_platform_member if call.tenant_id is None else members.change_member)(call)
    return _done(call)


async def remove_member_form(call: Call) -> Answer:
    """Take a role away."""
    await (members.remove_platform_member if call.tenant_id is None else members.remove_member)(call)
    return _done(call)


def _done(call: AnyCall, answer: Answer | None = None) -> Answer:
    return see(people_url(call), answer)


def _new(form: Fields) -> dict[str, Any]:
    return form.nested("object_id", "kind", "name", "role", "share_id")


def _change(form: Fields) -> dict[str, Any]:
    # A name that is left empty is one that is wrong, not one that stays.
    return {**form.nested("role"), "name": form.text("name")}


routes = Routes("member pages")
_again = routes.page(TENANT + PEOPLE + "/new-member", new_member, Action.MEMBERS_CHANGE)
routes.form(TENANT + PEOPLE + "/new-member", add_member_form, Action.MEMBERS_CHANGE, _again, fields=_new)
_again = routes.page(PEOPLE + "/new-member", of_platform(new_member), Action.MEMBERS_CHANGE)
routes.form(PEOPLE + "/new-member", add_platform_member_form, Action.MEMBERS_CHANGE, _again, fields=_new)
for _base, _page, _changing, _removing in (
    (TENANT, member_page, change_member_form, remove_member_form),
    ("", of_platform(member_page), of_platform(change_member_form), of_platform(remove_member_form)),
):
    _one = _base + PEOPLE + "/members/{member_id:int}"
    _again = routes.page(_one, _page, Action.MEMBERS_CHANGE)
    routes.form(_one, _changing, Action.MEMBERS_CHANGE, _again, fields=_change)
    routes.form(_one + "/remove", _removing, Action.MEMBERS_CHANGE, _again)
bp = routes.blueprint
