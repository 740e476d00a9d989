"""``/people`` and ``/tenants/{tenant_id}/people``: who has which role, and the API keys of programs."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from http_api import keys, members
from http_api.call import Answer, AnyCall, Call, list_name
from http_api.guard import require
from http_api.models.access import KeyPage, MemberPage
from http_api.models.base import Paged
from http_api.pages.both import of_platform, place_of
from http_api.pages.places import TENANT
from http_api.pages.roles import ROLES, role_table
from http_api.rendering import page
from http_api.routes import Routes
from shared.db import shares
from shared.model.access import Action
from shared.model.share import Share

PEOPLE: Final = "/people"
SHARES_OFFERED: Final = 500
"""In the list of a form; of more, a number is typed."""


async def people_page(call: Call) -> Answer:
    """The members, the keys, and what each role may do."""
    require(call.principal, Action.KEYS_READ, call.tenant_id)
    found, made = await _members(call, Paged()), await _keys(call, Paged())
    names = await share_names(call, [*(one.share_id for one in found.members), *(one.share_id for one in made.keys)])
    return page(
        call, "people.html", tab="people", base=people_url(call), members=found, keys=made, names=names, roles=ROLES,
        table=role_table(),
    )  # fmt: skip


async def more_members(call: Call[Paged]) -> Answer:
    """More of the members."""
    found = await _members(call, call.query)
    names = await share_names(call, [one.share_id for one in found.members])
    return page(
        call, "people_members.html", tab="people", fragment="_member_rows.html", base=people_url(call), members=found,
        names=names,
    )  # fmt: skip


async def more_keys(call: Call[Paged]) -> Answer:
    """More of the keys."""
    made = await _keys(call, call.query)
    names = await share_names(call, [one.share_id for one in made.keys])
    return page(
        call, "people_keys.html", tab="people", fragment="_key_rows.html", base=people_url(call), keys=made, names=names
    )


def people_url(call: AnyCall) -> str:
    """Of the page with the members and keys of a tenant, or of the platform."""
    return place_of(call) + PEOPLE


async def share_names(call: AnyCall, ids: Iterable[int | None]) -> dict[int, str]:
    """What the shares of a tenant are called that roles are for, those that are deleted included."""
    wanted = frozenset(share_id for share_id in ids if share_id is not None)
    if not wanted or call.tenant_id is None:
        return {}
    found = await shares.of_tenant(call.conn, call.tenant_id, among=wanted, deleted=True)
    return {share.share_id: share.name for share in found}


async def shares_offered(call: AnyCall) -> list[Share] | None:
    """The shares of a tenant that a role can be for; None: there are too many for a list."""
    if call.tenant_id is None:
        return []
    found = await shares.of_tenant(call.conn, call.tenant_id, limit=SHARES_OFFERED + 1)
    return found if len(found) <= SHARES_OFFERED else None


async def _members(call: AnyCall, query: Paged) -> MemberPage:
    listed = members.list_platform_members if call.tenant_id is None else members.list_members
    return await listed(_of_list(call, "members", query))


async def _keys(call: AnyCall, query: Paged) -> KeyPage:
    listed = keys.list_platform_keys if call.tenant_id is None else keys.list_keys
    return await listed(_of_list(call, "keys", query))


def _of_list(call: AnyCall, name: str, query: Paged) -> Call[Paged]:
    """The page with both lists begins them, and the addresses of each go on: a cursor is good at either."""
    return replace(call, query=query, list_name=list_name(f"{PEOPLE}/{name}", {"of": call.tenant_id or ""}, query))


routes = Routes("people pages")
routes.page(TENANT + PEOPLE, people_page, Action.MEMBERS_READ)
routes.page(TENANT + PEOPLE + "/members", more_members, Action.MEMBERS_READ)
routes.page(TENANT + PEOPLE + "/keys", more_keys, Action.KEYS_READ)
routes.page(PEOPLE, of_platform(people_page), Action.MEMBERS_READ)
routes.page(PEOPLE + "/members", of_platform(more_members), Action.MEMBERS_READ)
routes.page(PEOPLE + "/keys", of_platform(more_keys), Action.KEYS_READ)
bp = routes.blueprint
