"""``.../people/keys/...``: make a key for a program, look at it, revoke it.

The page that answers the form shows the key, once: it is in no address, no log and no table. A reload of that page sends the form again; each
form therefore carries a token of its own, and what is remembered under it is that a key was made, and which (its id, no secret), so
that the second time says so and makes none.
"""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from http_api import keys
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.idempotency import LIFE
from http_api.models.access import KEY_DAYS, KEY_DAYS_MAX, MadeKey, NewKey, NewPlatformKey
from http_api.models.base import NoQuery
from http_api.pages.both import of_platform
from http_api.pages.people import PEOPLE, people_url, share_names, shares_offered
from http_api.pages.places import TENANT
from http_api.pages.roles import ROLES, grantable
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.db import idempotency
from shared.errors import Conflict
from shared.model.access import Action

_Token = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="Of the form: one key is made with it.")]


class KeyForm(NewKey):
    """A key that is to be made, by a form."""

    token: _Token


class PlatformKeyForm(NewPlatformKey):
    """The same for the whole platform."""

    token: _Token


async def new_key(call: Call) -> Answer:
    """The form for a key."""
    offered = await shares_offered(call)
    return page(
        call, "key_new.html", tab="people", base=people_url(call), roles=ROLES, may_give=grantable(call.principal, call.tenant_id),
        shares=offered, days=KEY_DAYS, days_max=KEY_DAYS_MAX, token=call.app.ids.new(),
    )  # fmt: skip


async def make_key_form(call: Call[NoQuery, KeyForm]) -> Answer:
    """Make a key for a tenant, or for one share of it, and show it."""
    return await _made_once(call, call.body.token)


async def make_platform_key_form(call: Call[NoQuery, PlatformKeyForm]) -> Answer:
    """Make a key for the whole platform, and show it."""
    return await _made_once(call, call.body.token)


async def key_page(call: Call) -> Answer:
    """One key."""
    key = await (keys.get_platform_key if call.tenant_id is None else keys.get_key)(call)
    names = await share_names(call, [key.share_id])
    return page(call, "key.html", tab="people", base=people_url(call), key=key, names=names)


async def revoke_key_form(call: Call) -> Answer:
    """End a key's validity."""
    key = await (keys.revoke_platform_key if call.tenant_id is None else keys.revoke_key)(call)
    return see(f"{people_url(call)}/keys/{key.key_id}")


async def _made_once(call: AnyCall, token: str) -> Answer:
    who = f"{call.principal.kind}:{call.principal.id} {call.tenant_id or ''} form"
    if not await idempotency.attempt(call.conn, who, token):
        raise Conflict("this form was sent twice at once; hint: look at the list, and revoke what nobody was shown")
    before = await idempotency.get(call.conn, who, token, LIFE)
    if before is not None:
        return replace(_shown(call, None, before.body.decode()), status=200)
    answer = await (keys.make_platform_key if call.tenant_id is None else keys.make_tenant_key)(call)
    made = answer.body
    assert isinstance(made, MadeKey)
    remembered = idempotency.Kept(
        request_hash=b"", status=201, body=made.key_id.encode(), media="", location="", etag=""
    )
    await idempotency.keep(call.conn, who, token, call.tenant_id, remembered)
    return replace(_shown(call, made, made.key_id), status=201, then=answer.then)


def _shown(call: AnyCall, made: MadeKey | None, key_id: str) -> Answer:
    return page(call, "key_made.html", tab="people", base=people_url(call), made=made, key_id=key_id)


def _new(form: Fields) -> dict[str, Any]:
    return form.nested("name", "role", "share_id", "days", "token")


routes = Routes("key pages")
_again = routes.page(TENANT + PEOPLE + "/new-key", new_key, Action.KEYS_CHANGE)
routes.form(TENANT + PEOPLE + "/new-key", make_key_form, Action.KEYS_CHANGE, _again, fields=_new)
_again = routes.page(PEOPLE + "/new-key", of_platform(new_key), Action.KEYS_CHANGE)
routes.form(PEOPLE + "/new-key", make_platform_key_form, Action.KEYS_CHANGE, _again, fields=_new)
for _base, _page, _revoking in (
    (TENANT, key_page, revoke_key_form),
    ("", of_platform(key_page), of_platform(revoke_key_form)),
):
    _one = _base + PEOPLE + "/keys/{key_id}"
    _again = routes.page(_one, _page, Action.KEYS_READ)
    routes.form(_one + "/revoke", _revoking, Action.KEYS_CHANGE, _again)
bp = routes.blueprint
