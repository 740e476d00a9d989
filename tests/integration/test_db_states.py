"""Pause, resume and cancel in the catalogue: which states follow which, who may claim and commit, and who drives."""

import re

import pytest

from shared.db import batches, runs
from shared.db.batches import BatchKind
from shared.errors import Conflict, Fenced
from shared.model.run import ACTIVE, TRANSITIONS, Counters, Driver, RunKind, RunState
from tests.support.catalogue import ENDED_S, LONG_S

ACTIONS = {"paused": runs.pause, "resumed": runs.resume, "cancelled": runs.cancel}
WANTED = {"paused": RunState.PAUSED, "resumed": RunState.QUEUED, "cancelled": RunState.CANCELLING}
ALREADY = {
    "paused": {RunState.PAUSED},
    "resumed": {RunState.QUEUED, RunState.RUNNING},
    "cancelled": {RunState.CANCELLING, RunState.CANCELLED},
}


async def ask(shelf, action):
    async with shelf.catalogue.transaction() as conn:
        return await action(conn, shelf.run_id)


async def state(shelf):
    return (await shelf.catalogue.state_now(shelf.run_id))[0]


async def be(shelf, wanted):
    """Bring the run, which is running, into a state."""
    values = {
        "wanted": wanted.value,
        "active": wanted in ACTIVE,
        "paused": wanted is RunState.PAUSED,
        "id": shelf.run_id,
    }
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(
            b"UPDATE run SET state = %(wanted)s, finished_at = CASE WHEN NOT %(active)s THEN now() END,"
            b" paused_at = CASE WHEN %(paused)s THEN now() END WHERE run_id = %(id)s",
            values,
        )


async def definition(shelf, name):
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"
    found = await shelf.rows(query, name) or await shelf.rows("SELECT pg_get_indexdef(%s::regclass)", name)
    return set(re.findall(r"'([a-z_]+)'::text", found[0][0]))


async def test_the_database_knows_the_same_states(shelf):
    assert await definition(shelf, "run_state") == {s.value for s in RunState}
    assert await definition(shelf, "run_finished") == {s.value for s in ACTIVE}
    assert await definition(shelf, "run_active_subject") == {s.value for s in ACTIVE}
    assert await definition(shelf, "run_at_work") == {s.value for s in ACTIVE - {RunState.PAUSED}}
    assert await definition(shelf, "run_driver") == {d.value for d in Driver}


@pytest.mark.parametrize("before", RunState)
@pytest.mark.parametrize("asked", ACTIONS)
async def test_what_may_be_asked_for_is_what_the_table_says(shelf, before, asked):
    await shelf.pending(2)
    await be(shelf, before)
    if before in ALREADY[asked]:
        assert await ask(shelf, ACTIONS[asked]) is None
        assert await state(shelf) is before
    elif WANTED[asked] in TRANSITIONS[before]:
        assert await ask(shelf, ACTIONS[asked]) > 0
        assert await state(shelf) is WANTED[asked]
        assert await ask(shelf, ACTIONS[asked]) is None, "asked twice is asked once"
    else:
        with pytest.raises(Conflict, match=f"run 1 .*{before} and cannot be {asked}; hint: "):
            await ask(shelf, ACTIONS[asked])
        assert await state(shelf) is before


@pytest.mark.parametrize("action", [runs.pause, runs.cancel])
async def test_a_run_with_nothing_left_is_being_closed_and_cannot_be_stopped(shelf, action):
    await shelf.catalogue.commit(shelf.batch(await shelf.seeded()))
    with pytest.raises(Conflict, match="has done all its work and is being closed"):
        await ask(shelf, action)
    assert await state(shelf) is RunState.RUNNING


async def test_of_a_paused_run_nothing_is_claimed_and_what_was_claimed_is_committed(shelf):
    await shelf.pending(3)
    claim = await shelf.claim(limit=1)
    await ask(shelf, runs.pause)
    assert await shelf.claim("other") is None
    await shelf.catalogue.commit(shelf.batch(claim, counters=Counters(files=4)))
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters.files == 4
    await ask(shelf, runs.resume)
    assert await shelf.claim("other") is None, "it is to be opened first"
    await shelf.catalogue.start_run(shelf.run_id)
    assert len((await shelf.claim("other")).directories) == 2


async def test_of_a_run_being_cancelled_nothing_is_committed(shelf):
    await shelf.pending(3)
    claim = await shelf.claim(limit=1)
    await ask(shelf, runs.cancel)
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(claim))
    with pytest.raises(Conflict, match="is cancelling: it cannot be closed"):
        await shelf.catalogue.take_missing(shelf.run_id, 10)
    with pytest.raises(Conflict, match="cannot become succeeded"):
        await shelf.finish()
    await shelf.finish(RunState.CANCELLED)
    assert await shelf.catalogue.left(shelf.run_id) == 0
    assert await shelf.value("SELECT count(*) FROM batch WHERE state = 0") == 0


