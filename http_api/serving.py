"""What happens to a request, from the host to the handler and back: the same for every endpoint, in this order.

1. The path is read, and whoever asks is made known (401) and must be allowed (404 for what they may not see, 403, 429).
2. Query and body are parsed (400). Until here nothing was done, and nothing of the catalogue was told.
3. A transaction begins that sees the route's tenant and no other, and the tenant or the share is loaded in it (404).
4. Conditions are looked at (412), then the idempotency key (409, 422, or the answer that was given before).
5. The handler answers. The answer is put into bytes, kept under its key, and the transaction is committed.
6. What is to be done after the commit is done.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

from http_api.call import Answer, AnyCall, Call, list_name
from http_api.conditions import check_match, etag_of, has_it
from http_api.endpoint import Endpoint
from http_api.idempotency import once, request_hash
from http_api.observing import observed
from http_api.parsing import body_as, query_as
from http_api.problems import reply_to
from http_api.reply import Reply
from shared import wiring
from shared.db import shares, tenants
from shared.db.pool import Connection
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role
from shared.wiring import App

JSON: Final = "application/json"
NOBODY: Final = Principal(kind=PrincipalKind.LOCAL, id="nobody", name="nobody", grants=frozenset())
"""Who asks where nobody has to be known."""


async def serve(
    endpoint: Endpoint, req: func.HttpRequest, durable: df.DurableOrchestrationClient | None = None
) -> func.HttpResponse:
    """Answer a request; whatever goes wrong becomes a problem document."""

    async def answer() -> func.HttpResponse:
        try:
            reply = await _reply(endpoint, req, durable)
        except Exception as error:
            reply = reply_to(error, endpoint.name)
        return reply.response()

    return await observed(endpoint.method, endpoint.path, req, answer)


async def _reply(endpoint: Endpoint, req: func.HttpRequest, durable: df.DurableOrchestrationClient | None) -> Reply:
    route = endpoint.route_of(req.route_params)
    app = await wiring.app()
    principal = NOBODY
    if endpoint.action is not None:
        principal = await _identify(app, req)
        await _admit(app, principal, endpoint.action, route)
    query = query_as(req.params, endpoint.query)
    raw = b"" if endpoint.method in ("GET", "DELETE") else req.get_body()
    call: AnyCall = Call(
        app=app,
        principal=principal,
        now=app.clock.now(),
        query=query,
        body=body_as(raw, endpoint.body),
        route=route,
        headers={name.lower(): value for name, value in req.headers.items()},
        list_name=list_name(endpoint.path, route, query),
        durable=durable,
    )
    asked = request_hash(endpoint.method, endpoint.path, {**_texts(route), **req.params}, raw)
    async with _audited(endpoint, call):
        return await _answered(endpoint, call, asked)


async def _answered(endpoint: Endpoint, call: AnyCall, asked: bytes) -> Reply:
    then: list[Answer] = []

    async def perform() -> Reply:
        found = await endpoint.handler(call)
        answer = found if isinstance(found, Answer) else Answer(body=found)
        then.append(answer)
        return _reply_of(endpoint, call, answer)

    async with call.held:
        if endpoint.transaction:
            call.connection = await call.held.enter_async_context(_transaction(call.app, call.tenant_id))
        if endpoint.transaction and endpoint.loads:
            await _load(call)
        if endpoint.current is not None and "if-match" in call.headers:
            check_match(call.headers["if-match"], await endpoint.current(call))
        reply = await (once(call, asked, perform) if endpoint.idempotent else perform())
    for answer in then:
        if answer.then is not None:
            await answer.then()
    return reply


def _reply_of(endpoint: Endpoint, call: AnyCall, answer: Answer) -> Reply:
    headers = dict(answer.headers)
    if answer.location:
        headers["Location"] = answer.location
    status = answer.status or endpoint.status
    if not isinstance(answer.body, BaseModel):
        return Reply(status=status, body=answer.body or b"", media=answer.media, headers=headers)
    body = answer.body.model_dump_json(by_alias=True).encode("utf-8")
    if endpoint.etag:
        headers["ETag"] = etag_of(answer.body)
        if endpoint.method == "GET" and has_it(call.headers.get("if-none-match", ""), headers["ETag"]):
            return Reply(status=304, headers=headers)
    return Reply(status=status, body=body, media=JSON, headers=headers)


async def _load(call: AnyCall) -> None:
    """Load what the route names. Raises ``NotFound``."""
    if call.tenant_id is None:
        return
    if call.share_id is not None:
        call.loaded_share = await shares.get(call.conn, call.share_id, call.tenant_id)
    else:
        call.loaded_tenant = await tenants.get(call.conn, call.tenant_id)


def _texts(route: Mapping[str, Any]) -> dict[str, str]:
    return {f"{{{name}}}": str(value) for name, value in route.items()}


# ---------------------------------------------------------------------------------------------------------------------
# The places of access: who asks, whether they may, what they see, and what is written down about it.

_DEVELOPER: Final = Principal(
    kind=PrincipalKind.LOCAL, id="developer", name="developer", grants=frozenset({Grant(Role.PLATFORM_ADMIN)})
)


async def _identify(app: App, req: func.HttpRequest) -> Principal:  # noqa: ARG001 - until identity is wired
    """Who asks."""
    return _DEVELOPER


async def _admit(app: App, principal: Principal, action: Action, route: Mapping[str, str | int]) -> None:
    """:raises NotFound: they may not see what the route names. :raises Denied: they may not do this."""


@asynccontextmanager
async def _transaction(app: App, tenant_id: str | None) -> AsyncIterator[Connection]:  # noqa: ARG001 - until it is wired
    """A transaction that sees one tenant, or, with none, all."""
    async with app.transaction() as conn:
        yield conn


@asynccontextmanager
async def _audited(endpoint: Endpoint, call: AnyCall) -> AsyncIterator[None]:  # noqa: ARG001 - until it is wired
    """Write down what is about to be done, and what became of it."""
    yield
