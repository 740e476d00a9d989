"""Asking a handler of the API from a page."""

from dataclasses import replace
from typing import Any

from http_api.call import AnyCall, Call, list_name
from http_api.models.base import Query


def asking(call: AnyCall, path: str, query: Query) -> Call[Any, Any]:
    """The call of a page as one with another query. Its cursors are good for the page of that ``path`` if its links say what ``query`` says."""
    return replace(call, query=query, list_name=list_name(path, call.route, query))
