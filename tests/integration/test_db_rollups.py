"""Roll-ups: what each top folder holds is what the tree says, at every commit, whatever moves where."""

import asyncio
import dataclasses

import pytest

from shared.db import catalogue, pages, rollups
from shared.model.page import DirectoryHead, FileRow, Page
from shared.model.run import Counters, RunState
from shared.model.work import FoundDirectory
from tests.support.catalogue import ROOT, directory, files, page

COUNTED = """
    WITH RECURSIVE below (node_id, top_id) AS (
        SELECT node_id, node_id FROM node WHERE size IS NULL AND parent_id = 16777216
        UNION ALL
        SELECT n.node_id, below.top_id FROM below JOIN node AS n ON n.parent_id = below.node_id AND n.size IS NULL
    )
    SELECT coalesce(below.top_id, 16777216), count(*) - count(size), count(size), coalesce(sum(size), 0)::bigint
      FROM node LEFT JOIN below ON below.node_id = CASE WHEN node.size IS NULL THEN node.node_id ELSE node.parent_id END
     GROUP BY 1 ORDER BY 1
"""


async def agree(shelf, *, whole: bool = True) -> dict[int, tuple[int, int, int]]:
    """Return the roll-ups by top folder's number, which are those of the tree.

    :param whole: False while a subtree is being deleted from above: what is left of it still counts where it was, but the
        tree no longer says where that is. The sums agree.
    """
    async with shelf.catalogue.transaction() as conn:
        await pages.choose_share(conn, shelf.share_id)
        kept = await (
            await conn.execute(b"SELECT node_id, directories, files, bytes FROM top_folders() ORDER BY 1")
        ).fetchall()
        counted = await (await conn.execute(COUNTED.encode())).fetchall()
        totals = await rollups.totals(conn, shelf.share_id)
    if whole:
        assert kept == counted
    assert totals == tuple(sum(column) for column in list(zip(*counted, strict=True))[1:])
    assert totals == tuple(sum(column) for column in list(zip(*kept, strict=True))[1:])
    return {node_id >> 24: tuple(numbers) for node_id, *numbers in kept}


async def changes(shelf, after: int, up_to: int) -> dict[int, tuple]:
    async with shelf.catalogue.transaction() as conn:
        await pages.choose_share(conn, shelf.share_id)
        rows = await (await conn.execute(b"SELECT * FROM changes_between(%s, %s)", [after, up_to])).fetchall()
    return {row[0] >> 24: row[2:] for row in rows}


async def again(shelf, *, state: RunState = RunState.SUCCEEDED):
    """End the run and claim the root in another."""
    await shelf.finish(state)
    await shelf.new_run()
    return await shelf.seeded()


def head(row: Page, parent: int, name: str = "moved") -> DirectoryHead:
    return DirectoryHead(
        node_id=row.directory_id,
        parent_id=directory(parent),
        name=name,
        file_id=row.file_id,
        mtime=row.mtime,
        fingerprint=None,
    )


TREE = (
    page(1, None, "", 2),
    page(2, 1, "a", 1),
    page(3, 1, "b", 2),
    page(4, 2, "a/x", 3),
    page(5, 4, "a/x/y", 4),
    page(6, 5, "a/x/y/z", 5),
    page(7, 3, "b/x", 6),
)


async def test_a_fresh_share_is_its_root(shelf):
    assert await agree(shelf) == {1: (1, 0, 0)}


async def test_every_directory_is_counted_at_its_top_folder_and_the_root_at_itself(shelf):
    await shelf.grow(TREE)
    expected = {1: (1, 2, 20), 2: (4, 13, 130), 3: (2, 8, 80)}
    assert await agree(shelf) == expected
    await shelf.finish()
    assert await agree(shelf) == expected
    assert await shelf.value("SELECT count(*) FROM rollup_change WHERE batch_no >= 0") == 0
    assert await changes(shelf, 0, 1) == {1: (2, 0, 0, 0, 2, 20), 2: (13, 0, 0, 4, 13, 130), 3: (8, 0, 0, 2, 8, 80)}


async def test_new_changed_and_deleted_files_are_told_apart_by_slot(shelf):
    await shelf.grow(TREE)
    claim = await again(shelf)
    before = TREE[6].files
    kept = (before[0], dataclasses.replace(before[1], name="renamed"), dataclasses.replace(before[2], mtime=1))
    new = (FileRow("new", 7, 1000, 5, 5),)
    await shelf.catalogue.commit(shelf.batch(claim, pages=[dataclasses.replace(TREE[6], files=(*kept, *new))]))
    assert (await agree(shelf))[3] == (2, 6, 80 - 30 + 1000)
    await shelf.finish()
    assert await changes(shelf, 1, 2) == {3: (1, 2, 3, 0, -2, 970)}
    assert (await changes(shelf, 0, 2))[3] == (9, 2, 3, 2, 6, 1050)
    assert await changes(shelf, 2, 9) == {}


