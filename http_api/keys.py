"""``/api/tenants/{tenant_id}/keys`` and ``/api/keys``: API keys of programs."""

import datetime as dt

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import TENANT
from http_api.members import checked_grant, made_by
from http_api.models.access import Key, KeyPage, MadeKey, NewKey, NewPlatformKey
from http_api.models.base import NoQuery, Paged
from http_api.routes import Routes
from shared.core.api_key import digest_of, make_key
from shared.db import api_keys, shares
from shared.model.access import Action, Grant, PrincipalKind

_ID_DIGITS = 12


async def list_keys(call: Call[Paged]) -> KeyPage:
    """The keys of a tenant, those that are revoked or expired included."""
    return await _listed(call, call.tenant.tenant_id)


async def list_platform_keys(call: Call[Paged]) -> KeyPage:
    """The keys for the whole platform."""
    return await _listed(call, None)


async def get_key(call: Call) -> Key:
    """One key of a tenant."""
    return Key.of(await api_keys.get(call.conn, call.tenant.tenant_id, call.word("key_id")), call.now)


async def get_platform_key(call: Call) -> Key:
    """One key for the whole platform."""
    return Key.of(await api_keys.get(call.conn, None, call.word("key_id")), call.now)


async def make_tenant_key(call: Call[NoQuery, NewKey]) -> Answer:
    """Make a key for a tenant, or for one share of it. It is shown this once. No key may do more than whoever makes it."""
    tenant_id, body = call.tenant.tenant_id, call.body
    grant = checked_grant(call.principal, body.role, tenant_id, body.share_id)
    if body.share_id is not None:
        await shares.get(call.conn, body.share_id, tenant_id)
    return await _made(call, grant, body)


async def make_platform_key(call: Call[NoQuery, NewPlatformKey]) -> Answer:
    """Make a key for the whole platform: all tenants."""
    return await _made(call, checked_grant(call.principal, call.body.role, None, None), call.body)


async def revoke_key(call: Call) -> Key:
    """End a key's validity, at once and for good."""
    return Key.of(await api_keys.revoke(call.conn, call.tenant.tenant_id, call.word("key_id"), call.now), call.now)


async def revoke_platform_key(call: Call) -> Key:
    """The same of a key for the whole platform."""
    return Key.of(await api_keys.revoke(call.conn, None, call.word("key_id"), call.now), call.now)


async def _listed(call: Call[Paged], tenant_id: str | None) -> KeyPage:
    place = call.place(str)
    limit = call.query.limit
    found = await api_keys.listed(call.conn, tenant_id, after=place[0] if place else "", limit=limit + 1)
    shown = found[:limit]
    return KeyPage(
        keys=[Key.of(one, call.now) for one in shown], **call.part_after(found, shown, lambda one: (one.key_id,))
    )


async def _made(call: AnyCall, grant: Grant, body: NewKey | NewPlatformKey) -> Answer:
    key_id = call.app.ids.new()[:_ID_DIGITS]
    key = make_key(key_id, call.app.ids.secret())
    made = await api_keys.add(
        call.conn,
        grant,
        key_id=key_id,
        name=body.name,
        digest=digest_of(key),
        now=call.now,
        created_by=made_by(call.principal),
        expires_at=await _expiry(call, call.now + dt.timedelta(days=body.days)),
    )
    where = "/api" if grant.tenant_id is None else f"/api/tenants/{grant.tenant_id}"
    shown = MadeKey(**Key.of(made, call.now).model_dump(), key=key)
    return Answer(body=shown, location=f"{where}/keys/{key_id}")


async def _expiry(call: AnyCall, wanted: dt.datetime) -> dt.datetime:
    """A key that a key makes does not outlive it: else whoever has one for a day had it for good."""
    if call.principal.kind is not PrincipalKind.KEY:
        return wanted
    async with call.app.as_tenant(None) as conn:
        maker = await api_keys.by_id(conn, call.principal.id)
    return wanted if maker is None else min(wanted, maker.expires_at)


routes = Routes("keys")
for _path, _listing, _getting, _making, _revoking in (
    (TENANT + "/keys", list_keys, get_key, make_tenant_key, revoke_key),
    ("/api/keys", list_platform_keys, get_platform_key, make_platform_key, revoke_platform_key),
):
    routes.get(_path, _listing, Action.KEYS_READ, {200: KeyPage})
    # Not idempotent: its answer holds the key, and would have to be kept to be given again.
    routes.post(_path, _making, Action.KEYS_CHANGE, {201: MadeKey}, idempotent=False)
    routes.get(_path + "/{key_id}", _getting, Action.KEYS_READ, {200: Key})
    routes.delete(_path + "/{key_id}", _revoking, Action.KEYS_CHANGE, {200: Key})
bp = routes.blueprint
