"""The frontier of a backup: every directory is somebody's at most once, and a late worker changes nothing."""

import asyncio
import dataclasses
import functools
from itertools import chain

import psycopg
import pytest

from shared.db import frontier, runs
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import make_pool
from shared.errors import Conflict, Fenced, IntegrityError, Unavailable
from shared.model.page import DirectoryHead
from shared.model.run import Counters, RunState
from shared.model.work import BatchCommit, FoundDirectory
from tests.support.catalogue import ENDED_S, ROOT, directory, files, page, point

EVERYTHING = """
    SELECT (SELECT array_agg(f ORDER BY node_id) FROM frontier AS f)::text, (SELECT array_agg(m) FROM missing AS m)::text,
           (SELECT array_agg(p ORDER BY page_id) FROM page AS p)::text, (SELECT array_agg(l) FROM large_file AS l)::text,
           (SELECT array_agg(b ORDER BY batch_no) FROM batch AS b)::text, (SELECT array_agg(k) FROM permission AS k)::text
"""


def ids(claim) -> list[int]:
    return [d.head.node_id for d in claim.directories]


async def test_a_fresh_share_has_a_root_to_claim(shelf):
    claim = await shelf.seeded()
    (root,) = claim.directories
    assert root.head == DirectoryHead(node_id=ROOT, parent_id=None, name="", file_id=0, mtime=0, fingerprint=None)
    assert (claim.batch_no, root.path, root.mtime) == (1, "", 5)


async def test_nothing_to_claim_takes_no_number(shelf):
    assert await shelf.claim() is None
    assert (await shelf.seeded()).batch_no == 1


async def test_a_run_is_seeded_once_even_when_all_is_done(shelf):
    claim = await shelf.seeded()
    await shelf.catalogue.commit(shelf.batch(claim))
    await shelf.catalogue.seed(shelf.run_id, shelf.share_id, [(ROOT, 5)])
    assert await shelf.claim() is None
    assert await shelf.catalogue.left(shelf.run_id) == 0


async def test_paths_are_rebuilt_from_names(shelf):
    rows = [page(2, 1, "Büro"), page(3, 2, "a b%20"), page(4, 3, "日本"), page(5, 1, "z")]
    await shelf.grow(rows, found=[FoundDirectory(node_id=directory(n), mtime=-n) for n in (4, 2, 5)])
    claim = await shelf.claim()
    assert [(d.path, d.mtime) for d in claim.directories] == [("Büro", -2), ("Büro/a b%20/日本", -4), ("z", -5)]


async def test_a_directory_that_hangs_nowhere_stops_the_run(shelf):
    await shelf.grow([page(2, 9, "lost")], found=[FoundDirectory(node_id=directory(2), mtime=0)])
    with pytest.raises(IntegrityError, match=f"directory {directory(2)} does not hang below the root"):
        await shelf.claim()


async def test_directories_that_hang_from_each_other_stop_the_run(shelf):
    await shelf.grow([page(2, 3, "a"), page(3, 2, "b")], found=[FoundDirectory(node_id=directory(2), mtime=0)])
    with pytest.raises(IntegrityError, match="does not hang below the root"):
        await shelf.claim()


async def test_a_part_of_what_is_there_is_claimed_but_no_less_than_the_limit_and_of_no_more_than_a_thousand(shelf):
    await shelf.pending(1100)
    claim = functools.partial(shelf.catalogue.claim, shelf.run_id, lease_s=60)
    assert len(ids(await claim("a", limit=16, part=4))) == 250
    assert len(ids(await claim("b", limit=800, part=4))) == 800
    assert len(ids(await claim("c", limit=4, part=5))) == 10
    assert len(ids(await claim("d", limit=16, part=4))) == 16
    assert await shelf.catalogue.left(shelf.run_id) == 1100


async def more(shelf, claim, known=(), **wanted) -> list[int]:
    asked = {"limit": 1, "part": 1000} | wanted
    found = await shelf.catalogue.claim_more(shelf.run_id, claim.batch_no, {*ids(claim), *known}, **asked)
    return [d.head.node_id for d in found]


