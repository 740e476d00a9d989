"""The second wall: whatever the API asks of the catalogue, it sees the rows of the tenant it asks for, and no others."""

import asyncio
import datetime as dt

import psycopg
import pytest
from psycopg import sql

from shared.db import (
    api_keys,
    batches,
    members,
    overview,
    pages,
    past,
    restore_points,
    runs,
    shares,
    tenant_accounts,
    tenants,
)
from shared.db.migrate import migrate
from shared.db.pool import make_pool
from shared.db.tenancy import ShareConnections, TenantConnections
from shared.errors import Conflict, NotFound
from shared.model.access import Grant, Role
from shared.model.membership import MemberKind
from shared.model.restore import RestoreOrder
from shared.model.run import RunKind
from tests.support.catalogue import ACCOUNT
from tests.support.two_tenants import OBJECT_ID, plan_of, rows, two_tenants


@pytest.fixture
async def two(catalogue_url):
    async with two_tenants(catalogue_url) as found:
        yield found


OWN_TABLES = """
    SELECT c.relname, c.relkind, c.relrowsecurity, a.columns
      FROM pg_class AS c
     CROSS JOIN LATERAL (
               SELECT array_agg(attname::text) AS columns FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
           ) AS a
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname
"""


async def test_every_table_is_behind_the_wall_or_out_of_reach(two):
    """One that a migration forgets cannot be asked for by the API at all."""
    behind = 0
    async with two.pool.connection() as conn:
        tables = await rows(conn, OWN_TABLES)
        for name, _, has_rows_secured, _ in tables:
            for role in ("afb_api", "afb_platform"):
                granted = await rows(
                    conn,
                    "SELECT has_table_privilege(%s, %s, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')",
                    role,
                    name,
                )
                reachable = granted[0][0] and name != "schema_migration"  # which migrations are applied
                assert has_rows_secured or not reachable, f"{name}: say protect_rows in its migration (schema/sql/0017)"
            behind += has_rows_secured
    assert behind > 20


async def test_a_missing_where_shows_nothing_of_others(two):
    """Every relation that the API may read, whole, as one tenant."""
    async with two.pool.connection() as conn:
        readable = await rows(
            conn,
            """
            SELECT n.nspname, c.relname,
                   ARRAY (SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
              FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^(pg_|information_schema)'
               AND has_schema_privilege('afb_api', n.oid, 'USAGE') AND has_table_privilege('afb_api', c.oid, 'SELECT')
            """,
        )
        tables = {name: columns for name, _, _, columns in await rows(conn, OWN_TABLES)}
    seen = 0
    other = two.shares["other"]
    for schema, name, columns in readable:
        if name == "node":
            continue  # below: it wants a share to be chosen
        relation = sql.Identifier(schema, name)
        for column, theirs in (("tenant_id", "other"), ("share_id", other.share_id), ("run_id", two.runs["other"])):
            if column not in columns:
                continue
            counting = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s").format(relation, sql.Identifier(column))
            async with two.pool.connection() as conn:
                there = (await (await conn.execute(counting, [theirs])).fetchone())[0]
            async with two.as_tenant("mine") as conn:
                assert (await (await conn.execute(counting, [theirs])).fetchone())[0] == 0, (schema, name)
            async with two.as_tenant("other") as conn:
                shown = (await (await conn.execute(counting, [theirs])).fetchone())[0]
            if schema == "public" and name in tables and name not in ("run",):
                assert there == shown, f"{name}: {there} rows of theirs, of which they see {shown}"
            seen += there > 0
            async with two.as_tenant("nobody") as conn:
                assert (await (await conn.execute(sql.SQL("SELECT count(*) FROM {}").format(relation))).fetchone())[
                    0
                ] == 0
    assert seen >= 23, "there was something to be seen"


async def test_without_a_tenant_there_is_nothing(two):
    async with two.pool.connection() as conn:
        await conn.execute("SET LOCAL ROLE afb_api")
        assert await rows(conn, "SELECT 1 FROM tenant") == []
        assert await rows(conn, "SELECT 1 FROM share") == []
        assert await rows(conn, "SELECT 1 FROM page") == []
    async with two.as_tenant("") as conn:
        assert await rows(conn, "SELECT 1 FROM share") == []
    async with two.as_tenant("mine,other") as conn:
        assert await rows(conn, "SELECT 1 FROM share") == []


