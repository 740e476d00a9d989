"""The second wall: whatever the API asks of the catalogue, it sees the rows of the tenant it asks for, and no others."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from shared.db import (
    api_keys,
    batches,
    export,
    members,
    overview,
    pages,
    past,
    restore_points,
    runs,
    shares,
    tenancy,
    tenant_accounts,
    tenants,
)
from shared.db.catalogue import PostgresCatalogue
from shared.db.migrate import migrate
from shared.db.pool import Pool, make_pool
from shared.db.tenancy import ShareConnections, TenantConnections
from shared.errors import NotFound
from shared.model.access import Grant, Role
from shared.model.membership import MemberKind
from shared.model.run import Counters, RunKind, RunState
from shared.model.share import Share
from shared.model.work import FoundDirectory
from tests.support.catalogue import ACCOUNT, directory, page, point

NOT_OF_TENANTS = {
    "schema_migration": "which migrations are applied",
    "pace": "limits of Azure shares, for workers; nothing is granted",
    "pace_part": "the same",
    "request_budget": "processes keep it as the owner; nothing is granted",
    "upkeep": "when something was last begun; nothing is granted",
}
"""Tables that no row of is a tenant's."""
ACTIVE = "run_id IN (SELECT run_id FROM run WHERE state IN ('queued', 'running', 'paused', 'cancelling'))"
OBJECT_ID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


@dataclass
class Two:
    """A catalogue with two tenants, a share and a running backup each, and rows of theirs in every table."""

    url: str
    pool: Pool
    shares: dict[str, Share]
    runs: dict[str, int]

    def as_tenant(self, tenant_id: str | None):
        return TenantConnections(self.pool, None if tenant_id is None else (tenant_id,)).connection()

    def catalogue_of(self, tenant_id: str) -> PostgresCatalogue:
        return PostgresCatalogue(ShareConnections(self.pool, self.pool, self.shares[tenant_id]))


@pytest.fixture
async def two(catalogue_url) -> AsyncIterator[Two]:
    async with make_pool(catalogue_url, size=6) as pool:
        found = Two(catalogue_url, pool, {}, {})
        for tenant_id in ("mine", "other"):
            await fill(found, tenant_id)
        yield found


async def fill(found: Two, tenant_id: str) -> None:
    catalogue = PostgresCatalogue(found.pool)
    async with catalogue.transaction() as conn:
        await tenants.create(conn, tenant_id, tenant_id.title())
        share = await shares.create(
            conn, tenant_id, name="Files", account_url=ACCOUNT, share_name=f"{tenant_id}-files", credential=""
        )
        run = await runs.create(conn, tenant_id, share.share_id, RunKind.BACKUP)
    await catalogue.start_run(run.run_id)
    await catalogue.seed(run.run_id, share.share_id, [(directory(1), 5)])
    claim = await catalogue.claim(run.run_id, "w", limit=10, lease_s=300)
    assert claim is not None
    from shared.model.work import BatchCommit

    await catalogue.commit(
        BatchCommit(
            run_id=run.run_id,
            share_id=share.share_id,
            run_no=run.run_no,
            batch_no=claim.batch_no,
            done=[directory(1)],
            pages=[page(2, 1, f"{tenant_id}-d2", 5), page(3, 1, f"{tenant_id}-d3")],
            found=[FoundDirectory(node_id=directory(3), mtime=1)],
            segment_bytes=100,
        )
    )
    await catalogue.finish_run(run.run_id, RunState.SUCCEEDED, counters=Counters(), point=point(run.run_no))
    async with catalogue.transaction() as conn:
        run = await runs.create(conn, tenant_id, share.share_id, RunKind.BACKUP)
        await members.add(
            conn,
            Grant(Role.TENANT_ADMIN, tenant_id),
            object_id=OBJECT_ID,
            kind=MemberKind.PERSON,
            name="A",
            created_by="t",
        )
        await api_keys.add(
            conn,
            Grant(Role.VIEWER, tenant_id),
            key_id=f"{share.share_id:012x}",
            name="K",
            digest=bytes(32),
            now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            created_by="t",
            expires_at=dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
        )
        await tenant_accounts.add(conn, tenant_id, ACCOUNT, "", "t")
        args = {"share": share.share_id, "run": run.run_id, "tenant": tenant_id}
        for text in (
            "INSERT INTO frontier VALUES (%(run)s, 1, 1, NULL, 0)",
            "INSERT INTO schedule (tenant_id, share_id, name, what, cron, time_zone, spread_s, catch_up_s, enabled)"
            " VALUES (%(tenant)s, %(share)s, 'n', 'backup', '0 2 * * *', 'UTC', 0, 0, false)",
            "INSERT INTO schedule_occurrence (schedule_id, due_at, tenant_id, share_id, decided_at, outcome)"
            " VALUES (%(share)s, now(), %(tenant)s, %(share)s, now(), 'skipped')",
            "INSERT INTO alert (tenant_id, share_id, condition, opened_at, seen_at, title, detail)"
            " VALUES (%(tenant)s, %(share)s, 'run_failed', now(), now(), 't', 'd')",
            "INSERT INTO channel (tenant_id, name, kind) VALUES (%(tenant)s, 'c', 'webhook')",
            "INSERT INTO delivery (tenant_id, channel_id, event, created_at, next_at)"
            " VALUES (%(tenant)s, %(share)s, 'test', now(), now())",
            "INSERT INTO missing VALUES (%(run)s, 1, 1)",
            "INSERT INTO large_file (run_id, directory_id, file_id, changed, size_bytes, span_bytes, spans_left, name)"
            " VALUES (%(run)s, 1, 1, 1, 1, 1, 1, 'f')",
            "INSERT INTO span (run_id, directory_id, file_id, span_no, state) VALUES (%(run)s, 1, 1, 1, 0)",
            "INSERT INTO restore_frontier (run_id, node_id, state, path, properties) VALUES (%(run)s, 1, 0, '', '{}')",
            "INSERT INTO restore_link (run_id, node_id, file_id, changed, path, properties, is_first)"
            " VALUES (%(run)s, 1, 1, 1, 'p', '{}', true)",
            "INSERT INTO restore_made VALUES (%(run)s, 1)",
            "INSERT INTO verify_item (run_id, kind, low, high) VALUES (%(run)s, 0, 0, 1)",
            "INSERT INTO verify_finding VALUES (%(run)s, 'o', 'k', 'r', true, 1, 1, '{}', '{}', 1)",
            "INSERT INTO rebuild_item (run_id, kind, item_no, bytes, state) VALUES (%(run)s, 0, 1, 1, 0)",
            "INSERT INTO permission (share_id, key) VALUES (%(share)s, 'k')",
            "INSERT INTO damaged VALUES (%(share)s, 1, 1, 1)",
            "INSERT INTO tombstone VALUES (%(share)s, 1)",
            "INSERT INTO rollup VALUES (%(share)s, 5, 1, 1, 1) ON CONFLICT DO NOTHING",
            "INSERT INTO rollup_change VALUES (%(share)s, 1, 7, 5, 1, 1, 1, 1, 1, 1) ON CONFLICT DO NOTHING",
        ):
            await conn.execute(text.encode(), args)
    found.shares[tenant_id], found.runs[tenant_id] = share, run.run_id


