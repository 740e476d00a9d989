"""``/running`` and ``/tenants/{tenant_id}/running``: what is running now, for pages that list shares; asked again and again.

What is asked with is what the page has shown (``seen``): when that is no longer so, the answer has the page ask for its list again, or, if
it holds only a part of that, says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from http_api.call import Answer, AnyCall, Call
from http_api.models.base import Query
from http_api.pages.places import TENANT
from http_api.pages.share_list import changes
from http_api.rendering import page
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.core.progress import Progress, progress
from shared.db import health_facts, running
from shared.db.running import Running
from shared.model.access import Action

SHOWN: Final = 6


class LiveQuery(Query):
    """What the page shows."""

    seen: str = Field("", max_length=20)
    whole: bool = False
    """All of its list."""


@dataclass(frozen=True, slots=True)
class RunningLine:
    """A run that is active, and how far it is."""

    found: Running
    progress: Progress

    @property
    def url(self) -> str:
        """Of the run's page."""
        run = self.found.run
        return f"/tenants/{run.tenant_id}/shares/{run.share_id}/runs/{run.run_no}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningNow:
    """What the templates see."""

    lines: Sequence[RunningLine]
    more: int
    """How many are not shown."""
    seen: str
    """What the page shows."""
    whole: bool
    changed: bool = False
    """Since the page was made."""


async def running_now(
    call: AnyCall, tenant_id: str | None, *, whole: bool, seen_before: str | None = None
) -> RunningNow:
    """The runs that are active."""
    seen = seen_by(call.principal)
    active = await health_facts.active_runs(call.conn, seen, tenant_id)
    alerts = await health_facts.open_alerts(call.conn, seen, tenant_id)
    found = await running.running(call.conn, seen, tenant_id=tenant_id, limit=SHOWN) if active else []
    lines = [RunningLine(one, progress(one.run, now=call.now, expected=one.expected, at_work=None)) for one in found]
    now = changes(active, alerts)
    changed = seen_before is not None and seen_before != now
    # A page that holds a part of its list is told until somebody has it show the list anew.
    shown = seen_before if seen_before is not None and not whole else now
    return RunningNow(lines=lines, more=max(0, len(active) - len(lines)), seen=shown, whole=whole, changed=changed)


async def running_everywhere(call: Call[LiveQuery]) -> Answer:
    """What is running of all that one sees."""
    return await _answer(call, None)


async def running_of_tenant(call: Call[LiveQuery]) -> Answer:
    """The same of a tenant."""
    return await _answer(call, call.tenant.tenant_id)


async def _answer(call: Call[LiveQuery], tenant_id: str | None) -> Answer:
    query = call.query
    now = await running_now(call, tenant_id, whole=query.whole, seen_before=query.seen)
    base = f"/tenants/{tenant_id}" if tenant_id else ""
    return page(
        call, "running.html", tab="shares" if tenant_id else "overview", fragment="_running.html", now=now, base=base
    )


routes = Routes("what is running")
routes.page("/running", running_everywhere, Action.OVERVIEW_READ)
routes.page(TENANT + "/running", running_of_tenant, Action.TENANT_READ, purging=True)
bp = routes.blueprint
