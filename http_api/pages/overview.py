"""``/``: all shares that one sees, what needs attention first."""

from http_api.call import Answer, Call
from http_api.pages.running import running_now
from http_api.pages.share_list import SharesQuery, share_list, share_rows
from http_api.rendering import page, wants_fragment
from http_api.routes import Routes
from shared.model.access import Action


async def overview_page(call: Call[SharesQuery]) -> Answer:
    """Every share: how it stands and why, how old its newest restore point is, how much it holds, grows and costs."""
    if call.query.after and wants_fragment(call.headers):
        return page(call, "_share_rows.html", found=await share_rows(call))
    found = await share_list(call)
    now = await running_now(call, None, whole=found.next is None)
    return page(call, "overview.html", tab="overview", fragment="_shares.html", found=found, now=now, base="")


routes = Routes("overview page")
# An empty route would become the function's name; a parameter that can only be empty is the way to say "/".
routes.page("/", overview_page, Action.OVERVIEW_READ, route="{nothing:maxlength(0)?}")
bp = routes.blueprint
