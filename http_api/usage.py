"""``/api/usage`` and ``/api/tenants/{tenant_id}/usage``: what is protected, what it took, and what that costs."""

import datetime as dt
from collections.abc import Sequence

from http_api.call import AnyCall, Call
from http_api.endpoint import TENANT
from http_api.models.runs import Cost
from http_api.models.usage import Amount, Month, Requests, ShareUsage, TotalUsage, Usage, UsageQuery
from http_api.routes import Routes
from http_api.seen import seen_by
from shared.core import cost
from shared.db import usage
from shared.model.access import Action


async def get_usage(call: Call[UsageQuery]) -> Usage:
    """What is protected, and what runs took in a month, of all tenants that one sees."""
    return await _usage(call, None)


async def get_tenant_usage(call: Call[UsageQuery]) -> Usage:
    """The same of one tenant."""
    return await _usage(call, call.tenant.tenant_id)


async def _usage(call: Call[UsageQuery], tenant_id: str | None) -> Usage:
    place = call.place(str, int)
    seen, limit = seen_by(call.principal), call.query.limit
    after = (place[0], place[1]) if place else None
    month = _month(call)
    found = await usage.protected(call.conn, seen, tenant_id=tenant_id, after=after, limit=limit + 1)
    shown = found[:limit]
    ids = [one.share_id for one in shown]
    used = await usage.of_shares(call.conn, ids, month)
    total = await usage.total(call.conn, seen, tenant_id=tenant_id, month=month)
    return Usage(
        month=f"{month:%Y-%m}",
        total=TotalUsage(
            shares=total.shares,
            protected=Amount(files=total.files, bytes=total.bytes),
            vault_bytes=total.vault_bytes,
            month=month_of(call, total.used),
        ),
        shares=[
            ShareUsage(
                tenant_id=one.tenant_id,
                share_id=one.share_id,
                share_name=one.name,
                protected=Amount(files=one.files, bytes=one.bytes),
                restore_points=one.points,
                vault_bytes=one.vault_bytes,
                month=month_of(call, used[one.share_id]),
            )
            for one in shown
        ],
        **call.part_after(found, shown, lambda one: (one.tenant_id, one.share_id)),
    )


def _month(call: Call[UsageQuery]) -> dt.date:
    asked = call.query.month
    return dt.date.fromisoformat(f"{asked}-01") if asked else call.now.date().replace(day=1)


def month_of(call: AnyCall, used: Sequence[usage.Used]) -> Month:
    """What runs took in a month, priced."""
    prices, workers = call.app.prices, call.app.settings.width
    work = cost.Work()
    for one in used:
        work += cost.work_of(one.kind, one.counters, worker_s=one.seconds * workers)
    return Month(
        runs=sum(one.runs for one in used),
        seconds=round(sum(one.seconds for one in used), 3),
        requests=Requests(
            list=work.files_list,
            read=work.files_read,
            write=work.files_write,
            other=work.files_other,
            vault_read=work.vault_read,
            vault_write=work.vault_write,
        ),
        vault_bytes=work.stored_bytes,
        cost=Cost.model_validate(cost.cost_answer(cost.cost_of(work, prices), prices)),
    )


routes = Routes("usage")
routes.get("/api/usage", get_usage, Action.USAGE_READ, {200: Usage})
routes.get(TENANT + "/usage", get_tenant_usage, Action.USAGE_READ, {200: Usage})
bp = routes.blueprint
