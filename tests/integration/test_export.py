"""An export is what view ``node`` shows, of any tree; it takes no more memory for more nodes, and may be left at any time."""

import asyncio
import csv
import io
import re
import subprocess
import sys
from contextlib import asynccontextmanager

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.catalogue.loading import rows
from benchmarks.catalogue.trees import PROFILES
from shared.db import export
from shared.db import pages as db
from shared.db.catalogue import PostgresCatalogue
from shared.db.loading import load
from shared.db.pool import Connection, make_pool
from shared.errors import NotFound, Unavailable
from shared.formats.node_parquet import ParquetEncoder
from shared.formats.node_table import COLUMNS, CsvEncoder
from shared.model.node import ROOT_ID
from shared.model.page import FileRow
from tests.support.bare_tree import SHARE, bare_tree, store
from tests.support.catalogue import directory, page
from tests.support.files_emulator import REPOSITORY
from tests.support.pages import pages
from tests.support.trees import trees

LARGE_SHARE, MEDIUM_SHARE, EMPTY_SHARE = 8, 9, 99
LARGE_FILES = 1_000_000
MEDIUM_FILES = 300_000
"""Two whole row groups of Parquet, so that both exports have held one."""


@pytest.fixture(scope="module")
def tree(postgres_url_module):
    """A connection that sees share 7; tests store in it what they want."""
    with bare_tree(postgres_url_module) as conn:
        yield conn


@pytest.fixture(scope="module")
def url(postgres_url_module, tree):
    return postgres_url_module


@pytest.fixture(scope="module")
def large(url, tree):
    """Share 8 has a million nodes, share 9 a hundred thousand."""

    async def fill() -> None:
        async with make_pool(url) as pool, pool.connection() as conn:
            for share_id in (MEDIUM_SHARE, LARGE_SHARE):
                await db.create_partition(conn, share_id)
                await conn.execute(db.partition_sql("TRUNCATE {page}", share_id))
            await load(conn, MEDIUM_SHARE, rows(PROFILES["photos"](MEDIUM_FILES, 7)))

    asyncio.run(fill())
    # Generated once, and hung below the root nine times more: other numbers of directories, the same pages.
    tree.execute(
        "INSERT INTO page_8"
        " SELECT page_id + (k << 40), CASE WHEN k > 0 AND parent_id IS NULL THEN 16777216 ELSE parent_id + (k << 40) END,"
        "        file_id, 8, name, names, packed"
        "   FROM page_9 CROSS JOIN generate_series(0::bigint, 9) AS k"
    )
    tree.execute(
        "INSERT INTO share (share_id, tenant_id, name, account_url, share_name, credential)"
        " VALUES (8, 'acme', 'large', 'a', 'large', 'c'), (9, 'acme', 'medium', 'a', 'medium', 'c')"
    )
    tree.execute("ANALYZE")


def from_csv(data: bytes) -> list[tuple]:
    """Rows as SQL gives them. Python's reader cannot tell NULL from an empty name, but only a name can be empty."""
    header, *found = csv.reader(io.StringIO(data.decode(), newline=""))
    assert tuple(header) == COLUMNS

    def number(text: str) -> int | None:
        return int(text) if text else None

    return [(*map(number, row[:2]), row[2], *map(number, row[3:])) for row in found]


def from_parquet(data: bytes) -> list[tuple]:
    return [tuple(row.values()) for row in pq.read_table(pa.BufferReader(data)).to_pylist()]


FORMATS = [(CsvEncoder, from_csv), (ParquetEncoder, from_parquet)]


@asynccontextmanager
async def connected(url, **settings_ms):
    options = " ".join(f"-c {name}={value}" for name, value in settings_ms.items())
    async with await Connection.connect(url, options=options) as conn:
        yield conn


def exported(url, encoder, at=ROOT_ID, share=SHARE) -> bytes:
    async def read() -> bytes:
        async with connected(url) as conn:
            await export.freeze(conn)
            below = await export.directory(conn, share, at)
            async with export.nodes(conn, share, encoder(), below=below) as stream:
                data = b"".join([piece async for piece in stream])
        assert stream.nodes == len(dict(FORMATS)[encoder](data))
        return data

    return asyncio.run(read())


