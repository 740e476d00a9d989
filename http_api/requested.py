"""What a request's route names."""

import azure.functions as func

from shared.db import shares
from shared.db.pool import Connection
from shared.model.share import Share


async def requested_share(conn: Connection, req: func.HttpRequest) -> Share:
    """The share of the route, if it is the tenant's. Raises ``NotFound``."""
    return await shares.get(conn, int(req.route_params["share_id"]), req.route_params["tenant_id"])
