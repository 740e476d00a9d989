"""``/alerts``, ``/tenants/{tenant_id}/alerts``: what somebody is to be told, of all shares that one sees or of a tenant; what is open comes first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from http_api import alerts
from http_api.call import Answer, AnyCall, Call
from http_api.models.base import DIGITS, NUMBER_MAX, Paged
from http_api.pages.places import TENANT, run_url, share_url, tenant_url, with_query
from http_api.rendering import page, see
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.core.access import may
from shared.db import alert_list
from shared.db.alert_list import NamedAlert
from shared.model.access import Action
from shared.model.alert import Alert, Condition

CONDITIONS: Final = (
    (Condition.RUN_FAILED, "A run failed"),
    (Condition.COMPLETED_WITH_ERRORS, "A run completed with errors"),
    (Condition.NO_RESTORE_POINT, "No restore point within the objective"),
    (Condition.DAMAGE, "A verify found damage"),
    (Condition.UNUSUAL_CHANGE, "Unusually much has changed"),
)
"""What there is to tell, for people."""


class AlertListQuery(Paged):
    """Which alerts."""

    state: Literal["", "open", "closed"] = ""
    condition: Condition | Literal[""] = ""
    share_id: Annotated[int | None, DIGITS, Field(ge=1, le=NUMBER_MAX)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """An alert as it is shown."""

    alert: Alert
    tenant_name: str
    share_name: str
    may_read: bool
    """Its own page, and the tenant's."""
    may_acknowledge: bool

    @property
    def url(self) -> str:
        """Of its page."""
        return f"{tenant_url(self.alert.tenant_id)}/alerts/{self.alert.alert_id}"

    @property
    def share_url(self) -> str:
        """Of the share's page."""
        return share_url(self.alert.tenant_id, self.alert.share_id)

    @property
    def links(self) -> Sequence[tuple[str, str]]:
        """Where what it is about is seen: words and addresses."""
        alert, found = self.alert, []
        if alert.run_no is not None:
            found.append((f"Run {alert.run_no}", run_url(alert.tenant_id, alert.share_id, alert.run_no)))
        clean = alert.details.get("clean_restore_point")
        if alert.condition is Condition.UNUSUAL_CHANGE and clean and alert.run_no is not None:
            compared = with_query(f"{self.share_url}/difference", **{"from": clean, "to": alert.run_no})
            found.append((f"What changed since restore point {clean}", compared))
        elif alert.condition is Condition.DAMAGE:
            found.append(("Findings", f"{self.share_url}/verify"))
        elif alert.condition is Condition.NO_RESTORE_POINT:
            found.append(("Schedules", f"{self.share_url}/schedules"))
        return found


async def alerts_everywhere(call: Call[AlertListQuery]) -> Answer:
    """The alerts of all shares that one sees."""
    return await _listed(call, None)


async def alerts_of_tenant(call: Call[AlertListQuery]) -> Answer:
    """The alerts of a tenant."""
    return await _listed(call, call.tenant.tenant_id)


async def _listed(call: Call[AlertListQuery], tenant_id: str | None) -> Answer:
    query, seen = call.query, seen_by(call.principal)
    place = call.place(bool, int)
    found = await alert_list.listed(
        call.conn,
        seen,
        tenant_id=tenant_id,
        share_id=query.share_id,
        condition=query.condition or None,
        is_open={"open": True, "closed": False}.get(query.state),
        after=(place[0], place[1]) if place else None,
        limit=query.limit + 1,
    )
    unseen, opened = await alert_list.counts(call.conn, seen, tenant_id)
    shown = found[: query.limit]
    base = f"{tenant_url(tenant_id)}/alerts" if tenant_id else "/alerts"
    more = ""
    if len(found) > query.limit:
        told = query.model_dump(mode="json", exclude_defaults=True, exclude={"after", "limit"})
        more = with_query(base, **told, after=call.cursor(*shown[-1].place))
    return page(
        call,
        "alerts.html",
        tab="alerts",
        fragment="_alert_rows.html" if query.after else "_alerts.html",
        lines=[_line(call, one) for one in shown],
        more=more,
        query=query,
        unseen=unseen,
        opened=opened,
        base=base,
        conditions=CONDITIONS,
    )


def _line(call: AnyCall, found: NamedAlert) -> AlertLine:
    who, tenant_id = call.principal, found.alert.tenant_id
    return AlertLine(
        alert=found.alert,
        tenant_name=found.tenant_name,
        share_name=found.share_name,
        may_read=may(who, Action.ALERTS_READ, tenant_id),
        may_acknowledge=may(who, Action.ALERTS_ACKNOWLEDGE, tenant_id),
    )


async def alert_page(call: Call) -> Answer:
    """One alert."""
    found = await alert_list.get(call.conn, call.tenant.tenant_id, call.number("alert_id"))
    return page(call, "alert.html", tab="alerts", fragment="_alert.html", line=_line(call, found))


async def acknowledge_form(call: Call) -> Answer:
    """Note that somebody has seen an alert."""
    await alerts.acknowledge_alert(call)
    return _to_alert(call)


async def close_form(call: Call) -> Answer:
    """Close an alert."""
    await alerts.close_alert(call)
    return _to_alert(call)


def _to_alert(call: Call) -> Answer:
    return see(f"{tenant_url(call.tenant.tenant_id)}/alerts/{call.number('alert_id')}")


routes = Routes("alert pages")
_ALERT = TENANT + "/alerts/{alert_id:int}"
routes.page("/alerts", alerts_everywhere, Action.OVERVIEW_READ)
routes.page(TENANT + "/alerts", alerts_of_tenant, Action.ALERTS_READ)
_alert = routes.page(_ALERT, alert_page, Action.ALERTS_READ)
routes.form(_ALERT + "/acknowledge", acknowledge_form, Action.ALERTS_ACKNOWLEDGE, _alert)
routes.form(_ALERT + "/close", close_form, Action.ALERTS_ACKNOWLEDGE, _alert)
bp = routes.blueprint
