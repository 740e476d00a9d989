"""Write down who changes what, and who gets to see file content: before it is done, and what became of it. See docs/adr/0014."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

import azure.functions as func

from http_api.endpoint import Endpoint
from http_api.problems import DENIED, kind_of
from http_api.reply import Reply
from shared.core.scrub import scrubbed
from shared.errors import BackupError, Unavailable
from shared.model.access import Principal
from shared.model.audit import AuditEntry, Outcome
from shared.wiring import App

logger = logging.getLogger(__name__)

_WITH_PORT: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):[0-9]{1,5}")
_DETAIL_MAX: Final = 2_000
"""Characters of a query string or a body that are kept."""


def entry_of(
    endpoint: Endpoint,
    app: App,
    principal: Principal,
    req: func.HttpRequest,
    route: Mapping[str, str | int],
    raw: bytes,
) -> AuditEntry:
    """What is about to be done."""
    path = endpoint.path
    for name, value in route.items():
        path = path.replace(f"{{{name}:int}}", str(value)).replace(f"{{{name}}}", str(value))
    query = "&".join(f"{name}={value}" for name, value in sorted(req.params.items()) if name != "code")
    body = raw[: 2 * _DETAIL_MAX].decode("utf-8", "replace")
    return AuditEntry(
        audit_id=app.ids.new(),
        at=app.clock.now(),
        tenant_id=str(route["tenant_id"]) if "tenant_id" in route else None,
        share_id=int(route["share_id"]) if "share_id" in route else None,
        actor_kind=principal.kind.value,
        actor_id=principal.id,
        actor_name=principal.name,
        action=str(endpoint.action),
        method=endpoint.method,
        path=path,
        source=source_of({name.lower(): value for name, value in req.headers.items()}, in_azure=app.settings.in_azure),
        outcome=Outcome.INTENDED,
        details={"query": scrubbed(query)[:_DETAIL_MAX], "body": scrubbed(body)[:_DETAIL_MAX]},
    )


def source_of(headers: Mapping[str, str], *, in_azure: bool) -> str:
    """The address that a request came from. In Azure the front end adds it to what the caller says of it, at the end."""
    if not in_azure:
        return "this machine" if "x-forwarded-for" not in headers else ""
    told = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:60]
    with_port = _WITH_PORT.fullmatch(told)
    return (with_port[1] or with_port[2]) if with_port is not None else told


async def refused(app: App, entry: AuditEntry | None) -> None:
    """Write down what somebody was not allowed to do."""
    if entry is not None:
        await _conclude(app, entry, DENIED.status)


async def audited(app: App, entry: AuditEntry | None, perform: Callable[[], Awaitable[Reply]]) -> Reply:
    """Do something that is to be written down; without an ``entry``, just do it.

    :raises Unavailable: the audit cannot be written. Nothing was done.
    """
    if entry is None:
        return await perform()
    try:
        await app.audit.write(entry)
    except BackupError as error:
        raise Unavailable(f"nothing was done, for it could not be written down who does it: {error}") from error
    try:
        reply = await perform()
    except Exception as error:
        await _conclude(app, entry, kind_of(error).status)
        raise
    await _conclude(app, entry, reply.status)
    return reply


async def _conclude(app: App, entry: AuditEntry, status: int) -> None:
    """Write down what became of it. If that fails there is still what was intended, and the log."""
    outcome = Outcome.DONE if status < 400 else Outcome.REFUSED if status < 500 else Outcome.FAILED
    try:
        await app.audit.write(replace(entry, outcome=outcome, status=status))
    except BackupError:
        logger.exception(
            "audit_outcome_not_written",
            extra={"audit_id": entry.audit_id, "action": entry.action, "outcome": outcome, "status": status},
        )
