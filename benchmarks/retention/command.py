"""``python -m benchmarks retention``: what prunes and sweeps cost, in time that grows with the share and memory that does not."""

import argparse
import asyncio
import random
import time
from pathlib import Path
from typing import Final

from azure.storage.fileshare import ShareServiceClient

from benchmarks import report, usage
from benchmarks.backup.fleet import Measured, run_through
from benchmarks.backup.world import World, world
from benchmarks.report import BenchmarkFailed, Results
from benchmarks.retention import history
from shared.adapters.metering import Meter
from shared.core.retention import decide
from shared.db import policies, retention, runs
from shared.model.node import directory_id
from shared.model.objects import bundle_name, chunk_name
from shared.model.retention import PruneOrder, RetentionPolicy
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.sweep import SweepOrder

FILES: Final = 1_000_000
POINTS: Final = 400
KEPT: Final = 8
"""One in so many restore points is kept: 50 of 400."""
LOOKS: Final = 50
"""Directories that are looked at afterwards, each at a restore point that was kept."""

BY_NAME: Final = Path(__file__).parent / "blobs_by_name.cjs"
"""Azurite looks at all blobs for each that it deletes, so the time of a sweep would be its own: see there."""
TARGETS: Final = {
    "prune_seconds": ("<=", 60.0),
    "prune_rss_mib": ("<=", 300.0),
    "sweep_seconds": ("<=", 600.0),
    "prune_linearity": ("<=", 1.2),
}
"""Every number of the results, in their order."""


def add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = parsers.add_parser(
        "retention",
        help="prunes and sweeps: time, memory, and how they grow with the share",
        description="Make the history of a share, let go of seven in eight of its restore points by a policy, and sweep it, with a worker process "
        "that is measured from outside; and the same with a tenth of the files. Making the history takes most of the time: some 10 minutes, "
        "3 GB of memory and 5 GB of disk. Run it on a machine that has nothing else to do.",
    )
    parser.add_argument("--files", type=report.count, default=FILES, metavar="N", help="of the larger share (1000000)")
    parser.add_argument("--points", type=report.count, default=POINTS, metavar="N", help="restore points (400)")
    report.add_files(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, print, write."""
    results, details = asyncio.run(_measure(options.files, options.points))
    report.tell(options, results, TARGETS, details)


async def _measure(files: int, points: int) -> tuple[Results, Results]:
    print(f"load average before: {usage.load():.1f}", flush=True)
    async with world(preload=BY_NAME) as services:
        small = await _one(services, "small", max(1, files // 10), points)
        large = await _one(services, "large", files, points)
    details = {f"{name}_{key}": value for name, of in (("small", small), ("large", large)) for key, value in of.items()}
    for clock in ("wall_s", "cpu_s"):
        took = {name: of[f"prune_{clock}"] + of[f"sweep_{clock}"] for name, of in (("small", small), ("large", large))}
        details[f"linearity_{clock}"] = took["large"] / (10 * took["small"])
    results = {
        "prune_seconds": large["prune_wall_s"],
        "prune_rss_mib": max(large["prune_rss_mib"], large["sweep_rss_mib"]),
        "sweep_seconds": large["sweep_wall_s"],
        "prune_linearity": details["linearity_wall_s"],
    }
    return results, details


async def _one(services: World, name: str, files: int, points: int) -> Results:
    """What a prune and a sweep of one share took."""
    client = ShareServiceClient(
        services.files.url, credential={"account_name": services.files.account, "account_key": services.files.key}
    )
    client.create_share(name)
    share = await services.protect(name)
    started = time.perf_counter()
    count = await history.write(services, share, files=files, points=points)
    making_s = time.perf_counter() - started
    print(f"{name}: {count:,} directories and {points} restore points made in {making_s:.0f} s", flush=True)
    policy = await _policy(services, share, points)
    async with services.app.transaction() as conn:
        made = await policies.create(conn, share.tenant_id, "benchmark", policy)
        await policies.give(conn, share.tenant_id, share.share_id, made.policy_id)
    pruned = await _run(services, share, PruneOrder(by="benchmark"))
    if pruned.run.counters.expired_points != points - points // KEPT:
        raise BenchmarkFailed(f"{pruned.run.counters.expired_points} restore points of {points} were let go")
    swept = await _run(services, share, SweepOrder(by="benchmark", margin_s=0))
    if not swept.run.counters.deleted_objects:
        raise BenchmarkFailed("the sweep deleted nothing")
    await _look(services, share, count)
    found: Results = {"making_s": making_s}
    for what, measured in (("prune", pruned), ("sweep", swept)):
        found[f"{what}_wall_s"] = measured.wall_s
        found[f"{what}_cpu_s"] = measured.cpu_s
        found[f"{what}_rss_mib"] = measured.rss_mib
        found |= {f"{what}_{service}_cpu_s": used_s for service, used_s in measured.services_cpu_s.items()}
    done = swept.run.counters
    found |= {
        "records": done.records,
        "deleted_objects": done.deleted_objects,
        "vault_requests": done.vault_reads + done.vault_writes + done.deleted_objects,
        "load": swept.load,
    }
    return found


async def _run(services: World, share: Share, order: PruneOrder | SweepOrder) -> Measured:
    kind = RunKind.SWEEP if isinstance(order, SweepOrder) else RunKind.PRUNE
    async with services.app.transaction() as conn:
        queued = await runs.create(conn, share.tenant_id, share.share_id, kind, retention=order)
    return await run_through(services, queued, share.share_name)


async def _policy(services: World, share: Share, points: int) -> RetentionPolicy:
    """A policy of all kinds of periods that keeps one restore point in :data:`KEPT`."""
    async with services.app.transaction() as conn:
        there = await retention.points(conn, share.share_id)
    wanted = max(1, points // KEPT)
    for keep_last in range(1, points + 1):
        policy = RetentionPolicy(
            keep_last=keep_last,
            daily=wanted // 3,
            weekly=wanted // 5,
            monthly=wanted // 5,
            yearly=2,
            time_zone="Europe/Berlin",
        )
        if sum(decision.keep for decision in decide(there, policy, services.app.clock.now())) == wanted:
            return policy
    raise BenchmarkFailed(f"no policy keeps {wanted} of {points} restore points")


async def _look(services: World, share: Share, count: int) -> None:
    """See that what is kept shows what it showed.

    :raises BenchmarkFailed: it does not.
    """
    rng = random.Random(7)
    kept = await services.app.catalogue.restore_point_numbers(share.share_id)
    vault = services.app.vaults.vault(share.tenant_id, Meter())
    there = {name async for name, _ in vault.names(f"{share.share_id}/")}
    past = services.app.past(share)
    for _ in range(LOOKS):
        number, run_no = rng.randrange(2, count + 2), rng.choice(kept)
        window = await past.children(directory_id(number), run_no, limit=1_000)
        expected = history.entries_of(number, history.saved_runs_at(number, run_no))
        if window.entries != expected:
            raise BenchmarkFailed(f"directory {number} at restore point {run_no} shows other files than it did")
        for saved in expected:
            content = saved.content
            names = [chunk_name(share.share_id, digest) for digest in content.chunks]
            names += [] if names else [bundle_name(share.share_id, content.run_no, content.batch_no, content.part)]
            if lost := [name for name in names if name not in there]:
                raise BenchmarkFailed(f"{lost[0]} is gone, and restore point {run_no} needs it")
