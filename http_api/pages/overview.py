"""``/``: all shares that one sees, what needs attention first."""

from http_api.call import Answer, Call
from http_api.pages.running import running_now
from http_api.pages.share_list import SharesQuery, share_list
from http_api.rendering import page
from http_api.routes import Routes
from shared.model.access import Action


async def overview_page(call: Call[SharesQuery]) -> Answer:
    """Every share: how it stands and why, how old its newest restore point is, how much it holds, grows and costs."""
    found = await share_list(call)
    now = await running_now(call, None, whole=found.next is None)
    rows = "_share_rows.html" if call.query.after else "_shares.html"
    return page(call, "overview.html", tab="overview", fragment=rows, found=found, now=now, base="")


routes = Routes("overview page")
# An empty route would become the function's name; a parameter that can only be empty is the way to say "/".
routes.page("/", overview_page, Action.OVERVIEW_READ, route="{nothing:maxlength(0)?}")
bp = routes.blueprint
