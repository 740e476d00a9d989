"""``/api/cost-estimate``: what an installation of some size would take and cost. It looks at nothing that anybody has."""

from dataclasses import asdict
from typing import Any

from http_api.call import Call
from http_api.models.estimates import (
    Bound,
    Estimate,
    EstimatedCatalogue,
    EstimatedCost,
    EstimatedRequests,
    EstimatedRun,
    EstimatedVault,
    EstimateQuery,
    MonthPart,
)
from http_api.models.runs import PricesUsed
from http_api.routes import Routes
from shared.core import sizing
from shared.model.access import Action


async def estimate_cost(call: Call[EstimateQuery]) -> Estimate:
    """Reckon what the first backup and a daily run of so many files take, which catalogue and vault they need, and what a month costs."""
    basis = call.app.sizing
    found = sizing.estimate(sizing.Installation(**call.query.model_dump()), basis)
    return Estimate(
        currency=basis.prices.currency,
        first=_run(found.first),
        daily=_run(found.daily),
        catalogue=EstimatedCatalogue(
            fresh_bytes=round(found.fresh_bytes),
            bytes=round(found.catalogue_bytes),
            server=found.server.name,
            cores=found.server.cores,
            memory_gib=found.server.memory_gib,
            month=found.server.month,
            disk_gb=found.server.disk_gb,
            rebuild_seconds=round(sizing.rebuild_s(found.wanted, basis, found.first.instances), 1),
        ),
        vault=EstimatedVault(**{name: round(value) for name, value in asdict(found.kept).items()}),
        month=[MonthPart(part=part, cost=round(cost, 2)) for part, cost in found.month.items()],
        month_total=round(found.month_total, 2),
        assumptions=list(found.assumptions),
        warnings=list(found.warnings),
        prices=PricesUsed(
            as_of=basis.prices.as_of,
            region=basis.prices.region,
            accuracy=basis.prices.accuracy,
            tier=sizing.tier_of(found.wanted),
        ),
    )


def _run(plan: sizing.Plan) -> EstimatedRun:
    job, work = plan.job, plan.job.work
    amounts: dict[str, Any] = {name: round(getattr(plan, name), 6) for name in EstimatedCost.model_fields}
    return EstimatedRun(
        seconds=round(plan.seconds, 1),
        bound=plan.bound,
        bounds=[Bound(bound=bound, seconds=round(seconds, 1)) for bound, seconds in plan.bounds.items()],
        width=plan.width,
        instances=plan.instances,
        instance_seconds=round(plan.instance_s, 1),
        requests=EstimatedRequests(
            list=work.files_list,
            read=work.files_read,
            other=work.files_other,
            vault_read=work.vault_read,
            vault_write=work.vault_write,
        ),
        read_bytes=work.read_bytes,
        listed_bytes=round(job.list_bytes),
        stored_bytes=work.stored_bytes,
        cost=EstimatedCost(**amounts),
    )


routes = Routes("usage")
routes.get("/api/cost-estimate", estimate_cost, Action.OVERVIEW_READ, {200: Estimate})
bp = routes.blueprint
