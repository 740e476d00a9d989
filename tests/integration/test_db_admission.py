"""Which queued runs are opened: SQL against its specification, and what must hold of it."""

import asyncio
import datetime as dt
import random

import pytest

from shared.core.queueing import RESTORES_BESIDE, Queueing, Waiting, admitted, told
from shared.db import admission, runs
from shared.db.pool import make_pool
from shared.model.run import Driver
from tests.support.schedules import START, add_run, add_tenant

HOUR = dt.timedelta(hours=1)
LATER = START + 1000 * HOUR


@pytest.fixture
async def queue(shelf):
    """A catalogue in which nothing is at work, and a connection to it."""
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET state = 'failed', finished_at = now(), run_no = 2000000000")
    return shelf


async def admit(shelf, at_once=None, now=LATER, driver=Driver.WORKERS):
    async with shelf.catalogue.transaction() as conn:
        return await admission.admit(conn, now, at_once, driver)


@pytest.mark.parametrize("seed", range(30))
async def test_the_statement_admits_what_its_specification_says(queue, seed):
    chance = random.Random(seed)
    limits, busy, turns, waiting = {}, {}, {}, []
    async with queue.catalogue.transaction() as conn:
        for n in range(chance.randint(1, 6)):
            tenant = f"tenant-{n}"
            limit = chance.choice([None, None, 1, 2, 5])
            await add_tenant(conn, tenant, limit)
            if limit is not None:
                limits[tenant] = limit
            if chance.random() < 0.5:
                turns[tenant] = START + chance.randint(0, 40) * HOUR / 4
                await conn.execute(b"UPDATE tenant SET last_turn = %s WHERE tenant_id = %s", [turns[tenant], tenant])
            for _ in range(chance.randint(0, 12)):
                at = START + chance.randint(0, 40) * HOUR / 4
                kind = chance.choice(["backup", "backup", "restore"])
                state, is_in = chance.choice(
                    [("queued", False), ("queued", False), ("queued", False), ("queued", True), ("running", True),
                     ("cancelling", False), ("paused", False)]
                )  # fmt: skip
                run_id = await add_run(
                    conn, tenant, queue.share_id, 100 + len(waiting) + sum(busy.values()) + 1000 * n + chance.randint(0, 10**8),
                    kind=kind, state=state, requested_at=at, admitted=is_in,
                )  # fmt: skip
                if state == "queued" and not is_in:
                    waiting.append(Waiting(run_id, tenant, at, kind == "restore"))
                elif state != "paused":
                    busy[tenant] = busy.get(tenant, 0) + 1
    at_once = chance.choice([None, 1, 4, 10])
    given = Queueing(now=LATER, busy=busy, turns=turns, limits=limits, at_once=at_once)
    expected = admitted(waiting, given)
    async with queue.catalogue.transaction() as conn:
        places = {w.run_id: (await admission.place_of(conn, w.run_id, LATER, at_once)).before for w in waiting}
    assert await admit(queue, at_once) == expected
    assert [places[run_id] for run_id in expected] == sorted(places[run_id] for run_id in expected)
    assert sorted(places.values()) == list(range(len(waiting)))


async def ends(shelf, run_id):
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET state = 'succeeded', finished_at = now() WHERE run_id = %s", [run_id])


async def test_hundreds_wait_and_everybody_has_a_turn_in_time(queue):
    """One tenant floods the queue; others come now and then. Simulated: every quarter of an hour the run that is longest at work ends."""
    tenants = ["flood", "small-1", "small-2"]
    at, asked, began = START, {}, {}
    async with queue.catalogue.transaction() as conn:
        for tenant in tenants:
            await add_tenant(conn, tenant)
        for n in range(300):
            asked[await add_run(conn, "flood", queue.share_id, 1000 + n, requested_at=at)] = ("flood", at)
    at_work = []
    for step in range(400):
        at += HOUR / 4
        if step % 8 == 0 and step < 200:
            async with queue.catalogue.transaction() as conn:
                for n, tenant in enumerate(tenants[1:]):
                    run_id = await add_run(conn, tenant, queue.share_id, 5000 + 10 * step + n, requested_at=at)
                    asked[run_id] = (tenant, at)
        if at_work:
            await ends(queue, at_work.pop(0))
        for run_id in await admit(queue, 4, at):
            began[run_id] = at
            at_work.append(run_id)
        assert len(at_work) <= 4
    waits = {
        tenant: max(
            began[run_id] - asked_at
            for run_id, (whose, asked_at) in asked.items()
            if whose == tenant and run_id in began
        )
        for tenant in tenants
    }
    assert waits["small-1"] <= HOUR
    assert waits["small-2"] <= HOUR
    left = [run_id for run_id, (whose, _) in asked.items() if run_id not in began]
    assert all(asked[run_id][0] == "flood" for run_id in left)
    flood = [run_id for run_id, (whose, _) in asked.items() if whose == "flood"]
    done = [run_id in began for run_id in flood]
    assert done == sorted(done, reverse=True), "the first come first, and so each comes up"
    assert sum(done) >= 290