async def test_pauses_are_left_out_of_the_time_a_run_took(shelf):
    await shelf.pending(1)
    await ask(shelf, runs.pause)
    await shelf.rows("UPDATE run SET paused_at = paused_at - interval '90 s' RETURNING 1")
    await ask(shelf, runs.resume)
    run, _ = await shelf.catalogue.run(shelf.run_id)
    assert (run.paused_at, 90 <= run.paused_seconds < 100, run.epoch) == (None, True, 1)


async def test_started_once_it_keeps_its_start(shelf):
    before = (await shelf.catalogue.run(shelf.run_id))[0].started_at
    await shelf.pending(1)
    await ask(shelf, runs.pause)
    await ask(shelf, runs.resume)
    await shelf.catalogue.start_run(shelf.run_id)
    assert (await shelf.catalogue.run(shelf.run_id))[0].started_at == before


async def test_lines_of_the_journal_get_numbers_that_no_batch_has(shelf):
    await shelf.pending(3)
    first = await shelf.claim(limit=1)
    number = await ask(shelf, runs.pause)
    await ask(shelf, runs.resume)
    await shelf.catalogue.start_run(shelf.run_id)
    second = await shelf.claim(limit=1)
    assert first.batch_no < number < second.batch_no - 1


async def test_one_worker_at_a_time_opens_or_closes_a_run(shelf):
    claim = shelf.catalogue.claim_control
    mine = await claim(shelf.run_id, "one", lease_s=LONG_S)
    assert await claim(shelf.run_id, "two", lease_s=LONG_S) is None
    again = await claim(shelf.run_id, "one", lease_s=LONG_S)
    assert again != mine, "its own it takes over: it has come back"
    await shelf.catalogue.give_back(shelf.run_id, mine)  # given up long ago: nothing
    assert await claim(shelf.run_id, "two", lease_s=LONG_S) is None
    await shelf.catalogue.give_back(shelf.run_id, again)
    assert await claim(shelf.run_id, "two", lease_s=ENDED_S) is not None
    assert await claim(shelf.run_id, "three", lease_s=LONG_S) is not None, "the lease of two is over"
    await shelf.finish()
    assert await claim(shelf.run_id, "four", lease_s=LONG_S) is None


async def test_what_is_given_back_can_be_claimed_at_once(shelf):
    await shelf.pending(3)
    claim = await shelf.claim("one")
    assert await shelf.claim("two") is None
    await shelf.catalogue.give_back(shelf.run_id, claim.batch_no)
    assert len((await shelf.claim("two")).directories) == 3
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(claim))


async def test_who_is_at_work_is_counted_by_name_and_lease(shelf):
    await shelf.pending(6)
    await shelf.claim("one", limit=1)
    await shelf.claim("two", limit=1)
    await shelf.claim("gone", limit=1, lease_s=ENDED_S)
    async with shelf.catalogue.transaction() as conn:
        assert await batches.workers(conn, shelf.run_id) == 2
        assert await batches.held(conn, shelf.run_id, [BatchKind.DIRECTORIES])
        assert not await batches.held(conn, shelf.run_id, [BatchKind.SPAN])


async def test_runs_for_durable_that_wait_are_found_and_others_are_not(shelf):
    await shelf.rows("UPDATE run SET requested_at = now() - interval '90 s' RETURNING 1")
    await shelf.pending(1)

    async def waiting():
        async with shelf.catalogue.transaction() as conn:
            return [run.state for run in await runs.queued_for(conn, 60)]

    assert await waiting() == []
    await ask(shelf, runs.pause)
    assert await waiting() == []
    await ask(shelf, runs.resume)
    assert await waiting() == [], "it waits for its turn"
    await shelf.rows("UPDATE run SET admitted_at = now() - interval '90 s' RETURNING 1")
    assert await waiting() == [RunState.QUEUED]
    await ask(shelf, runs.cancel)
    assert await waiting() == [RunState.CANCELLING]
    await shelf.finish(RunState.CANCELLED)
    async with shelf.catalogue.transaction() as conn:
        await runs.create(conn, "acme", shelf.share_id, RunKind.BACKUP, driver=Driver.WORKERS)
        await conn.execute(
            b"UPDATE run SET requested_at = now() - interval '90 s', admitted_at = now() - interval '90 s'"
        )
    assert await waiting() == []