async def test_a_batch_can_claim_more_and_has_to_account_for_it(shelf):
    first, second, third, fourth = await shelf.pending(4)
    claim = await shelf.claim(limit=1)
    assert await more(shelf, claim) == [second]
    assert await more(shelf, claim) == [second], "what a lost answer told comes again"
    assert await more(shelf, claim, [second], limit=5) == [third, fourth]
    assert await more(shelf, claim, [second, third, fourth]) == []
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(claim, done=[first, second]))
    await shelf.catalogue.commit(shelf.batch(claim, done=[first, second, fourth], returned=[third]))
    with pytest.raises(Fenced):
        await more(shelf, claim, [second, third, fourth])
    assert ids(await shelf.claim("other")) == [third]


async def test_a_batch_that_was_given_up_claims_no_more_and_one_of_a_paused_run_finds_none(shelf):
    await shelf.pending(2)
    late = await shelf.claim("w", limit=1)
    claim = await shelf.claim("w", limit=1)
    with pytest.raises(Fenced):
        await more(shelf, late)
    async with shelf.catalogue.transaction() as conn:
        await runs.pause(conn, shelf.run_id)
    assert await more(shelf, claim) == []


async def test_one_worker_is_asked_to_hand_over_when_another_finds_nothing(shelf):
    take_want = shelf.catalogue.take_want
    first, second = await shelf.pending(2)
    claim = await shelf.claim("w")
    assert not await take_want(shelf.run_id)
    assert await more(shelf, claim) == []
    assert not await take_want(shelf.run_id), "there is nobody who could hand over"
    assert await shelf.claim("other") is None
    assert [await take_want(shelf.run_id) for _ in range(3)] == [True, False, False]
    assert await shelf.claim("other") is None
    await shelf.catalogue.commit(shelf.batch(claim, done=[first], returned=[second]))
    assert not await take_want(shelf.run_id), "there is something to claim"
    claim = await shelf.claim("other")
    assert not await take_want(shelf.run_id), "it was claimed"
    await shelf.catalogue.commit(
        shelf.batch(
            claim,
            done=[],
            found=[FoundDirectory(node_id=directory(n), mtime=0) for n in (50, 51)],
            pages=[page(50, 1, "a"), page(51, 1, "b")],
            returned=[second],
        )
    )
    claims = [await shelf.claim(worker, limit=limit) for worker, limit in (("w", 1), ("other", 2))]
    assert await more(shelf, claims[0]) == []
    assert await take_want(shelf.run_id), "it will soon have nothing to do"


async def test_concurrent_claimers_never_share_a_directory(shelf):
    wanted = await shelf.pending(300)

    async def work(name: str) -> list[int]:
        mine = []
        while (claim := await shelf.claim(name, limit=7)) is not None:
            mine += ids(claim)
            await shelf.catalogue.commit(shelf.batch(claim))
        return mine

    done = await asyncio.gather(*(work(f"w{n}") for n in range(8)))
    assert sorted(chain(*done)) == wanted
    assert sum(1 for mine in done if mine) > 1
    numbers = await shelf.rows("SELECT batch_no FROM batch ORDER BY batch_no")
    assert [n for (n,) in numbers] == list(range(1, len(numbers) + 1))


async def test_one_that_is_being_claimed_is_skipped_not_waited_for(shelf):
    first, second = await shelf.pending(2)
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"SELECT FROM frontier WHERE node_id = %s FOR UPDATE", [first])
        claim = await asyncio.wait_for(shelf.claim(), 5)
    assert ids(claim) == [second]


async def test_the_same_worker_gets_its_directories_again(shelf):
    wanted = await shelf.pending(3)
    first = await shelf.claim("w")
    assert await shelf.claim("other") is None
    again = await shelf.claim("w")
    assert (ids(first), ids(again)) == (wanted, wanted)
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(first))
    await shelf.catalogue.commit(shelf.batch(again))
    assert await shelf.catalogue.left(shelf.run_id) == 0


async def test_an_ended_lease_can_be_claimed_by_others(shelf):
    wanted = await shelf.pending(3)
    await shelf.claim("dead", lease_s=ENDED_S)
    assert ids(await shelf.claim("w", limit=2)) == wanted[:2]
    assert ids(await shelf.claim("v")) == wanted[2:]


async def test_an_ended_lease_that_nobody_took_is_still_good(shelf):
    await shelf.pending(1)
    claim = await shelf.claim(lease_s=ENDED_S)
    await shelf.catalogue.commit(shelf.batch(claim))