async def rows(conn, text: str, *args):
    return await (await conn.execute(text.encode(), args or None)).fetchall()


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
    async with two.pool.connection() as conn:
        tables = await rows(conn, OWN_TABLES)
        for name, _, has_rows_secured, _ in tables:
            granted = await rows(
                conn,
                "SELECT has_table_privilege('afb_api', %s, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')",
                name,
            )
            assert has_rows_secured or (name in NOT_OF_TENANTS and not granted[0][0]), (
                f"{name}: say protect_rows in its migration (schema/sql/0017), or what it has that is no tenant's here"
            )
    assert len(tables) > 20


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


async def test_trees_are_read_through_the_gate_and_in_no_other_way(two):
    mine, theirs = two.shares["mine"], two.shares["other"]
    async with two.as_tenant("mine") as conn:
        await pages.choose_share(conn, mine.share_id)
        found = await rows(conn, "SELECT name FROM node WHERE size IS NULL ORDER BY name")
        assert found == [("",), ("mine-d2",), ("mine-d3",)]
        assert (await rows(conn, "SELECT count(*)::int FROM node"))[0] == (8,)
        assert await rows(conn, "SELECT * FROM node_path(%s)", directory(2)) == [("mine-d2",)]
        assert len(await rows(conn, "SELECT * FROM node_children(%s)", directory(1))) == 2
        assert await rows(conn, "SELECT * FROM top_folders()") != []
    async with two.as_tenant("mine") as conn:
        await pages.choose_share(conn, theirs.share_id)
        assert await rows(conn, "SELECT * FROM node") == []
        assert await rows(conn, "SELECT * FROM node_path(%s)", directory(2)) == [(None,)]
        assert await rows(conn, "SELECT * FROM node_children(%s)", directory(1)) == []
        assert await rows(conn, "SELECT * FROM top_folders()") == []
        assert await rows(conn, "SELECT * FROM changes_between(0, 10)") == []
    async with two.as_tenant("mine") as conn:  # by way of the parent table
        await conn.execute(f"SET LOCAL afb.share_id = {theirs.share_id}".encode())
        assert await rows(conn, "SELECT * FROM node") == []
        await conn.execute(f"SET LOCAL afb.share_id = {mine.share_id}".encode())
        assert len(await rows(conn, "SELECT * FROM node")) == 8
    for relation in (f"public.page_{mine.share_id}", f"public.page_{theirs.share_id}", f"share_{theirs.share_id}.page"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with two.as_tenant("mine") as conn:
                await conn.execute(f"SELECT * FROM {relation}".encode())


async def test_the_past_of_a_share_is_told_through_the_gate(two):
    """All that pages, versions, differences, searches and downloads ask of the catalogue."""
    mine, theirs = two.shares["mine"].share_id, two.shares["other"].share_id
    catalogue = two.catalogue_of("mine")
    assert await catalogue.restore_point_numbers(mine) == [1]
    assert await catalogue.segments(mine, 0, 5) != []
    assert len((await catalogue.page_heads(mine, [directory(2)]))[directory(2)].heads) == 1
    assert set(await catalogue.child_heads(mine, [directory(1)])) == {directory(1)}
    assert await catalogue.parents_above(mine, [directory(2)]) == {directory(2): directory(1), directory(1): None}
    assert await catalogue.directories_after(mine, 0, 10) == [directory(1), directory(2), directory(3)]
    assert await catalogue.paths_of(mine, [directory(2)]) == {directory(2): "mine-d2"}
    found, _ = await catalogue.nodes_matching(mine, "^f", after=0, limit=10, pages=10)
    assert len(found) == 5
    assert await catalogue.deleted_runs(mine, [directory(2)]) == {}
    assert await catalogue.restore_point_numbers(theirs) == []
    assert await catalogue.segments(theirs, 0, 5) == []
    for asked in (
        catalogue.page_heads(theirs, [directory(2)]),
        catalogue.child_heads(theirs, [directory(1)]),
        catalogue.directories_after(theirs, 0, 10),
    ):
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege
        ):  # the partition itself, for only their own share has a gate
            await asked


