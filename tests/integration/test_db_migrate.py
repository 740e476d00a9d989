"""Migrations: applied once, in order, and never behind our back."""

import asyncio
import shutil
from pathlib import Path

import psycopg
import pytest

from shared.db.migrate import DIRECTORY, PROGRAM, SchemaUpkeep, migrate, migrate_beside, migrations, program_name
from shared.errors import IntegrityError, Unavailable
from shared.settings import Settings
from shared.wiring import make_app


def write(directory: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (directory / f"{name.removeprefix('m')}.sql").write_text(text)
    return directory


async def query(url: str, text: str):
    async with await psycopg.AsyncConnection.connect(url) as conn:
        cursor = await conn.execute(text.encode())
        while cursor.nextset():
            pass
        return await cursor.fetchall()


async def test_the_projects_migrations_apply_once(empty_postgres_url):
    expected = [path.stem for path in sorted(DIRECTORY.glob("*.sql"))]
    assert await migrate(empty_postgres_url) == expected
    assert await migrate(empty_postgres_url) == []
    applied = await query(empty_postgres_url, "SELECT name FROM schema_migration ORDER BY number")
    assert [name for (name,) in applied] == expected


async def test_many_at_once_apply_each_file_once(empty_postgres_url):
    done = await asyncio.gather(*(migrate(empty_postgres_url) for _ in range(5)))
    assert sorted(len(names) for names in done) == [0, 0, 0, 0, len(migrations())]


async def test_a_new_file_is_applied_to_an_old_database(empty_postgres_url, tmp_path):
    write(tmp_path, m0001_pre_a="CREATE TABLE a (x int)")
    assert await migrate(empty_postgres_url, tmp_path) == ["0001_pre_a"]
    write(tmp_path, m0002_post_b="CREATE TABLE b (x int); INSERT INTO b VALUES (1), (2)")
    assert await migrate(empty_postgres_url, tmp_path) == ["0002_post_b"]
    assert await query(empty_postgres_url, "SELECT x FROM b ORDER BY x") == [(1,), (2,)]


async def test_a_changed_file_is_an_error_that_says_what_to_do(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="CREATE TABLE a (x int)"))
    write(tmp_path, m0001_pre_a="CREATE TABLE a (x bigint)", m0002_pre_b="CREATE TABLE b (x int)")
    with pytest.raises(IntegrityError, match=r"0001_pre_a was changed after it was applied.*hint: restore the file"):
        await migrate(empty_postgres_url, tmp_path)
    assert await query(empty_postgres_url, "SELECT to_regclass('b') IS NULL") == [(True,)]


async def test_windows_line_ends_are_not_a_change(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="CREATE TABLE a (\n x int)"))
    (tmp_path / "0001_pre_a.sql").write_bytes(b"CREATE TABLE a (\r\n x int)")
    assert await migrate(empty_postgres_url, tmp_path) == []


async def test_a_newer_database_is_refused(empty_postgres_url, tmp_path):
    await migrate(
        empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1", m0002_pre_b="SELECT 2", m0003_post_c="SELECT 3")
    )
    (tmp_path / "0002_pre_b.sql").unlink()
    (tmp_path / "0003_post_c.sql").unlink()
    newer = r"has migration 0003_post_c, which this program does not know: it is newer; hint: deploy the release"
    with pytest.raises(IntegrityError, match=newer):
        await migrate(empty_postgres_url, tmp_path)


@pytest.mark.parametrize("before_post", [False, True])
async def test_a_program_starts_on_what_the_next_release_prepared(empty_postgres_url, tmp_path, before_post):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1", m0002_pre_b="SELECT 2"))
    (tmp_path / "0002_pre_b.sql").unlink()
    assert await migrate(empty_postgres_url, tmp_path, before_post=before_post) == []


async def test_a_release_is_prepared_under_the_one_before_and_finished_later(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_pre_b="SELECT 2", m0003_pre_c="SELECT 3", m0004_post_d="SELECT 4", m0005_post_e="SELECT 5")
    assert await migrate(empty_postgres_url, tmp_path, before_post=True) == ["0002_pre_b", "0003_pre_c"]
    assert await migrate(empty_postgres_url, tmp_path, before_post=True) == []
    assert await migrate(empty_postgres_url, tmp_path) == ["0004_post_d", "0005_post_e"]


async def test_a_release_is_not_prepared_before_the_one_before_it_is_finished(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_pre_b="CREATE TABLE b ()", m0003_post_c="SELECT 3", m0004_pre_d="SELECT 4")
    refused = r"0004_pre_d waits behind 0003_post_c, .* earlier release; hint: deploy that release everywhere"
    with pytest.raises(IntegrityError, match=refused):
        await migrate(empty_postgres_url, tmp_path, before_post=True)
    assert await query(empty_postgres_url, "SELECT to_regclass('b') IS NULL") == [(True,)]
    assert await migrate(empty_postgres_url, tmp_path) == ["0002_pre_b", "0003_post_c", "0004_pre_d"]


