"""The frontier of a restore: everything is filled before anything is finished, and the deepest is finished first."""

import asyncio
from itertools import chain

import pytest

from shared.db import batches
from shared.db.batches import BatchKind
from shared.errors import Fenced
from shared.model.restore import RestoreOrder
from shared.model.run import Counters, RunKind, RunState
from shared.model.work import RestoreCommit, RestoreItem
from tests.support.catalogue import ENDED_S, LONG_S, ROOT, directory

ORDER = RestoreOrder(restore_point=1, account_url="https://b.file.core.windows.net", share_name="t", credential="c")


def item(number: int, path: str) -> RestoreItem:
    return RestoreItem(node_id=directory(number), path=path, properties={"written": number, "permission": "1*2"})


async def begin(shelf, *items: RestoreItem) -> None:
    await shelf.new_run(RunKind.RESTORE, ORDER)
    await shelf.catalogue.seed_restore(shelf.run_id, items or [item(1, "")])


async def claim(shelf, worker="w", limit=100, lease_s=LONG_S):
    return await shelf.catalogue.claim_restore(shelf.run_id, worker, limit=limit, lease_s=lease_s)


async def commit(shelf, claimed, **fields) -> None:
    given = {"done": [i.node_id for i in claimed.items]} | fields
    await shelf.catalogue.commit_restore(RestoreCommit(run_id=claimed.run_id, batch_no=claimed.batch_no, **given))


def paths(claimed) -> list[str]:
    return [i.path for i in claimed.items]


async def test_a_restore_fills_then_finishes_deepest_first(shelf):
    await begin(shelf)
    first = await claim(shelf)
    assert (first.items, first.finishing, first.batch_no) == ((item(1, ""),), False, 1)
    await commit(
        shelf, first, found=[item(2, "a"), item(3, "b")], filled=[item(4, "c"), item(5, "c/d"), item(6, "c/d/e")]
    )
    assert await shelf.catalogue.left(shelf.run_id) == 6
    second = await claim(shelf)
    assert (paths(second), second.finishing) == (["a", "b"], False)
    await commit(shelf, second, counters=Counters(files=3))
    third = await claim(shelf, limit=2)
    assert (third.items, third.finishing) == ((item(6, "c/d/e"),), True)
    assert await claim(shelf, "other") is None  # what is above it waits
    await commit(shelf, third)
    fourth = await claim(shelf, limit=2)
    assert paths(fourth) == ["c/d"]
    await commit(shelf, fourth)
    fifth, sixth = await claim(shelf, limit=2), await claim(shelf, "other")
    assert (paths(fifth), paths(sixth)) == (["a", "b"], ["c"])
    await commit(shelf, fifth)
    assert await claim(shelf) is None
    await commit(shelf, sixth, counters=Counters(files=4))
    last = await claim(shelf)
    assert paths(last) == [""]
    await commit(shelf, last)
    assert await claim(shelf) is None
    assert await shelf.catalogue.left(shelf.run_id) == 0
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters == Counters(files=7)


async def test_nothing_is_finished_while_somebody_still_fills(shelf):
    await begin(shelf, item(1, ""), item(2, "a"))
    slow = await claim(shelf, "slow", limit=1)
    await commit(shelf, await claim(shelf, "w"))
    assert await claim(shelf, "w") is None
    await commit(shelf, slow)
    assert (await claim(shelf, "w")).finishing


async def test_a_restore_is_seeded_once(shelf):
    await begin(shelf)
    await commit(shelf, await claim(shelf))
    await commit(shelf, await claim(shelf))
    await shelf.catalogue.seed_restore(shelf.run_id, [item(1, "")])
    assert await claim(shelf) is None


@pytest.mark.parametrize("finishing", [False, True])
async def test_an_ended_lease_goes_to_another_and_the_late_worker_changes_nothing(shelf, finishing):
    await begin(shelf, item(1, ""), item(2, "a"))
    if finishing:
        await commit(shelf, await claim(shelf))
    late = await claim(shelf, "late", lease_s=ENDED_S)
    taken = await claim(shelf, "w")
    assert (taken.items, taken.finishing) == (late.items, finishing)
    with pytest.raises(Fenced):
        await commit(shelf, late, found=[item(9, "x")], counters=Counters(files=1))
    assert await shelf.catalogue.left(shelf.run_id) == 2
    await commit(shelf, taken)


