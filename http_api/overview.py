"""``/api/overview``: all shares at a glance."""

import datetime as dt
from collections.abc import Sequence

from http_api.call import AnyCall, Call
from http_api.models.base import Paged
from http_api.models.overview import NewestPoint, NewestRun, OverviewPart, ShareAtAGlance, ShareHealth
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.core.health import health
from shared.db import health_facts, overview
from shared.model.access import Action
from shared.model.run import RunKind, RunState


async def get_overview(call: Call[Paged]) -> OverviewPart:
    """The shares that one may see, each with its newest restore point, its newest run, and how it stands."""
    place = call.place(str, str, str)
    after = (place[0], place[1], place[2]) if place else None
    found = await overview.lines(call.conn, call.query.limit + 1, seen_by(call.principal), after)
    shown = found[: call.query.limit]
    stand = await _health(call, [line.share_id for line in shown])
    return OverviewPart(
        shares=[_at_a_glance(line, stand[line.share_id], call.now) for line in shown if line.share_id in stand],
        **call.part_after(found, shown, lambda line: (line.tenant_name, line.tenant_id, line.share_name)),
    )


async def _health(call: AnyCall, share_ids: Sequence[int]) -> dict[int, ShareHealth]:
    """Of those that are still there: the questions are asked one after the other."""
    seen = seen_by(call.principal)
    facts = await health_facts.facts(call.conn, seen, share_ids=share_ids)
    alerts = await health_facts.open_alerts(call.conn, seen)
    active = {run.share_id: run.kind for run in await health_facts.active_runs(call.conn, seen)}
    errors = await health_facts.backup_errors(call.conn, facts)
    found = {}
    for one in facts:
        share_id = one.share_id
        standing = one.standing(alerts.get(share_id, ()), active.get(share_id, ""), errors.get(share_id, ""))
        judged = health(standing, call.now)
        found[share_id] = ShareHealth(level=judged.level, reasons=judged.reasons)
    return found


def _at_a_glance(line: overview.ShareLine, stands: ShareHealth, now: dt.datetime) -> ShareAtAGlance:
    point = run = None
    if line.point is not None and line.taken_at is not None:
        point = NewestPoint(
            restore_point=line.point,
            taken_at=line.taken_at,
            files=line.files or 0,
            bytes=line.bytes or 0,
            age_s=max(0, round((now - line.taken_at).total_seconds())),
        )
    if line.run_no is not None and line.kind is not None and line.state is not None:
        run = NewestRun(run_no=line.run_no, kind=RunKind(line.kind), state=RunState(line.state), error=line.error)
    return ShareAtAGlance(
        tenant_id=line.tenant_id,
        tenant_name=line.tenant_name,
        share_id=line.share_id,
        share_name=line.share_name,
        restore_point=point,
        run=run,
        health=stands,
    )


routes = Routes("overview")
routes.get("/api/overview", get_overview, Action.OVERVIEW_READ, {200: OverviewPart})
bp = routes.blueprint
