"""``python -m worker``: any number of plain processes do what the activities do, and drive runs without Durable."""

import asyncio
import secrets
from collections import Counter

import pytest

from shared.core.rounds import RoundState
from shared.db import runs
from shared.model.run import Driver, RunState
from tests.support.share_tree import differences, put, read_tree
from tests.support.workers import workers
from tests.support.world import world

DIRECTORIES = 320
"""Four times what one worker lists at once, on one level of the tree."""


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


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
    for n in range(DIRECTORIES):
        if n < 16:
            share.create_directory(f"d{n:02d}")
        share.create_directory(f"d{n % 16:02d}/e{n}")
        content = secrets.token_bytes(300 + n)
        share.get_file_client(f"d{n % 16:02d}/e{n}/f.bin").create_file(len(content), data=content)
    run = await files.queue_backup(Driver.WORKERS)
    async with files.app.transaction() as conn:
        await runs.pause(conn, run.run_id)  # until all are there
    files.control.keep_log(10_000)
    with workers(files) as processes:
        started = [await processes.start("--name", f"worker-{n}", "--run", str(run.run_id)) for n in range(8)]
        for worker in started:
            await worker.heard("worker_started")
        with files.control.faults({"operation": "directory_list", "delay_s": 1.0, "count": 0}):
            async with files.app.transaction() as conn:
                await runs.resume(conn, run.run_id)
            assert [await worker.left() for worker in started] == [0] * 8
    log = files.control.log(operation="file_download", limit=10_000)
    lists = files.control.log(operation="directory_list", limit=10_000)
    listed = Counter(entry["path"] for entry in lists if files.share.share_name in entry["path"])
    assert (len(listed), sum(listed.values())) == (1 + 16 + DIRECTORIES, 1 + 16 + DIRECTORIES), (
        "nothing that passed to another worker was listed twice"
    )
    run = await files.reload(run)
    assert (run.state, run.error, run.counters.files) == (RunState.SUCCEEDED, None, DIRECTORIES)
    found = await batches_of(files, run)
    committed = Counter(worker for worker, kind, state in found if kind == 0 and state == 1)
    assert len(committed) >= 5, committed
    assert Counter(state for _, kind, state in found if kind == 0) == {1: sum(committed.values())}
    reads = Counter(entry["path"] for entry in log if files.share.share_name in entry["path"])
    assert sum(reads.values()) == DIRECTORIES, "no claim was lost, so nothing was read twice"
    assert differences(read_tree(share), await restored(files, run.run_no)) == []


async def test_a_worker_that_is_told_to_go_commits_what_it_has_and_gives_back_the_rest(files):
    share = files.client()
    for n in range(90):
        put(share, f"d{n % 3}/f{n:02d}.bin", secrets.token_bytes(300 + n))
    run = await files.queue_backup(Driver.WORKERS)
    before = files.control.requests("file_download")
    with workers(files) as processes:
        with files.control.faults({"operation": "file_download", "delay_s": 2.0, "count": 0}):  # 32 at a time
            worker = await processes.start("--run", str(run.run_id))
            async with asyncio.timeout(90):
                while files.control.requests("file_download") == before:  # noqa: ASYNC110 - another process counts
                    await asyncio.sleep(0.05)
            worker.terminate()
            assert await worker.left() == 0
        read = files.control.requests("file_download") - before
        assert 0 < read < 90
        assert (await files.reload(run)).counters.changed_files == read, "every file that was read was saved"
        assert [state for _, _, state in await batches_of(files, run) if state == 0] == [], "it gave back the rest"

        another = await processes.start("--until-idle")
        assert await another.left() == 0
    ended = await files.reload(run)
    assert (ended.state, ended.counters.changed_files) == (RunState.SUCCEEDED, 90)
    assert files.control.requests("file_download") - before == 90, "nothing was read twice"
    assert differences(read_tree(share), await restored(files, run.run_no)) == []


async def test_a_second_signal_ends_a_worker_at_once(files):
    put(files.client(), "a.bin", b"a")
    await files.queue_backup(Driver.WORKERS)
    with workers(files) as processes, files.control.faults({"operation": "file_download", "delay_s": 30.0, "count": 0}):
        worker = await processes.start()
        await worker.heard("phase")
        await asyncio.sleep(0.5)
        worker.terminate()
        await worker.heard("worker_leaving")
        worker.terminate()
        assert await worker.left(5) == 128 + 15


@pytest.mark.parametrize("operation", ["share_create_snapshot", "share_get_properties"])
async def test_a_worker_killed_while_it_opens_or_closes_a_run_is_replaced(files, operation):
    """Opening takes the share snapshot; closing asks for the share's properties after it."""
    put(files.client(), "a.bin", b"a")
    run = await files.queue_backup(Driver.WORKERS)
    hang = {"operation": operation, "delay_s": 60.0, "count": 1}
    if operation == "share_get_properties":
        hang["nth"] = 2
    with workers(files, AFB_LEASE_SECONDS="2") as processes:
        with files.control.faults(hang):
            first = await processes.start("--name", "first")
            async with asyncio.timeout(90):
                while not files.control.rules()[0]["hits"]:  # noqa: ASYNC110 - another process counts
                    await asyncio.sleep(0.05)
            first.process.kill()
        second = await processes.start("--name", "second", "--run", str(run.run_id))
        assert await second.left() == 0
    ended = await files.reload(run)
    assert (ended.state, ended.error) == (RunState.SUCCEEDED, None)
    found = await batches_of(files, run)
    assert {worker for worker, kind, _ in found if kind == 3} == {"first", "second"}
    assert await files.events(run) == ["opened", "share_snapshot", "committed"]


async def test_workers_help_with_a_run_that_durable_drives_and_neither_open_nor_close_it(files):
    share = files.client()
    for n in range(40):
        put(share, f"d{n}/f.bin", b"%d" % n)
    run = await files.queue_backup()
    opened = await files.step(run, RoundState(run.run_id, 1))
    with workers(files) as processes:
        worker = await processes.start("--name", "helper")
        async with asyncio.timeout(90):
            while await files.app.catalogue.left(run.run_id):  # noqa: ASYNC110 - another process works
                await asyncio.sleep(0.05)
        await asyncio.sleep(2.5)
        found = await files.reload(run)
        assert (found.state, found.counters.files) == (RunState.RUNNING, 40)
        assert {worker for worker, _, _ in await batches_of(files, run)} == {"helper"}
        worker.terminate()
        assert await worker.left() == 0
    assert (await files.drive_on(run, opened)).state is RunState.SUCCEEDED


async def test_a_run_whose_share_is_gone_is_given_up_with_its_reason(files):
    run = await files.queue_backup(Driver.WORKERS)
    files.client().delete_share()
    with workers(files) as processes:
        assert await (await processes.start("--run", str(run.run_id))).left() == 0
    ended = await files.reload(run)
    assert ended.state is RunState.FAILED
    assert "share" in ended.error


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (["--run", "77"], {}, 2, "there is no run 77"),
        ([], {"AFB_DRIVER": "pods"}, 2, "AFB_DRIVER is 'pods'; expected durable or workers"),
        (["--until-idle"], {}, 0, "worker_left"),
    ],
)
async def test_what_a_worker_cannot_do_it_says(files, arguments, settings, code, said):
    with workers(files) as processes:
        worker = await processes.start(*arguments, **settings)
        assert await worker.left() == code
        assert said in str(worker.events())
