"""The end of a backup: what was not seen anywhere is deleted, what moved is not."""

import dataclasses

from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryHead, Page
from shared.model.run import Counters, RunState
from tests.support.catalogue import ROOT, directory, files, page

REF = ManifestRef(1, 2, 3, 4)


async def miss(shelf, *missing: tuple[int, int], **fields) -> None:
    """A second run in which these are missing."""
    await shelf.finish()
    await shelf.new_run()
    claim = await shelf.seeded()
    await shelf.catalogue.commit(
        shelf.batch(claim, missing=[(directory(n), directory(p)) for n, p in missing], **fields)
    )


async def take_all(shelf, limit: int = 100) -> int:
    calls = 1
    while await shelf.catalogue.take_missing(shelf.run_id, limit):
        calls += 1
    return calls


async def live(shelf) -> set[str]:
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"SELECT choose_share(%s, true)", [shelf.share_id])
        rows = await (await conn.execute(b"SELECT name FROM node WHERE size IS NULL AND name <> ''")).fetchall()
        return {name for (name,) in rows}


async def counters(shelf) -> Counters:
    return (await shelf.catalogue.run(shelf.run_id))[0].counters


async def test_nothing_missing_is_nothing_to_do(shelf):
    assert await shelf.catalogue.take_missing(shelf.run_id, 10) == 0


async def test_a_missing_directory_becomes_a_tombstone_that_keeps_its_place_and_its_manifest(shelf):
    old = page(2, 1, "a", 7, fingerprint=1, page_fingerprint=2, manifest=REF)
    await shelf.grow([old])
    await miss(shelf, (2, 1))
    await take_all(shelf)
    assert (await shelf.catalogue.pages(shelf.share_id, [directory(2)]))[directory(2)] == [
        dataclasses.replace(old, files=(), fingerprint=None, page_fingerprint=None, deleted_run=2)
    ]
    assert await counters(shelf) == Counters(deleted_directories=1, deleted_files=7)
    assert await shelf.catalogue.totals(shelf.share_id) == (1, 0, 0)


async def test_a_whole_subtree_goes_level_by_level(shelf):
    await shelf.grow([page(2, 1, "a", 1), page(3, 2, "b", 2), page(4, 3, "c", 3), page(5, 1, "stays", 4)])
    await miss(shelf, (2, 1))
    assert await take_all(shelf) == 3
    assert await live(shelf) == {"stays"}
    assert await counters(shelf) == Counters(deleted_directories=3, deleted_files=6)


async def test_one_at_a_time_ends_as_all_at_once(shelf):
    await shelf.grow([page(2, 1, "a"), *(page(n, 2, f"d{n}", 1) for n in range(3, 10))])
    await miss(shelf, (2, 1))
    assert await take_all(shelf, limit=1) == 8
    assert await live(shelf) == set()
    assert await counters(shelf) == Counters(deleted_directories=8, deleted_files=7)


async def test_a_directory_that_turned_up_elsewhere_is_left_alone(shelf):
    await shelf.grow([page(2, 1, "a", 3), page(3, 1, "b", 3), page(4, 2, "below", 3)])
    moved = DirectoryHead(node_id=directory(2), parent_id=directory(3), name="a2", file_id=2, mtime=2, fingerprint=None)
    await miss(shelf, (2, 1), placed=[moved])
    await take_all(shelf)
    assert await live(shelf) == {"a2", "b", "below"}
    assert await counters(shelf) == Counters()


async def test_a_directory_moved_out_of_a_deleted_one_survives(shelf):
    await shelf.grow([page(2, 1, "gone"), page(3, 2, "moved", 1), page(4, 3, "inside", 1), page(5, 2, "gone too", 1)])
    moved = DirectoryHead(node_id=directory(3), parent_id=ROOT, name="moved", file_id=3, mtime=3, fingerprint=None)
    await miss(shelf, (2, 1), placed=[moved])
    await take_all(shelf)
    assert await live(shelf) == {"moved", "inside"}
    assert await counters(shelf) == Counters(deleted_directories=2, deleted_files=1)


async def test_all_pages_of_a_big_directory_go_and_dissolved_ones_stay_as_they_were(shelf):
    more = Page(directory_id=directory(2), page_no=1, name="f9", files=files(50, first_slot=11), manifest=REF)
    dissolved = Page(directory_id=directory(2), page_no=2, name="g", deleted_run=1, manifest=REF)
    await shelf.grow([page(2, 1, "big", 10), more, dissolved])
    await miss(shelf, (2, 1))
    await take_all(shelf)
    rows = (await shelf.catalogue.pages(shelf.share_id, [directory(2)]))[directory(2)]
    assert [(p.deleted_run, len(p.files)) for p in rows] == [(2, 0), (2, 0), (1, 0)]
    assert (await shelf.catalogue.page_manifests(shelf.share_id, [directory(2)]))[directory(2), 1] == REF
    assert await counters(shelf) == Counters(deleted_directories=1, deleted_files=60)


async def test_one_that_was_deleted_before_is_not_deleted_again(shelf):
    await shelf.grow([page(2, 1, "a", deleted_run=1)])
    await miss(shelf, (2, 1), (9, 1))
    await take_all(shelf)
    assert await counters(shelf) == Counters()


async def test_deletions_reach_the_final_counters(shelf):
    await shelf.grow([page(2, 1, "a", 7)])
    await miss(shelf, (2, 1), counters=Counters(files=3))
    await take_all(shelf)
    await shelf.finish(counters=Counters(errors=1))
    assert await counters(shelf) == Counters(files=3, deleted_directories=1, deleted_files=7, errors=1)
    assert await shelf.value("SELECT count(*) FROM missing") == 0


async def test_what_is_left_of_a_subtree_when_a_run_fails_in_the_middle_is_deleted_by_the_next(shelf):
    await shelf.grow([page(2, 1, "a", 1), page(3, 2, "b", 2), page(4, 3, "c", 3), page(5, 1, "stays", 4)])
    await miss(shelf, (2, 1))
    assert (
        await shelf.catalogue.take_missing(shelf.run_id, 1) == 1
    )  # its child is queued, and nothing lists that any more
    await shelf.finish(RunState.FAILED)
    await shelf.new_run()
    assert await take_all(shelf) == 2
    assert await live(shelf) == {"stays"}
    await shelf.finish()
    assert await shelf.value("SELECT count(*) FROM missing") == 0


async def test_what_a_failed_run_missed_and_did_not_delete_is_looked_for_again(shelf):
    """It may have come back, so it is not deleted; its parent has no fingerprint, so the next run compares it."""
    await shelf.grow(
        [page(1, None, "", fingerprint=7), page(2, 1, "a", 1, fingerprint=8), page(3, 1, "b", fingerprint=9)]
    )
    await miss(shelf, (2, 1))
    await shelf.finish(RunState.FAILED)
    await shelf.new_run()
    assert await take_all(shelf) == 1
    assert await live(shelf) == {"a", "b"}
    found = await shelf.catalogue.pages(shelf.share_id, [ROOT, directory(2), directory(3)])
    assert [rows[0].fingerprint for rows in found.values()] == [None, 8, 9]
    await shelf.finish()