def ordered(nodes) -> list[tuple]:
    return sorted(nodes, key=lambda node: (node[0], repr(node)))


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(pages(), max_size=4, unique_by=lambda p: p.directory_id))
def test_any_page_there_can_be_is_exported_as_the_view_shows_it(tree, url, rows):
    store(tree, rows)
    shown = ordered(tree.execute("SELECT * FROM node").fetchall())
    for encoder, read in FORMATS:
        assert ordered(read(exported(url, encoder))) == shown


@settings(max_examples=30, deadline=None)
@given(invented=trees(), data=st.data())
def test_a_share_and_each_subtree_are_exported_as_the_plain_tree_is(tree, url, invented, data):
    store(tree, invented.rows)
    node_id = data.draw(st.sampled_from([n for n, node in invented.nodes.items() if node[2] is None]))
    path = invented.path(node_id)
    encoder, read = data.draw(st.sampled_from(FORMATS))
    at = data.draw(st.sampled_from([node_id, path, f"/{path}/"]))
    assert ordered(read(exported(url, encoder, at))) == ordered(invented.below(node_id))


@pytest.mark.parametrize(("encoder", "read"), FORMATS)
def test_names_and_times_that_others_trip_over_come_through(tree, url, encoder, read):
    names = [
        "",
        '"',
        '""',
        ",",
        "a,b",
        "a\nb",
        "a\r\nb",
        "\r",
        "\ufeff",
        "\\.",
        "\\N",
        "NULL",
        " a ",
        "\u2028",
        "\U0010ffff",
        "=1+1",
    ]
    times = [-11_644_473_600, -1, 0, 2**32 - 1, 2**32, 253_402_300_799]
    files = tuple(
        FileRow(name, slot, slot, times[slot % len(times)], 2**64 - slot)
        for slot, name in enumerate(sorted(names), start=1)
    )
    store(tree, [page(1, None, "", files=files, mtime=-1, fingerprint=2**63)])
    root = (ROOT_ID, None, "", None, -1, -(2**63))
    expected = [root, *((ROOT_ID | f.slot, ROOT_ID, f.name, f.size_bytes, f.mtime, -f.slot) for f in files)]
    assert ordered(read(exported(url, encoder))) == expected


def test_in_csv_nothing_is_null_and_an_empty_name_is_quoted(tree, url):
    store(tree, [page(1, None, "", mtime=5)])
    assert exported(url, CsvEncoder) == b'node_id,parent_id,name,size,mtime,hash\n16777216,,"",,5,\n'


@pytest.mark.parametrize(("encoder", "read"), FORMATS)
def test_a_share_that_was_never_backed_up_has_no_nodes(tree, url, encoder, read):
    assert read(exported(url, encoder, share=EMPTY_SHARE)) == []
    assert read(exported(url, encoder, "", share=EMPTY_SHARE)) == []


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("a/nope", "share 7 has nothing at 'a/nope'"),
        ("a/f000001/x", "share 7 has nothing at 'a/f000001/x'"),
        ("a/gone", "share 7 has nothing at 'a/gone'"),
        ("a/\0", "share 7 has nothing at 'a/\\x00'"),
        ("\udcff", "share 7 has nothing at '\\udcff'"),
        ("a/f000001", f"node {directory(2) | 2} of share 7 is the file 'a/f000001'; expected a directory"),
        (directory(2) | 2, f"node {directory(2) | 2} of share 7 is the file 'a/f000001'; expected a directory"),
        (directory(2) | 9, f"share 7 has no node {directory(2) | 9}"),
        (directory(3), f"share 7 has no node {directory(3)}"),
        (directory(77), f"share 7 has no node {directory(77)}"),
        (0, "share 7 has no node 0"),
        (-1, "share 7 has no node -1"),
        (2**63, f"share 7 has no node {2**63}"),
    ],
)
def test_a_subtree_that_is_none_is_refused_by_name(tree, url, at, message):
    store(tree, [page(1, None, ""), page(2, 1, "a", 3), page(3, 2, "gone", deleted_run=2)])
    with pytest.raises(NotFound, match=f"^{re.escape(message)}$"):
        exported(url, CsvEncoder, at)


