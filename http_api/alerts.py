"""``.../alerts``: what somebody is to be told of a share, and that they have seen it."""

from typing import Any

from http_api.call import Call
from http_api.endpoint import SHARE, TENANT
from http_api.models.alerts import Alert, AlertPage, AlertsQuery, ShareAlertsQuery
from http_api.routes import Routes
from shared.db import alerts
from shared.model.access import Action


async def list_alerts(call: Call[AlertsQuery]) -> AlertPage:
    """The alerts of a tenant, the newest first."""
    return await _listed(call, call.tenant.tenant_id, call.query.share_id)


async def list_alerts_of_share(call: Call[ShareAlertsQuery]) -> AlertPage:
    """The alerts of a share, the newest first."""
    return await _listed(call, call.share.tenant_id, call.share.share_id)


async def _listed(call: Call[Any, Any], tenant_id: str, share_id: int | None) -> AlertPage:
    place = call.place(int)
    found = await alerts.of_tenant(
        call.conn,
        tenant_id,
        share_id=share_id,
        is_open=call.query.open,
        before=place[0] if place else None,
        limit=call.query.limit + 1,
    )
    shown = found[: call.query.limit]
    return AlertPage(
        alerts=[Alert.of(one) for one in shown], **call.part_after(found, shown, lambda one: (one.alert_id,))
    )


async def get_alert(call: Call) -> Alert:
    """One alert."""
    return Alert.of(await alerts.get(call.conn, call.tenant.tenant_id, call.number("alert_id")))


async def acknowledge_alert(call: Call) -> Alert:
    """Note that somebody has seen an alert. It stays open until its condition is over."""
    who = call.principal.name
    found = await alerts.acknowledge(call.conn, call.tenant.tenant_id, call.number("alert_id"), who, call.now)
    return Alert.of(found)


async def close_alert(call: Call) -> Alert:
    """Close an alert because somebody says that it is over. If it is not, another one is opened by the next run that finds it."""
    who = call.principal.name
    return Alert.of(await alerts.close(call.conn, call.tenant.tenant_id, call.number("alert_id"), who, call.now))


_ONE = TENANT + "/alerts/{alert_id:int}"
routes = Routes("alerts")
routes.get(TENANT + "/alerts", list_alerts, Action.ALERTS_READ, {200: AlertPage})
routes.get(SHARE + "/alerts", list_alerts_of_share, Action.ALERTS_READ, {200: AlertPage})
routes.get(_ONE, get_alert, Action.ALERTS_READ, {200: Alert})
routes.post(_ONE + "/acknowledge", acknowledge_alert, Action.ALERTS_ACKNOWLEDGE, {200: Alert}, idempotent=False)
routes.post(_ONE + "/close", close_alert, Action.ALERTS_ACKNOWLEDGE, {200: Alert}, idempotent=False)
bp = routes.blueprint
