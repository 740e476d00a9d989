"""Pacing on the real services: processes that agree through Postgres, and runs of a share that is limited or limits itself."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from shared.adapters.pace import Paces, SharePace
from shared.adapters.system import SystemClock
from shared.db.pace import PostgresPaceBook
from shared.db.pool import make_pool
from shared.db.shares import subject
from shared.model.run import RunState
from tests.support.share_tree import differences, fill, put, read_tree
from tests.support.world import world

LIMIT = "UPDATE share SET settings = settings || %s::jsonb"


def limit(url, **rates):
    """Change the settings of all shares, as an administrator does."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(LIMIT, [psycopg.types.json.Jsonb(rates)])


def rows(url, table):
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(f"SELECT * FROM {table}").fetchall()


# ------------------------------------------------------------------------------------------------- processes and Postgres


@pytest.fixture
async def subject_of(shelf):
    return subject(shelf.share.account_url, shelf.share.share_name)


@asynccontextmanager
async def processes(url, subject_name, count) -> AsyncIterator[list[SharePace]]:
    """So many processes at work on one share, as far as Postgres can tell."""
    async with AsyncExitStack() as stack:
        found = []
        for number in range(count):
            pool = await stack.enter_async_context(make_pool(url, size=2))
            paces = Paces(PostgresPaceBook(pool), f"process-{number}", SystemClock())
            found.append(await stack.enter_async_context(paces.of(subject_name)))
        yield found


async def send(pace: SharePace, sent: list[float], *, until: float, lines: int = 8, size: int = 0) -> None:
    """Send as fast as the pace lets us, several at once."""

    async def line():
        while time.monotonic() < until:
            turn = pace.admit(size, again=False)
            if turn is not None:
                try:
                    await asyncio.wait_for(turn, until - time.monotonic())
                except TimeoutError:
                    return
            else:
                await asyncio.sleep(0)
            sent.append(time.monotonic())

    await asyncio.gather(*(line() for _ in range(lines)))


