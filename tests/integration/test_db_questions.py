"""The SQL functions people ask the tree with, against a plain model, on trees that Hypothesis invents."""

import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.page import Page
from tests.support.bare_tree import SHARE, bare_tree, store
from tests.support.catalogue import directory, files, page
from tests.support.pages import names
from tests.support.trees import NOW, Tree, trees


@pytest.fixture(scope="module")
def conn(postgres_url_module):
    with bare_tree(postgres_url_module) as made:
        yield made


def ask(conn, text, *args):
    return conn.execute(text, args).fetchall()


@settings(max_examples=60, deadline=None)
@given(tree=trees(), most=st.integers(1, 5), data=st.data())
def test_the_answers_are_those_of_a_plain_tree(conn, tree, most, data):
    store(conn, tree.rows)
    for node_id in tree.nodes:
        path = tree.path(node_id)
        assert ask(conn, "SELECT node_path(%s)", node_id) == [(path,)]
        assert ask(conn, "SELECT node_at(%s)", path) == [(node_id,)]
    directories = [n for n, node in tree.nodes.items() if node[2] is None]
    for node_id in directories:
        listed = [(n, p, name, size, mtime) for n, p, name, size, mtime, _ in tree.children(node_id)]
        after, found = "", []
        while True:
            part = ask(conn, "SELECT * FROM node_children(%s, %s, %s)", node_id, after, most)
            found += [row[:5] for row in part]
            if len(part) < most:
                break
            after = part[-1][2]
        assert found == listed
        below = tree.below(node_id)
        sizes = [node[3] for node in below if node[3] is not None]
        totals = (len(below) - len(sizes) - 1, len(sizes), sum(sizes))
        assert ask(conn, "SELECT * FROM node_totals(%s)", node_id) == [totals]
        assert {row[0] for row in ask(conn, "SELECT node_id FROM nodes_below(%s)", node_id)} == {n[0] for n in below}
    absent = data.draw(names)
    if all(node[1] != absent or node[0] != directory(1) for node in tree.nodes.values()) and absent:
        assert ask(conn, "SELECT node_at(%s)", absent) == [(None,)]
    for gone in [*tree.deleted, directory(99), directory(1) | 77]:
        assert ask(conn, "SELECT node_path(%s)", gone) == [(None,)]


