"""What a share, or whoever looks after it, can do to a backup: each ends in the right state, and a later run is equal to the share."""

import asyncio
import os
import random
import secrets
import time

import pytest

from shared.db import runs
from shared.model.run import RunState
from tests.support.aftermath import Aftermath, to_the_end, when
from tests.support.share_tree import put
from tests.support.world import world

FILES = 60
FEW = 5
"""Lines of a journal, those about the run itself included; trouble with the whole share must not fill it."""


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=6 << 20
    ) as found:
        fill(found.client())
        yield found
        found.control.clear()
        found.control.unlimit()


def fill(share):
    """Small files in many directories, a chunked and a large one."""
    for n in range(FILES):
        put(share, f"d{n % 12:02}/{n:03}.bin", secrets.token_bytes(500 + n))
    put(share, "medium.bin", secrets.token_bytes(5 << 20))
    put(share, "large/large.bin", secrets.token_bytes(7 << 20))


def change(share, rng):
    for _ in range(FILES // 4):
        n = rng.randrange(FILES)
        put(share, f"d{n % 12:02}/{n:03}.bin", rng.randbytes(700))
    put(share, "large/large.bin", rng.randbytes(7 << 20))
    put(share, f"new {rng.randrange(1000)}/file.bin", rng.randbytes(3000))


def rule(files, **fault):
    return {"share": files.share.share_name, "count": 0, **fault}


BUSY = {"status": 503, "code": "ServerBusy", "probability": 0.3, "seed": 7}
TROUBLE = {
    "three of ten busy": BUSY,
    "three of ten busy, with Retry-After": {**BUSY, "retry_after_ms": 20},
    "resets before": {"reset": "before", "every": 7},
    "resets after": {"reset": "after", "every": 7},
    "truncated": {"truncate_fraction": 0.6, "every": 7},
    "slow": {"delay_s": 0.4, "every": 9},
    "stalled": {"stall_s": 0.5, "every": 9, "operation": "file_download"},
}


SHORT = ("three of ten busy", "slow")  # the others in short: tests/integration/test_shaky_share.py


@pytest.mark.parametrize("kind", [k if k in SHORT else pytest.param(k, marks=pytest.mark.torture) for k in TROUBLE])
async def test_trouble_with_some_requests_is_outlasted(files, kind):
    aftermath = Aftermath(files)
    with files.control.faults(rule(files, **TROUBLE[kind])):
        run = await files.backup()
        [struck] = files.control.rules()
    assert struck["hits"] > 5
    await aftermath.equal(run)
    change(files.client(), random.Random(1))
    await aftermath.mended()


@pytest.mark.torture
async def test_a_storm_of_a_minute_is_outlasted(files):
    seed = int(os.environ.get("AFB_SEED") or secrets.randbelow(1 << 30))
    print(f"AFB_SEED={seed}", flush=True)
    aftermath, rng, ends = Aftermath(files), random.Random(seed), time.monotonic() + 60
    while time.monotonic() < ends:
        change(files.client(), rng)
        with files.control.faults(rule(files, **BUSY)):
            run = await files.backup()
        await aftermath.equal(run)
    await aftermath.mended()


@pytest.mark.parametrize("operation", ["file_download"])
async def test_a_body_with_a_bit_flipped_is_noticed_and_read_again(files, operation):
    aftermath = Aftermath(files)
    with files.control.faults(rule(files, corrupt="answer", every=5, operation=operation)):
        run = await files.backup()
        [struck] = files.control.rules()
    assert struck["hits"] > 10
    await aftermath.equal(run)


async def midway(files):
    """A backup that has read some files and not all, as a task to await."""
    run = await files.queue_backup()
    before = files.control.counters(files.share.share_name)["operations"].get("file_download", {"requests": 0})
    files.control.fault(**rule(files, delay_s=0.05, operation="file_download", every=1))
    task = asyncio.create_task(to_the_end(files, run))

    def some():
        now = files.control.counters(files.share.share_name)["operations"].get("file_download", {"requests": 0})
        assert not task.done(), "it was over before anything could happen to it"
        return now["requests"] - before["requests"] > FILES // 4

    await when(some)
    return task


async def failed_with_one_error(files, run, *expected):
    assert run.state is RunState.FAILED, (run.state, run.error, len(await files.journal(run)))
    assert any(text in run.error for text in expected), run.error
    assert len(await files.journal(run)) <= FEW


async def test_a_share_deleted_mid_run_fails_the_run(files):
    aftermath = Aftermath(files)
    task = await midway(files)
    files.client().delete_share(delete_snapshots="include")
    run = await task
    await failed_with_one_error(files, run, "ShareNotFound", "ShareBeingDeleted")
    await aftermath.sound()
    files.control.clear()
    files.client().create_share()
    fill(files.client())
    await aftermath.mended()


async def test_a_share_snapshot_deleted_mid_run_fails_the_run(files):
    aftermath = Aftermath(files)
    task = await midway(files)
    [run] = await active(files)
    files.client(snapshot=run.share_snapshot).delete_share()
    run = await task
    await failed_with_one_error(files, run, "snapshot")
    await aftermath.sound()
    files.control.clear()
    await aftermath.mended()


async def test_credentials_revoked_mid_run_fail_the_run(files):
    aftermath = Aftermath(files)
    task = await midway(files)
    with files.control.revoked(files.emulator.key):
        run = await task
    await failed_with_one_error(files, run, "AuthenticationFailed")
    assert "could not be deleted" in run.error  # its share snapshot, which a later run finds by its tag
    await aftermath.sound()
    await aftermath.mended()


async def active(files):
    async with files.app.transaction() as conn:
        return [run for run in await runs.of_share(conn, files.share.share_id) if run.finished_at is None]


async def test_a_share_that_is_gone_before_the_run_fails_it_and_keeps_what_there_was(files):
    aftermath = Aftermath(files)
    await files.backup()
    files.client().delete_share(delete_snapshots="include")
    run = await to_the_end(files, await files.queue_backup())
    await failed_with_one_error(files, run, "ShareNotFound")
    await aftermath.sound()
    files.client().create_share()
    fill(files.client())
    await aftermath.mended()