async def test_processes_keep_a_budget_together_and_share_it(shelf, subject_of):
    limit(shelf.url, requests_per_s=200)
    async with processes(shelf.url, subject_of, 4) as paces:
        sent = [[] for _ in paces]
        until = time.monotonic() + 6
        await asyncio.gather(*(send(pace, log, until=until) for pace, log in zip(paces, sent, strict=True)))
    everything = sorted(at for log in sent for at in log)
    for start in everything[:: len(everything) // 50]:
        assert sum(1 for at in everything if start <= at < start + 2) <= 2 * 200 + 200 * 0.5
    late = [sum(1 for at in log if at > until - 3) for log in sent]
    assert 0.85 * 600 <= sum(late) <= 1.05 * 600, late
    assert min(late) > 0.6 * max(late), late


async def test_a_limit_that_is_set_or_lifted_is_in_force_within_seconds(shelf, subject_of, monkeypatch):
    monkeypatch.setattr("shared.adapters.pace.LOOK_S", 1.0)
    async with processes(shelf.url, subject_of, 1) as [pace]:
        assert pace.admit(0, again=False) is None
        assert pace.rates.unlimited
        limit(shelf.url, requests_per_s=50, bytes_per_s=2**20)
        await asyncio.sleep(2.5)
        assert (pace.rates.requests, pace.rates.bytes) == (50, 2**20)
        limit(shelf.url, requests_per_s=80)
        await asyncio.sleep(1.5)
        assert pace.rates.requests == 80
        limit(shelf.url, requests_per_s=None, bytes_per_s=None)
        await asyncio.sleep(1.5)
        assert pace.rates.unlimited
        assert pace.admit(0, again=False) is None
    assert rows(shelf.url, "pace") == rows(shelf.url, "pace_part") == []


async def test_a_share_that_nothing_limits_costs_looks_and_no_row(shelf, subject_of):
    class Counting(PostgresPaceBook):
        looks, settlements = 0, 0

        async def look(self, name):
            type(self).looks += 1
            return await super().look(name)

        async def settle(self, *args):
            type(self).settlements += 1
            return await super().settle(*args)

    async with make_pool(shelf.url, size=2) as pool:
        paces = Paces(Counting(pool), "p", SystemClock())
        for _ in range(3):
            async with paces.of(subject_of) as pace:
                assert [pace.admit(100, again=False) for _ in range(1000)] == [None] * 1000
                await asyncio.sleep(0.1)
    assert (Counting.looks, Counting.settlements) == (3, 0)
    assert rows(shelf.url, "pace") == []


async def test_a_brake_put_on_by_one_process_is_found_by_another_and_is_there_after_both(
    shelf, subject_of, monkeypatch
):
    monkeypatch.setattr("shared.adapters.pace.LOOK_S", 0.5)
    async with processes(shelf.url, subject_of, 2) as [one, two]:
        one.throttled(None)
        assert one.rates.requests < 500  # at once, by its own measure
        await asyncio.sleep(2.5)
        assert one.rates.requests + two.rates.requests < 500
    async with processes(shelf.url, subject_of, 1) as [third]:
        assert not third.rates.unlimited


async def test_those_who_wait_go_in_order_retries_first_and_the_cancelled_not_at_all(shelf, subject_of):
    limit(shelf.url, requests_per_s=10)
    order = []
    async with processes(shelf.url, subject_of, 1) as [pace]:

        async def one(name, again):
            turn = pace.admit(0, again=again)
            if turn is not None:
                await turn
            order.append(name)

        tasks = {name: asyncio.create_task(one(name, name.startswith("again"))) for name in "abcde"}
        await asyncio.sleep(0)
        tasks["again"] = asyncio.create_task(one("again", True))
        await asyncio.sleep(0)
        tasks.pop("c").cancel()
        await asyncio.gather(*tasks.values())
    assert order.index("again") <= 1
    assert [name for name in order if name != "again"] == ["a", "b", "d", "e"]


async def test_bytes_are_held_to_their_budget_those_told_afterwards_too(shelf, subject_of):
    limit(shelf.url, bytes_per_s=2**20)
    async with processes(shelf.url, subject_of, 1) as [pace]:
        sent = []
        await send(pace, sent, until=time.monotonic() + 3, lines=1, size=2**18)
        assert 8 <= len(sent) <= 14
        pace.moved(2**20)
        started = time.monotonic()
        turn = pace.admit(1, again=False)
        assert turn is not None
        await turn
        assert time.monotonic() - started > 0.7


async def test_a_wish_to_be_left_alone_holds_up_every_request(shelf, subject_of):
    async with processes(shelf.url, subject_of, 1) as [pace]:
        pace.throttled(0.4)
        started = time.monotonic()
        turn = pace.admit(0, again=False)
        assert turn is not None
        await turn
        assert 0.35 < time.monotonic() - started < 2


async def test_a_catalogue_that_does_not_answer_stops_no_request(shelf, subject_of, monkeypatch):
    monkeypatch.setattr("shared.adapters.pace.RETRY_S", 0.2)
    limit(shelf.url, requests_per_s=50)
    with psycopg.connect(shelf.url) as blocker:
        async with make_pool(shelf.url, size=1, statement_timeout_s=1) as pool:
            paces = Paces(PostgresPaceBook(pool), "p", SystemClock())
            async with paces.of(subject_of) as pace:
                blocker.execute("LOCK TABLE pace")
                sent = []
                await send(pace, sent, until=time.monotonic() + 6)
                assert 100 < len(sent) < 320
                assert 20 < pace.rates.requests < 50
                blocker.rollback()
                await asyncio.sleep(2.5)
                assert pace.rates.requests == 50


# ------------------------------------------------------------------------------------------------------------- whole runs


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()
        found.control.unlimit()
        found.control.keep_log(0)


def times(files):
    """When the share was asked for something, but for what concerns it as a whole."""
    return [
        dt.datetime.fromisoformat(entry["time"][:26] + "+00:00").timestamp()
        for entry in files.control.log(limit=10_000)
        if entry["share"] == files.share.share_name and not entry["operation"].startswith("share_")
    ]


def fill_more(share):
    fill(share)
    for n in range(60):
        put(share, f"many/{n % 10}/{n:02d}", b"%d" % n * 50)


async def test_a_backup_stays_within_the_budget_of_its_share(files, postgres_url):
    fill_more(files.client())
    limit(postgres_url, requests_per_s=60)
    files.control.keep_log(10_000)
    run = await files.backup()
    sent = sorted(times(files))
    assert run.state is RunState.SUCCEEDED
    assert len(sent) > 120
    assert max(sum(1 for at in sent if start <= at < start + 2) for start in sent) <= 2 * 60 + 24
    assert len(sent) / (sent[-1] - sent[0]) > 0.5 * 60
    files.control.keep_log(0)
    limit(postgres_url, requests_per_s=None)
    assert (await files.restore(run.run_no, f"{files.share.share_name}-r")).state is RunState.SUCCEEDED
    restored = read_tree(files.client(f"{files.share.share_name}-r"))
    assert differences(read_tree(files.client()), restored) == []


async def test_a_share_that_takes_only_so_much_is_hardly_refused_anything_once_that_is_known(files):
    fill_more(files.client())

    async def limited_backup():
        files.control.limit(files.share.share_name, iops=30, burst_s=0.5)
        before = files.control.counters(files.share.share_name)["total"]
        started = time.monotonic()
        run = await files.backup()
        took = time.monotonic() - started
        after = files.control.counters(files.share.share_name)["total"]
        files.control.unlimit()
        assert (run.state, run.counters.errors) == (RunState.SUCCEEDED, 0)
        requests, refused = (after[name] - before[name] for name in ("requests", "throttled"))
        assert (requests - refused) / took > 0.4 * 30
        return requests, refused

    requests, refused = await limited_backup()  # which finds out
    assert 10 < refused < 0.5 * requests
    for n in range(90):
        put(files.client(), f"many/{n % 10}/later {n:02d}", b"%d" % n * 50)
    requests, refused = await limited_backup()
    assert requests > 90
    assert refused < 0.2 * requests


async def test_a_storm_of_503_passes_without_a_node_that_failed(files):
    fill(files.client())
    with files.control.faults({"status": 503, "probability": 0.3, "seed": 3, "share": files.share.share_name}):
        run = await files.backup()
        [rule] = files.control.rules()
    assert rule["hits"] > 20
    assert (run.state, run.counters.errors) == (RunState.SUCCEEDED, 0)


async def test_batches_are_small_where_the_pace_is_slow(files, postgres_url):
    limit(postgres_url, requests_per_s=10, bytes_per_s=2**20)
    run = await files.queue_backup()
    async with files.app.run_scope(run.run_id) as scope:
        assert scope.limits.piece_bytes == 60 * 2**20
        assert scope.limits.wave_directories == 3
        files.app.limits = type(files.app.limits)()
    async with files.app.run_scope(run.run_id) as scope:
        assert (scope.limits.wide_entries, scope.limits.wave_directories) == (600, 6)
    limit(postgres_url, requests_per_s=None, bytes_per_s=None)
    await asyncio.sleep(0.1)
    async with files.app.run_scope(run.run_id) as scope:
        assert scope.limits == files.app.limits


async def test_a_limit_that_begins_with_the_hour_is_followed_within_seconds(shelf, subject_of):
    """Every time of day is within one of two windows: first without a limit, then with one, then with another."""
    whole = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "begin": "00:00", "end": "24:00"}
    limit(shelf.url, pace_windows=[whole], requests_per_s=10)
    async with processes(shelf.url, subject_of, 2) as paces:
        assert all(pace.rates.unlimited for pace in paces), "the window's limits are none"
        limit(shelf.url, pace_windows=[whole | {"requests_per_s": 80}])
        await asyncio.sleep(8)
        assert 70 <= sum(pace.rates.requests for pace in paces) <= 80
        limit(shelf.url, pace_windows=[whole | {"requests_per_s": 40}])
        await asyncio.sleep(3)
        assert sum(pace.rates.requests for pace in paces) <= 40
        limit(shelf.url, pace_windows=[], requests_per_s=None)
        await asyncio.sleep(3)
        assert all(pace.rates.unlimited for pace in paces)