async def test_the_platform_sees_all_and_several_tenants_are_several(two):
    async with two.as_tenant(None) as conn:
        assert await rows(conn, "SELECT tenant_id FROM share ORDER BY 1") == [("mine",), ("other",)]
    async with TenantConnections(two.pool, {"mine", "other", "third"}).connection() as conn:
        assert await rows(conn, "SELECT tenant_id FROM share ORDER BY 1") == [("mine",), ("other",)]
    async with TenantConnections(two.pool, ()).connection() as conn:
        assert await rows(conn, "SELECT tenant_id FROM share") == []


async def test_the_role_ends_with_the_transaction(two):
    async with make_pool(two.url, size=1) as pool:
        async with TenantConnections(pool, ("mine",)).connection() as conn:
            assert await rows(conn, "SELECT current_user::text, count(*)::int FROM share") == [("afb_api", 1)]
        async with pool.connection() as conn:
            assert (await rows(conn, "SELECT count(*)::int FROM share"))[0] == (2,)
            assert (await rows(conn, "SELECT current_user = session_user, current_setting('afb.tenant_id', true)"))[
                0
            ] == (True, "")
        with pytest.raises(ZeroDivisionError):
            async with TenantConnections(pool, ("mine",)).connection() as conn:
                raise ZeroDivisionError
        async with pool.connection() as conn:
            assert (await rows(conn, "SELECT count(*)::int FROM share"))[0] == (2,)


async def test_a_statement_that_was_prepared_for_one_tenant_shows_another_theirs(two):
    async with make_pool(two.url, size=1) as pool:
        for tenant_id in ("mine", "other") * 8:
            share = two.shares[tenant_id]
            async with TenantConnections(pool, (tenant_id,)).connection() as conn:
                found = await (
                    await conn.execute("SELECT tenant_id FROM share WHERE share_id > %s", [0], prepare=True)
                ).fetchall()
                assert found == [(tenant_id,)]
            async with ShareConnections(pool, pool, share).connection() as conn:
                for other in two.shares.values():
                    text = sql.SQL("SELECT count(*) FROM {}").format(
                        sql.Identifier(f"share_{other.share_id}_api", "page")
                    )
                    count = (await (await conn.execute(text, prepare=True)).fetchone())[0]
                    assert count == (3 if other is share else 0)


