"""Rebuild the catalogue of the share that was backed up, in a new database: files per second of one worker's processor time."""

from contextlib import aclosing
from dataclasses import replace
from typing import Final

from benchmarks.backup.fleet import run_through
from benchmarks.backup.phases import Found, Sizes
from benchmarks.backup.world import World
from benchmarks.report import BenchmarkFailed
from shared import wiring
from shared.model.run import RebuildOrder
from shared.settings import Settings

TARGETS: Final = {"rebuild_files_per_s_per_core": (">=", 20_000.0)}


async def rebuild(world: World, sizes: Sizes, found: Found) -> None:
    """Of the share of phase ``first``, by one worker. ``rebuild_bytes_per_file`` is what the tree takes, indexes included."""
    share = found.main
    assert share is not None
    environment = {**world.environment, "AFB_POSTGRES_URL": world.postgres.create_database("rebuilt")}
    app = await wiring.make_app(Settings.from_env({**environment, "AFB_MIGRATE": "true"}))
    async with aclosing(app):
        empty = replace(world, app=app, environment=environment)
        [run], _ = await app.queue_rebuilds(RebuildOrder(), tenant_id=share.tenant_id)
        measured = found.note("rebuild", await run_through(empty, run, share.share_name))
        if measured.run.counters.files != sizes.files:
            raise BenchmarkFailed(
                f"the rebuilt catalogue has {measured.run.counters.files} files, expected {sizes.files}"
            )
        async with app.transaction() as conn:
            query = f"SELECT pg_total_relation_size('page_{share.share_id}')".encode()
            row = await (await conn.execute(query)).fetchone()
    assert row is not None
    found.results["rebuild_files_per_s_per_core"] = sizes.files / measured.cpu_s
    found.details |= {"rebuild_bytes_per_file": row[0] / sizes.files, "rebuild_rss_mib": measured.rss_mib}
