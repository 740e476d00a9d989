"""Rebuild the catalogue of a share that was backed up, in a new database, with one worker process."""

from contextlib import aclosing
from dataclasses import replace

from benchmarks.backup.fleet import Measured, run_through
from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from shared import wiring
from shared.model.run import RebuildOrder
from shared.model.share import Share
from shared.settings import Settings


async def rebuild(world: World, share: Share, files: int) -> tuple[Measured, float]:
    """What it took, and the bytes per file of the tree that came of it, indexes included.

    :raises BenchmarkFailed: the new catalogue does not have ``files`` files.
    """
    environment = {**world.environment, "AFB_POSTGRES_URL": world.postgres.create_database("rebuilt")}
    app = await wiring.make_app(Settings.from_env({**environment, "AFB_MIGRATE": "true"}))
    async with aclosing(app):
        empty = replace(world, app=app, environment=environment)
        [run], _ = await app.queue_rebuilds(RebuildOrder(), tenant_id=share.tenant_id)
        measured = await run_through(empty, run, share.share_name)
        if measured.run.counters.files != files:
            raise BenchmarkFailed(f"the rebuilt catalogue has {measured.run.counters.files} files, expected {files}")
        async with app.transaction() as conn:
            query = f"SELECT pg_total_relation_size('page_{share.share_id}')".encode()
            row = await (await conn.execute(query)).fetchone()
    assert row is not None
    return measured, row[0] / files