async def test_nobody_starves_however_many_come_after(queue):
    """A tenant with a run that never ends, and others of which a new one comes for each that ends."""
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "patient")
        await add_run(conn, "patient", queue.share_id, 1, state="running", admitted=True)
        second = await add_run(conn, "patient", queue.share_id, 2)
    at, current = START, None
    for n in range(20):
        at += HOUR / 4
        async with queue.catalogue.transaction() as conn:
            await add_tenant(conn, f"other-{n}")
            newest = await add_run(conn, f"other-{n}", queue.share_id, 100 + n, requested_at=at)
        if current is not None:
            await ends(queue, current)
        (current,) = await admit(queue, 2, at)
        if current == second:
            break
        assert current == newest or n > 0
    assert current == second
    assert at - START <= 2 * HOUR, "a run at work counts as an hour, and no more"


async def test_a_restore_goes_ahead_and_beside_the_limits(queue):
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "busy", 2)
        for n in range(2):
            await add_run(conn, "busy", queue.share_id, 10 + n, state="running", admitted=True)
        backups = [await add_run(conn, "busy", queue.share_id, 20 + n) for n in range(3)]
        restores = [
            await add_run(conn, "busy", queue.share_id, 30 + n, kind="restore", requested_at=START + HOUR)
            for n in range(RESTORES_BESIDE + 1)
        ]
    assert await admit(queue, 2) == restores[:RESTORES_BESIDE]
    async with queue.catalogue.transaction() as conn:
        place = await admission.place_of(conn, backups[0], LATER, 2)
    assert place.before == 1
    assert "its tenant has 4 runs at work of 2" in told(place)
    async with queue.catalogue.transaction() as conn:
        assert told(await admission.place_of(conn, restores[-1], LATER, None)).endswith("it is the next")


async def test_a_held_run_holds_up_nobody(queue):
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "one")
        held = await add_run(conn, "one", queue.share_id, 1, held_until=LATER + HOUR)
        free = await add_run(conn, "one", queue.share_id, 2, requested_at=START + HOUR)
    assert await admit(queue, 1) == [free]
    async with queue.catalogue.transaction() as conn:
        assert "window" in told(await admission.place_of(conn, held, LATER, 1))
    await ends(queue, free)
    assert await admit(queue, 1) == []
    assert await admit(queue, 1, LATER + HOUR) == [held]


async def test_a_run_of_another_driver_keeps_its_place(queue):
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "one")
        theirs = await add_run(conn, "one", queue.share_id, 1, driver="durable")
        ours = await add_run(conn, "one", queue.share_id, 2, requested_at=START + HOUR)
    assert await admit(queue, 1) == [], "it is not ours to open, and it is the first"
    assert await admit(queue, 1, driver=Driver.DURABLE) == [theirs]
    await ends(queue, theirs)
    assert await admit(queue, 1) == [ours]


async def test_who_is_paused_makes_room_and_comes_again_when_resumed(queue):
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "one", 1)
        first = await add_run(conn, "one", queue.share_id, 1, state="running", admitted=True)
        second = await add_run(conn, "one", queue.share_id, 2)
    assert await admit(queue) == []
    async with queue.catalogue.transaction() as conn:
        await runs.pause(conn, first)
    assert await admit(queue) == [second]
    async with queue.catalogue.transaction() as conn:
        await runs.resume(conn, first)
    assert await admit(queue) == [], "it waits for its turn like any other"
    await ends(queue, second)
    assert await admit(queue) == [first]


async def test_many_who_admit_at_once_keep_to_the_limit(queue):
    async with queue.catalogue.transaction() as conn:
        await add_tenant(conn, "one")
        for n in range(40):
            await add_run(conn, "one", queue.share_id, 1 + n)
    async with make_pool(queue.url, size=10) as pool:

        async def one():
            async with pool.connection() as conn:
                return await admission.admit(conn, LATER, 7, Driver.WORKERS)

        found = await asyncio.gather(*(one() for _ in range(20)))
    assert sum(map(len, found)) == 7
    assert len({run_id for some in found for run_id in some}) == 7
