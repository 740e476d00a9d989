"""Whoever watches a worker is told when it hangs, and not when it works, waits for work or waits for the catalogue."""

import asyncio
import signal
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from shared.errors import Unavailable
from shared.model.run import Driver, RunState
from tests.support.share_tree import put
from tests.support.workers import workers
from tests.support.world import world
from worker.health import STUCK_S, HealthServer
from worker.serve import Worker


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


class Later:
    """A clock that can be put forward."""

    def __init__(self, clock):
        self._clock, self.by = clock, 0.0

    def now(self):
        return self._clock.now()

    def monotonic(self):
        return self._clock.monotonic() + self.by


@asynccontextmanager
async def at_work(files):
    """A worker of this process, and what answers for it."""
    files.app.clock = Later(files.app.clock)
    worker = Worker(files.app, "watched")
    async with TestClient(TestServer(HealthServer(files.app, worker).routes())) as client:
        serving = asyncio.create_task(worker.serve())
        try:
            yield worker, client
        finally:
            worker.leave()
            await serving


async def status(client, path):
    async with client.get(path) as answer:
        await answer.read()
        return answer.status


async def until(client, path, wanted):
    async with asyncio.timeout(30):
        while await status(client, path) != wanted:  # noqa: ASYNC110 - another task works
            await asyncio.sleep(0.05)


async def test_a_worker_that_waits_for_work_is_alive_however_long(files):
    async with at_work(files) as (worker, client):
        await until(client, "/readyz", 200)
        files.app.clock.by += STUCK_S
        assert await status(client, "/healthz") == 503, "an hour without a look for work"
        await until(client, "/healthz", 200)
        worker.leave()
        assert (await status(client, "/readyz"), await status(client, "/healthz")) == (503, 200)


async def test_a_worker_that_hangs_at_a_step_is_not_alive_after_an_hour(files):
    put(files.client(), "a.bin", b"a")
    run = await files.queue_backup(Driver.WORKERS)
    with files.control.faults({"operation": "file_download", "delay_s": 3.0, "count": 1}):
        async with at_work(files) as (_, client):
            async with asyncio.timeout(30):
                while not files.control.rules()[0]["hits"]:  # noqa: ASYNC110 - another task works
                    await asyncio.sleep(0.05)
            files.app.clock.by += STUCK_S - 60
            assert await status(client, "/healthz") == 200, "a step may take its time"
            files.app.clock.by += 60
            assert await status(client, "/healthz") == 503
            await until(client, "/healthz", 200)
            async with client.get("/metrics") as answer:
                assert (
                    'afb_storage_answers_total{service="files",operation="list",status="200"} 1' in await answer.text()
                )
    assert (await files.reload(run)).state in (RunState.RUNNING, RunState.SUCCEEDED)


async def test_without_a_catalogue_a_worker_is_alive_and_not_ready(files, monkeypatch):
    async with at_work(files) as (_, client):
        await until(client, "/readyz", 200)

        async def away(*_, **__):
            raise Unavailable("the catalogue does not answer")

        monkeypatch.setattr(type(files.app), "admit", away)
        await until(client, "/readyz", 503)
        assert await status(client, "/healthz") == 200
        monkeypatch.undo()
        await until(client, "/readyz", 200)


async def test_a_worker_that_stands_still_answers_nothing(files):
    with workers(files) as processes:
        worker = await processes.start("--health-port", "0")
        await worker.heard("health_served")
        (served,) = (event for event in worker.events() if event["event"] == "health_served")
        async with aiohttp.ClientSession(f"http://127.0.0.1:{served['port']}") as client:
            await until(client, "/readyz", 200)
            worker.process.send_signal(signal.SIGSTOP)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await status(client, "/healthz")
            worker.process.send_signal(signal.SIGCONT)
            await until(client, "/healthz", 200)
        worker.terminate()
        assert await worker.left(10) == 0


async def test_a_worker_that_cannot_be_asked_says_so_and_does_not_start(files):
    with workers(files) as processes, socket.create_server(("127.0.0.1", 0)) as taken:
        worker = await processes.start("--health-port", str(taken.getsockname()[1]))
        assert await worker.left() == 2
        assert "cannot answer probes" in str(worker.events())