async def test_a_renewed_lease_is_not_taken_and_a_lost_one_not_renewed(shelf):
    await shelf.pending(1)
    claim = await shelf.claim("slow", lease_s=ENDED_S)
    await shelf.catalogue.renew(shelf.run_id, claim.batch_no, 60)
    assert await shelf.claim("w") is None
    await shelf.catalogue.renew(shelf.run_id, claim.batch_no, ENDED_S)
    assert await shelf.claim("w") is not None
    with pytest.raises(Fenced, match=f"batch {claim.batch_no} of run {shelf.run_id} is no longer ours"):
        await shelf.catalogue.renew(shelf.run_id, claim.batch_no, 60)


async def test_a_late_worker_commits_nothing(shelf):
    await shelf.pending(2)
    late = await shelf.claim("late", lease_s=ENDED_S)
    await shelf.claim("w")
    before = await shelf.rows(EVERYTHING)
    full = shelf.batch(
        late,
        found=[FoundDirectory(node_id=directory(50), mtime=0)],
        pages=[page(2, 1, "d2", 5)],
        placed=[DirectoryHead(node_id=directory(3), parent_id=ROOT, name="x", file_id=3, mtime=0, fingerprint=None)],
        missing=[(directory(3), ROOT)],
        permissions=["k"],
        segment_bytes=5,
        counters=Counters(files=1),
    )
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(full)
    assert await shelf.rows(EVERYTHING) == before


@pytest.mark.parametrize(
    "change",
    [
        {"done": [directory(2)]},
        {"done": [directory(2), directory(3), directory(4)]},
        {"done": [directory(2), directory(9)]},
        {"done": [], "returned": [directory(3)]},
        {"done": [], "kept": [directory(3)]},
        {"done": [], "waiting": [directory(3)]},
    ],
)
async def test_a_commit_that_does_not_account_for_its_claim_is_refused(shelf, change):
    await shelf.pending(3)
    claim = await shelf.claim(limit=2)
    before = await shelf.rows(EVERYTHING)
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(claim, **change))
    assert await shelf.rows(EVERYTHING) == before


async def test_a_commit_told_twice_counts_once(shelf):
    """The answer to a COMMIT can be lost: then the worker tells again."""
    claim = await shelf.seeded()
    batch = shelf.batch(claim, found=[FoundDirectory(node_id=directory(2), mtime=1)], pages=[page(2, 1, "a")])
    batch.counters = Counters(files=7)
    await shelf.catalogue.commit(batch)
    await shelf.catalogue.commit(shelf.batch(await shelf.claim()))
    before = await shelf.rows(EVERYTHING)
    await shelf.catalogue.commit(batch)
    assert await shelf.rows(EVERYTHING) == before
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters == Counters(files=7)


async def test_returned_directories_can_be_claimed_again(shelf):
    first, second, third = await shelf.pending(3)
    claim = await shelf.claim()
    await shelf.catalogue.commit(shelf.batch(claim, done=[first], returned=[second, third]))
    assert ids(await shelf.claim("other")) == [second, third]


async def test_one_directory_can_be_asked_for_by_name(shelf):
    first, second, third = await shelf.pending(3)
    claim = await shelf.catalogue.claim(shelf.run_id, "w", limit=1, lease_s=60, only=second)
    assert ids(claim) == [second]
    assert await shelf.catalogue.claim(shelf.run_id, "other", limit=1, lease_s=60, only=second) is None
    assert ids(await shelf.claim("other")) == [first, third]
    await shelf.catalogue.commit(shelf.batch(claim))
    assert await shelf.catalogue.claim(shelf.run_id, "w", limit=1, lease_s=60, only=second) is None


async def test_a_kept_directory_passes_to_a_batch_of_the_same_worker(shelf):
    """And to nobody else: not between two batches, not by the first batch told twice, but when the lease ends."""
    first, second = await shelf.pending(2)
    claim = await shelf.claim("w")
    batch = shelf.batch(claim, done=[first], kept=[second])
    kept = await shelf.catalogue.commit(batch, lease_s=60)
    assert kept.batch_no > claim.batch_no
    assert kept.node_ids == {second}
    assert await shelf.claim("other") is None
    assert await shelf.catalogue.commit(batch, lease_s=60) is None
    following = dataclasses.replace(claim, batch_no=kept.batch_no)
    ending = await shelf.catalogue.commit(shelf.batch(following, done=[], kept=[second]), lease_s=ENDED_S)
    taken = await shelf.claim("other")
    assert ids(taken) == [second]
    late = dataclasses.replace(claim, batch_no=ending.batch_no)
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(late, done=[second]))
    await shelf.catalogue.commit(shelf.batch(taken))
    assert await shelf.catalogue.left(shelf.run_id) == 0


