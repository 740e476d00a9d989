"""Restore a share to another one of the same emulator, with fresh worker processes."""

from benchmarks.backup.fleet import Measured, run_through
from benchmarks.backup.world import CREDENTIAL, World
from benchmarks.report import BenchmarkFailed
from shared.db import restore_points, runs
from shared.model.restore import RestoreOrder
from shared.model.run import RunKind
from shared.model.share import Share


async def restore(world: World, share: Share, target: str, *, workers: int) -> Measured:
    """Restore the newest restore point to the share ``target``, which is made.

    :raises BenchmarkFailed: not every file was written.
    """
    async with world.app.transaction() as conn:
        point = await restore_points.last(conn, share.share_id)
        assert point is not None
        order = RestoreOrder(
            restore_point=point.run_no, account_url=world.files.url, share_name=target, credential=CREDENTIAL
        )
        run = await runs.create(conn, share.tenant_id, share.share_id, RunKind.RESTORE, order)
    measured = await run_through(world, run, target, workers=workers)
    if measured.run.counters.files != point.files:
        raise BenchmarkFailed(f"{measured.run.counters.files:,} of {point.files:,} files were written")
    return measured
