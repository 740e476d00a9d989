"""How fast a quick verify is, with one worker process: the promise is 20,000 files a second.

As a phase it is for whoever has the services and a share that is backed up; by itself, ``python -m benchmarks.restore.verify``, it brings both.
"""

import argparse
import asyncio
from typing import Final

from benchmarks import report
from benchmarks.backup.fleet import Measured, backup, take_through
from benchmarks.backup.world import World, world
from benchmarks.report import BenchmarkFailed
from shared.db import restore_points, runs
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder

TARGETS: Final = {"verify_quick_files_per_s": (">=", 20_000.0)}
"""Wall time from the opening to the end of the closing, of a share of 100,000 files, 12 to a directory."""


async def verify(world: World, share: Share, level: VerifyLevel = VerifyLevel.QUICK) -> Measured:
    """Verify the newest restore point of ``share`` with one fresh worker process.

    :raises BenchmarkFailed: there is none, or anything was found.
    """
    async with world.app.transaction() as conn:
        point = await restore_points.last(conn, share.share_id)
        if point is None:
            raise BenchmarkFailed("the share has no restore point to verify")
        order = VerifyOrder(level=level, restore_point=point.run_no)
        run = await runs.create(conn, share.tenant_id, share.share_id, RunKind.VERIFY, verify=order)
    measured = await take_through(world, share, run)
    if measured.run.counters.files != point.files:
        raise BenchmarkFailed(f"{measured.run.counters.files:,} of {point.files:,} files were looked at")
    return measured


def results(quick: Measured) -> report.Results:
    """The promised number, and what it took."""
    files = quick.run.counters.files
    return {
        "verify_quick_files_per_s": files / quick.wall_s,
        "verify_quick_cpu_us_per_file": quick.cpu_s / files * 1e6,
        "verify_quick_vault_reads": quick.run.counters.vault_reads,
        "verify_quick_rss_mib": quick.rss_mib,
    }


async def _measure(files: int) -> report.Results:
    async with world() as services:
        services.synthetic("main", files)
        share = await services.protect("main")
        print(f"backup: {await backup(services, share, workers=2)}", flush=True)
        quick = await verify(services, share)
        print(f"quick verify: {quick}", flush=True)
        full = await verify(services, share, VerifyLevel.FULL)
        print(f"full verify: {full}", flush=True)
        mib = full.run.counters.reread_bytes / 2**20
        return results(quick) | {
            "verify_full_files_per_s": files / full.wall_s,
            "verify_full_mib_per_s": mib / full.wall_s,
            "verify_full_rss_mib": full.rss_mib,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restore.verify", description=__doc__)
    parser.add_argument(
        "--files", type=report.count, default=100_000, metavar="N", help="of the share (default: 100000)"
    )
    print(report.table(asyncio.run(_measure(parser.parse_args().files)), TARGETS))
