"""What a request's route names."""

import azure.functions as func

from shared.db import shares
from shared.db.pool import Connection
from shared.errors import InvalidInput
from shared.model.share import Share


async def requested_share(conn: Connection, req: func.HttpRequest) -> Share:
    """The share of the route, if it is the tenant's. Raises ``NotFound``."""
    return await shares.get(conn, int(req.route_params["share_id"]), req.route_params["tenant_id"])


def number_in(req: func.HttpRequest, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number of the query string. Raises ``InvalidInput``."""
    value = req.params.get(name, "")
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 10 or not least <= int(value) <= most:
        raise InvalidInput(f"{name} is {value!r}; expected a whole number from {least} to {most}", field=name)
    return int(value)
