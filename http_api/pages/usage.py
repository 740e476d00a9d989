"""``/usage`` and ``/tenants/{tenant_id}/usage``: what is protected, what the runs of a month took, and what that costs."""

import datetime as dt

from http_api import usage
from http_api.call import Answer, Call
from http_api.models.usage import UsageQuery
from http_api.pages.both import of_platform, place_of
from http_api.pages.months import month_before, months_shown, months_up_to
from http_api.pages.places import TENANT, with_query
from http_api.rendering import page, wants_fragment
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.core.cost import GB, VAULT_TIER
from shared.db import usage as on_record
from shared.model.access import Action


async def usage_page(call: Call[UsageQuery]) -> Answer:
    """Usage and cost of a month, by share and in total, with the twelve months up to it."""
    found = await (usage.get_usage if call.tenant_id is None else usage.get_tenant_usage)(call)
    here = place_of(call) + "/usage"
    month = dt.date.fromisoformat(f"{found.month}-01")
    this = call.now.date().replace(day=1)
    chart = None
    if not wants_fragment(call.headers):
        first = months_up_to(month)[0]
        used = await on_record.months(
            call.conn, seen_by(call.principal), tenant_id=call.tenant_id, since=first, until=month
        )
        chart = months_shown(call, month, used)
    return page(
        call,
        "usage.html",
        tab="usage",
        fragment="_usage_rows.html",
        here=here,
        found=found,
        month=month,
        chart=chart,
        before=f"{here}?month={month_before(month):%Y-%m}",
        following=f"{here}?month={month_before(month, -1):%Y-%m}" if month < this else "",
        this=f"{this:%Y-%m}",
        more=with_query(here, month=call.query.month, after=found.next) if found.next else "",
        kept_month=found.total.vault_bytes / GB * call.app.prices.vault[VAULT_TIER].gb_month,
    )


routes = Routes("usage pages")
routes.page(TENANT + "/usage", usage_page, Action.USAGE_READ)
routes.page("/usage", of_platform(usage_page), Action.USAGE_READ)
bp = routes.blueprint