async def test_a_file_that_a_split_moves_to_another_page_is_not_new(shelf):
    await shelf.grow([page(2, 1, "wide", 10)])
    claim = await again(shelf)
    rows = files(10)
    split = [
        page(2, 1, "wide", 10, files=rows[:4], next_slot=11),
        Page(directory_id=directory(2), page_no=1, name=rows[4].name, files=rows[4:]),
    ]
    await shelf.catalogue.commit(shelf.batch(claim, pages=split))
    assert await agree(shelf) == {1: (1, 0, 0), 2: (1, 10, 100)}
    await shelf.finish()
    assert await changes(shelf, 1, 2) == {}


async def test_a_subtree_that_moves_to_another_top_folder_is_counted_there(shelf):
    await shelf.grow(TREE)
    claim = await again(shelf)
    await shelf.catalogue.commit(shelf.batch(claim, placed=[head(TREE[3], 3)]))
    assert await agree(shelf) == {1: (1, 2, 20), 2: (1, 1, 10), 3: (5, 20, 200)}
    await shelf.finish()
    assert await changes(shelf, 1, 2) == {2: (0, 0, 0, -3, -12, -120), 3: (0, 0, 0, 3, 12, 120)}


@pytest.mark.parametrize(
    ("placed", "expected"),
    [
        pytest.param([(2, 3)], {1: (1, 2, 20), 3: (6, 21, 210)}, id="a top folder into another"),
        pytest.param([(5, 1)], {1: (1, 2, 20), 2: (2, 4, 40), 3: (2, 8, 80), 5: (2, 9, 90)}, id="one up to the root"),
        pytest.param([(2, 1)], {1: (1, 2, 20), 2: (4, 13, 130), 3: (2, 8, 80)}, id="a top folder renamed"),
        pytest.param([(5, 2)], {1: (1, 2, 20), 2: (4, 13, 130), 3: (2, 8, 80)}, id="within its top folder"),
        pytest.param([(4, 3), (5, 1)], {1: (1, 2, 20), 2: (1, 1, 10), 3: (3, 11, 110), 5: (2, 9, 90)}, id="out of a moving one"),
        pytest.param([(5, 7), (4, 3)], {1: (1, 2, 20), 2: (1, 1, 10), 3: (5, 20, 200)}, id="both to the same, apart"),
        pytest.param([(4, 3), (5, 2)], {1: (1, 2, 20), 2: (3, 10, 100), 3: (3, 11, 110)}, id="what stays when the rest goes"),
        pytest.param([(7, 4), (4, 1)], {1: (1, 2, 20), 2: (1, 1, 10), 3: (1, 2, 20), 4: (4, 18, 180)}, id="into a moving one"),
        pytest.param([(3, 6), (4, 1)], {1: (1, 2, 20), 2: (1, 1, 10), 4: (5, 20, 200)}, id="a top folder into a moving one"),
        pytest.param([(6, 1), (5, 6), (4, 5)], {1: (1, 2, 20), 2: (1, 1, 10), 3: (2, 8, 80), 6: (3, 12, 120)}, id="upside down"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_rows", [False, True])
async def test_moves_of_all_kinds(shelf, placed, expected, as_rows):
    await shelf.grow(TREE)
    claim = await again(shelf)
    if as_rows:  # the directory's own row is written too
        changed = {"pages": [dataclasses.replace(TREE[n - 1], parent_id=directory(p), name="m") for n, p in placed]}
    else:
        changed = {"placed": [head(TREE[n - 1], p) for n, p in placed]}
    await shelf.catalogue.commit(shelf.batch(claim, **changed))
    assert await agree(shelf) == expected
    await shelf.finish()
    assert await agree(shelf) == expected


async def test_what_a_batch_changes_below_what_it_moves_is_counted_once(shelf):
    await shelf.grow(TREE)
    claim = await again(shelf)
    grown = dataclasses.replace(TREE[4], files=files(9))
    await shelf.catalogue.commit(
        shelf.batch(claim, placed=[head(TREE[3], 1)], pages=[grown, page(8, 5, "new", 1), page(9, 1, "top", 2)])
    )
    assert await agree(shelf) == {1: (1, 2, 20), 2: (1, 1, 10), 3: (2, 8, 80), 4: (4, 18, 180), 9: (1, 2, 20)}


async def test_a_deleted_top_folder_is_gone_from_the_list(shelf):
    await shelf.grow(TREE)
    claim = await again(shelf)
    await shelf.catalogue.commit(shelf.batch(claim, missing=[(directory(2), ROOT)]))
    while await shelf.catalogue.take_missing(shelf.run_id, 1):
        await agree(shelf, whole=False)
    expected = {1: (1, 2, 20), 3: (2, 8, 80)}
    assert await agree(shelf) == expected
    await shelf.finish()
    assert await agree(shelf) == expected
    assert await shelf.value("SELECT count(*) FROM rollup") == 2
    assert await changes(shelf, 1, 2) == {2: (0, 0, 13, -4, -13, -130)}


async def test_a_wide_directory_is_deleted_over_several_transactions(shelf, monkeypatch):
    monkeypatch.setattr(catalogue, "DELETED_PAGES", 3)
    wide = [
        Page(directory_id=directory(2), page_no=n, name=f"f{n}", files=files(10, first_slot=n * 10 + 1))
        for n in range(1, 9)
    ]
    await shelf.grow(
        [page(2, 1, "wide", 10, fingerprint=5, next_slot=91), *wide, page(3, 2, "below", 2), page(4, 1, "b")]
    )
    claim = await again(shelf)
    await shelf.catalogue.commit(shelf.batch(claim, missing=[(directory(2), ROOT), (directory(4), ROOT)]))
    calls, seen = 0, []
    while await shelf.catalogue.take_missing(shelf.run_id, 100):
        calls += 1
        seen.append((await agree(shelf, whole=False))[2][1])
        (first,) = (await shelf.catalogue.pages(shelf.share_id, [directory(2)]))[directory(2)][:1]
        assert first.fingerprint is None
    assert calls >= 3
    assert seen[:2] == [62, 32]
    assert await agree(shelf) == {1: (1, 0, 0)}
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters == Counters(deleted_directories=3, deleted_files=92)


async def test_batches_of_many_workers_write_no_common_row(shelf):
    """Each waits for none of the others, although all change one top folder."""
    numbers = range(10, 30)
    await shelf.grow(
        [page(2, 1, "top"), *(page(n, 2, f"d{n}") for n in numbers)],
        found=[FoundDirectory(node_id=directory(n), mtime=0) for n in numbers],
    )
    claims = [await shelf.claim(f"w{n}", limit=1) for n in numbers]
    started = asyncio.Event()

    async def hold(claim) -> None:
        node_id = claim.directories[0].head.node_id
        row = page(node_id >> 24, 2, f"d{node_id >> 24}", 3)
        async with shelf.catalogue.transaction() as conn:
            seen = await rollups.watch(conn, shelf.share_id, [row])
            await pages.upsert(conn, shelf.share_id, [row])
            await rollups.book(conn, seen, shelf.run.run_no, claim.batch_no, [row])
            await started.wait()

    first = asyncio.create_task(hold(claims[0]))
    await asyncio.sleep(0.1)
    for claim in claims[1:]:
        node_id = claim.directories[0].head.node_id
        batch = shelf.batch(claim, pages=[page(node_id >> 24, 2, f"d{node_id >> 24}", 3)])
        await asyncio.wait_for(shelf.catalogue.commit(batch), 5)
    started.set()
    await first
    assert await agree(shelf) == {1: (1, 0, 0), 2: (21, 60, 600)}


async def test_a_tree_without_rollups_is_counted_when_the_next_run_starts(shelf):
    await shelf.grow(TREE)
    kept = await agree(shelf)
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"TRUNCATE rollup, rollup_change")
    await shelf.new_run()
    assert await agree(shelf) == kept


async def test_counting_reads_orphans_as_the_root_does(shelf):
    """A directory that hangs nowhere, which only damage can make, is in the sum all the same."""
    await shelf.grow([*TREE, page(9, 99, "nowhere", 3)])
    kept = await agree(shelf)
    assert kept[1] == (2, 5, 50)
    async with shelf.catalogue.transaction() as conn:
        await rollups.count(conn, shelf.share_id)
    assert await agree(shelf) == kept


async def test_what_a_program_without_rollups_changed_is_counted_at_the_end_of_the_run_or_before_the_next(shelf):
    await shelf.grow(TREE)
    claim = await again(shelf)
    await shelf.catalogue.commit(shelf.batch(claim, pages=[page(9, 1, "theirs", 3)]))
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"DELETE FROM rollup_change WHERE batch_no >= 0")
        await conn.execute(b"UPDATE batch SET rolled_up = false WHERE run_id = %s", [shelf.run_id])
    expected = {1: (1, 2, 20), 2: (4, 13, 130), 3: (2, 8, 80), 9: (1, 3, 30)}
    assert await shelf.catalogue.totals(shelf.share_id) == (8, 26, 260)
    assert await agree(shelf) == expected
    await shelf.finish()
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE rollup SET files = 99")  # they changed more after that
    await shelf.new_run()
    assert await agree(shelf) == expected
