"""``.../browse`` and ``.../restore-points/{restore_point}/browse``: the tree at any restore point."""

from http_api import nodes
from http_api.call import Answer, Call
from http_api.models.nodes import ChildrenQuery
from http_api.pages.places import POINT, SHARE, share_url
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.db import restore_points
from shared.model.access import Action


async def browse_newest(call: Call) -> Answer:
    """To the newest restore point, or what to do while there is none."""
    newest = await restore_points.last(call.conn, call.share.share_id)
    if newest is None:
        return page(call, "browse_nothing.html", tab="browse")
    return see(f"{share_url(call.share.tenant_id, call.share.share_id)}/restore-points/{newest.run_no}/browse")


async def browse_page(call: Call[ChildrenQuery]) -> Answer:
    """What is in a directory at a restore point, in windows of names."""
    part = await nodes.list_children(call)
    return page(call, "browse.html", tab="browse", fragment="_browse_rows.html", part=part)


routes = Routes("browse pages")
routes.page(SHARE + "/browse", browse_newest, Action.NODES_READ)
routes.page(POINT + "/browse", browse_page, Action.NODES_READ)
bp = routes.blueprint
