"""A small share backed up a thousand times while it changes, then every directory of it as the oldest restore point shows it."""

from typing import Final

from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from shared.model.node import ROOT_ID
from shared.model.run import Run, RunState
from shared.model.share import Share
from shared.model.tickets import RunTicket
from shared.usecases.runs import close_run, open_run, work_on

FILES: Final = 240
CHANGED_PERCENT: Final = 15.0
"""Per run, so that a directory of twelve changes in five of six runs: one that changes in all is found with fewer reads."""


async def browse(world: World, name: str, points: int) -> dict[str, float]:
    """Make ``points`` restore points; the most vault reads that any directory's listing takes at the first, and the mean."""
    world.synthetic(name, FILES)
    share = await world.protect(name)
    for seed in range(points):
        await _back_up(world, await world.queue(share))
        world.control("POST", f"/shares/{name}/mutate", {"percent": CHANGED_PERCENT, "seed": seed})
    reads = await _reads(world, share)
    if len(reads) < FILES // 12:
        raise BenchmarkFailed(f"only {len(reads)} directories were found at the first restore point")
    return {"browse_vault_reads_max": max(reads), "browse_vault_reads_mean": sum(reads) / len(reads)}


async def _back_up(world: World, run: Run) -> None:
    """In this process: a worker process for each of a thousand runs would take an hour."""
    for step in (open_run, work_on, close_run):
        async with world.app.run_scope(run.run_id) as scope:
            receipt = await step(RunTicket(run_id=run.run_id, worker="browse"), scope)
        if receipt.error or receipt.left:
            raise BenchmarkFailed(f"run {run.run_no}: {receipt.error or f'{receipt.left} directories left'}")
    if (await world.reload(run)).state is not RunState.SUCCEEDED:
        raise BenchmarkFailed(f"run {run.run_no} did not succeed")


async def _reads(world: World, share: Share) -> list[int]:
    """Vault reads for each directory, of all of it."""
    reads: list[int] = []
    left = [ROOT_ID]
    while left:
        past = world.app.past(share)
        window = await past.children(left.pop(), 1, limit=1_000)
        if window.following:
            raise BenchmarkFailed("a directory of a dozen files took more than one window")
        reads.append(past.reads)
        left += [saved.node_id for saved in window.entries if saved.entry.is_directory]
    return reads