async def test_a_new_database_gets_everything_there_is_no_code_before_it(empty_postgres_url):
    assert await migrate(empty_postgres_url, before_post=True) == [m.name for m in migrations()]


async def program(url: str, name: str):
    """A connection of a program, which is at work until it is closed."""
    return await psycopg.AsyncConnection.connect(url, application_name=name)


@pytest.mark.parametrize("older", [PROGRAM, f"{PROGRAM}/1", f"{PROGRAM}/2"])
async def test_post_files_wait_until_nobody_is_connected_that_does_not_know_them(empty_postgres_url, tmp_path, older):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_pre_b="CREATE TABLE b ()", m0003_post_c="CREATE TABLE c ()", m0004_post_d="SELECT 4")
    async with await program(empty_postgres_url, older), await program(empty_postgres_url, f"{PROGRAM}/4"):
        assert await migrate_beside(empty_postgres_url, tmp_path) == ["0003_post_c", "0004_post_d"]
        assert await migrate_beside(empty_postgres_url, tmp_path) == ["0003_post_c", "0004_post_d"]
        assert await query(empty_postgres_url, "SELECT to_regclass('b') IS NULL, to_regclass('c') IS NULL") == [
            (False, True)
        ]
    async with await program(empty_postgres_url, f"{PROGRAM}/4"), await program(empty_postgres_url, "psql"):
        assert await migrate_beside(empty_postgres_url, tmp_path) == []
    assert await query(empty_postgres_url, "SELECT count(*) FROM schema_migration") == [(4,)]


async def test_a_program_that_knows_some_of_the_post_files_holds_up_the_others(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_post_b="SELECT 2", m0003_post_c="SELECT 3")
    async with await program(empty_postgres_url, f"{PROGRAM}/2"):
        assert await migrate_beside(empty_postgres_url, tmp_path) == ["0003_post_c"]


async def test_a_program_does_not_start_while_what_it_needs_has_to_wait(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_post_b="CREATE TABLE b ()", m0003_pre_c="CREATE TABLE c ()")
    async with await program(empty_postgres_url, f"{PROGRAM}/1"):
        with pytest.raises(
            Unavailable, match=r"0003_pre_c waits behind 0002_post_b, .* still connected; hint: they end"
        ):
            await migrate_beside(empty_postgres_url, tmp_path)
        assert await query(empty_postgres_url, "SELECT to_regclass('b') IS NULL") == [(True,)]
    assert await migrate_beside(empty_postgres_url, tmp_path) == []
    assert await query(empty_postgres_url, "SELECT to_regclass('c') IS NULL") == [(False,)]


async def test_programs_of_another_database_hold_up_nothing(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_post_b="SELECT 2")
    async with await program(empty_postgres_url.rsplit("/", 1)[0] + "/postgres", PROGRAM):
        assert await migrate_beside(empty_postgres_url, tmp_path) == []


async def test_who_waits_to_migrate_is_seen_as_what_it_is(empty_postgres_url, tmp_path):
    """A program of the release before that starts at the same moment is at work as soon as it has the lock."""
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    before = tmp_path / "before"
    before.mkdir()
    shutil.copy(tmp_path / "0001_pre_a.sql", before)
    write(tmp_path, m0002_post_b="SELECT 2")
    async with await psycopg.AsyncConnection.connect(empty_postgres_url, autocommit=True) as holder:
        await holder.execute("SELECT pg_advisory_lock(4706329127002)")
        waiting = asyncio.create_task(migrate_beside(empty_postgres_url, before))
        newer = asyncio.create_task(migrate_beside(empty_postgres_url, tmp_path))
        for _ in range(100):
            names = await query(
                empty_postgres_url, "SELECT application_name FROM pg_stat_activity WHERE wait_event = 'advisory'"
            )
            if {name for (name,) in names} == {f"{PROGRAM}/1", f"{PROGRAM}/2"}:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail(f"waiting are {names}")
    assert await waiting == []
    assert await newer in ([], ["0002_post_b"])  # as it came before the other, or after it


async def test_a_new_database_gets_everything_whoever_is_connected(empty_postgres_url):
    async with await program(empty_postgres_url, PROGRAM):
        assert await migrate_beside(empty_postgres_url) == []
    assert await query(empty_postgres_url, "SELECT count(*) FROM schema_migration") == [(len(migrations()),)]


async def test_what_waits_is_gone_on_with_until_nothing_is_left(empty_postgres_url, tmp_path):
    await migrate(empty_postgres_url, write(tmp_path, m0001_pre_a="SELECT 1"))
    write(tmp_path, m0002_post_b="SELECT 2")
    upkeep = SchemaUpkeep(empty_postgres_url, directory=tmp_path)
    async with await program(empty_postgres_url, PROGRAM):
        await upkeep.go_on()
        await upkeep.go_on()
        assert await query(empty_postgres_url, "SELECT count(*) FROM schema_migration") == [(1,)]
    await upkeep.go_on()
    assert await query(empty_postgres_url, "SELECT count(*) FROM schema_migration") == [(2,)]
    upkeep._url = "postgresql://nobody.invalid/"  # not asked any more
    await upkeep.go_on()