async def test_an_export_is_of_one_moment_and_writes_nothing(tree, url):
    store(tree, [page(1, None, "", 1), page(2, 1, "a", 2)])
    async with connected(url) as conn:
        await export.freeze(conn)
        below = await export.directory(conn, SHARE, "a")
        tree.execute("TRUNCATE frontier; DELETE FROM page_7")
        async with export.nodes(conn, SHARE, CsvEncoder(), below=below) as stream:
            data = b"".join([piece async for piece in stream])
        assert len(from_csv(data)) == 3
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await conn.execute("DELETE FROM page_7")
        await conn.rollback()


async def test_a_reader_may_take_its_time_when_the_server_has_sent_all(tree, url):
    store(tree, [page(1, None, "", 1)])
    async with connected(url, idle_in_transaction_session_timeout=100) as conn:
        async with export.nodes(conn, SHARE, CsvEncoder()) as stream:
            async for _ in stream:
                await asyncio.sleep(0.3)
        await conn.execute("SELECT 1")


@pytest.mark.slow
async def test_a_reader_may_take_longer_than_a_statement(large, url):
    async with (
        connected(url, statement_timeout=200) as conn,
        export.nodes(conn, LARGE_SHARE, CsvEncoder()) as stream,
    ):
        pieces = aiter(stream)
        await anext(pieces)
        await asyncio.sleep(0.4)
        for _ in range(30):  # more than can have been on its way
            await anext(pieces)


async def leave_at_once(stream):
    pass


async def leave_after_a_piece(stream):
    async for _ in stream:
        break


async def fail_after_a_piece(stream):
    async for _ in stream:
        raise BrokenPipeError


async def be_cancelled_between_pieces(stream):
    async for _ in stream:
        raise asyncio.CancelledError


async def be_cancelled_while_waiting(stream):
    async def read():
        async for _ in stream:
            pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    reading.cancel()
    await reading


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [CsvEncoder, ParquetEncoder])
@pytest.mark.parametrize(
    "leave",
    [
        leave_at_once,
        leave_after_a_piece,
        fail_after_a_piece,
        be_cancelled_between_pieces,
        be_cancelled_while_waiting,
    ],
)
async def test_whoever_leaves_early_gives_the_connection_back_as_it_was(large, tree, url, leave, encoder):
    async with make_pool(url, size=1) as pool:
        async with pool.connection() as conn:
            before = conn.info.backend_pid
        try:
            async with asyncio.timeout(5), pool.connection() as conn:
                await export.freeze(conn)
                async with export.nodes(conn, LARGE_SHARE, encoder()) as stream:
                    await leave(stream)
                assert 0 <= stream.nodes < 500_000
        except (BrokenPipeError, asyncio.CancelledError):
            pass
        busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%'"
        assert tree.execute(busy).fetchone() == (0,)
        async with pool.connection() as conn:
            assert conn.info.backend_pid == before
            shown = await (await conn.execute("SHOW transaction_isolation")).fetchone()
            timeout = await (await conn.execute("SHOW statement_timeout")).fetchone()
            assert (shown, timeout) == (("read committed",), ("1min",))


@pytest.mark.slow
async def test_a_server_that_goes_away_is_told_as_such(large, tree, url):
    async def read(catalogue):
        async with catalogue.transaction() as conn, export.nodes(conn, LARGE_SHARE, ParquetEncoder()) as stream:
            async for _ in stream:
                tree.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])

    async with make_pool(url, size=1) as pool:
        with pytest.raises(Unavailable, match="the catalogue did not answer"):
            await read(PostgresCatalogue(pool))


MEASURED = """
import sys
from localdev.__main__ import main
from tests.support.memory import peak_mib
code = main(sys.argv[1:])
print(peak_mib())
sys.exit(code)
"""


def peak_mib(*command) -> float:
    """Run ``python -m localdev export`` and return the most memory it had."""
    words = [sys.executable, "-c", MEASURED, "export", *command]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "read", "more_mib"),
    [("all.csv", from_csv, 4), pytest.param("all.parquet", from_parquet, 10, marks=pytest.mark.torture)],
)
def test_a_million_nodes_take_no_more_memory_than_a_third_of_them(large, url, tmp_path, output, read, more_mib):
    """But for what allocators keep."""
    file = tmp_path / output
    many = peak_mib("acme", "large", str(file), "--url", url)
    few = peak_mib("acme", "medium", str(file), "--url", url)
    assert len(read(file.read_bytes())) > MEDIUM_FILES
    assert many <= few + more_mib
