"""What kinds of files there are, and how large folders are, against a plain model of the tree."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.db import file_statistics, folder_changes, folder_sizes, rollups
from shared.db.file_statistics import AGES_S, SIZES, Group
from shared.db.pool import make_pool
from shared.model.page import Page
from tests.support.bare_tree import SHARE, bare_tree, store
from tests.support.catalogue import directory, files, page
from tests.support.trees import NOW, trees


@pytest.fixture(scope="module")
def tree_url(postgres_url_module):
    with bare_tree(postgres_url_module) as conn:
        yield postgres_url_module, conn


@pytest.fixture
async def pool(tree_url):
    async with make_pool(tree_url[0]) as made:
        yield made


@pytest.fixture
def conn(tree_url):
    return tree_url[1]


def class_of(bounds, value):
    return sum(bound <= value for bound in bounds)


def ending_of(name):
    found = name.rpartition(".")[2].encode().lower().decode() if "." in name[1:] else ""
    return found if len(found) <= 16 else ""


def tallied(found, key):
    groups = defaultdict(lambda: [0, 0])
    for one in found:
        groups[key(one)][0] += 1
        groups[key(one)][1] += one[3]
    return {name: Group(*numbers) for name, numbers in groups.items()}


FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(tree=trees())
async def test_statistics_of_all_files_are_those_of_the_tree(pool, conn, tree):
    store(conn, tree.rows)
    found = tree.files()
    async with pool.connection() as asked:
        told = await file_statistics.of_all(asked, SHARE, at=NOW, within_s=10)
    assert told is not None
    assert told.looked_at == Group(len(found), sum(one[3] for one in found))
    sizes, ages = (
        tallied(found, lambda f: class_of(SIZES, f[3])),
        tallied(found, lambda f: class_of(AGES_S, NOW - f[4])),
    )
    assert list(told.sizes) == [sizes.get(number, Group(0, 0)) for number in range(len(SIZES) + 1)]
    assert list(told.ages) == [ages.get(number, Group(0, 0)) for number in range(len(AGES_S) + 1)]
    endings = tallied(found, lambda f: ending_of(f[2]))
    assert all(endings[ending] == group for ending, group in told.endings.items())
    assert len(told.endings) == min(len(endings), file_statistics.ENDINGS_SHOWN)
    assert [group.bytes for group in told.endings.values()] == sorted(
        (g.bytes for g in told.endings.values()), reverse=True
    )


@FEW
@given(tree=trees(), by_files=st.booleans())
async def test_a_walk_sums_folders_up_as_they_are(pool, conn, tree, by_files):
    store(conn, tree.rows)
    top = directory(1)
    async with pool.connection() as asked:
        told = await folder_sizes.below(
            asked, SHARE, top, by_files=by_files, shown=1_000, enough=lambda: False, within_s=10
        )
    assert told.complete
    expected = {}
    for node_id, _, name, size, *_ in tree.children(top):
        if size is None:
            below = tree.below(node_id)
            inside = [node[3] for node in below if node[3] is not None]
            expected[node_id] = (name, len(below) - len(inside), len(inside), sum(inside))
    here = [node[3] for node in tree.children(top) if node[3] is not None]
    expected[top] = ("", 0, len(here), sum(here))
    assert {f.node_id: (f.name, f.directories, f.files, f.bytes) for f in told.folders} == expected
    weights = [f.files if by_files else f.bytes for f in told.folders]
    assert weights == sorted(weights, reverse=True)
    assert told.files == len(tree.files())


async def test_a_walk_that_has_no_more_time_says_so_and_keeps_what_it_saw(pool, conn):
    store(conn, [page(1, None, "", 1), page(2, 1, "a", 2), *(page(n, 2, f"d{n}", 3) for n in range(3, 800))])
    steps = iter([False, False, True])
    async with pool.connection() as asked:
        told = await folder_sizes.below(
            asked, SHARE, directory(1), by_files=True, shown=10, enough=lambda: next(steps), within_s=10
        )
    assert not told.complete
    assert [(f.name, f.directories, f.files) for f in told.folders] == [("a", 257, 2 + 3 * 256), ("", 0, 1)]


async def test_a_step_that_takes_too_long_is_given_up_and_the_connection_still_answers(pool, conn):
    store(conn, [page(1, None, "", 0), *(page(n, 1, f"d{n}", 60) for n in range(2, 600))])
    async with pool.connection() as asked:
        told = await folder_sizes.below(
            asked, SHARE, directory(1), by_files=True, shown=10, enough=lambda: False, within_s=0.001
        )
        assert not told.complete
        assert (await (await asked.execute("SELECT 1")).fetchone()) == (1,)
    async with pool.connection() as asked:
        assert await file_statistics.of_all(asked, SHARE, at=NOW, within_s=0.001) is None


def wide_and_narrow():
    """A directory of two hundred pages, and a thousand directories of one: as many files in either."""
    rows = [page(1, None, "", 0), *(page(n, 1, f"d{n}", 10) for n in range(3, 1_003))]
    for n in range(200):
        inside = tuple(replace(file, name=f"{n:03d}-{file.slot:05d}.wide") for file in files(50, first_slot=n * 50 + 1))
        rows.append(
            Page(directory_id=directory(2), page_no=n, name=inside[0].name, files=inside)
            if n
            else page(2, 1, "wide", 50, files=inside, next_slot=10_001)
        )
    return rows


@pytest.mark.parametrize("analysed", [True, False])
async def test_a_sample_is_of_pages_that_are_there_each_once(pool, conn, analysed):
    store(conn, wide_and_narrow())
    if analysed:
        conn.execute(f"ANALYZE page_{SHARE}")
    async with pool.connection() as asked:
        between = await file_statistics.bounds(asked, SHARE) if analysed else []
        assert analysed == bool(between)
        everything = await file_statistics.of_some(asked, SHARE, at=NOW, between=between, wanted=100_000, within_s=10)
        some = await file_statistics.of_some(asked, SHARE, at=NOW, between=between, wanted=500, within_s=10)
    assert everything is not None
    assert some is not None
    assert everything.looked_at.files <= 20_000
    assert 0 < some.looked_at.files < everything.looked_at.files
    if analysed:
        # Five of twelve pages, and of wide pages as many as of others.
        assert 6_000 < some.looked_at.files < 10_500
        assert 0.35 < some.endings["wide"].files / some.looked_at.files < 0.65


def test_places_of_a_sample_are_as_many_in_each_part_and_always_the_same():
    parts = [0, 10, 1_000, 5_000_000, 5_000_001]
    found = file_statistics.places(parts, 8, seed=1)
    assert found == sorted(set(found))
    assert found == file_statistics.places(parts, 8, seed=1)
    counted = Counter(next(n for n, (low, high) in enumerate(pairwise(parts)) if low <= at < high) for at in found)
    assert set(counted) == {0, 1, 2, 3}
    assert max(counted.values()) == 2


async def test_files_that_agree_are_told_with_some_of_their_paths(pool, conn):
    same = files(4)
    one = [replace(file, size_bytes=100_000, hash=77) for file in same]
    store(conn, [page(1, None, "", 0), page(2, 1, "a", 4, files=tuple(one), next_slot=9), page(3, 1, "b", 4)])
    async with pool.connection() as asked:
        found = await file_statistics.duplicates(asked, SHARE, least=1_000, most=10, within_s=10)
    assert found is not None
    assert [(d.size, d.copies, d.wasted_bytes) for d in found] == [(100_000, 4, 300_000)]
    assert found[0].paths == [f"a/{file.name}" for file in same[:3]]


async def test_a_sample_of_a_large_tree_is_about_as_large_as_was_wanted(pool, conn):
    store(conn, [page(n, n // 10 or None, f"d{n}" if n > 1 else "", 3) for n in range(1, 10_001)])
    conn.execute(f"ANALYZE page_{SHARE}")
    async with pool.connection() as asked:
        between = await file_statistics.bounds(asked, SHARE)
        told = await file_statistics.of_some(asked, SHARE, at=NOW, between=between, wanted=500, within_s=10)
    assert told is not None
    assert 3 * 350 < told.looked_at.files <= 3 * 500


async def test_top_folders_are_those_of_the_roll_ups_the_largest_first(pool, conn):
    store(conn, [page(1, None, "", 2), page(2, 1, "a", 5), page(3, 1, "b", 1), page(4, 2, "c", 1)])
    async with pool.connection() as asked:
        await rollups.count(asked, SHARE)
        told = await folder_sizes.tops(asked, SHARE, by_files=True, shown=2)
        assert await folder_sizes.files_of_top(asked, SHARE, directory(2)) == 6
        assert await folder_sizes.files_of_top(asked, SHARE, directory(4)) is None
        nothing = await folder_sizes.tops(asked, SHARE + 1, by_files=True, shown=2)
    assert [(f.name, f.directories, f.files, f.bytes) for f in told.folders] == [("a", 2, 6, 60), ("", 0, 2, 20)]
    assert (told.directories, told.files, told.bytes, told.complete) == (4, 9, 90, True)
    assert (nothing.folders, nothing.files, nothing.complete) == ([], 0, True)


async def test_folders_that_change_most_are_told_of_the_runs_that_were_asked_about(pool, conn):
    store(conn, [page(1, None, "", 2), page(2, 1, "a", 5), page(3, 1, "b", 1)])
    conn.execute("DELETE FROM rollup_change")
    for run_no, batch_no, number, new, changed, deleted in (
        (1, -1, 2, 900, 0, 0),
        (2, -1, 2, 1, 2, 3),
        (3, -1, 2, 1, 0, 0),
        (3, -1, 3, 5, 5, 0),
        (3, -1, 1, 0, 0, 1),
        (3, -1, 99, 0, 0, 2),
        (3, -1, 98, 0, 0, 0),
        (4, 7, 3, 800, 0, 0),
    ):
        conn.execute(
            "INSERT INTO rollup_change VALUES (%s, %s, %s, %s, 0, 0, 0, %s, %s, %s)",
            [SHARE, run_no, batch_no, directory(number), new, changed, deleted],
        )
    async with pool.connection() as asked:
        found = await folder_changes.most(asked, SHARE, first=2, last=9, shown=4, within_s=10)
    assert found is not None
    assert [(one.name, one.is_root, one.new, one.changed, one.deleted) for one in found] == [
        ("b", False, 5, 5, 0),
        ("a", False, 2, 2, 3),
        ("", False, 0, 0, 2),
        ("", True, 0, 0, 1),
    ]
