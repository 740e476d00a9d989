"""One face for the file-share SDK's two flavours, sync and aio, that takes note of every method called.

``await client.method(...)`` works for both: what the method returns is awaited if it can be, paged results are
collected, and clients come back wrapped again.
"""

import inspect
from functools import partial

from azure.core.async_paging import AsyncItemPaged
from azure.core.paging import ItemPaged
from azure.storage import fileshare
from azure.storage.fileshare import aio

MODULES = {"sync": fileshare, "aio": aio}
CLASSES = ("ShareServiceClient", "ShareClient", "ShareDirectoryClient", "ShareFileClient", "ShareLeaseClient")


def public_methods(flavour):
    """Return ``Class.method`` of everything public and callable in a flavour's client classes, inherited ones too."""
    return {
        f"{name}.{attribute}"
        for name in CLASSES
        for attribute in dir(getattr(MODULES[flavour], name))
        if not attribute.startswith("_") and callable(getattr(getattr(MODULES[flavour], name), attribute))
    }


class Sdk:
    """One flavour; ``called`` grows with every ``Class.method`` that returned or was refused by the service."""

    def __init__(self, flavour, called):
        self.flavour = flavour
        self.called = called
        self._classes = tuple(getattr(MODULES[flavour], name) for name in CLASSES)
        self._opened = []

    def make(self, class_name, *arguments, **keywords):
        """Return a wrapped client from its constructor."""
        if class_name != "ShareLeaseClient":
            keywords.setdefault("retry_total", 0)
        made = getattr(MODULES[self.flavour], class_name)(*map(bare, arguments), **keywords)
        self._opened.append(made)
        return Client(self, made)

    def of(self, class_name):
        """Return a wrapped class, for its class methods."""
        return Client(self, getattr(MODULES[self.flavour], class_name))

    async def close(self):
        """Close what was made here."""
        for client in self._opened:
            if hasattr(client, "close"):
                await self.settle(client.close())

    async def call(self, owner, name, /, *arguments, **keywords):
        """Call a method of a bare client or class, and take note of it."""
        found = await self.settle(
            getattr(owner, name)(*map(bare, arguments), **{key: bare(value) for key, value in keywords.items()})
        )
        self.called.add(f"{(owner if isinstance(owner, type) else type(owner)).__name__}.{name}")
        return found

    async def settle(self, result):
        """Return what a call of either flavour leads to."""
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, ItemPaged):
            return list(result)
        if isinstance(result, AsyncItemPaged):
            return [item async for item in result]
        if isinstance(result, self._classes):
            if hasattr(result, "close"):
                self._opened.append(result)
            return Client(self, result)
        return result

    async def pages(self, client, name, *arguments, token=None, **keywords):
        """Return the pages of a paged method, each with the token of the next."""
        paged = getattr(client.bare, name)(*arguments, **keywords).by_page(token)
        found = []
        if self.flavour == "sync":
            for page in paged:
                found.append((list(page), paged.continuation_token))
        else:
            async for page in paged:
                found.append(([item async for item in page], paged.continuation_token))
        self.called.add(f"{type(client.bare).__name__}.{name}")
        return found

    async def chunks(self, download):
        """Return the chunks of a download."""
        if self.flavour == "sync":
            return list(download.chunks())
        return [chunk async for chunk in download.chunks()]

    def hook(self, seen):
        """Return a progress hook of this flavour's kind that appends (current, total) to ``seen``."""
        if self.flavour == "sync":
            return lambda current, total: seen.append((current, total))

        async def note(current, total):
            seen.append((current, total))

        return note


class Client:
    """A client or client class of either flavour; attributes that are no methods come through as they are."""

    def __init__(self, sdk, wrapped):
        self._sdk = sdk
        self.bare = wrapped

    def __getattr__(self, name):
        found = getattr(self.bare, name)
        return partial(self._sdk.call, self.bare, name) if callable(found) else found


def bare(value):
    """Return the SDK's own object."""
    return value.bare if isinstance(value, Client) else value
