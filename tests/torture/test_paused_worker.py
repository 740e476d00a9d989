"""A worker stopped in its tracks (SIGSTOP) until its lease is over, and then continued, commits nothing."""

import asyncio
import secrets

import psycopg
import pytest

from shared.model.run import Driver, RunState
from tests.support import source
from tests.support.checker import Checker
from tests.support.checker.catalogued import GIVEN_UP
from tests.support.crash_loop import LIMITS
from tests.support.crew import crew
from tests.support.share_tree import put
from tests.support.world import world

DIRECTORIES, SPAN = 0, 1
LONG_SPAN = pytest.param(SPAN, id="span", marks=pytest.mark.torture)
TABLES = (
    "run", "batch", "frontier", "missing", "large_file", "span", "permission", "restore_point", "page", "rollup", "rollup_change",
)  # fmt: skip


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=64 * 1024, large_file_bytes=5 << 20
    ) as found:
        share = found.client()
        for n in range(24):
            put(share, f"d{n % 8}/{n}.bin", secrets.token_bytes(2000))
        put(share, "large/file.bin", secrets.token_bytes(1000) + bytes(5 << 20) + secrets.token_bytes(8 << 20))
        yield found


async def until(condition, seconds=40.0):
    async with asyncio.timeout(seconds):
        while not (value := await condition()):  # noqa: ASYNC110 - the condition is the database's
            await asyncio.sleep(0.02)
    return value


def everything(url):
    """All rows of all tables."""
    with psycopg.connect(url) as conn:
        return {
            table: [row for (row,) in conn.execute(f"SELECT to_jsonb(t)::text FROM {table} AS t ORDER BY 1")]
            for table in TABLES
        }


async def held(files, run, worker, kind):
    """The batch of this kind that a worker holds."""
    async with files.app.transaction() as conn:
        query = b"SELECT batch_no FROM batch WHERE run_id = %s AND worker = %s AND kind = %s AND state = 0"
        row = await (await conn.execute(query, [run.run_id, worker.name, kind])).fetchone()
    return row[0] if row else None


async def stopped(files, workers, run, kind):
    """A worker that stands still while it reads what it has claimed."""
    slow = {"operation": "file_download", "share": files.share.share_name, "count": 0, "delay_s": 0.5}
    if kind == SPAN:
        slow["path"] = "file.bin"
    with files.control.faults(slow) as [rule]:
        worker = workers.hire()

        async def reads():
            batch_no = await held(files, run, worker, kind)
            hits = next(r["hits"] for r in files.control.rules() if r["id"] == rule["id"])
            return batch_no if hits else None

        batch_no = await until(reads)
        worker.pause()
        assert await held(files, run, worker, kind) == batch_no, "it was done before it could be stopped"
    return worker, batch_no


@pytest.mark.parametrize("kind", [pytest.param(DIRECTORIES, id="directories"), LONG_SPAN])
async def test_a_worker_that_slept_until_the_run_was_over_commits_nothing(files, tmp_path, kind):
    expected = source.Source().read(files.client())
    url, vault = files.app.settings.postgres_url, files.app.settings.vault_connection
    checker = Checker(url, vault, files.share.share_id)
    run = await files.queue_backup(Driver.WORKERS)
    with crew(files.app, tmp_path, LIMITS, size=0) as workers:
        sleeper, batch_no = await stopped(files, workers, run, kind)
        workers.hire()

        async def over():
            return (await files.reload(run)).finished_at

        await until(over)
        assert (await files.reload(run)).state is RunState.SUCCEEDED
        assert checker.check() == []
        assert checker.catalogued.batches[1, batch_no].state == GIVEN_UP
        before, worked = everything(url), sleeper.processor_s()
        sleeper.go_on()
        await until(lambda: rested(sleeper, worked))
        assert everything(url) == before
        assert sleeper.running
    assert checker.check(full=True) == []
    assert source.differences(expected, source.of_point(checker, run.run_no)) == []


async def rested(worker, worked):
    """Whether it has gone on, and then found nothing more to do."""
    before = worker.processor_s()
    await asyncio.sleep(1.0)
    return before > worked and worker.processor_s() - before < 0.2


@pytest.mark.parametrize("kind", [pytest.param(DIRECTORIES, id="directories"), LONG_SPAN])
async def test_a_worker_that_slept_while_others_took_over_goes_on_with_other_work(files, tmp_path, kind):
    expected = source.Source().read(files.client())
    checker = Checker(files.app.settings.postgres_url, files.app.settings.vault_connection, files.share.share_id)
    run = await files.queue_backup(Driver.WORKERS)
    with crew(files.app, tmp_path, LIMITS, size=0) as workers:
        sleeper, batch_no = await stopped(files, workers, run, kind)
        other = workers.hire()

        async def taken_over():
            async with files.app.transaction() as conn:
                query = b"SELECT state FROM batch WHERE run_id = %s AND batch_no = %s"
                return (await (await conn.execute(query, [run.run_id, batch_no])).fetchone())[0] == GIVEN_UP

        await until(taken_over)
        other.kill()
        workers.workers.remove(other)
        sleeper.go_on()

        async def over():
            assert sleeper.running
            return (await files.reload(run)).finished_at

        await until(over)
    assert (await files.reload(run)).state is RunState.SUCCEEDED
    assert checker.check(full=True) == []
    assert checker.catalogued.batches[1, batch_no].state == GIVEN_UP
    assert source.differences(expected, source.of_point(checker, run.run_no)) == []
