"""How many workers there is something to do for: the very question that KEDA asks (infra/k8s), of a catalogue with runs of all kinds."""

import asyncio
import datetime as dt
import re

import psycopg
import pytest

from shared.db import runs
from shared.model.run import Driver, RunState
from tests.support.catalogue import shelf
from tests.support.kustomize import rendered, the
from tests.support.schedules import START, add_run
from tests.support.share_tree import put
from tests.support.workers import workers
from tests.support.world import world

MOST = 50
DIRECTORIES, PAGES, PIECES = 1_000, 16_384, 16
"""What is for one more worker: schema/sql/0025."""

FRONTIER = (
    "INSERT INTO frontier (run_id, node_id, mtime, batch_no, state)"
    " SELECT %s, n, 0, CASE WHEN %s = 1 THEN 1 END, %s FROM generate_series(1, %s) AS n"
)
RESTORE = (
    "INSERT INTO restore_frontier (run_id, node_id, state, path, properties)"
    " SELECT %s, %s * 1000000 + n, %s, n::text, '{}' FROM generate_series(1, %s) AS n"
)
SPANS = "INSERT INTO span (run_id, directory_id, file_id, span_no, state) SELECT %s, 1, 1, n, 0 FROM generate_series(1, %s) AS n"
VERIFY = "INSERT INTO verify_item (run_id, kind, low, high) SELECT %s, %s, %s, %s FROM generate_series(1, %s)"
SWEEP = "INSERT INTO sweep_item (run_id, kind, low, high) SELECT %s, %s, %s, %s FROM generate_series(1, %s)"
REBUILD = "INSERT INTO rebuild_item (run_id, kind, item_no, bytes, state) SELECT %s, %s, n, 0, 0 FROM generate_series(1, %s) AS n"
BEYOND = (1 << 63) - 1


def question():
    """As the ScaledObject has it."""
    (trigger,) = the(rendered("overlays/prod"), "ScaledObject")["spec"]["triggers"]
    return trigger["metadata"]["query"]


@pytest.fixture
async def idle(shelf):
    """A catalogue in which nothing is at work."""
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE run SET state = 'failed', finished_at = now()")
    return shelf


async def wanted(shelf):
    return await shelf.value(question())


async def execute(shelf, statement, *args):
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(statement.encode(), list(args))


async def a_run(shelf, run_no=100, *, state="running", **more):
    async with shelf.catalogue.transaction() as conn:
        more = {"admitted": state != "queued"} | more
        return await add_run(conn, "acme", shelf.share_id, run_no, state=state, **more)


# ------------------------------------------------------------------------------------------------------------ runs at work


async def test_nothing_to_do_is_for_nobody(idle):
    assert await wanted(idle) == 0


@pytest.mark.parametrize(
    ("state", "more", "expected"),
    [
        ("queued", {}, 1),
        ("queued", {"admitted": True}, 1),
        ("queued", {"held_until": START + dt.timedelta(days=36_500)}, 0),
        ("queued", {"held_until": START - dt.timedelta(days=36_500)}, 1),
        ("running", {}, 1),
        ("cancelling", {}, 1),
        ("paused", {}, 0),
        ("queued", {"driver": "durable"}, 0),
        ("running", {"driver": "durable", "seeded": True}, 0),
        ("cancelling", {"driver": "durable"}, 0),
    ],
)
async def test_a_run_that_workers_drive_is_for_one(idle, state, more, expected):
    await a_run(idle, state=state, **more)
    assert await wanted(idle) == expected


async def test_many_waiting_runs_are_for_who_admits_them_and_admitted_ones_for_one_each(idle):
    for n in range(5):
        await a_run(idle, 100 + n, state="queued")
    assert await wanted(idle) == 1
    for n in range(5):
        await a_run(idle, 200 + n, state="queued", admitted=True)
    assert await wanted(idle) == 5


