"""Rows of the tree: written whole, read by directory, found by parent and by FileId."""

import asyncio
import dataclasses

from shared.db import pages
from shared.errors import Fenced
from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryHead, DirectoryPages, Page, PageHead
from tests.support.catalogue import ENDED_S, ROOT, directory, files, page

REF = ManifestRef(1, 2, 3, 4)


async def test_pages_come_back_as_they_were(shelf):
    rows = [
        page(2, 1, "a", 5, file_id=2**64 - 1, fingerprint=2**64 - 1, manifest=REF),
        page(3, 2, "b", 0, mtime=-1),
        page(4, 2, "c", 4096),
    ]
    await shelf.grow(rows)
    found = await shelf.catalogue.pages(shelf.share_id, [r.directory_id for r in rows] + [directory(9)])
    assert found == {
        rows[0].directory_id: rows[:1],
        rows[1].directory_id: rows[1:2],
        rows[2].directory_id: rows[2:],
        directory(9): [],
    }


async def test_a_directory_of_many_pages_comes_back_in_order(shelf):
    """And its neighbours' rows, whose keys are next to it, do not come along."""
    head = page(2, 1, "big", 100)
    more = [
        Page(
            directory_id=directory(2),
            page_no=n,
            name=f"g{n}",
            files=files(50, first_slot=1000 * (n % 4)),
            page_fingerprint=n,
        )
        for n in (2, 1, 2**24 - 1)
    ]
    dissolved = Page(directory_id=directory(2), page_no=3, name="h", deleted_run=1, manifest=REF)
    await shelf.grow([head, *more, dissolved, page(3, 1, "next"), page(4, 1, "after")])
    found = await shelf.catalogue.pages(shelf.share_id, [directory(2)])
    assert [p.page_no for p in found[directory(2)]] == [0, 1, 2, 3, 2**24 - 1]
    assert found[directory(2)][3] == dissolved
    assert set(found[directory(2)]) == {head, *more, dissolved}


async def test_the_heads_of_pages_come_with_the_first_page_whole(shelf):
    head = page(2, 1, "big", 100, manifest=REF, page_fingerprint=3, next_slot=4000)
    more = [
        Page(directory_id=directory(2), page_no=n, name=f"g{n}", files=files(5), page_fingerprint=n, manifest=REF)
        for n in (2, 1)
    ]
    dissolved = Page(directory_id=directory(2), page_no=3, name="h", deleted_run=1, manifest=REF)
    await shelf.grow([head, *more, dissolved, page(3, 1, "next")])
    found = await shelf.catalogue.page_heads(shelf.share_id, [directory(2), directory(3), directory(9)])
    assert found[directory(2)] == DirectoryPages(
        head,
        (
            PageHead(0, "", 3, REF, None),
            PageHead(1, "g1", 1, REF, None),
            PageHead(2, "g2", 2, REF, None),
            PageHead(3, "h", None, REF, 1),
        ),
    )
    some = await shelf.catalogue.some_heads(shelf.share_id, directory(2), [0, 2, 3, 4])
    assert some == {head.page_no: head for head in found[directory(2)].heads if head.page_no != 1}
    assert found[directory(3)].first == page(3, 1, "next")
    assert found[directory(9)] == DirectoryPages(None)


async def test_a_row_is_replaced_whole(shelf):
    old = page(2, 1, "a", 100, fingerprint=5, manifest=REF)
    await shelf.grow([old])
    new = dataclasses.replace(
        old, name="b", parent_id=directory(7), file_id=9, files=(), fingerprint=None, manifest=None
    )
    async with shelf.catalogue.transaction() as conn:
        await pages.upsert(conn, shelf.share_id, [new])
    assert await shelf.catalogue.pages(shelf.share_id, [directory(2)]) == {directory(2): [new]}


async def test_placing_writes_name_and_parent_and_nothing_else(shelf):
    old = page(2, 1, "a", 3, fingerprint=5, manifest=REF)
    await shelf.grow([old, page(3, 1, "b")])
    await shelf.catalogue.seed(shelf.run_id, shelf.share_id, [])
    async with shelf.catalogue.transaction() as conn:
        head = DirectoryHead(
            node_id=directory(2), parent_id=directory(3), name="new", file_id=77, mtime=77, fingerprint=77
        )
        await pages.place(conn, shelf.share_id, [head])
    (row,) = (await shelf.catalogue.pages(shelf.share_id, [directory(2)]))[directory(2)]
    assert row == dataclasses.replace(old, name="new", parent_id=directory(3))


async def test_live_children_are_found_below_each_parent(shelf):
    rows = [page(2, 1, "b"), page(3, 1, "B"), page(4, 1, "ä"), page(5, 2, "x"), page(6, 1, "gone", deleted_run=1)]
    await shelf.grow(rows)
    found = await shelf.catalogue.child_heads(shelf.share_id, [ROOT, directory(2), directory(5)])
    assert {parent: [h.name for h in heads] for parent, heads in found.items()} == {
        ROOT: ["B", "b", "ä"],  # by code point
        directory(2): ["x"],
        directory(5): [],
    }
    assert found[directory(2)] == [
        DirectoryHead(node_id=directory(5), parent_id=directory(2), name="x", file_id=5, mtime=5, fingerprint=None)
    ]