async def test_whoever_migrates_sees_the_programs_of_other_logins(empty_postgres_url):
    """It is no superuser, and the API may have a login of its own."""
    name = f"plain_{abs(hash(empty_postgres_url)) % 10**8}"
    await query(empty_postgres_url, f"CREATE ROLE {name}; SELECT 1")
    try:
        async with (
            await program(empty_postgres_url, PROGRAM),
            await psycopg.AsyncConnection.connect(empty_postgres_url) as conn,
        ):
            await conn.execute(f"SET ROLE {name}")
            seen = await (await conn.execute("SELECT application_name FROM pg_stat_activity")).fetchall()
            assert (PROGRAM,) in seen
    finally:
        await query(empty_postgres_url, f"DROP ROLE {name}; SELECT 1")


async def test_the_app_says_what_it_knows_and_finishes_its_rollout(empty_postgres_url, azurite):
    """With AFB_MIGRATE=auto, on a database that waits for what this release has last."""
    settings = Settings.from_env(
        {
            "AFB_POSTGRES_URL": empty_postgres_url,
            "AFB_VAULT_CONNECTION": azurite.connection_string,
            "AFB_MIGRATE": "auto",
        }
    )
    app = await make_app(settings)
    try:
        async with app.transaction() as conn:
            (name,) = await (await conn.execute("SELECT current_setting('application_name')")).fetchone()
        assert name == program_name() == f"{PROGRAM}/{len(migrations())}"
        assert await query(empty_postgres_url, "SELECT count(*) FROM schema_migration") == [(len(migrations()),)]
        app.schema = Asked()
        await app.look_after()
        assert app.schema.times == 1
    finally:
        await app.aclose()


class Asked:
    times = 0

    async def go_on(self):
        self.times += 1


async def test_a_failed_migration_leaves_nothing_and_those_before_it_stay(empty_postgres_url, tmp_path):
    write(tmp_path, m0001_pre_a="CREATE TABLE a (x int)", m0002_pre_b="CREATE TABLE b (x int); SELECT 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_postgres_url, tmp_path)
    assert await query(empty_postgres_url, "SELECT to_regclass('a') IS NULL, to_regclass('b') IS NULL") == [
        (False, True)
    ]
    write(tmp_path, m0002_pre_b="CREATE TABLE b (x int)")
    assert await migrate(empty_postgres_url, tmp_path) == ["0002_pre_b"]


async def test_a_tree_from_before_the_group_indexes_gets_them_and_is_read_as_before(empty_postgres_url, tmp_path):
    shutil.copy(DIRECTORY / "0001_pre_catalogue.sql", tmp_path)
    await migrate(empty_postgres_url, tmp_path)
    async with await psycopg.AsyncConnection.connect(empty_postgres_url) as conn:
        await conn.execute("CREATE TABLE page_7 PARTITION OF page FOR VALUES IN (7)")
        await conn.execute("CREATE INDEX page_7_by_parent ON page_7 (parent_id) WHERE parent_id IS NOT NULL")
        await conn.execute("CREATE INDEX page_7_by_file ON page_7 (file_id) WHERE file_id IS NOT NULL")
        # One directory, two files whose names share an ending that is written twice, as it was then.
        packed = bytes.fromhex("1101100c 00000005 00000000 00000000 00000009 0a14 0001" + "00" * 16)
        packed = packed[:3] + bytes([20]) + packed[4:]
        await conn.execute("INSERT INTO page VALUES (33554432, 16777216, 5, 7, 'd', 'a.txt/b.txt', %b)", [packed])
    await migrate(empty_postgres_url)
    names = await query(
        empty_postgres_url,
        "SET afb.share_id = 7; SELECT name, size, mtime FROM node WHERE size IS NOT NULL ORDER BY name",
    )
    assert names == [("a.txt", 10, 9), ("b.txt", 20, 10)]
    indexes = await query(empty_postgres_url, "SELECT indexname FROM pg_indexes WHERE tablename = 'page_7' ORDER BY 1")
    assert indexes == [("page_7_by_file_group",), ("page_7_by_name",), ("page_7_by_parent_group",)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0001_a"], "0001_a.sql is not named like 0001_pre_catalogue.sql"),
        (["0001_pre_a", "0003_pre_c"], r"numbered \[1, 3\]: expected 1 to 2"),
        (["0001_pre_a", "0001_post_b"], r"numbered \[1, 1\]: expected 1 to 2"),
    ],
)
def test_badly_numbered_files_are_refused(tmp_path, names, message):
    write(tmp_path, **{f"m{name}": "SELECT 1" for name in names})
    with pytest.raises(IntegrityError, match=message):
        migrations(tmp_path)