async def test_what_was_found_can_be_kept_unless_somebody_has_it(shelf):
    _, second, third = await shelf.pending(3)
    claim, others = await shelf.claim("w", limit=1), await shelf.claim("other", limit=1)
    assert ids(others) == [second]
    new = directory(50)
    found = [FoundDirectory(node_id=node_id, mtime=0) for node_id in (new, second, third)]
    batch = shelf.batch(claim, found=found, kept=[new, second, third], pages=[page(50, 1, "a")])
    kept = await shelf.catalogue.commit(batch, lease_s=60)
    assert kept.node_ids == {new, third}
    await shelf.catalogue.commit(shelf.batch(others))
    following = dataclasses.replace(claim, batch_no=kept.batch_no)
    await shelf.catalogue.commit(shelf.batch(following, done=[new, third]))
    assert await shelf.catalogue.left(shelf.run_id) == 0


async def test_a_directory_found_twice_is_visited_once(shelf):
    (node,) = await shelf.pending(1)
    claim = await shelf.claim()
    await shelf.catalogue.commit(
        shelf.batch(claim, done=[], returned=[node], found=[FoundDirectory(node_id=node, mtime=77)])
    )
    again = await shelf.claim()
    assert [(d.head.node_id, d.mtime) for d in again.directories] == [(node, 2)]


async def test_counters_add_up_over_batches_of_all_workers(shelf):
    await shelf.pending(4)
    for n in range(4):
        claim = await shelf.claim(f"w{n}", limit=1)
        await shelf.catalogue.commit(shelf.batch(claim, counters=Counters(files=n, bytes=2**45, errors=1)))
    run, _ = await shelf.catalogue.run(shelf.run_id)
    assert run.counters == Counters(files=6, bytes=2**47, errors=4)


async def test_permissions_become_known(shelf):
    assert await shelf.catalogue.known_permissions(shelf.share_id) == set()
    await shelf.grow(
        [page(2, 1, "a")], found=[FoundDirectory(node_id=directory(2), mtime=0)], permissions=["12*34", "5*6"]
    )
    await shelf.catalogue.commit(shelf.batch(await shelf.claim(), permissions=["5*6", "7*8"]))
    assert await shelf.catalogue.known_permissions(shelf.share_id) == {"12*34", "5*6", "7*8"}


async def test_committed_segments_are_listed_by_run_and_batch(shelf):
    found = [FoundDirectory(node_id=directory(n), mtime=0) for n in (2, 3, 4)]
    rows = [page(n, 1, f"d{n}") for n in (2, 3, 4)]
    await shelf.grow(rows, found=found, segment_bytes=100, bundles=[2**31 - 1, 5])
    await shelf.catalogue.commit(shelf.batch(await shelf.claim(limit=1)))  # wrote none
    await shelf.catalogue.commit(shelf.batch(await shelf.claim(limit=1), segment_bytes=2**32))
    await shelf.claim("open")
    await shelf.finish()
    await shelf.new_run()
    claim = await shelf.seeded()
    await shelf.catalogue.commit(shelf.batch(claim, segment_bytes=1))
    committed = shelf.catalogue.committed_batches
    first = await committed(shelf.share_id, 0, 1)
    assert first == [(1, 1), (1, 3)]
    assert await committed(shelf.share_id, 0, 9) == [*first, (2, 1)]
    assert await committed(shelf.share_id, 1, 2) == [(2, 1)]
    assert await committed(shelf.share_id, 2, 9) == []


async def test_a_run_that_ends_leaves_nothing_to_claim_or_commit(shelf):
    await shelf.pending(2)
    claim = await shelf.claim(limit=1)
    await shelf.finish(point=point(1))
    assert await shelf.claim("other") is None
    assert await shelf.catalogue.left(shelf.run_id) == 0
    with pytest.raises(Fenced):
        await shelf.catalogue.commit(shelf.batch(claim))
    with pytest.raises(Fenced):
        await shelf.catalogue.renew(shelf.run_id, claim.batch_no, 60)


