"""Leases on real tables: who may hold a task, whose result counts, and when a task is given up."""

import asyncio
import json
import re
from datetime import timedelta
from itertools import count

import pytest
from psycopg import AsyncConnection

from localdev.functions_host import events, pools, schema, store_episodes, store_instances, store_tasks, store_timers
from localdev.functions_host.activity_worker import MAX_LOSSES, ActivityWorker
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.leases import Presence
from localdev.functions_host.recording import Recorder
from localdev.functions_host.replay import ScheduleActivity
from localdev.functions_host.store_instances import Start
from localdev.functions_host.store_tasks import Answer
from localdev.functions_host.wake import Bell

HUB = "Leases"


@pytest.fixture
async def connection(postgres_url):
    async with await AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        async with connection.transaction():
            await schema.create(connection)
        request = Start(instance_id="i", execution_id="e", name="o", version=None, input_text=None)
        assert await store_instances.start(connection, HUB, request)
        await store_episodes.schedule(
            connection, HUB, "i", "e", [ScheduleActivity(n, "act", json.dumps(n)) for n in range(3)]
        )
        yield connection


@pytest.fixture
async def present(postgres_url, connection):
    """A host process that is alive to Postgres."""
    presence = Presence(postgres_url, hub=HUB, on_notice=lambda _: None)
    await presence.start()
    yield presence
    await presence.stop()


async def claim(connection, owner, *, limit=10, lease_seconds=60.0):
    return await store_tasks.claim(connection, HUB, owner=owner, lease_seconds=lease_seconds, limit=limit)


def answer(task, value=1):
    event = events.task_completed(events.utc_now(), task.task_id, json.dumps(value))
    return Answer(task, event["EventType"], json.dumps(event))


async def inbox(connection):
    return [row.event for row in await store_episodes.arrived(connection, HUB, "i")]


async def test_a_task_is_leased_to_one_owner_oldest_first(connection, present):
    first = await claim(connection, present.owner, limit=2)
    assert [task.task_id for task in first] == [0, 1]
    assert [task.task_id for task in await claim(connection, present.owner)] == [2]
    assert await claim(connection, present.owner) == []


async def test_a_living_owner_within_its_lease_is_left_alone(connection, present):
    await claim(connection, present.owner)
    assert await store_tasks.take_back(connection, HUB, owner=present.owner + 1) == []


async def test_a_living_owner_past_its_lease_loses_its_tasks(connection, present):
    await claim(connection, present.owner, lease_seconds=-1)
    lost = await store_tasks.take_back(connection, HUB, owner=present.owner + 1)
    assert [(task.task_id, losses) for task, losses in lost] == [(0, 1), (1, 1), (2, 1)]


async def test_a_heartbeat_keeps_a_lease(connection, present):
    await claim(connection, present.owner, lease_seconds=-1)
    await store_tasks.renew(connection, owner=present.owner, lease_seconds=60)
    assert await store_tasks.take_back(connection, HUB, owner=present.owner + 1) == []


async def test_an_owner_whose_process_is_gone_loses_its_tasks_long_before_the_lease(connection, present):
    await claim(connection, present.owner, lease_seconds=3600)
    await present.stop()
    for _ in range(500):  # the server's side of the connection ends a moment after ours
        if lost := await store_tasks.take_back(connection, HUB, owner=present.owner + 1):
            break
        await asyncio.sleep(0.02)
    assert len(lost) == 3


async def test_only_the_result_of_the_current_attempt_counts(connection, present):
    (stale,) = await claim(connection, present.owner, limit=1, lease_seconds=-1)
    await store_tasks.take_back(connection, HUB, owner=present.owner + 1)
    (current,) = await claim(connection, present.owner, limit=1)  # the same host may get it again
    assert current.seq == stale.seq
    assert await store_tasks.complete(connection, [answer(stale, "stale")], owner=present.owner) == set()
    assert await inbox(connection) == []
    assert await store_tasks.complete(connection, [answer(current, "current")], owner=present.owner) == {current.seq}
    assert [event["Result"] for event in await inbox(connection)] == ['"current"']
    assert await store_tasks.complete(connection, [answer(current)], owner=present.owner) == set()


async def test_a_result_for_an_execution_that_is_over_is_dropped(connection, present):
    (task,) = await claim(connection, present.owner, limit=1)
    moment = events.utc_now() + timedelta(seconds=1)
    await store_episodes.finish(
        connection, HUB, "i", status="Completed", output=None, custom_status=None, moment=moment
    )
    assert await store_tasks.complete(connection, [answer(task)], owner=present.owner) == {task.seq}
    assert await inbox(connection) == []


