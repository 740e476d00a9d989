"""``.../channels``: who is told of a tenant's alerts, and how that went."""

from dataclasses import replace
from typing import Any, Literal

from http_api import channels
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.alerts import Channel, ChannelChange, DeliveriesQuery, NewChannel
from http_api.models.base import NoQuery, Paged, Query
from http_api.pages.alerts import CONDITIONS
from http_api.pages.places import TENANT, tenant_url
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.model.access import Action
from shared.model.alert import DeliveryState


class KindQuery(Query):
    """How somebody is to be told."""

    kind: Literal["webhook", "email"] = "webhook"


async def channels_page(call: Call[Paged]) -> Answer:
    """Who is told of a tenant's alerts."""
    part = await channels.list_channels(call)
    return page(call, "channels.html", tab="alerts", fragment="_channel_rows.html", part=part)


async def new_channel_page(call: Call[KindQuery]) -> Answer:
    """The form for a new channel."""
    kind = call.filled.fields.text("kind") if call.filled is not None else call.query.kind
    can_mail = bool(call.app.settings.smtp_url)
    return page(call, "channel_new.html", tab="alerts", kind=kind, can_mail=can_mail, conditions=CONDITIONS)


async def add_channel(call: Call[NoQuery, NewChannel]) -> Answer:
    """Add a channel and show it."""
    answer = await channels.create_channel(call)
    assert isinstance(answer.body, Channel)
    return see(_url(call, answer.body.channel_id), answer)


async def channel_page(call: Call[DeliveriesQuery]) -> Answer:
    """One channel and its deliveries."""
    part = await channels.list_deliveries(call)
    rows = "_delivery_rows.html" if call.query.after else "_deliveries.html"
    return page(
        call,
        "channel.html",
        tab="alerts",
        fragment=rows,
        channel=await channels.get_channel(_plain(call)),
        part=part,
        state=call.query.state,
        pending=any(one.state is DeliveryState.PENDING for one in part.deliveries),
        conditions=CONDITIONS,
    )


def _plain(call: AnyCall) -> Call:
    return replace(call, query=NoQuery())


async def change_channel_form(call: Call[NoQuery, ChannelChange]) -> Answer:
    """Change a channel."""
    await channels.change_channel(call)
    return see(_url(call, call.number("channel_id")))


async def delete_channel_form(call: Call) -> Answer:
    """Remove a channel."""
    await channels.delete_channel(call)
    return see(f"{tenant_url(call.tenant.tenant_id)}/channels")


async def test_channel_form(call: Call) -> Answer:
    """Have a channel told that somebody is trying it out."""
    await channels.test_channel(call)
    return see(_url(call, call.number("channel_id")))


async def retry_deliveries_form(call: Call) -> Answer:
    """Try again what was given up."""
    await channels.retry_deliveries(call)
    return see(_url(call, call.number("channel_id")))


def _url(call: AnyCall, channel_id: int) -> str:
    return f"{tenant_url(call.tenant.tenant_id)}/channels/{channel_id}"


def _told(fields: Fields) -> dict[str, Any]:
    """Whom, by what was typed; addresses of mail are on lines of their own, or have commas between them."""
    recipients = [one.strip() for line in fields.lines("recipients") for one in line.split(",") if one.strip()]
    return {
        "name": fields.text("name"),
        "url": fields.text("url"),
        "credential": fields.text("credential"),
        "recipients": recipients,
        "conditions": fields.chosen("conditions"),
    }


def _new_fields(fields: Fields) -> dict[str, Any]:
    return {"kind": fields.text("kind"), **_told(fields)}


def _changed_fields(fields: Fields) -> dict[str, Any]:
    return {"enabled": fields.flag("enabled"), **_told(fields)}


routes = Routes("channel pages")
_ALL = TENANT + "/channels"
_ONE = _ALL + "/{channel_id:int}"
routes.page(_ALL, channels_page, Action.ALERTS_READ)
_new = routes.page(_ALL + "/new", new_channel_page, Action.ALERTS_CHANGE)
routes.form(_ALL + "/new", add_channel, Action.ALERTS_CHANGE, _new, fields=_new_fields)
_one = routes.page(_ONE, channel_page, Action.ALERTS_READ)
routes.form(_ONE, change_channel_form, Action.ALERTS_CHANGE, _one, fields=_changed_fields)
routes.form(_ONE + "/remove", delete_channel_form, Action.ALERTS_CHANGE, _one)
routes.form(_ONE + "/test", test_channel_form, Action.ALERTS_CHANGE, _one)
routes.form(_ONE + "/retry", retry_deliveries_form, Action.ALERTS_CHANGE, _one)
bp = routes.blueprint
