"""The second wall, where trees are: a tree is seen whole or not at all, and in one way only."""

import psycopg
import pytest

from shared.db import export, file_statistics, folder_sizes, pages, tenancy
from shared.formats.node_table import CsvEncoder
from shared.model.found import SearchPlace
from tests.support.catalogue import directory
from tests.support.two_tenants import plan_of, rows, two_tenants


@pytest.fixture
async def two(catalogue_url):
    async with two_tenants(catalogue_url) as found:
        yield found


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


async def test_analytics_are_told_through_the_gate(two):
    mine, theirs = two.shares["mine"].share_id, two.shares["other"].share_id
    for share_id, files in ((mine, 5), (theirs, 0)):
        async with two.catalogue_of("mine").transaction() as conn:
            all_of_it = await file_statistics.of_all(conn, share_id, at=0, within_s=10)
            some = await file_statistics.of_some(conn, share_id, at=0, between=[], wanted=10, within_s=10)
            assert all_of_it is not None
            assert some is not None
            assert all_of_it.looked_at.files == files
            assert some.looked_at.files in (0, files)
            walked = await folder_sizes.below(
                conn, share_id, directory(1), by_files=True, shown=9, enough=lambda: False, within_s=10
            )
            assert walked.files == files
    async with two.catalogue_of("mine").transaction() as conn:
        assert (await folder_sizes.tops(conn, theirs, by_files=True, shown=9)).folders == []


async def test_the_past_of_a_share_is_told_through_the_gate(two):
    """All that pages, versions, differences, searches and downloads ask of the catalogue."""
    mine, theirs = two.shares["mine"].share_id, two.shares["other"].share_id
    catalogue = two.catalogue_of("mine")
    assert await catalogue.restore_point_numbers(mine) == [1]
    assert await catalogue.segments(mine, 0, 5) != []
    assert len((await catalogue.page_heads(mine, [directory(2)]))[directory(2)].heads) == 1
    assert set(await catalogue.some_heads(mine, directory(2), [0, 1])) == {0}
    assert set(await catalogue.child_heads(mine, [directory(1)])) == {directory(1)}
    assert await catalogue.parents_above(mine, [directory(2)]) == {directory(2): directory(1), directory(1): None}
    assert await catalogue.directories_after(mine, 0, 10) == [directory(1), directory(2), directory(3)]
    assert await catalogue.paths_of(mine, [directory(2)]) == {directory(2): "mine-d2"}
    found, _ = await catalogue.nodes_matching(mine, "f[^/]*", after=SearchPlace(), limit=10, pages=10)
    assert len(found) == 5
    assert await catalogue.deleted_runs(mine, [directory(2)]) == {}
    assert await catalogue.restore_point_numbers(theirs) == []
    assert await catalogue.segments(theirs, 0, 5) == []
    for asked in (
        catalogue.page_heads(theirs, [directory(2)]),
        catalogue.some_heads(theirs, directory(2), [0]),
        catalogue.child_heads(theirs, [directory(1)]),
        catalogue.directories_after(theirs, 0, 10),
    ):
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege
        ):  # the partition itself, for only their own share has a gate
            await asked


async def test_an_export_is_of_one_moment_and_behind_the_gate(two):
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


async def test_the_gate_is_asked_once_and_the_indexes_are_used(two):
    """Policies on a tree would keep Postgres from looking anything up by an expression: schema/sql/0017."""
    share = two.shares["mine"]
    async with two.pool.connection() as conn:
        await tenancy.enter_share(conn, share, two.pool)
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = await plan_of(conn, pages.partition_sql(pages._CHILDREN, share.share_id), [[directory(1)]])
        assert f"page_{share.share_id}_by_parent_group" in plan
        assert "One-Time Filter" in plan
        assert "sees_share" in plan
