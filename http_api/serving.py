"""What happens to a request, from the host to the handler and back: the same for every endpoint, in this order.

1. The path is read, and whoever asks is made known (401) and must be allowed (404 for what they may not see, 403, 429).
2. Query and body are parsed (400). Where a dry run needs less than the real thing, it is seen now which of them is asked for (403). Until here nothing was done, and nothing of the catalogue was told.
3. A transaction begins that sees the route's tenant and no other, and the tenant or the share is loaded in it (404, and 409 if it is being purged).
4. If it changes something or shows file content, that is written down, or nothing is done (503). Conditions are looked at (412), then the idempotency key (409, 422, or the answer that was given before).
5. The handler answers. The answer is put into bytes, kept under its key, and the transaction is committed.
6. What is to be done after the commit is done.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel

from http_api.auditing import audited, entry_of, refused
from http_api.call import Answer, AnyCall, Call, list_name
from http_api.conditions import check_match, etag_of, has_it
from http_api.endpoint import Endpoint
from http_api.fields import Filled
from http_api.guard import admit, hardened, require
from http_api.idempotency import once, request_hash
from http_api.identity import identify
from http_api.observing import observed
from http_api.parsing import body_as, fields_as, form_as, query_as
from http_api.problems import BUG, told, told_of
from http_api.remembered import forget
from http_api.rendering import problem_page
from http_api.reply import Reply
from shared import wiring
from shared.core.access import visible_tenants
from shared.db import shares, tenants
from shared.errors import Conflict, Denied
from shared.model.access import Principal, PrincipalKind
from shared.model.deletion import Deletion
from shared.settings import in_azure

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
_FOR_WHO_TYPED: Final = frozenset({400, 404, 409, 412, 422, 503})
"""Statuses of problems that are told on the page with the form, not instead of it."""
NOBODY: Final = Principal(kind=PrincipalKind.LOCAL, id="nobody", name="nobody", grants=frozenset())
"""Who asks where nobody has to be known."""


async def serve(
    endpoint: Endpoint, req: func.HttpRequest, durable: df.DurableOrchestrationClient | None = None
) -> func.HttpResponse:
    """Answer a request; whatever goes wrong becomes a problem document, or a page."""

    async def answer() -> func.HttpResponse:
        try:
            reply = await _reply(endpoint, req, durable)
        except Exception as error:
            reply = await _wrong(endpoint, req, error)
        return hard(reply).response()

    return await observed(endpoint.method, endpoint.path, req, answer)


async def _wrong(endpoint: Endpoint, req: func.HttpRequest, error: Exception) -> Reply:
    """What is answered instead. A form that was refused is shown again as it was filled in, if its page can still be shown."""
    wrong = told_of(error, endpoint.name)
    if not endpoint.page:
        return wrong.document()
    if endpoint.again is not None and wrong.problem.status in _FOR_WHO_TYPED:
        try:
            filled = Filled(fields_as(req.get_body()), wrong.problem)
            shown = await _reply(endpoint.again, req, None, filled)
        except Exception as other:
            wrong = told_of(other, endpoint.again.name)
        else:
            return replace(shown, status=wrong.problem.status, headers={**shown.headers, **wrong.headers})
    try:
        return problem_page(wrong, {name.lower(): value for name, value in req.headers.items()}, await wiring.app())
    except Exception:
        logger.exception("problem_not_shown", extra={"endpoint": endpoint.name})
        return told(BUG, "the request failed; the log of the app says why").document()


def hard(reply: Reply) -> Reply:
    """With the headers that every answer has."""
    return replace(reply, headers=hardened(reply.headers, in_azure=in_azure()))


async def _reply(
    endpoint: Endpoint,
    req: func.HttpRequest,
    durable: df.DurableOrchestrationClient | None,
    filled: Filled | None = None,
) -> Reply:
    route = endpoint.route_of(req.route_params)
    app = await wiring.app()
    principal = NOBODY
    raw = b"" if endpoint.method in ("GET", "DELETE") else req.get_body()
    entry = None
    if endpoint.action is not None:
        principal = await identify(app, req)
        entry = entry_of(endpoint, app, principal, req, route, raw) if endpoint.audited else None
        try:
            least = endpoint.plan or endpoint.action
            await admit(app, principal, least, _word(route, "tenant_id"), _number(route, "share_id"))
        except Denied:
            await refused(app, entry)
            raise
    query = query_as(req.params, endpoint.query)
    body = body_as(raw, endpoint.body) if endpoint.fields is None else form_as(raw, endpoint.body, endpoint.fields)
    asks = endpoint.action_of(body)
    if asks is not None and endpoint.plan is not None:
        entry = None if entry is None else replace(entry, action=str(asks))
        try:
            require(principal, asks, _word(route, "tenant_id"), _number(route, "share_id"))
        except Denied:
            await refused(app, entry)
            raise
    call: AnyCall = Call(
        app=app,
        principal=principal,
        now=app.clock.now(),
        query=query,
        body=body,
        route=route,
        headers={name.lower(): value for name, value in req.headers.items()},
        list_name=list_name(endpoint.path, route, query),
        address=req.url,
        durable=durable,
        filled=filled,
    )
    asked = request_hash(endpoint.method, endpoint.path, {**_texts(route), **req.params}, raw)
    return await audited(app, entry, lambda: _answered(endpoint, call, asked))


async def _answered(endpoint: Endpoint, call: AnyCall, asked: bytes) -> Reply:
    then: list[Answer] = []

    async def perform() -> Reply:
        found = await endpoint.handler(call)
        answer = found if isinstance(found, Answer) else Answer(body=found)
        then.append(answer)
        return _reply_of(endpoint, call, answer)

    async with call.held:
        if endpoint.transaction:
            # Of what is no tenant's, too, nobody sees more than what is theirs.
            seen = visible_tenants(call.principal) if call.tenant_id is None else (call.tenant_id,)
            call.connection = await call.held.enter_async_context(call.app.as_tenants(seen))
        if endpoint.transaction and endpoint.loads:
            await _load(call, purging=endpoint.purging, page=endpoint.page)
        if endpoint.current is not None and "if-match" in call.headers:
            check_match(call.headers["if-match"], await endpoint.current(call))
        reply = await (once(call, asked, perform) if endpoint.idempotent else perform())
    if endpoint.method != "GET":
        forget()
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


async def _load(call: AnyCall, *, purging: bool, page: bool) -> None:
    """Load what the route names; for a page also the share's tenant. Raises ``NotFound``; ``Conflict`` for what is being purged, unless ``purging``."""
    if call.tenant_id is None:
        return
    if call.share_id is not None:
        found = call.loaded_share = await shares.get(call.conn, call.share_id, call.tenant_id)
        _check_whole(f"share {found.name!r}", found.deletion, answers=purging)
    if call.share_id is None or page:
        owner = call.loaded_tenant = await tenants.get(call.conn, call.tenant_id)
        if call.share_id is None:
            _check_whole(f"tenant {owner.tenant_id!r}", owner.deletion, answers=purging)


def _check_whole(what: str, deletion: Deletion | None, *, answers: bool) -> None:
    """:raises Conflict: it is being purged, and nobody knows what of it is there still."""
    if deletion is not None and deletion.purging_at is not None and not answers:
        raise Conflict(f"{what} is being purged since {deletion.purging_at:%Y-%m-%d %H:%M} UTC", "purging")


def _word(route: Mapping[str, str | int], name: str) -> str | None:
    return str(route[name]) if name in route else None


def _number(route: Mapping[str, str | int], name: str) -> int | None:
    return int(route[name]) if name in route else None


def _texts(route: Mapping[str, Any]) -> dict[str, str]:
    return {f"{{{name}}}": str(value) for name, value in route.items()}