async def test_who_holds_something_is_needed_until_it_is_done(idle):
    run_id = await a_run(idle)
    for n, (worker, lease) in enumerate([("a", 60), ("a", 60), ("b", 60), ("gone", -1)]):
        await execute(
            idle,
            "INSERT INTO batch (run_id, batch_no, share_id, run_no, kind, state, worker, lease_until, knows)"
            " VALUES (%s, %s, %s, 100, 0, 0, %s, now() + make_interval(secs => %s), 1)",
            run_id, n + 1, idle.share_id, worker, lease,
        )  # fmt: skip
    assert await wanted(idle) == 2
    await execute(idle, FRONTIER, run_id, 0, 0, 3 * DIRECTORIES)
    assert await wanted(idle) == 2 + 3
    await execute(idle, "UPDATE batch SET state = 2 WHERE state = 0")
    assert await wanted(idle) == 1 + 3


# -------------------------------------------------------------------------------------------------------- all kinds of work


@pytest.mark.parametrize(
    ("statement", "args", "more"),
    [
        (FRONTIER, [0, 0, 5 * DIRECTORIES], 5),
        (FRONTIER, [0, 0, DIRECTORIES - 1], 0),
        (FRONTIER, [1, 1, 5 * DIRECTORIES], 0),
        (FRONTIER, [0, 2, 5 * DIRECTORIES], 0),
        (FRONTIER, [0, 0, 60 * DIRECTORIES], MOST - 1),
        (RESTORE, [0, 0, 4 * DIRECTORIES], 4),
        (RESTORE, [0, 2, 4 * DIRECTORIES], 4),
        (SPANS, [3 * PIECES], 3),
        (VERIFY, [3, 1 << 24, BEYOND, 1], 6),
        (VERIFY, [3, 3 * PAGES << 24, BEYOND, 1], 3),
        (VERIFY, [3, 3 * PAGES << 24, 5 * PAGES << 24, 1], 2),
        (VERIFY, [1, 0, 0, 2 * PIECES], 2),
        (SWEEP, [0, 1 << 24, BEYOND, 1], 6),
        (SWEEP, [6, 0, 8, 2 * PIECES], 2),
        (REBUILD, [0, 7 * PIECES], 7),
    ],
)
async def test_each_kind_of_work_is_for_more_workers(idle, statement, args, more):
    await execute(idle, "UPDATE share SET next_directory_no = %s", 6 * PAGES + 2)
    run_id = await a_run(idle)
    await execute(idle, statement, run_id, *args)
    assert await wanted(idle) == 1 + more
    await execute(idle, "UPDATE run SET state = 'cancelling' WHERE run_id = %s", run_id)
    assert await wanted(idle) == 1, "nobody will claim any of it"
    await execute(idle, "UPDATE run SET state = 'paused', paused_at = now() WHERE run_id = %s", run_id)
    assert await wanted(idle) == 0


async def test_of_a_run_that_durable_drives_only_the_surplus_is_for_workers(idle):
    run_id = await a_run(idle, driver="durable", seeded=True)
    await execute(idle, FRONTIER, run_id, 0, 0, 4 * DIRECTORIES)
    assert await wanted(idle) == 4


async def test_directories_of_a_restore_that_are_full_wait_for_the_others(idle):
    run_id = await a_run(idle, kind="restore")
    await execute(idle, RESTORE, run_id, 0, 2, 9 * DIRECTORIES)
    await execute(idle, RESTORE, run_id, 1, 0, 2 * DIRECTORIES)
    assert await wanted(idle) == 1 + 2


async def test_pieces_that_come_later_wait_for_those_before(idle):
    run_id = await a_run(idle)
    await execute(idle, REBUILD, run_id, 0, PIECES)
    await execute(idle, REBUILD, run_id, 2, 9 * PIECES)
    assert await wanted(idle) == 1 + 1


