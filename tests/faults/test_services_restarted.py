"""Services that stop in the middle of a backup and come back, or do not come back in time."""

import asyncio
import secrets

import pytest

from localdev.services import ports
from localdev.services.azurite import Azurite
from localdev.services.postgres import DISPOSABLE, Postgres
from shared.core import rounds
from shared.model.run import Driver, RunState
from shared.ports.journal import EVENT
from tests.support.aftermath import Aftermath, to_the_end, when
from tests.support.crash_loop import LIMITS
from tests.support.crew import crew
from tests.support.share_tree import put
from tests.support.world import world

FILES = 60
SETTINGS = {"bundle_file_max_bytes": 16 * 1024, "large_file_bytes": 6 << 20}
SLOW = {"operation": "file_download", "delay_s": 0.1, "count": 0}


def fill(share):
    for n in range(FILES):
        put(share, f"d{n % 20:02}/{n:03}.bin", secrets.token_bytes(500 + n))
    put(share, "medium.bin", secrets.token_bytes(5 << 20))
    put(share, "large/large.bin", secrets.token_bytes(7 << 20))


@pytest.fixture(scope="module")
def own_azurite(tmp_path_factory):
    """An Azurite that a test may stop."""
    at = tmp_path_factory.mktemp("azurite")
    blob, queue, table = (ports.choose() for _ in range(3))
    service = Azurite(at / "data", blob_port=blob, queue_port=queue, table_port=table, log=at / "log")
    with service:
        yield service


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory):
    """A Postgres that a test may stop."""
    at = tmp_path_factory.mktemp("postgres")
    with Postgres(at / "data", port=ports.choose(), log=at / "log", settings=DISPOSABLE) as service:
        yield service


def downloads(files):
    counted = files.control.counters(files.share.share_name)["operations"]
    return counted.get("file_download", {"requests": 0})["requests"]


async def midway(files, task, rule):
    """Wait until some files are read and not all, with the share slowed down by ``rule``."""

    def some():
        assert not task.done(), "it was over before anything could happen to it"
        return downloads(files) > FILES // 4

    await when(some)
    assert next(r["hits"] for r in files.control.rules() if r["id"] == rule["id"])


async def test_azurite_stopped_and_started_mid_run_is_outlasted(postgres_url, own_azurite, files_emulator):
    async with world(postgres_url, own_azurite, files_emulator, **SETTINGS) as files:
        fill(files.client())
        aftermath = Aftermath(files)
        with files.control.faults({"share": files.share.share_name, **SLOW}) as [rule]:
            task = asyncio.create_task(to_the_end(files, await files.queue_backup()))
            await midway(files, task, rule)
            await asyncio.to_thread(own_azurite.stop)
            await asyncio.sleep(1.5)
            assert not task.done()
            await asyncio.to_thread(own_azurite.start)
        run = await task
        await aftermath.equal(run)
        put(files.client(), "new/file.bin", b"new")
        await aftermath.mended()


async def test_an_azurite_that_does_not_come_back_fails_the_run(postgres_url, own_azurite, files_emulator, monkeypatch):
    async with world(postgres_url, own_azurite, files_emulator, **SETTINGS) as files:
        fill(files.client())
        aftermath = Aftermath(files)
        monkeypatch.setattr(rounds, "BARREN_MAX", 3)
        monkeypatch.setattr(files.app.vaults, "retry_budget_s", 0.3)
        monkeypatch.setattr(files.app.journal, "_budget_s", 0.3)
        with files.control.faults({"share": files.share.share_name, **SLOW}) as [rule]:
            task = asyncio.create_task(to_the_end(files, await files.queue_backup()))
            await midway(files, task, rule)
            await asyncio.to_thread(own_azurite.stop)
        run = await task
        assert run.state is RunState.FAILED
        assert "no answer" in run.error
        await asyncio.to_thread(own_azurite.start)
        await aftermath.sound()
        assert [line for line in await files.journal(run) if line.kind != EVENT] == []
        await aftermath.mended()


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_postgres_restarted_mid_run_is_outlasted_by_workers(own_postgres, azurite, files_emulator, tmp_path, how):
    url = own_postgres.ensure_database(f"afb_{how}")
    async with world(url, azurite, files_emulator, **SETTINGS) as files:
        fill(files.client())
        aftermath = Aftermath(files)
        run = await files.queue_backup(Driver.WORKERS)
        with crew(files.app, tmp_path, LIMITS, size=2) as workers:
            with files.control.faults({"share": files.share.share_name, **SLOW}) as [rule]:
                await midway(files, asyncio.create_task(asyncio.sleep(60)), rule)
                await asyncio.to_thread(own_postgres.stop if how == "stopped" else own_postgres.kill)
                await asyncio.sleep(1.0)
                assert workers.ended() == []
                await asyncio.to_thread(own_postgres.start)

            async with asyncio.timeout(60):
                while (run := await files.reload(run)).finished_at is None:
                    assert workers.ended() == []
                    await asyncio.sleep(0.1)
        await aftermath.equal(run)
        put(files.client(), "new/file.bin", b"new")
        await aftermath.mended()