async def test_an_export_is_of_one_moment_and_behind_the_gate(two):
    from shared.formats.node_table import CsvEncoder

    share = two.shares["mine"]
    async with two.pool.connection() as conn:
        await export.freeze(conn)
        await tenancy.enter_share(conn, share, two.pool)
        async with export.nodes(conn, share.share_id, CsvEncoder()) as stream:
            text = b"".join([piece async for piece in stream])
        assert await rows(conn, "SELECT current_user::text") == [("afb_api",)]
    assert text.count(b"\n") >= 8


async def test_a_tree_that_old_code_made_gets_its_gate_when_it_is_asked_for(two):
    share = two.shares["mine"]
    async with two.pool.connection() as conn:
        await conn.execute(f"DROP SCHEMA share_{share.share_id}_api CASCADE".encode())
    assert await two.catalogue_of("mine").directories_after(share.share_id, 0, 10) != []
    async with two.pool.connection() as conn:  # as the release before drops a tree
        await conn.execute(f"DROP SCHEMA share_{share.share_id} CASCADE; DROP TABLE page_{share.share_id}".encode())
        await conn.execute("DELETE FROM rollup WHERE share_id = %s", [share.share_id])
        assert await pages.create_partition(conn, share.share_id)
    assert await two.catalogue_of("mine").directories_after(share.share_id, 0, 10) == [directory(1)]


async def test_a_dropped_tree_leaves_nothing(two):
    share_id = two.shares["mine"].share_id
    async with two.pool.connection() as conn:
        await pages.drop_partition(conn, share_id)
        assert await rows(conn, "SELECT nspname FROM pg_namespace WHERE nspname ~ %s", f"^share_{share_id}(_|$)") == []


async def test_two_tenants_do_not_restore_into_each_other_although_neither_sees_the_other(two):
    from shared.errors import Conflict
    from shared.model.restore import RestoreOrder

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
            plan = str(await rows_of(conn, text, [[1]]))
            assert "chosen_tenants" not in plan
            assert "afb.tenant_id" not in plan
            assert "sees_share" not in plan
            assert "InitPlan" not in plan
    async with two.as_tenant("mine") as conn:
        assert "afb.tenant_id" in str(await rows_of(conn, statements[3], [[1]]))


async def test_the_gate_is_asked_once_and_the_indexes_are_used(two):
    """Policies on a tree would keep Postgres from looking anything up by an expression: schema/sql/0017."""
    share = two.shares["mine"]
    async with two.pool.connection() as conn:
        await tenancy.enter_share(conn, share, two.pool)
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = str(await rows_of(conn, pages.partition_sql(pages._CHILDREN, share.share_id), [[directory(1)]]))
        assert f"page_{share.share_id}_by_parent_group" in plan
        assert "One-Time Filter" in plan
        assert "sees_share" in plan


async def rows_of(conn, text: bytes, args):
    return await (await conn.execute(b"EXPLAIN (VERBOSE) " + text, args)).fetchall()


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