@settings(max_examples=40, deadline=None)
@given(tree=trees(), most=st.integers(1, 4))
def test_the_statistics_are_those_of_the_files(conn, tree, most):
    store(conn, tree.rows)
    files = tree.files()
    largest = sorted(files, key=lambda f: (-f[3], f[0]))[:most]
    assert [row[0] for row in ask(conn, "SELECT node_id FROM largest_files(%s)", most)] == [f[0] for f in largest]
    oldest = sorted(files, key=lambda f: (f[4], f[0]))[:most]
    assert [row[0] for row in ask(conn, "SELECT node_id FROM oldest_files(%s)", most)] == [f[0] for f in oldest]

    def tally(key):
        found = defaultdict(lambda: [0, 0])
        for f in files:
            found[key(f)][0] += 1
            found[key(f)][1] += f[3]
        return {k: tuple(v) for k, v in found.items()}

    def asked(function):
        return {k: (n, total) for k, n, total in ask(conn, f"SELECT * FROM {function}")}

    assert asked("files_by_size_class()") == tally(lambda f: len(str(f[3])) if f[3] else 0)
    assert asked(f"files_by_age({NOW})") == tally(lambda f: max(-1, (NOW - f[4]) * 10 // 315_576_000))
    stem_and_dot = {f[0]: f[2].rpartition(".") for f in files}
    # Names are COLLATE "C", on every server: A to Z have a lower case and nothing else does.
    endings = tally(lambda f: stem_and_dot[f[0]][2].encode().lower().decode() if stem_and_dot[f[0]][0] else "")
    assert {k: n for k, (n, _) in asked("files_by_extension()").items()} == {k: n for k, (n, _) in endings.items()}
    same = Counter((f[5], f[3]) for f in files if f[3] >= 1)
    expected = {k: (n, (n - 1) * k[1]) for k, n in same.items() if n > 1}
    found = ask(conn, "SELECT hash, size, copies, wasted_bytes FROM duplicate_files(1, 1000)")
    assert {(h, s): (n, wasted) for h, s, n, wasted in found} == expected


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("SELECT * FROM node_children(33554432)", "page_7_by_parent_group"),
        ("SELECT node_path(33554433)", "page_7_by_id"),
        ("SELECT node_at('d2/f000001')", "page_7_by_parent_group"),
        ("SELECT * FROM node_totals(33554432)", "page_7_by_parent_group"),
    ],
)
def test_questions_about_one_place_never_scan_the_tree(conn, text, index):
    tree = Tree(rows=[page(n, n // 10 or None, f"d{n}" if n > 1 else "", 3) for n in range(1, 20_001)])
    store(conn, tree.rows)
    for analysed in (False, True):
        if analysed:
            conn.execute(f"ANALYZE page_{SHARE}")
        before = _scans(conn)
        conn.execute(text).fetchall()
        after = _scans(conn)
        assert after[f"page_{SHARE}"] == before[f"page_{SHARE}"], "a sequential scan"
        assert after[index] > before[index]


WIDE_PAGES = 1_000


@pytest.fixture
def wide(conn):
    """The root, with a thousand pages of ten files each."""
    rows = [
        Page(
            directory_id=directory(1),
            page_no=n,
            name=f"f{n * 10:06d}" if n else "",
            files=files(10, first_slot=n * 10 + 1),
        )
        for n in range(WIDE_PAGES)
    ]
    renamed = [replace(r, files=tuple(replace(f, name=f"f{f.slot - 1:06d}") for f in r.files)) for r in rows]
    store(conn, [replace(renamed[0], next_slot=WIDE_PAGES * 10 + 1), *renamed[1:]])
    return conn


@pytest.mark.parametrize(
    ("text", "answer", "pages_read"),
    [
        ("SELECT array_agg(name) FROM node_children(16777216, 'f005554', 3)", ["f005555", "f005556", "f005557"], 5),
        ("SELECT count(*) FROM node_children(16777216, 'f005554', 100)", 100, 20),
        ("SELECT node_at('f005555')", 16777216 + 5556, 5),
        ("SELECT node_at('nothing')", None, 5),
        ("SELECT node_path(16777216 + 5556)", "f005555", 20),
    ],
)
def test_a_directory_of_a_thousand_pages_is_asked_through_few_of_them(wide, text, answer, pages_read):
    for analysed in (False, True):
        if analysed:
            wide.execute(f"ANALYZE page_{SHARE}")
        before = _scans(wide)
        assert wide.execute(text).fetchone() == (answer,)
        after = _scans(wide)
        assert after[f"page_{SHARE}"] == before[f"page_{SHARE}"], "a sequential scan"
        assert after["page_7_by_id"] - before["page_7_by_id"] <= pages_read
        assert _fetched(wide) - before["fetched"] <= 4 * pages_read


def test_a_file_that_a_split_moved_is_found_all_the_same(wide):
    """Its slot is not where slots of its size are."""
    moved = wide.execute(f"SELECT page_id FROM page_{SHARE} WHERE page_id = 16777216 + 7").fetchone()
    wide.execute(f"UPDATE page_{SHARE} SET page_id = 16777216 + 5000 WHERE page_id = %s", moved)
    assert wide.execute("SELECT node_path(16777216 + 75)").fetchone() == ("f000074",)
    assert wide.execute("SELECT node_path(16777216 + 10001)").fetchone() == (None,)


@pytest.mark.parametrize(
    ("text", "method"),
    [("SELECT * FROM node_children(16777216)", "quicksort"), ("SELECT * FROM largest_files(10)", "top-N heapsort")],
)
def test_a_sort_takes_along_the_fields_of_a_file_and_not_its_page(conn, text, method):
    store(conn, [page(1, None, "", 4000)])
    plan = "\n".join(line for (line,) in conn.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {text}").fetchall())
    assert f"Sort Method: {method}" in plan
    assert "Disk" not in plan
    # With its page a file is 60 kB, and with a page of 4,000 files a sort was 97 MB.
    assert max(map(int, re.findall(r"Memory: (\d+)kB", plan))) < 1_000


def _fetched(conn) -> int:
    return _scans(conn)["fetched"]


def _scans(conn) -> dict[str, int]:
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.execute("SELECT pg_stat_clear_snapshot()")
    tables = conn.execute("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = %s", [f"page_{SHARE}"])
    indexes = conn.execute(
        "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = %s", [f"page_{SHARE}"]
    )
    (fetched,) = conn.execute(
        "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = %s", [f"page_{SHARE}"]
    ).fetchone()
    return dict(tables.fetchall()) | dict(indexes.fetchall()) | {"fetched": fetched}
