"""Pages that a tenant has, and the platform, too: the same handler under two addresses."""

from collections.abc import Awaitable, Callable
from typing import Any

from http_api.call import Answer, AnyCall
from http_api.pages.places import tenant_url

Handler = Callable[[Any], Awaitable[Answer]]


def of_platform(handler: Handler) -> Handler:
    """``handler`` under a name of its own, for the platform's address; it looks at ``call.tenant_id`` itself."""

    async def same(call: Any) -> Answer:
        return await handler(call)

    same.__name__ = same.__qualname__ = f"platform_{handler.__name__}"
    same.__doc__, same.__annotations__ = handler.__doc__, handler.__annotations__
    return same


def place_of(call: AnyCall) -> str:
    """The beginning of addresses where this call is: a tenant's page, or nothing for the platform."""
    return tenant_url(call.tenant_id) if call.tenant_id is not None else ""