@pytest.mark.parametrize("finishing", [False, True])
async def test_returned_ones_go_back_to_where_they_were(shelf, finishing):
    await begin(shelf, item(1, "a"), item(2, "b"))
    if finishing:
        await commit(shelf, await claim(shelf))
    first = await claim(shelf)
    done, kept = first.items
    await commit(shelf, first, done=[done.node_id], returned=[kept.node_id])
    again = await claim(shelf)
    assert (again.items, again.finishing) == ((kept,), finishing)


@pytest.mark.parametrize("change", [{"done": [ROOT]}, {"done": [ROOT, directory(2), directory(3)]}, {"done": []}])
async def test_a_commit_that_does_not_account_for_its_claim_is_refused(shelf, change):
    await begin(shelf, item(1, ""), item(2, "a"))
    claimed = await claim(shelf)
    with pytest.raises(Fenced):
        await commit(shelf, claimed, **change)
    await commit(shelf, claimed)


async def test_the_same_worker_gets_its_items_again(shelf):
    await begin(shelf)
    first, again = await claim(shelf), await claim(shelf)
    assert first.items == again.items
    with pytest.raises(Fenced):
        await commit(shelf, first)
    await commit(shelf, again)


async def test_a_commit_told_twice_counts_once(shelf):
    await begin(shelf)
    first = await claim(shelf)
    for _ in range(2):
        await commit(shelf, first, found=[item(2, "a")], counters=Counters(files=1))
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters == Counters(files=1)
    assert paths(await claim(shelf)) == ["a"]


async def test_concurrent_claimers_never_share_an_item(shelf):
    await begin(shelf, *(item(n, f"d{n}") for n in range(1, 201)))

    async def work(name: str) -> list[tuple[bool, int]]:
        mine = []
        while await shelf.catalogue.left(shelf.run_id):
            claimed = await claim(shelf, name, limit=7)
            if claimed is None:
                await asyncio.sleep(0.01)
                continue
            mine += [(claimed.finishing, i.node_id) for i in claimed.items]
            await commit(shelf, claimed)
        return mine

    done = chain(*await asyncio.gather(*(work(f"w{n}") for n in range(6))))
    assert sorted(done) == sorted((f, directory(n)) for f in (False, True) for n in range(1, 201))


async def test_a_restore_that_ends_leaves_nothing(shelf):
    await begin(shelf, item(1, ""), item(2, "a"))
    claimed = await claim(shelf, limit=1)
    await shelf.finish()
    assert await claim(shelf, "other") is None
    assert await shelf.catalogue.left(shelf.run_id) == 0
    with pytest.raises(Fenced):
        await commit(shelf, claimed)


async def test_of_a_run_that_was_ended_from_outside_workers_hold_leases_until_they_are_over(shelf):
    """An undo waits for that: what they still write would stay."""

    async def leased_s() -> int:
        async with shelf.catalogue.transaction() as conn:
            return await batches.leased_s(conn, shelf.run_id, BatchKind.RESTORE)

    await begin(shelf, item(1, "a"), item(2, "b"), item(3, "c"))
    done, over, given_back = [await claim(shelf, worker, limit=1) for worker in "abc"]
    await commit(shelf, done)
    await shelf.catalogue.give_back(shelf.run_id, given_back.batch_no)
    assert await shelf.rows("UPDATE batch SET lease_until = now() WHERE batch_no = %s RETURNING 1", over.batch_no)
    await claim(shelf, "d", limit=1)  # takes over what is over
    assert 0 < await leased_s() <= LONG_S
    await shelf.catalogue.finish_run(shelf.run_id, RunState.FAILED, error="given up", counters=Counters())
    assert 0 < await leased_s() <= LONG_S
    assert await shelf.rows("UPDATE batch SET lease_until = now() RETURNING 1")
    assert await leased_s() == 0