async def test_released_tasks_can_be_claimed_at_once_and_nothing_is_held_against_them(connection, present):
    await claim(connection, present.owner)
    assert await store_tasks.release(connection, owner=present.owner) == 3
    assert len(await claim(connection, present.owner + 1)) == 3
    ((losses,),) = await (await connection.execute("select distinct losses from functions_host.task")).fetchall()
    assert losses == 0


async def test_a_task_that_outlives_no_host_is_given_up_with_the_reason(postgres_url, connection, present):
    async with pools.relaxed(postgres_url) as pool:
        worker = ActivityWorker(
            pool,
            hub=HUB,
            presence=present,
            activities={},
            invoker=Invoker(timeout=None, directory="", client_binding=""),
            limit=1,
            lease_seconds=60,
            bell=Bell(),
            episodes=Bell(),
            recorder=Recorder(None),
        )
        for attempt in range(1, MAX_LOSSES + 1):
            assert await inbox(connection) == []
            (task,) = await claim(connection, 1_000_000 + attempt, limit=1)  # nobody holds that owner's lock
            assert task.attempt == attempt
            await worker.take_back()
        (event,) = await inbox(connection)
    assert event["EventType"] == events.Kind.TASK_FAILED
    assert event["Reason"].startswith(f"Activity function 'act' failed: given up after {MAX_LOSSES} attempts")
    assert [task.task_id for task in await claim(connection, present.owner)] == [1, 2]


async def test_an_execution_starts_before_the_events_that_were_waiting_for_it(connection):
    raised = events.event_raised(events.utc_now(), name="early", input_text="1")
    await store_instances.post(connection, HUB, "i", raised, execution_id=None)
    started = events.execution_started(
        events.utc_now(), name="o", version=None, input_text=None, instance_id="i", execution_id="e"
    )
    await store_instances.post(connection, HUB, "i", started, execution_id="e")
    assert [event["EventType"] for event in await inbox(connection)] == [0, 15]


async def test_a_suspended_instance_is_not_ready_for_anything_but_its_resumption(connection):
    now = events.utc_now()
    await store_episodes.goes_on(connection, HUB, "i", status="Suspended", custom_status=None, moment=now)
    raised = events.event_raised(now, name="e", input_text="1")
    await store_instances.post(connection, HUB, "i", raised, execution_id=None)
    assert await store_episodes.ready(connection, HUB, busy=[], limit=5) == []
    await store_instances.post(connection, HUB, "i", events.resumed(now, None), execution_id=None)
    assert await store_episodes.ready(connection, HUB, busy=[], limit=5) == ["i"]
    assert await store_episodes.ready(connection, HUB, busy=["i"], limit=5) == []


async def test_a_missed_timer_is_kept_unless_its_schedule_changed(connection):
    missed, following = events.utc_now() - timedelta(days=1), events.utc_now() + timedelta(days=1)

    async def due_after(schedule, next_due_at):
        await store_timers.register(connection, HUB, "t", schedule=schedule, next_due_at=next_due_at, monitor=True)
        return (await store_timers.due(connection, HUB, "t"))[0]

    assert await due_after("0 * * * * *", missed) == missed
    assert await due_after("0 * * * * *", following) == missed
    assert await due_after("0 0 * * * *", following) == following


async def test_queues_that_were_just_emptied_are_still_read_by_index(postgres_url, connection):
    """To the planner an emptied and vacuumed queue is best scanned, and the plan is cached while the queue fills."""
    await connection.execute("delete from functions_host.task")
    for table in ("task", "inbox", "instance"):
        await connection.execute(f"vacuum analyze functions_host.{table}")
    async with pools.relaxed(postgres_url) as pool, pool.connection() as pooled:
        await pooled.execute("set plan_cache_mode = force_generic_plan")
        for name, query, arguments in (
            ("claim", store_tasks._CLAIM, "1, 60, 'h', 4"),
            ("renew", store_tasks._RENEW, "60, 1"),
            ("ready", store_episodes._READY, "'h', array['i'], 4"),
            ("arrived", store_episodes._ARRIVED, "'h', 'i', 1000"),
        ):
            numbers = count(1)
            seen: dict[str, str] = {}
            text = re.sub(
                r"%(?:\((\w+)\))?[sb]",
                lambda match: seen.setdefault(match[1] or match.start(), f"${next(numbers)}"),  # noqa: B023
                query,
            )
            await pooled.execute(f"prepare {name} as {text}")
            plan = await (await pooled.execute(f"explain execute {name}({arguments})")).fetchall()
            lines = "\n".join(line for (line,) in plan)
            assert "Index Scan" in lines, name
            assert "Seq Scan" not in lines, f"{name}\n{lines}"


async def test_the_schema_can_be_created_again(connection):
    async with connection.transaction():
        await schema.create(connection)
