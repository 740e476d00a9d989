"""``/``: all shares at a glance, what needs attention first."""

from typing import Final

from http_api.call import Answer, Call
from http_api.rendering import page
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.db import overview
from shared.model.access import Action

SHARES_SHOWN: Final = 1_000


async def overview_page(call: Call) -> Answer:
    """Every share with its newest restore point and its newest run."""
    found = await overview.lines(call.conn, SHARES_SHOWN, seen_by(call.principal))
    return page(call, "overview.html", tab="overview", lines=found, shown=SHARES_SHOWN)


routes = Routes("overview page")
# An empty route would become the function's name; a parameter that can only be empty is the way to say "/".
routes.page("/", overview_page, Action.OVERVIEW_READ, route="{nothing:maxlength(0)?}")
bp = routes.blueprint
