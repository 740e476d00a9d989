"""Without the app, worker processes start what is scheduled, and tell of what fails."""

import asyncio
import datetime as dt

import pytest

from shared.db import alerts, channels, runs, schedules
from shared.model.alert import ChannelKind
from shared.model.run import Driver, RunState
from tests.support.receivers import hook
from tests.support.schedules import add_schedule
from tests.support.share_tree import put
from tests.support.workers import workers
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def due(files):
    """A schedule that should have begun a minute ago."""
    now = files.app.clock.now()
    async with files.app.transaction() as conn:
        made = await add_schedule(conn, files.share, now, cron="0 2 * * *")
        await conn.execute(b"UPDATE schedule SET due_at = %s, next_at = %s", [now - dt.timedelta(minutes=1), now])
    return made


async def when(look, true, seconds=60):
    async with asyncio.timeout(seconds):
        while not true(found := await look()):  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.1)
    return found


async def test_one_of_many_workers_starts_what_is_due_and_all_of_them_do_it(files):
    for n in range(20):
        put(files.client(), f"d{n}/f.txt", b"%d" % n)
    made = await due(files)

    async def all_runs():
        async with files.app.transaction() as conn:
            return await runs.of_share(conn, files.share.share_id)

    with workers(files, AFB_DRIVER="workers") as processes:
        started = [await processes.start() for _ in range(3)]
        (run,) = await when(all_runs, lambda found: found and found[0].state is RunState.SUCCEEDED)
        for worker in started:
            worker.terminate()
        assert [await worker.left() for worker in started] == [0, 0, 0]
    assert (run.schedule_id, run.driver, run.counters.files) == (made.schedule_id, Driver.WORKERS, 20)
    async with files.app.transaction() as conn:
        after = await schedules.get(conn, files.share.share_id, made.schedule_id)
    assert (after.last_outcome, after.last_run_no) == ("started", run.run_no)


@pytest.mark.torture  # a minute, until the run is given up
async def test_what_fails_is_told_by_the_workers_too(files):
    files.client().delete_share()
    async with hook() as receiver:
        async with files.app.transaction() as conn:
            await channels.create(conn, files.share.tenant_id, name="ops", kind=ChannelKind.WEBHOOK, url=receiver.url)
        await due(files)
        with workers(files, AFB_DRIVER="workers", AFB_PRIVATE_WEBHOOKS="true") as processes:
            worker = await processes.start()

            async def told():
                return receiver.told()

            async def open_alerts():
                async with files.app.transaction() as conn:
                    return await alerts.of_tenant(conn, files.share.tenant_id, is_open=True)

            (told_once,) = await when(told, bool, seconds=120)
            assert [alert.condition.value for alert in await open_alerts()] == ["run_failed"]
            worker.terminate()
            assert await worker.left() == 0
    assert told_once["alert"]["run_no"] == 1


async def test_workers_that_were_hired_for_one_thing_start_nothing_else(files):
    await due(files)
    with workers(files, AFB_DRIVER="workers") as processes:
        assert await (await processes.start("--until-idle")).left() == 0
    async with files.app.transaction() as conn:
        assert await runs.of_share(conn, files.share.share_id) == []
