"""One request, as a handler meets it, and what the handler answers.

A handler is a plain ``async def list_runs(call: Call[Paged]) -> RunPage``. When it is called everybody is known and allowed, query and body
are parsed, and :attr:`Call.conn` is in a transaction that sees one tenant, in which :attr:`Call.tenant` or :attr:`Call.share` was
loaded. The transaction is committed after the handler has answered; one that goes on without the catalogue, for a while, lets go of it
first (:meth:`Call.release`).
"""

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias

import azure.durable_functions as df
from pydantic import BaseModel
from typing_extensions import TypeVar

from http_api import cursor
from http_api.fields import Fields, Filled
from http_api.models.base import Body, NoBody, NoQuery, Query
from shared.db.pool import Connection
from shared.model.access import Principal
from shared.model.share import Share, Tenant
from shared.wiring import App

Q = TypeVar("Q", bound=Query, default=NoQuery)
B = TypeVar("B", bound=Body, default=NoBody)
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Call(Generic[Q, B]):
    """A request with all that belongs to it."""

    app: App
    principal: Principal
    now: dt.datetime
    query: Q
    body: B
    route: Mapping[str, str | int]
    """Parameters of the path."""
    headers: Mapping[str, str]
    """By name in lower case."""
    list_name: str
    """What cursors are bound to."""
    address: str = ""
    """As it was asked, with its query string."""
    durable: df.DurableOrchestrationClient | None = None
    held: AsyncExitStack = field(default_factory=AsyncExitStack)
    connection: Connection | None = None
    loaded_tenant: Tenant | None = None
    loaded_share: Share | None = None
    filled: Filled | None = None
    """Of a page that is shown again because its form was refused."""

    @property
    def typed(self) -> Fields:
        """The query string as the form that it is where a page's address holds what somebody is filling in: all values of a name, in order."""
        return Fields.of_address(self.address)

    @property
    def conn(self) -> Connection:
        """The catalogue, in the transaction of this call."""
        if self.connection is None:
            raise RuntimeError("the transaction of this call was released, or it has none")
        return self.connection

    async def release(self) -> None:
        """Commit what was done so far and give the connection back: what follows may take its time."""
        self.connection = None
        await self.held.aclose()

    @property
    def tenant(self) -> Tenant:
        """The tenant of a route that names one, and no share."""
        if self.loaded_tenant is None:
            raise RuntimeError("the route of this call names no tenant, or it names a share: see share.tenant_id")
        return self.loaded_tenant

    @property
    def share(self) -> Share:
        """The share of a route that names one; it is the tenant's."""
        if self.loaded_share is None:
            raise RuntimeError("the route of this call names no share")
        return self.loaded_share

    @property
    def client(self) -> df.DurableOrchestrationClient:
        """For an endpoint that ``starts``."""
        if self.durable is None:
            raise RuntimeError("this endpoint was not declared as one that starts something")
        return self.durable

    @property
    def tenant_id(self) -> str | None:
        """Of the route."""
        found = self.route.get("tenant_id")
        return None if found is None else str(found)

    @property
    def share_id(self) -> int | None:
        """Of the route."""
        found = self.route.get("share_id")
        return None if found is None else int(found)

    def number(self, name: str) -> int:
        """A number of the path."""
        return int(self.route[name])

    def word(self, name: str) -> str:
        """A word of the path."""
        return str(self.route[name])

    def place(self, *kinds: type) -> list[Any] | None:
        """Where the part of a list begins that is asked for: the values given to :meth:`cursor`; None: at the beginning.

        :raises InvalidInput: ``after`` is no cursor of this list.
        """
        after = str(getattr(self.query, "after", ""))
        return cursor.decode(self.list_name, after, kinds) if after else None

    def after(self) -> str:
        """The same for a list whose place is one text; empty: at the beginning."""
        found = self.place(str)
        return str(found[0]) if found else ""

    def cursor(self, *place: str | int | bool | None) -> str:
        """The cursor of a place in this list, for ``next``."""
        return cursor.encode(self.list_name, place)

    def part_after(
        self, found: Sequence[T], shown: Sequence[T], place: Callable[[T], Sequence[str | int]]
    ) -> dict[str, Any]:
        """The same for a keyset query that was asked for one more than is shown; ``place`` is what it sorts by."""
        more = len(found) > len(shown)
        return {"more": more, "next": self.cursor(*place(shown[-1])) if more else None}

    def part(self, following: str) -> dict[str, Any]:
        """``more`` and ``next`` of an answer, from the text after which the next part begins; empty if there is none."""
        return {"more": bool(following), "next": self.cursor(following) if following else None}


AnyCall: TypeAlias = Call[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered, where it is more than a model with the endpoint's own status."""

    body: BaseModel | bytes | None = None
    status: int = 0
    """0: that of the endpoint."""
    location: str = ""
    """Where what was made is found, or where to go."""
    media: str = ""
    """Of bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Callable[[], Awaitable[None]] | None = None
    """What is to be done when the transaction is committed, and before the answer is given. It must be harmless when it is not done, or
    done twice: somebody else does it later, or it does not matter."""


def list_name(path: str, route: Mapping[str, str | int], query: Query) -> str:
    """The list that a request asks for a part of: see :mod:`http_api.cursor`."""
    chosen = query.model_dump(mode="json", exclude={"limit", "after"}, exclude_defaults=True)
    return json.dumps([path, dict(route), chosen], sort_keys=True)