async def test_a_commit_and_the_end_of_the_run_never_leave_a_row_behind(shelf):
    """The commit adds to the frontier while finish_run empties it: whichever is first, nothing is left."""
    for n in range(6):
        if n:
            await shelf.new_run()
        await shelf.pending(1, first=10 + n)
        claim = await shelf.claim()
        found = [FoundDirectory(node_id=directory(1000 + k), mtime=0) for k in range(200)]
        _, ended = await asyncio.gather(
            shelf.catalogue.commit(shelf.batch(claim, found=found)), shelf.finish(), return_exceptions=True
        )
        assert ended is None
        assert await shelf.value("SELECT count(*) FROM frontier") == 0


async def test_the_end_of_a_run_waits_for_whoever_works_in_it(shelf):
    async with shelf.catalogue.transaction() as one, shelf.catalogue.transaction() as two:
        assert (
            await runs.hold(one, shelf.run_id)
            == await runs.hold(two, shelf.run_id)
            == (shelf.share_id, 1, RunState.RUNNING)
        )
        ending = asyncio.create_task(shelf.finish())
        await asyncio.sleep(0.3)
        await frontier.add(one, shelf.run_id, [(ROOT, 0)])
        assert not ending.done()
        assert (await asyncio.wait_for(shelf.catalogue.run(shelf.run_id), 5))[0].finished_at is None
    await ending
    assert await shelf.value("SELECT count(*) FROM frontier") == 0


async def test_directory_numbers_are_given_once(shelf):
    ranges = await asyncio.gather(*(shelf.catalogue.allocate_directories(shelf.share_id, 3) for _ in range(10)))
    assert sorted(n for r in ranges for n in r) == list(range(2, 32))


async def test_directory_numbers_end(shelf):
    await shelf.rows("UPDATE share SET next_directory_no = %s RETURNING 1", 2**39 - 5)
    with pytest.raises(Exception, match="has used up its 549,755,813,887 directory numbers"):
        await shelf.catalogue.allocate_directories(shelf.share_id, 6)
    assert await shelf.catalogue.allocate_directories(shelf.share_id, 5) == range(2**39 - 5, 2**39)


async def test_lost_connections_cost_a_repetition_and_no_error(shelf):
    wanted = await shelf.pending(1)
    async with await psycopg.AsyncConnection.connect(shelf.url, autocommit=True) as other:
        for _ in range(3):
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert ids(await shelf.claim()) == wanted


async def test_a_deadlock_is_repeated(shelf, monkeypatch):
    calls = 0

    async def work(conn):
        nonlocal calls
        calls += 1
        if calls < 3:
            await conn.execute(b"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$")
        return calls

    monkeypatch.setattr("shared.db.catalogue.FIRST_PAUSE_S", 0.001)
    assert await shelf.catalogue._once(work) == 3


async def test_a_server_that_is_away_is_unavailable(shelf, monkeypatch):
    monkeypatch.setattr("shared.db.catalogue.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("shared.db.pool.WAIT_S", 0.2)
    async with make_pool("postgresql://postgres@127.0.0.1:1/nowhere") as pool:
        with pytest.raises(Unavailable, match="the catalogue did not answer"):
            await PostgresCatalogue(pool).left(1)


async def test_a_bug_is_not_mistaken_for_weather(shelf):
    batch = BatchCommit(
        run_id=shelf.run_id, share_id=shelf.share_id, run_no=1, batch_no=(await shelf.seeded()).batch_no
    )
    batch.done = [ROOT]
    batch.pages = [page(2, 1, "a"), page(2, 1, "b")]  # one key twice
    with pytest.raises(psycopg.errors.CardinalityViolation):
        await shelf.catalogue.commit(batch)


async def test_a_fence_is_a_conflict():
    assert issubclass(Fenced, Conflict)


async def test_big_batches_are_one_statement_each(shelf):
    """4,000 directories with ten files each, in one commit, well under a lease."""
    rows = [page(n, 1, f"d{n:05d}", 10) for n in range(2, 4002)]
    await shelf.grow(rows, found=[FoundDirectory(node_id=r.directory_id, mtime=0) for r in rows])
    claim = await shelf.claim(limit=5000)
    assert len(claim.directories) == 4000
    assert claim.directories[0].path == "d00002"
    changed = [dataclasses.replace(r, files=files(11), next_slot=12) for r in rows]
    await shelf.catalogue.commit(shelf.batch(claim, pages=changed))
    assert await shelf.catalogue.totals(shelf.share_id) == (4001, 44_000, 440_000)
