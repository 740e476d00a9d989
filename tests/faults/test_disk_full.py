"""A worker whose disk is full where listings of very wide directories are kept."""

import asyncio

import pytest

from shared.model.run import Driver, RunState
from shared.ports.journal import EVENT
from tests.support.aftermath import Aftermath
from tests.support.crash_loop import LIMITS
from tests.support.crew import crew
from tests.support.world import world

WIDE = 5_200
"""More than one list page: what goes to disk."""


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        found.client().delete_share()
        shape = {"profile": "flat", "files": WIDE, "seed": 1, "empty": 1.0}
        found.control.ask("POST", f"/shares/{found.share.share_name}/synthetic", shape)
        yield found


async def ended(files, run, workers, seconds=120):
    async with asyncio.timeout(seconds):
        while (now := await files.reload(run)).finished_at is None:
            assert workers.ended() == []
            await asyncio.sleep(0.1)
    return now


async def test_a_full_disk_fails_the_run_with_a_clear_error_and_a_later_run_is_whole(files, tmp_path):
    aftermath = Aftermath(files)
    run = await files.queue_backup(Driver.WORKERS)
    with crew(files.app, tmp_path, LIMITS, size=1, environ={"AFB_TORTURE_FILE_BYTES": "8192"}) as workers:
        run = await ended(files, run, workers)
    assert run.state is RunState.FAILED
    assert "a listing cannot be kept in" in run.error
    assert "hint: make room there, or set TMPDIR" in run.error
    assert [line for line in await files.journal(run) if line.kind != EVENT] == []
    await aftermath.sound()
    limits = LIMITS | {"batch_files": 20_000, "wide_entries": 20_000, "page_entries": 64}
    run = await files.queue_backup(Driver.WORKERS)
    (tmp_path / "later").mkdir()
    with crew(files.app, tmp_path / "later", limits, size=2) as workers:
        run = await ended(files, run, workers)
    await aftermath.equal(run)
