"""``.../channels``: who is told of a tenant's alerts, and how that went."""

from dataclasses import replace

from http_api.call import Answer, Call
from http_api.endpoint import TENANT
from http_api.models.alerts import (
    Channel,
    ChannelChange,
    ChannelPage,
    DeliveriesQuery,
    Delivery,
    DeliveryPage,
    NewChannel,
    Retried,
    Tested,
)
from http_api.models.base import NoQuery, Paged
from http_api.routes import Routes
from shared.core.webhook_url import check_url
from shared.db import channels, deliveries
from shared.errors import InvalidInput
from shared.model import alert
from shared.model.access import Action
from shared.model.alert import ChannelKind
from shared.wiring import App


async def create_channel(call: Call[NoQuery, NewChannel]) -> Answer:
    """Add somebody who is told of a tenant's alerts: a webhook or e-mail."""
    body, tenant_id = call.body, call.tenant.tenant_id
    _check(call.app, body.kind, body.url, body.credential, body.recipients)
    made = await channels.create(
        call.conn,
        tenant_id,
        name=body.name,
        kind=body.kind,
        url=body.url,
        credential=body.credential,
        recipients=body.recipients,
        conditions=body.conditions,
        enabled=body.enabled,
    )
    return Answer(body=_shown(made), location=f"/api/tenants/{tenant_id}/channels/{made.channel_id}")


def _check(app: App, kind: ChannelKind, url: str, credential: str, recipients: tuple[str, ...]) -> None:
    """:raises InvalidInput: something is missing, or does not belong to a channel of this kind."""
    if kind is ChannelKind.WEBHOOK:
        check_url(url, private=app.settings.private_webhooks)
        if recipients:
            raise InvalidInput("recipients are for e-mail; expected none for a webhook", field="recipients")
        if credential:
            app.signing.signing_secret(credential)
        return
    for name, value in (("url", url), ("credential", credential)):
        if value:
            raise InvalidInput(f"{name} is for a webhook; expected none for e-mail", field=name)
    if not recipients:
        raise InvalidInput("recipients are missing; expected at least one address", field="recipients")
    if not app.settings.smtp_url:
        raise InvalidInput(
            "no mail server is set up here; hint: the settings AFB_SMTP_URL and AFB_MAIL_FROM", field="kind"
        )


def _shown(value: alert.Channel) -> Channel:
    return Channel.model_validate(value)


async def list_channels(call: Call[Paged]) -> ChannelPage:
    """Who is told of a tenant's alerts, by id."""
    place = call.place(int)
    found = await channels.of_tenant(
        call.conn, call.tenant.tenant_id, after=place[0] if place else 0, limit=call.query.limit + 1
    )
    shown = found[: call.query.limit]
    return ChannelPage(
        channels=[_shown(one) for one in shown], **call.part_after(found, shown, lambda one: (one.channel_id,))
    )


async def get_channel(call: Call) -> Channel:
    """One channel."""
    return _shown(await channels.get(call.conn, call.tenant.tenant_id, call.number("channel_id")))


async def change_channel(call: Call[NoQuery, ChannelChange]) -> Channel:
    """Change some of a channel. Its kind stays."""
    before = await channels.get(call.conn, call.tenant.tenant_id, call.number("channel_id"), lock=True)
    given = {name: value for name in call.body.model_fields_set if (value := getattr(call.body, name)) is not None}
    changed = replace(before, **given)
    _check(call.app, changed.kind, changed.url, changed.credential, changed.recipients)
    return _shown(await channels.change(call.conn, changed))


async def current_channel(call: Call) -> Channel:
    """A channel as it is, until the transaction ends."""
    return _shown(await channels.get(call.conn, call.tenant.tenant_id, call.number("channel_id"), lock=True))


async def delete_channel(call: Call) -> Answer:
    """Remove a channel, with what was to be told to it."""
    await channels.delete(call.conn, call.tenant.tenant_id, call.number("channel_id"))
    return Answer()


async def test_channel(call: Call) -> Tested:
    """Have a channel told that somebody is trying it out. How that went is among its deliveries within a minute."""
    tenant_id = call.tenant.tenant_id
    channel = await channels.get(call.conn, tenant_id, call.number("channel_id"))
    return Tested(delivery_id=await deliveries.add_test(call.conn, tenant_id, channel.channel_id, call.now))


async def list_deliveries(call: Call[DeliveriesQuery]) -> DeliveryPage:
    """What was told to a channel, is yet to be told, or could not be told within a day: the newest first."""
    place = call.place(int)
    channel = await channels.get(call.conn, call.tenant.tenant_id, call.number("channel_id"))
    found = await deliveries.of_channel(
        call.conn,
        channel.tenant_id,
        channel.channel_id,
        state=call.query.state,
        before=place[0] if place else None,
        limit=call.query.limit + 1,
    )
    shown = found[: call.query.limit]
    return DeliveryPage(
        deliveries=[Delivery.model_validate(one) for one in shown],
        **call.part_after(found, shown, lambda one: (one.delivery_id,)),
    )


async def retry_deliveries(call: Call) -> Retried:
    """Try again what was given up, for another day."""
    channel = await channels.get(call.conn, call.tenant.tenant_id, call.number("channel_id"))
    return Retried(deliveries=await deliveries.again(call.conn, channel.tenant_id, channel.channel_id, call.now))


_ONE = TENANT + "/channels/{channel_id:int}"
routes = Routes("channels")
routes.post(TENANT + "/channels", create_channel, Action.ALERTS_CHANGE, {201: Channel}, refuses={409})
routes.get(TENANT + "/channels", list_channels, Action.ALERTS_READ, {200: ChannelPage})
routes.get(_ONE, get_channel, Action.ALERTS_READ, {200: Channel}, etag=True)
routes.patch(_ONE, change_channel, Action.ALERTS_CHANGE, {200: Channel}, current=current_channel, refuses={409})
routes.delete(_ONE, delete_channel, Action.ALERTS_CHANGE, {204: None}, current=current_channel)
routes.post(_ONE + "/test", test_channel, Action.ALERTS_CHANGE, {202: Tested})
routes.get(_ONE + "/deliveries", list_deliveries, Action.ALERTS_READ, {200: DeliveryPage})
routes.post(_ONE + "/retry", retry_deliveries, Action.ALERTS_CHANGE, {200: Retried}, idempotent=False)
bp = routes.blueprint
