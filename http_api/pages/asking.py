"""How a page asks a handler of the API: with the same call, in the same transaction, and a query and a body of that handler's own."""

from dataclasses import replace

from http_api.call import AnyCall
from http_api.models.base import Body, NoBody, NoQuery, Query


def asking(call: AnyCall, *, query: Query | None = None, body: Body | None = None) -> AnyCall:
    """The call as the handler knows it."""
    return replace(call, query=query or NoQuery(), body=body or NoBody())
