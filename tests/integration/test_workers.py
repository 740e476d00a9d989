"""``python -m worker``: any number of plain processes do what the activities do, and drive runs without Durable."""

import asyncio
import secrets
from collections import Counter

import pytest

from shared.model.run import Driver, RunState
from tests.support.share_tree import differences, put, read_tree
from tests.support.workers import workers
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def ended(files, run, seconds=60.0):
    async with asyncio.timeout(seconds):
        while True:
            found = await files.reload(run)
            if found.finished_at is not None:
                return found
            await asyncio.sleep(0.1)


async def batches_of(files, run):
    """``(worker, kind, state)`` of every batch of a run."""
    async with files.app.transaction() as conn:
        query = b"SELECT worker, kind, state FROM batch WHERE run_id = %s ORDER BY batch_no"
        return await (await conn.execute(query, [run.run_id])).fetchall()


async def restored(files, point):
    """What a restore point holds, read from a share it was restored to."""
    target = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(point, target)
    assert run.state is RunState.SUCCEEDED, await files.journal(run)
    return read_tree(files.client(target))


async def test_eight_workers_share_one_run(files):
    share = files.client()
    for n in range(240):
        put(share, f"d{n % 20:02d}/e{n}/f.bin", secrets.token_bytes(300 + n))
    with workers(files, AFB_ACTIVITY_SECONDS="5") as processes:
        started = [await processes.start("--name", f"worker-{n}") for n in range(8)]
        for worker in started:
            await worker.heard("worker_started")
        files.control.keep_log(10_000)
        with files.control.faults({"operation": "directory_list", "delay_s": 0.1}):
            run = await ended(files, await files.queue_backup(Driver.WORKERS))
        log = files.control.log(operation="file_download", limit=10_000)
        for worker in started:
            worker.terminate()
        assert [await worker.left() for worker in started] == [0] * 8
    assert (run.state, run.error, run.counters.files) == (RunState.SUCCEEDED, None, 240)
    found = await batches_of(files, run)
    committed = Counter(worker for worker, kind, state in found if kind == 0 and state == 1)
    assert len(committed) >= 6, committed
    assert len({worker for worker, kind, _ in found if kind == 3}) >= 1
    reads = Counter(entry["path"] for entry in log if files.share.share_name in entry["path"])
    assert sum(reads.values()) == 240
    assert differences(read_tree(share), await restored(files, run.run_no)) == []
