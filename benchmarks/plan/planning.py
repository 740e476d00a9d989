"""A plan: what a first backup and a daily run take by simulation, and what the whole costs by the formulas of :mod:`shared.core.sizing`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.plan.simulation import Outcome, costs_of, simulate
from benchmarks.plan.trees import ROWS, Rows, rows
from benchmarks.report import BenchmarkFailed, Results
from shared.core import cost, sizing
from shared.core.basis import Basis, Server, read_basis
from shared.core.cost import BATCH_DIRECTORIES, GB
from shared.core.sizing import HOURS, Estimate, Installation, Job, Plan

PRICES: Final = Path(cost.__file__).with_name("prices.toml")
SEED: Final = 7


def basis() -> Basis:
    """What the product itself reckons with."""
    return read_basis(PRICES.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Both runs, and what they make together."""

    estimate: Estimate
    first: Outcome
    daily: Outcome
    uneven: float
    """The largest share, by the mean."""


def simulated(
    wanted: Installation,
    basis: Basis,
    *,
    seed: int = SEED,
    skew: float = 0.0,
    rounds: bool = True,
    first_width: int | None = None,
    like: Simulated | None = None,
) -> Simulated:
    """Simulate an installation.

    :param skew: 0: shares are alike; else the n-th largest has ``n ** -skew`` of what the largest has.
    :param first_width: of the first backup, if another than the daily run's.
    :param like: one whose runs are the same, and only their prices others: it need not be simulated again.
    :raises InvalidInput: something cannot be; names the field.
    """
    sizing.check(wanted, basis)
    server = sizing.server_for(wanted, basis)
    drawn = rows(wanted.files_per_directory, wanted.changed / wanted.files, seed)
    sizes = _sizes(wanted, skew)
    first, first_plan = _run(
        replace(wanted, width=first_width or wanted.width),
        basis,
        server,
        drawn,
        sizes,
        first=True,
        rounds=rounds,
        known=like.first if like else None,
    )
    daily, daily_plan = _run(
        wanted, basis, server, drawn, sizes, first=False, rounds=rounds, known=like.daily if like else None
    )
    every = [one for account in sizes for one in account]
    return Simulated(
        estimate=sizing.assembled(wanted, basis, server, first_plan, daily_plan),
        first=first,
        daily=daily,
        uneven=max(every) * len(every) / sum(every),
    )


def _sizes(wanted: Installation, skew: float) -> list[list[int]]:
    """Directories of each share, by account: the largest ones in different accounts."""
    weights = [(n + 1) ** -skew for n in range(wanted.shares)]
    total = round(wanted.directories)
    found = [max(1, round(total * weight / sum(weights))) for weight in weights]
    found[0] += total - sum(found)
    return [found[account :: wanted.accounts] for account in range(wanted.accounts)]


def _run(
    wanted: Installation,
    basis: Basis,
    server: Server,
    drawn: Rows,
    sizes: list[list[int]],
    *,
    first: bool,
    rounds: bool,
    known: Outcome | None,
) -> tuple[Outcome, Plan]:
    job = job_of_rows(drawn, wanted, basis, first=first)
    width = wanted.width or sizing.width_for(job, wanted, basis, server)
    if known is None:
        costs, limits = costs_of(drawn, wanted, basis, first=first), basis.limits[wanted.account_kind]
        found = simulate(sizes, costs, limits, basis, width=width, catalogue_cores=server.cores, rounds=rounds)
    else:
        found = known
    _believe(found, job, wanted)
    bounds = sizing.bounds_of(job, wanted, basis, server, width)
    return found, sizing.priced(
        job, wanted, basis, width=width, seconds=found.seconds, bounds=bounds, instance_s=found.instance_s
    )


def job_of_rows(drawn: Rows, wanted: Installation, basis: Basis, *, first: bool) -> Job:
    """What all directories take, by the sums of the rows that they go through."""
    times = wanted.directories / (ROWS * BATCH_DIRECTORIES)
    files = float(drawn.files.sum()) * times
    return sizing.job_of(
        wanted,
        basis,
        lists=float(drawn.lists.sum()) * times,
        directories=wanted.directories,
        entries=files + wanted.directories,
        changed=files if first else float(drawn.changed.sum()) * times,
        touched=wanted.directories if first else float(drawn.touched.sum()) * times,
        new=first,
    )


def _believe(found: Outcome, job: Job, wanted: Installation) -> None:
    """A simulation that lost directories, or asked for other things than the sums, would be wrong."""
    if found.directories != round(wanted.directories):
        raise BenchmarkFailed(f"{found.directories:,} directories were listed of {wanted.directories:,.0f}")
    if not 0.8 < found.requests / job.requests < 1.25:
        raise BenchmarkFailed(f"{found.requests:,.0f} requests were simulated, and the rows have {job.requests:,}")


def results_of(found: Simulated) -> Results:
    """Numbers by metric; hours, dollars (of the price table's currency), GB of 10^9 bytes."""
    estimate = found.estimate
    wanted = estimate.wanted
    results: Results = {
        "files": wanted.files,
        "directories": wanted.directories,
        "shares": wanted.shares,
        "accounts": wanted.accounts,
        "largest_share_by_mean": found.uneven,
        "changed_files_per_day": wanted.changed,
        "touched_directories_per_day": estimate.daily.job.metadata - estimate.daily.job.work.files_list,
    }
    for name, outcome, plan in (("first", found.first, estimate.first), ("daily", found.daily, estimate.daily)):
        results |= {
            f"{name}_hours": outcome.seconds / HOURS,
            f"{name}_bound_hours": max(plan.bounds.values()) / HOURS,
            f"{name}_hours_of_the_median_share": sorted(outcome.share_s)[len(outcome.share_s) // 2] / HOURS,
            f"{name}_width": plan.width,
            f"{name}_instances": plan.instances,
            f"{name}_instances_in_use": outcome.instance_s / outcome.seconds if outcome.seconds else 0.0,
            f"{name}_instance_hours": outcome.instance_s / HOURS,
            f"{name}_activities": outcome.activities,
            f"{name}_requests": plan.job.requests,
            f"{name}_lists": plan.job.work.files_list,
            f"{name}_reads": plan.job.work.files_read,
            f"{name}_read_gb": plan.job.work.read_bytes / GB,
            f"{name}_listed_gb": plan.job.list_bytes / GB,
            f"{name}_vault_writes": plan.job.work.vault_write,
            f"{name}_batches": plan.job.batches,
            f"{name}_usd_requests": plan.files_operations,
            f"{name}_usd_vault": plan.vault_operations + plan.tiering,
            f"{name}_usd_compute": plan.compute,
            f"{name}_usd_network": plan.network,
            f"{name}_usd": plan.total,
            **{f"{name}_used_{limit}": part for limit, part in outcome.used.items()},
        }
    results |= {
        "catalogue_fresh_gb": estimate.fresh_bytes / GB,
        "catalogue_gb": estimate.catalogue_bytes / GB,
        "catalogue_server_gib": estimate.server.memory_gib,
        "catalogue_disk_gb": estimate.server.disk_gb,
        "rebuild_hours_of_16_cores": sizing.rebuild_s(wanted, estimate.basis, 16) / HOURS,
        "vault_gb": (estimate.kept.content_bytes + estimate.kept.manifest_bytes) / GB,
        "vault_objects": estimate.kept.objects,
        **{f"month_usd_{name.replace(', ', '_').replace(' ', '_')}": value for name, value in estimate.month.items()},
        "month_usd": estimate.month_total,
    }
    return results
