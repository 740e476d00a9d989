"""Comments that claim a plan, held to it by EXPLAIN."""

import asyncio

import psycopg
import pytest

from shared.db import frontier, large_files, pages, past, restore_frontier
from tests.support.catalogue import directory, page, shelf

DIRECTORIES = 20_000
FILES = 12
"""Of a directory, about as many as shares have: with hardly any, the tree is so small that 200 places of it cost more than reading all of it."""
TABLES = ("page_1", "frontier", "span", "restore_frontier")


@pytest.fixture(scope="module")
def conn(postgres_url_module):
    """A catalogue of one share with 20,000 directories, and a run that has to visit them all. Nobody but a test looks at its statistics."""

    async def fill() -> None:
        async with shelf(postgres_url_module) as s:
            rows = [page(n, n // 10 or None, f"d{n}", FILES) for n in range(1, DIRECTORIES + 1)]
            async with s.catalogue.transaction() as connection:
                await pages.upsert(connection, s.share_id, rows)
                await pages.create_partition(connection, 2)
                await pages.create_partition(connection, 3)
                await connection.execute(
                    b"INSERT INTO frontier (run_id, node_id, mtime, batch_no, state)"
                    b" SELECT 1, n, 0, CASE WHEN n % 7 < 3 THEN 1 END, CASE WHEN n % 7 < 3 THEN 1 ELSE 0 END"
                    b"   FROM generate_series(1, 20000) AS n"
                )
                await connection.execute(
                    b"INSERT INTO span (run_id, directory_id, file_id, span_no, state)"
                    b" SELECT 1, n, n, 0, 0 FROM generate_series(1, 20000) AS n"
                )
                await connection.execute(
                    b"INSERT INTO restore_frontier (run_id, node_id, state, path, properties)"
                    b" SELECT 2, n, 2, repeat('a/', n % 9) || n, '{}' FROM generate_series(1, 20000) AS n"
                )
                # Before anybody else sees what is in them. Autovacuum comes once a minute, wherever the tests are by then.
                for table in TABLES:
                    await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())

    asyncio.run(fill())
    with psycopg.connect(postgres_url_module, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module", params=["without statistics", "with statistics"])
def statistics(request, conn):
    """The transient tables are filled and emptied faster than autovacuum looks at them, and so is a tree by its first backup.

    Of the module, so that pytest runs all that is without before all that is with.
    """
    if request.param == "with statistics":
        conn.execute("ANALYZE")
    known = {
        reltuples
        for (reltuples,) in conn.execute(
            "SELECT reltuples FROM pg_class WHERE oid = ANY (%s::regclass[])", [list(TABLES)]
        )
    }
    assert min(known) >= DIRECTORIES if request.param == "with statistics" else known == {-1}


@pytest.fixture
def explained(statistics, conn):
    """Explains a statement."""

    def explain(text, args) -> str:
        text = text.encode() if isinstance(text, str) else text
        return "\n".join(line for (line,) in conn.execute(b"EXPLAIN " + text, args).fetchall())

    return explain


def test_claiming_walks_the_pending_and_never_sorts(explained):
    plan = explained(frontier._PICK, [1, 200])
    assert "using frontier_pending" in plan
    assert "Sort" not in plan


def test_claiming_a_span_walks_the_pending_and_never_sorts(explained):
    plan = explained(large_files._PICK, [1])
    assert "using span_pending" in plan
    assert "Sort" not in plan


def test_claiming_what_is_filled_walks_it_by_depth_and_never_sorts(explained):
    plan = explained(restore_frontier._PICK_FILLED, {"run_id": 2, "limit": 200})
    assert "using restore_frontier_filled" in plan
    assert "Sort" not in plan


def test_a_batchs_directories_are_found_by_its_number(explained):
    assert "frontier_claimed" in explained(frontier._CLAIMED, [1, 1])


@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize(
    ("text", "index"),
    [
        (pages._DIRECTORIES, "page_1_by_id"),
        (pages._PAGE_HEADS, "page_1_by_id"),
        (pages._MANIFESTS, "page_1_by_id"),
        (pages._HEADS, "page_1_by_id"),
        (pages._WITH_ANCESTORS, "page_1_by_id"),
        (pages._CHILDREN, "page_1_by_parent_group"),
        (pages._BY_FILE_ID, "page_1_by_file_group"),
    ],
)
def test_the_tree_is_read_through_its_indexes(explained, text, index, count):
    plan = explained(pages.partition_sql(text, 1), [[directory(n) for n in range(1, count + 1)]])
    assert index in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("text", [past._SLICE_END, past._DIRECTORIES])
def test_a_search_goes_through_the_tree_in_the_order_of_its_index(explained, text):
    plan = explained(pages.partition_sql(text, 1), [directory(5_000), 64])
    assert "page_1_by_id" in plan
    assert "Seq Scan" not in plan
    assert "Sort" not in plan


def test_a_search_looks_at_its_slice_by_its_index(explained):
    args = [directory(5_000), directory(5_300), "^(?:f[^/]*)$", "/(?:f[^/]*)/", 64]
    plan = explained(pages.partition_sql(past._CANDIDATES, 1), args)
    assert "page_1_by_id" in plan
    assert "Seq Scan" not in plan


def test_a_search_unpacks_the_pages_it_has_chosen_and_nothing_else(explained, conn):
    conn.execute("SELECT choose_share(1)")
    chosen = {"pages": [directory(n) for n in range(5_000, 5_300)], "after": 0, "whole": "^(?:f[^/]*)$", "limit": 10}
    plan = explained(past._MATCHING, chosen)
    assert plan.count("page_1_by_id") >= 2
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("count", [1, 200])
def test_what_is_below_a_deleted_directory_is_queued_through_the_index(explained, count):
    ids = [directory(n) for n in range(1, count + 1)]
    plan = explained(pages.partition_sql(frontier._MISS_BELOW, 1), [1, ids])
    assert "page_1_by_parent_group" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("choose", ["SET afb.share_id = 1; SET search_path = public", "SELECT choose_share(1)"])
def test_the_view_reads_the_chosen_shares_partition_only(explained, conn, choose):
    conn.execute(choose)
    plan = explained("SELECT count(*), sum(size) FROM node", None)
    ran = "\n".join(line for (line,) in conn.execute("EXPLAIN ANALYZE SELECT count(*) FROM node").fetchall())
    assert "page_1" in plan
    for text in (plan, ran):
        assert "on page_2" not in text
        assert "on page_3" not in text
        assert "Memoize" not in text
    assert conn.execute("SELECT count(*) FROM node").fetchone() == ((FILES + 1) * DIRECTORIES,)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM node LIMIT 1",
        "SELECT * FROM node_path(33554433)",
        "SELECT node_path(33554433)",
        "SELECT * FROM node_at('d2')",
        "SELECT * FROM node_children(16777216)",
        "SELECT * FROM node_totals(33554432)",
        "SELECT * FROM top_folders()",
        "SELECT * FROM changes_between(0, 1)",
        "SELECT * FROM largest_files(1)",
    ],
)
def test_a_question_has_nothing_to_do_with_other_shares(conn, text):
    """Else the server plans over, and locks, the trees of all shares for each."""
    with conn.transaction():
        conn.execute("SELECT choose_share(1, true)")
        conn.execute(text).fetchall()
        locked = conn.execute(
            "SELECT DISTINCT relation::regclass::text, relation = 'public.page'::regclass FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        ).fetchall()
    assert {name for name, _ in locked if name.startswith("page_")} <= {
        "page_1", "page_1_by_id", "page_1_by_parent_group", "page_1_by_file_group", "page_1_by_name"
    }  # fmt: skip
    assert not any(of_all_shares for _, of_all_shares in locked)


def test_a_prepared_question_is_about_the_share_chosen_now(conn):
    names = {}
    for share in (1, 2, 1, 2, 1, 2):
        conn.execute("SELECT choose_share(%s)", [share])
        for _ in range(7):  # past the point where a plan is kept
            names[share] = conn.execute("SELECT count(*) FROM node", prepare=True).fetchone()[0]
            path = conn.execute("SELECT path FROM node_path(%s)", [directory(15)], prepare=True).fetchone()
            assert path == ("d15" if share == 1 else None,)
    assert names == {1: (FILES + 1) * DIRECTORIES, 2: 1}


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("SELECT path FROM node_path(%s)", [[directory(n // 2) | n % 2] for n in range(20, 40)]),
        ("SELECT * FROM node_children(%s, %s)", [[directory(n), "" if n % 2 else "f"] for n in range(20, 40)]),
    ],
)
def test_a_question_is_planned_once_and_not_for_each_place(conn, text, calls):
    """Planning takes several times as long as the answer."""
    conn.execute("SELECT choose_share(1)")
    for args in calls:
        conn.execute(text, args, prepare=True)
    kept, anew = conn.execute(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
        [text.replace("%s", "_%") + "%"],
    ).fetchone()
    assert anew == 5, "Postgres tries five, then compares"
    assert kept >= len(calls) - 5


def test_the_view_without_a_chosen_share_is_an_error(postgres_url_module, conn):
    with (
        psycopg.connect(postgres_url_module) as fresh,
        pytest.raises(psycopg.errors.UndefinedObject, match=r"unrecognized configuration parameter .afb.share_id"),
    ):
        fresh.execute("SELECT count(*) FROM node")