async def test_small_rests_of_many_runs_add_up(idle):
    for n in range(10):
        await execute(idle, FRONTIER, await a_run(idle, 100 + n), 0, 0, DIRECTORIES // 2)
    assert await wanted(idle) == 10 + 5


# ---------------------------------------------------------------------------------------------------------- a run, for real


async def test_a_backup_wants_workers_until_it_is_done(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as files:

        async def asked():
            async with files.app.transaction() as conn:
                return (await (await conn.execute(question().encode())).fetchone())[0]

        assert await asked() == 0
        for n in range(8):
            put(files.client(), f"d{n}/f.bin", b"%d" % n)
        run = await files.queue_backup(Driver.WORKERS)
        assert await asked() == 1
        with workers(files) as processes:
            with files.control.faults({"operation": "file_download", "delay_s": 1.0, "count": 0}):
                worker = await processes.start("--run", str(run.run_id))
                async with asyncio.timeout(30):
                    while not files.control.rules()[0]["hits"]:  # noqa: ASYNC110 - another process works
                        await asyncio.sleep(0.05)
                assert await asked() == 1
                async with files.app.transaction() as conn:
                    await runs.pause(conn, run.run_id)
                assert await asked() == 0
                async with files.app.transaction() as conn:
                    await runs.resume(conn, run.run_id)
            assert await worker.left() == 0
        assert ((await files.reload(run)).state, await asked()) == (RunState.SUCCEEDED, 0)


# ---------------------------------------------------------------------------------------------------------------- who may


async def test_a_login_that_may_ask_for_the_number_sees_nothing_else(idle):
    await a_run(idle)
    role = "afb_test_scaler"
    async with await psycopg.AsyncConnection.connect(idle.url, autocommit=True) as conn:
        await conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'for this test'")
        try:
            url = psycopg.conninfo.make_conninfo(idle.url, user=role, password="for this test")
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as theirs:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await theirs.execute(question())
                await conn.execute(f"GRANT EXECUTE ON FUNCTION workers_wanted(int) TO {role}")
                assert await (await theirs.execute(question())).fetchone() == (1,)
                for table in ("run", "frontier", "share", "batch"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        await theirs.execute(f"SELECT count(*) FROM {table}")
        finally:
            await conn.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


# ------------------------------------------------------------------------------------------------------------ what it costs


LARGE = {"frontier", "restore_frontier", "batch"}


@pytest.fixture(scope="module")
def crowded(postgres_url_module):
    """A backup and a restore with 100,000 directories to do, half of them not yet claimed or not yet full, and 100,000 batches of the past."""

    async def fill() -> None:
        async with shelf(postgres_url_module) as s, s.catalogue.transaction() as conn:
            for table in LARGE:
                await conn.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
            await conn.execute(b"UPDATE run SET driver = 'workers', admitted_at = now()")
            other = await add_run(conn, "acme", s.share_id, 100, kind="restore", state="running", admitted=True)
            await conn.execute(FRONTIER.encode(), [s.run_id, 0, 0, 50_000])
            await conn.execute(FRONTIER.replace(", n, 0", ", n + 1000000, 0").encode(), [s.run_id, 1, 1, 50_000])
            await conn.execute(RESTORE.encode(), [other, 0, 0, 50_000])
            await conn.execute(RESTORE.encode(), [other, 1, 2, 50_000])
            await conn.execute(
                b"INSERT INTO batch (run_id, batch_no, share_id, run_no, kind, state, worker, lease_until, committed_at, knows)"
                b" SELECT %s, n, 1, 1, 0, 1, 'w', now(), now(), 1 FROM generate_series(1, 100000) AS n",
                [s.run_id],
            )

    asyncio.run(fill())
    with psycopg.connect(postgres_url_module, autocommit=True) as conn:
        yield conn


@pytest.mark.parametrize("statistics", [False, True])
def test_it_reads_what_the_answer_is_made_of_and_no_more(crowded, statistics):
    """However much there is to do: 3,000 rows of each of two tables with 100,000, and their index, when three workers at most are asked for."""
    if statistics:
        crowded.execute("ANALYZE")
    source, options = crowded.execute(
        "SELECT prosrc, proconfig FROM pg_proc WHERE proname = 'workers_wanted'"
    ).fetchone()
    for option in options:
        crowded.execute("SELECT set_config(%s, %s, false)", option.split("=", 1))
    statement = re.sub(r"\bat_most\b", "3", source)
    (plan,) = crowded.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement).fetchone()
    assert crowded.execute("SELECT workers_wanted(3)").fetchone() == (3,)
    crowded.execute("RESET ALL")
    found = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") in LARGE]
    rows = {node.get("Index Name"): node["Actual Rows"] * node["Actual Loops"] for node in found}
    assert rows.keys() == {"frontier_pending", "restore_frontier_pending", "restore_frontier_filled", "batch_open"}
    assert max(rows.values()) == 3 * DIRECTORIES, rows
    assert sum(rows.values()) < 7 * DIRECTORIES, rows


def nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)
