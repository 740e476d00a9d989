"""How fast a verify is, with one worker process, from the opening to the end of the closing."""

from benchmarks.backup.fleet import Measured, run_through
from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from shared.db import restore_points, runs
from shared.model.run import RunKind
from shared.model.share import Share
from shared.model.verify_order import VerifyLevel, VerifyOrder


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
    measured = await run_through(world, run, share.share_name)
    if measured.run.counters.files != point.files:
        raise BenchmarkFailed(f"{measured.run.counters.files:,} of {point.files:,} files were looked at")
    return measured
