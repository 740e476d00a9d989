"""A share that was swept is no place for programs that do not know of sweeps, and no sweep begins while one of these works there."""

import asyncio

import psycopg
import pytest

from shared.db import batches, runs, shares
from shared.db.batches import BatchKind
from shared.db.pool import make_pool
from shared.db.sweep_catalogue import PostgresSweeps
from shared.errors import Conflict
from shared.model.run import RunKind
from shared.model.sweep import SweepOrder

# As releases from before sweeps claim.
CLAIM = (
    "INSERT INTO batch (run_id, batch_no, share_id, run_no, kind, state, worker, lease_until)"
    " SELECT run_id, %s, share_id, run_no, 0, 0, 'old-worker', now() + interval '60 s' FROM run WHERE run_id = %s"
)


@pytest.fixture
async def sweeping(shelf):
    """A share with a restore point and a running backup, and a sweep that is to be opened."""
    async with make_pool(shelf.url, size=4) as pool:
        sweeps = PostgresSweeps(pool)
        async with sweeps.transaction() as conn:
            await conn.execute(
                b"INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors)"
                b" VALUES (%s, 0, now(), now(), 1, 1, 1, 0)",
                [shelf.share.share_id],
            )
            order = SweepOrder(by="test")
            sweep = await runs.create(conn, "acme", shelf.share.share_id, RunKind.SWEEP, retention=order)

        async def begin():
            return await sweeps.begin_sweep(sweep.run_id, sweep.requested_at)

        shelf.begin = begin
        yield shelf


async def claim(conn, shelf, batch_no=77):
    await conn.execute(CLAIM.encode(), [batch_no, shelf.run.run_id])


async def test_no_sweep_is_opened_while_an_older_program_has_work_of_the_share_in_hand(sweeping):
    async with sweeping.catalogue.transaction() as conn:
        await claim(conn, sweeping)
    with pytest.raises(Conflict, match=r"old-worker has a batch of run 1 in hand .* release from before sweeps"):
        await sweeping.begin()
    async with sweeping.catalogue.transaction() as conn:
        await batches.end(conn, sweeping.run.run_id)
    assert (await sweeping.begin()).horizon == 0


async def test_from_the_first_sweep_on_older_programs_claim_nothing_of_the_share(sweeping):
    assert (await sweeping.begin()).horizon == 0
    refusal = pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="of a release from before sweeps")
    with psycopg.connect(sweeping.url, autocommit=True) as conn, refusal:
        conn.execute(CLAIM, [77, sweeping.run.run_id])
    async with sweeping.catalogue.transaction() as conn:
        await batches.open_one(conn, sweeping.run.run_id, BatchKind.DIRECTORIES, "new-worker", 60)
        # Of other shares they go on to.
        other = await shares.create(
            conn, "acme", name="Other", account_url="https://x", share_name="other", credential=""
        )
        run = await runs.create(conn, "acme", other.share_id, RunKind.BACKUP)
        await conn.execute(CLAIM.encode(), [1, run.run_id])


async def test_a_claim_and_an_opening_at_the_same_moment_do_not_miss_each_other(sweeping):
    async with sweeping.catalogue.transaction() as conn:
        await claim(conn, sweeping)
        opening = asyncio.create_task(sweeping.begin())
        await asyncio.sleep(0.3)
        assert not opening.done(), "the opening waits for the claim"
    with pytest.raises(Conflict, match="old-worker"):
        await opening
    async with sweeping.catalogue.transaction() as conn:
        await batches.end(conn, sweeping.run.run_id)
        await shares.lock(conn, sweeping.share.share_id)
        await shares.demand(conn, sweeping.share.share_id, batches.KNOWS)

        def late():
            with psycopg.connect(sweeping.url, autocommit=True) as old:
                old.execute(CLAIM, [78, sweeping.run.run_id])

        claiming = asyncio.create_task(asyncio.to_thread(late))
        await asyncio.sleep(0.3)
        assert not claiming.done(), "the claim waits for the opening"
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        await claiming
