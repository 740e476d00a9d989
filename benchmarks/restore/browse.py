"""A small share backed up a thousand times while it changes, then every directory of it as the oldest restore point shows it."""

from typing import Final

from azure.storage.fileshare import ShareClient, ShareServiceClient

from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from shared.model.node import ROOT_ID
from shared.model.run import Run, RunState
from shared.model.share import Share
from shared.model.tickets import RunTicket
from shared.usecases.runs import close_run, open_run, work_on

EVERY: Final = (1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 64)
"""Of each directory, every how many runs something in it changes."""
FILES: Final = 12


async def browse(world: World, name: str, points: int) -> dict[str, float]:
    """Make ``points`` restore points; the most vault reads that any directory's listing takes at the first, and the mean."""
    share_client = ShareServiceClient(
        world.files.url, credential={"account_name": world.files.account, "account_key": world.files.key}
    ).create_share(name)
    for number in range(len(EVERY)):
        share_client.create_directory(f"d{number:02}")
        for n in range(FILES):
            _write(share_client, number, n, 0)
    share = await world.protect(name)
    for point in range(1, points + 1):
        await _back_up(world, await world.queue(share))
        for number, every in enumerate(EVERY):
            if point % every == 0:
                _write(share_client, number, point % FILES, point)
    reads = await _reads(world, share)
    if len(reads) != 1 + len(EVERY):
        raise BenchmarkFailed(
            f"{len(reads)} directories were found at the first restore point, expected {1 + len(EVERY)}"
        )
    return {"browse_vault_reads_max": max(reads), "browse_vault_reads_mean": sum(reads) / len(reads)}


def _write(share: ShareClient, number: int, n: int, point: int) -> None:
    text = b"%d" % point
    share.get_file_client(f"d{number:02}/f{n:02}.txt").create_file(len(text), data=text)


async def _back_up(world: World, run: Run) -> None:
    """In this process: a worker process for each of a thousand runs would take an hour."""
    for step in (open_run, work_on, close_run):
        async with world.app.run_scope(run.run_id) as scope:
            receipt = await step(RunTicket(run_id=run.run_id, worker="browse"), scope)
        if receipt.error or (receipt.left and step is work_on):
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
