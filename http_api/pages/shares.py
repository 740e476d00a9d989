"""``/tenants/{tenant_id}/shares/{share_id}``: a share's restore points."""

from http_api import shares
from http_api.call import Answer, Call
from http_api.models.base import Paged
from http_api.pages.places import SHARE
from http_api.rendering import page
from http_api.routes import Routes
from shared.model.access import Action


async def share_page(call: Call[Paged]) -> Answer:
    """The restore points of a share, the newest first."""
    part = await shares.list_restore_points(call)
    return page(call, "share.html", tab="points", fragment="_points_rows.html", part=part)


routes = Routes("share pages")
routes.page(SHARE, share_page, Action.POINTS_READ)
bp = routes.blueprint
