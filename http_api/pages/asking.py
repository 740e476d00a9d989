"""How a page asks a handler of the API: with the same call, in the same transaction, and a query and a body of that handler's own."""

from dataclasses import replace

from http_api.call import AnyCall, list_name
from http_api.models.base import Body, NoBody, NoQuery, Query


def asking(call: AnyCall, *, query: Query | None = None, body: Body | None = None, path: str = "") -> AnyCall:
    """The call as the handler knows it.

    :param path: of the page whose links have the cursors of the answer, if they say what ``query`` says; else they are good for the page that asks.
    """
    asked = query or NoQuery()
    name = list_name(path, call.route, asked) if path else call.list_name
    return replace(call, query=asked, body=body or NoBody(), list_name=name)
