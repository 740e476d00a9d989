"""``/audit`` and ``/tenants/{tenant_id}/audit``: who did what, when, from where, and what became of it; also as lines of JSON."""

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from http_api import audit
from http_api.call import Answer, Call
from http_api.models.audit import AuditPart, AuditQuery, Moment
from http_api.pages.both import of_platform, place_of
from http_api.pages.places import TENANT, with_query
from http_api.pages.roles import action_text
from http_api.rendering import page
from http_api.routes import Routes
from shared.core.content_request import attachment
from shared.model.access import Action

LINES: Final = "application/x-ndjson"
_PART: Final = 1_000
_PARTS_MAX: Final = 10
"""A file has up to ten thousand requests: a few seconds, and a few megabytes. It says what to ask for if there are more."""


def _given(value: object) -> object:
    """A form that asks sends what was left empty, too."""
    return None if value == "" else value


def _from(value: object) -> object:
    """The beginning of a day in UTC, as a form has it; a moment stays one."""
    return f"{value}T00:00:00Z" if isinstance(value, str) and len(value) == 10 else _given(value)


def _until(value: object) -> object:
    """The end of a day in UTC: that day is a part of what is asked for."""
    if isinstance(value, str) and len(value) == 10:
        try:
            following = dt.date.fromisoformat(value) + dt.timedelta(days=1)
        except (ValueError, OverflowError):
            return value
        return f"{following.isoformat()}T00:00:00Z"
    return _given(value)


class AuditPageQuery(AuditQuery):
    """Which requests, as the form above them asks."""

    action: Annotated[Action | None, BeforeValidator(_given)] = None
    since: Annotated[Moment | None, BeforeValidator(_from)] = None
    until: Annotated[Moment | None, BeforeValidator(_until)] = None


async def audit_page(call: Call[AuditPageQuery]) -> Answer:
    """Requests, the newest first."""
    query = call.query
    part = await _listed(call)
    chosen = {
        "actor": query.actor,
        "action": query.action or "",
        "since": f"{query.since:%Y-%m-%d}" if query.since else "",
        "until": f"{query.until - dt.timedelta(seconds=1):%Y-%m-%d}" if query.until else "",
    }
    # The very moments: a cursor is good for what it was given for.
    asked = {
        **chosen,
        "since": query.since.isoformat() if query.since else "",
        "until": query.until.isoformat() if query.until else "",
    }
    here = place_of(call) + "/audit"
    return page(
        call,
        "audit.html",
        tab="audit",
        fragment="_audit_rows.html",
        part=part,
        chosen=chosen,
        filtered=any(chosen.values()),
        more=with_query(here, **asked, after=part.next) if part.next else "",
        lines=with_query(here + "/lines", **asked),
        here=here,
        actions=sorted((str(action), action_text(action)) for action in _WRITTEN_DOWN),
        action_text=action_text,
    )


async def audit_lines(call: Call[AuditPageQuery]) -> Answer:
    """The same as lines of JSON, up to ten thousand; if there are more, the last line says how to go on."""
    lines = bytearray()
    for number in range(1, _PARTS_MAX + 1):
        part = await _listed(replace(call, query=call.query.model_copy(update={"limit": _PART})))
        for entry in part.entries:
            lines += entry.model_dump_json().encode() + b"\n"
        if part.next is None:
            break
        call = replace(call, query=call.query.model_copy(update={"after": part.next}))
        if number == _PARTS_MAX:
            following = AuditPart(entries=[], more=True, next=part.next)
            lines += following.model_dump_json(exclude={"entries"}).encode() + b"\n"
    name = f"audit-{call.tenant_id or 'platform'}-{call.now:%Y-%m-%d}.jsonl"
    return Answer(body=bytes(lines), media=LINES, headers=attachment(name))


async def _listed(call: Call[Any]) -> AuditPart:
    return await (audit.list_platform_audit if call.tenant_id is None else audit.list_audit)(call)


_SEEN_ONLY: Final = frozenset(
    action for action in Action if str(action).endswith((".read", ".list")) or action is Action.ACCOUNTS_ANY
) - {Action.CONTENT_READ, Action.EXPORTS_READ}
_WRITTEN_DOWN: Final = frozenset(Action) - _SEEN_ONLY

routes = Routes("audit pages")
routes.page(TENANT + "/audit", audit_page, Action.AUDIT_READ, purging=True)
routes.page(TENANT + "/audit/lines", audit_lines, Action.AUDIT_READ, purging=True)
routes.page("/audit", of_platform(audit_page), Action.AUDIT_READ)
routes.page("/audit/lines", of_platform(audit_lines), Action.AUDIT_READ)
bp = routes.blueprint