async def test_what_is_asked_about_others_things_is_not_there(two):
    """Every question of the API, with ids of another tenant."""
    theirs, run_id = two.shares["other"], two.runs["other"]
    share_id = theirs.share_id
    async with two.as_tenant("mine") as conn:
        for asked in (
            tenants.get(conn, "other"),
            tenants.rename(conn, "other", "Mine now"),
            shares.get(conn, share_id),
            shares.get(conn, share_id, "other"),
            shares.change_settings(conn, share_id, "other", {"exclude": ["*"]}),
            runs.get(conn, run_id),
            runs.by_number(conn, share_id, 1),
            runs.pause(conn, run_id),
            runs.cancel(conn, run_id),
            runs.create(conn, "other", share_id, RunKind.SCAN),
            restore_points.get(conn, share_id, 1),
            members.get(conn, "other", 2),
            members.remove(conn, "other", 2),
            api_keys.get(conn, "other", f"{share_id:012x}"),
            api_keys.revoke(conn, "other", f"{share_id:012x}", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
            tenant_accounts.remove(conn, "other", 2),
        ):
            with pytest.raises(NotFound):
                await asked
        assert [t.tenant_id for t in await tenants.listed(conn, limit=100)] == ["mine"]
        assert await shares.of_tenant(conn, "other", limit=100) == []
        assert await runs.of_share(conn, share_id) == []
        assert await restore_points.of_share(conn, share_id) == []
        assert await batches.workers(conn, run_id) == 0
        assert await runs.left(conn, run_id) == 0
        assert await members.listed(conn, "other", limit=100) == []
        assert await members.listed(conn, None, limit=100) == []
        assert await api_keys.listed(conn, "other", limit=100) == []
        assert await tenant_accounts.listed(conn, "other", limit=100) == []
        assert not await tenant_accounts.has(conn, "other", ACCOUNT, "other-files", "")
        assert [line.tenant_id for line in await overview.lines(conn, 100)] == ["mine"]
        assert await past.points(conn, share_id) == []
        assert await past.segments(conn, share_id, 0, 100) == []
    async with two.as_tenant("mine") as conn:
        assert await runs.left(conn, two.runs["mine"]) > 0


async def test_nothing_can_be_written_into_anothers(two):
    async def refused(text: str, *args) -> None:
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            async with two.as_tenant("mine") as conn:
                await conn.execute(text.encode(), args)

    mine, theirs = two.shares["mine"].share_id, two.shares["other"].share_id
    await refused("INSERT INTO tenant (tenant_id, name) VALUES ('third', 'Third')")
    await refused(
        "INSERT INTO share (tenant_id, name, account_url, share_name, credential) VALUES ('other', 'x', 'https://x', 'x', '')"
    )
    await refused("UPDATE share SET tenant_id = 'other' WHERE share_id = %s", mine)
    await refused(
        "INSERT INTO member (tenant_id, object_id, kind, name, role, created_by) VALUES (NULL, %s, 'person', 'x', 'platform_admin', 'x')",
        "6f9619ff-8b86-d011-b42d-00cf4fc96400",
    )
    await refused("UPDATE member SET tenant_id = NULL, role = 'platform_admin'")
    await refused("INSERT INTO page (page_id, share_id, name, names, packed) VALUES (1, %s, '', '', '')", mine)
    await refused("DELETE FROM run")
    await refused("TRUNCATE share")
    async with two.as_tenant("mine") as conn:
        assert (await conn.execute("UPDATE share SET name = 'taken' WHERE share_id = %s", [theirs])).rowcount == 0
        assert (await conn.execute("UPDATE run SET error = 'x'")).rowcount == 2
    async with two.pool.connection() as conn:
        assert await rows(conn, "SELECT count(*)::int FROM run WHERE error = 'x'") == [(2,)]


async def test_two_tenants_do_not_restore_into_each_other_although_neither_sees_the_other(two):
    def order(path: str) -> RestoreOrder:
        return RestoreOrder(
            restore_point=1,
            account_url=ACCOUNT,
            share_name="target",
            credential="",
            target_path=path,
            create_share=False,
        )

    async with two.as_tenant("other") as conn:
        await runs.create(conn, "other", two.shares["other"].share_id, RunKind.RESTORE, order("a"))
    async with two.as_tenant("mine") as conn:
        with pytest.raises(Conflict, match="a restore of another share works on target/a"):
            await runs.create(conn, "mine", two.shares["mine"].share_id, RunKind.RESTORE, order("a/b"))


async def test_what_is_left_of_a_tenant_goes_with_it(two):
    async with two.pool.connection() as conn:
        for table in ("run", "restore_point", "permission", "batch"):
            if table == "run":
                await conn.execute("DELETE FROM batch")
            await conn.execute(f"DELETE FROM {table}".encode())
        await members.add(
            conn, Grant(Role.VIEWER, "mine", two.shares["mine"].share_id), object_id=OBJECT_ID.replace("6", "7"),
            kind=MemberKind.GROUP, name="G", created_by="t",
        )  # fmt: skip
        await conn.execute("DELETE FROM share WHERE tenant_id = 'mine'")
        assert len(await members.listed(conn, "mine", limit=10)) == 1
        await conn.execute("DELETE FROM tenant WHERE tenant_id = 'mine'")
        assert await members.listed(conn, "mine", limit=10) == []
        assert await api_keys.listed(conn, "mine", limit=10) == []
        assert len(await members.listed(conn, "other", limit=10)) == 1


async def test_the_owners_plans_know_nothing_of_the_wall(two):
    share_id = two.shares["mine"].share_id
    statements = [
        pages.partition_sql(pages._CHILDREN, share_id),
        pages.partition_sql(pages._HEADS, share_id),
        pages.partition_sql(pages._WITH_ANCESTORS, share_id),
        b"SELECT * FROM run WHERE run_id = ANY (%b::int8[])",
        b"SELECT * FROM frontier WHERE run_id = ANY (%b::int8[])",
        b"SELECT * FROM batch WHERE run_id = ANY (%b::int8[])",
    ]
    async with two.pool.connection() as conn:
        for text in statements:
            plan = await plan_of(conn, text, [[1]])
            assert "chosen_tenants" not in plan
            assert "afb.tenant_id" not in plan
            assert "sees_share" not in plan
            assert "InitPlan" not in plan
    async with two.as_tenant("mine") as conn:
        assert "afb.tenant_id" in (await plan_of(conn, statements[3], [[1]]))


async def test_what_set_local_role_does_not_stop_and_a_login_of_its_own_does(two, postgres_server):
    """A statement that somebody smuggled in may say RESET ROLE. A login that owns nothing gains nothing by it."""
    async with two.as_tenant("mine") as conn:
        await conn.execute("RESET ROLE")
        assert (await rows(conn, "SELECT count(*)::int FROM share"))[0] == (2,)
    async with two.pool.connection() as conn:
        await conn.execute("CREATE ROLE afb_test_login LOGIN NOINHERIT PASSWORD 'for this test'")
        await conn.execute("GRANT afb_api, afb_platform TO afb_test_login")
    try:
        url = psycopg.conninfo.make_conninfo(two.url, user="afb_test_login", password="for this test")
        async with make_pool(url, size=1) as pool:
            share = two.shares["mine"]
            async with TenantConnections(pool, ("mine",)).connection() as conn:
                assert await rows(conn, "SELECT tenant_id FROM share") == [("mine",)]
            async with ShareConnections(pool, two.pool, share).connection() as conn:
                assert await past.directories(conn, share.share_id, 0, 10) != []
            async with TenantConnections(pool, ("mine",)).connection() as conn:
                await conn.execute("RESET ROLE")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await conn.execute("SELECT * FROM share")
                await conn.rollback()
    finally:
        async with two.pool.connection() as conn:
            await conn.execute("DROP OWNED BY afb_test_login; DROP ROLE afb_test_login")


async def test_databases_of_one_server_may_be_migrated_side_by_side(postgres_server):
    """The roles are the server's. Whoever comes second finds them."""
    with postgres_server.database() as one, postgres_server.database() as two_, postgres_server.database() as three:
        await asyncio.gather(*(migrate(url) for url in (one, two_, three)))


async def test_an_admin_who_is_no_superuser_may_migrate(postgres_server):
    """As on managed Postgres: CREATEROLE and a database of their own."""
    with postgres_server.database() as url:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            name = (await rows(conn, "SELECT current_database()"))[0][0]
            role = f"admin_{name}"[:60]
            await conn.execute(f"CREATE ROLE \"{role}\" LOGIN CREATEROLE PASSWORD 'p'".encode())
            await conn.execute(f'ALTER DATABASE "{name}" OWNER TO "{role}"'.encode())
            await conn.execute(f'ALTER SCHEMA public OWNER TO "{role}"'.encode())
            # The server's superuser has made the roles in other tests; here they are its own gift.
            await conn.execute(f'GRANT afb_api, afb_platform TO "{role}" WITH ADMIN OPTION'.encode())
        try:
            theirs = psycopg.conninfo.make_conninfo(url, user=role, password="p")
            await migrate(theirs)
            async with make_pool(theirs, size=1) as pool:
                async with TenantConnections(pool, None).connection() as conn:
                    await tenants.create(conn, "acme", "Acme")
                async with TenantConnections(pool, ("acme",)).connection() as conn:
                    assert await rows(conn, "SELECT current_user::text, tenant_id FROM tenant") == [("afb_api", "acme")]
                async with TenantConnections(pool, ("other",)).connection() as conn:
                    assert await rows(conn, "SELECT tenant_id FROM tenant") == []
        finally:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
                await conn.execute(
                    f'REASSIGN OWNED BY "{role}" TO CURRENT_USER; DROP OWNED BY "{role}"; DROP ROLE "{role}"'.encode()
                )
