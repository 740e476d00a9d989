"""Lists of the API walk an index from where the part begins, however long the list is."""

import asyncio
import datetime as dt
import re

import psycopg
import pytest

from benchmarks.api.filling import Sizes, fill
from shared.db import health_facts, overview, restore_points, runs, shares, tenants, usage

SIZES = Sizes(tenants=20, shares=10, days=60)
SEEN = {"all": True, "tenants": [], "shares": []}


@pytest.fixture(scope="module")
def conn(postgres_url_module):
    asyncio.run(fill(postgres_url_module, SIZES))
    with psycopg.connect(postgres_url_module) as connection:
        yield connection


@pytest.fixture(params=["the owner", "the platform", "one tenant"])
def explained(request, conn):
    """Explains a statement as it is run: behind the wall of row-level security, too."""
    role = {"the platform": "afb_platform", "one tenant": "afb_api"}.get(request.param)

    def explain(text, args) -> str:
        if role:
            conn.execute(
                "SELECT set_config('afb.tenant_id', 'tenant-0003', true), set_config('role', %s, true)", [role]
            )
        return "\n".join(line for (line,) in conn.execute(b"EXPLAIN (ANALYZE) " + text.encode(), args).fetchall())

    yield explain
    conn.rollback()


def rows_read(plan, relation):
    """The most rows that any scan of a table gave, all its loops together."""
    scans = re.finditer(rf"Scan.* on {relation}\b.*?actual time=\S+ rows=([\d.]+) loops=(\d+)", plan)
    return max((float(scan[1]) * int(scan[2]) for scan in scans), default=0)


SHARE = 25


def test_runs_of_a_share_are_read_from_where_the_part_begins(explained):
    args = {"share_id": SHARE, "before": 40, "kind": None, "state": None, "level": None, "limit": 11}
    plan = explained(runs._OF_SHARE, args)
    assert "run_no_unique" in plan
    assert "Sort" not in plan
    assert 0 < rows_read(plan, "run") <= 11


def test_restore_points_of_a_share_are_read_from_where_the_part_begins(explained):
    plan = explained(restore_points._LISTED, [SHARE, 40, 11])
    assert "restore_point_pk" in plan
    assert "Sort" not in plan
    assert 0 < rows_read(plan, "restore_point") <= 11


def test_the_slider_reads_the_restore_points_about_the_one_that_is_looked_at(explained):
    plan = explained(restore_points._AROUND, {"share_id": SHARE, "run_no": 40, "limit": 6})
    assert "restore_point_pk" in plan
    assert 0 < rows_read(plan, "restore_point") <= 6


async def test_the_slider_has_as_many_points_as_asked_for_and_the_looked_at_near_the_middle(conn, postgres_url_module):
    async with await psycopg.AsyncConnection.connect(postgres_url_module) as connection:
        every = [point.run_no for point in await restore_points.of_share(connection, SHARE, limit=1000)][::-1]
        for at, run_no in enumerate(every):
            around = [point.run_no for point in await restore_points.around(connection, SHARE, run_no, 6)]
            begin = max(0, min(at - 3, len(every) - 6))
            assert around == every[begin : begin + 6]
        assert list(await restore_points.taken_at(connection, SHARE, [every[0], 999_999])) == [every[0]]


def test_tenants_and_shares_are_read_from_where_the_part_begins(explained):
    plan = explained(tenants._ALL, ["tenant-0001", None, None, False, 3])
    assert 0 < rows_read(plan, "tenant") <= SIZES.tenants
    plan = explained(shares._OF_TENANT, ["tenant-0003", "Share 003", None, None, False, 3])
    assert 0 < rows_read(plan, "share") <= SIZES.tenants * SIZES.shares


def test_the_overview_looks_at_the_newest_run_and_restore_point_of_its_own_part_only(explained):
    args = {**SEEN, "after": True, "tenant_name": "", "tenant_id": "", "share_name": "", "limit": 11}
    plan = explained(overview._LINES, args)
    assert "run_no_unique" in plan
    assert "restore_point_pk" in plan
    assert 0 < rows_read(plan, "run") <= 11
    assert 0 < rows_read(plan, "restore_point") <= 11


def test_how_all_shares_stand_is_asked_of_a_row_per_share_and_of_no_restore_point_or_run(explained):
    plan = explained(
        health_facts._FACTS, {**SEEN, "tenant_id": None, "share_ids": None, "deleted": False, "limit": 1_000}
    )
    assert not re.search(r"\bon (run|restore_point)\b", plan)
    assert 0 < rows_read(plan, "share_total") <= SIZES.tenants * SIZES.shares


def test_usage_looks_at_a_row_per_share_and_at_no_restore_point_or_run(explained):
    """However many months, restore points and runs there are."""
    month = dt.datetime.now(dt.UTC).date().replace(day=1)
    args = {**SEEN, "of_tenant": None, "after_tenant": "", "after_share": 0, "limit": 5, "month": month}
    all_shares = SIZES.tenants * SIZES.shares
    for statement in (usage._PROTECTED, usage._TOTAL, usage._TOTAL_SHARES):
        plan = explained(statement, args)
        assert not re.search(r"\bon (run|restore_point)\b", plan)
        assert rows_read(plan, "share_total") <= all_shares
        assert rows_read(plan, "usage_month") <= all_shares
    assert 0 < rows_read(explained(usage._PROTECTED, args), "share_total") <= all_shares
    assert "usage_month_pk" in explained(usage._OF_SHARES, [[SHARE], month])