async def test_live_directories_are_found_by_file_id(shelf):
    await shelf.grow(
        [page(2, 1, "a", file_id=2**64 - 1), page(3, 1, "b", file_id=2**63), page(4, 1, "c", file_id=7, deleted_run=1)]
    )
    found = await shelf.catalogue.heads_by_file_id(shelf.share_id, [2**64 - 1, 2**63, 7, 8])
    assert {file_id: head.node_id for file_id, head in found.items()} == {2**64 - 1: directory(2), 2**63: directory(3)}


async def test_manifests_of_dissolved_and_deleted_pages_are_found(shelf):
    more = Page(directory_id=directory(2), page_no=1, name="m", deleted_run=1, manifest=ManifestRef(5, 6, 7, 8))
    await shelf.grow(
        [page(2, 1, "a", deleted_run=1, manifest=REF), more, page(3, 1, "b"), page(4, 1, "c", manifest=REF)]
    )
    wanted = (n for n in (directory(2), directory(3), directory(9)))
    found = await shelf.catalogue.page_manifests(shelf.share_id, wanted)
    assert found == {(directory(2), 0): REF, (directory(2), 1): ManifestRef(5, 6, 7, 8)}


async def test_totals_count_what_is_live(shelf):
    assert await shelf.catalogue.totals(shelf.share_id) == (1, 0, 0)
    more = Page(directory_id=directory(2), page_no=1, name="f9", files=files(50, size=2**40, first_slot=11))
    await shelf.grow([page(2, 1, "a", 10), more, page(3, 1, "gone", deleted_run=1)])
    assert await shelf.catalogue.totals(shelf.share_id) == (3 - 1, 60, 100 + 50 * 2**40)


async def test_a_dropped_tree_is_gone_and_can_be_begun_again(shelf):
    await shelf.grow([page(2, 1, "a", 10)])
    async with shelf.catalogue.transaction() as conn:
        await pages.drop_partition(conn, shelf.share_id)
        assert await pages.create_partition(conn, shelf.share_id)
        assert not await pages.create_partition(conn, shelf.share_id)
    assert await shelf.catalogue.totals(shelf.share_id) == (1, 0, 0)


async def test_two_writers_of_one_page_leave_one_row_and_one_of_the_two_contents(shelf):
    """Without the fence, which lets only one of them get here: the unique index makes the second wait and replace."""
    first, second = page(2, 1, "d", 5), page(2, 1, "d", 9)
    written = asyncio.Event()

    async def write(row: Page, *, hold: bool) -> None:
        async with shelf.catalogue.transaction() as conn:
            await pages.upsert(conn, shelf.share_id, [row])
            written.set()
            if hold:
                await asyncio.sleep(0.2)

    slow = asyncio.create_task(write(first, hold=True))
    await written.wait()
    await asyncio.gather(slow, write(second, hold=False))
    assert (await shelf.catalogue.pages(shelf.share_id, [directory(2)]))[directory(2)] == [second]


async def test_workers_that_take_each_others_directories_over_never_mix_their_writes(shelf):
    """Every lease has ended when it begins, so whoever asks takes over what another is still writing."""
    numbers = range(2, 6)
    await shelf.grow([page(n, 1, f"d{n}") for n in numbers])
    await shelf.finish()
    await shelf.new_run()
    found = [(directory(n), 0) for n in numbers]
    await shelf.catalogue.seed(shelf.run_id, shelf.share_id, found)
    kept: dict[int, Page] = {}
    late = 0

    async def work(worker: int) -> None:
        nonlocal late
        for turn in range(6):
            claim = await shelf.claim(f"w{worker}", limit=2, lease_s=ENDED_S)
            if claim is None:
                continue
            await asyncio.sleep(0)
            count = worker * 7 + turn
            rows = [page(d.head.node_id >> 24, 1, d.head.name, count) for d in claim.directories]
            ids = [row.directory_id for row in rows]
            try:
                await shelf.catalogue.commit(shelf.batch(claim, done=[], returned=ids, pages=rows))
            except Fenced:
                late += 1
            else:
                kept.update({row.directory_id: row for row in rows})

    await asyncio.gather(*(work(n) for n in range(6)))
    assert late > 0, "nobody was too late: nothing was tested"
    assert kept
    rows = await shelf.catalogue.pages(shelf.share_id, list(kept))
    counts = {node_id: len(found[0].files) for node_id, found in rows.items()}
    _, files_now, size = await shelf.catalogue.totals(shelf.share_id)
    assert files_now == sum(counts.values())
    assert size == 10 * files_now
    for node_id, (row,) in rows.items():
        assert row.files == page(node_id >> 24, 1, row.name, len(row.files)).files
