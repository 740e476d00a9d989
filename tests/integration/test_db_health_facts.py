"""What the pages about many shares ask: how each stands, what is running, which alerts are open."""

import asyncio
import datetime as dt

import pytest

from benchmarks.api.filling import Sizes, fill
from shared.core.progress import progress
from shared.db import alert_list, alerts, health_facts, running
from shared.db.pool import make_pool
from shared.db.seen import ALL, Seen
from shared.db.tenancy import enter
from shared.errors import NotFound
from shared.model.alert import Condition, Sighting

SIZES = Sizes(tenants=4, shares=3, days=40)
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def url(postgres_url_module):
    asyncio.run(fill(postgres_url_module, SIZES))
    return postgres_url_module


@pytest.fixture
def ask(url):
    """Runs a coroutine on a connection whose changes are undone."""

    def run(question, *, tenants=None, as_owner=False):
        async def answer():
            pool = make_pool(url)
            await pool.open()
            async with pool.connection() as conn:
                if not as_owner:
                    await enter(conn, tenants)
                try:
                    return await question(conn)
                finally:
                    await conn.rollback()
                    await pool.close()

        return asyncio.run(answer())

    return run


def sighting(condition, about="", title="something"):
    return Sighting(condition=condition, about=about, title=title, detail="what to do")


async def share_ids(conn, tenant_id):
    return sorted(one.share_id for one in await health_facts.facts(conn, ALL, tenant_id=tenant_id))


def test_the_facts_of_a_share_are_those_of_its_newest_restore_point_and_its_last_backup(ask):
    async def question(conn):
        first, second, _ = await share_ids(conn, "tenant-0001")
        await conn.execute("UPDATE share SET settings = '{\"objective_s\": 93600}' WHERE share_id = %s", [first])
        # The last backup was cancelled, the one before failed; a scan was last of all.
        await conn.execute(
            "INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, finished_at, error) VALUES"
            " ('tenant-0001', %(id)s, 41, 'backup', 'failed', 'x', now(), 'it broke'),"
            " ('tenant-0001', %(id)s, 42, 'backup', 'cancelled', 'x', now(), NULL),"
            " ('tenant-0001', %(id)s, 43, 'scan', 'succeeded', 'x', now(), NULL)",
            {"id": second},
        )
        await conn.execute("UPDATE restore_point SET bytes = 1000 WHERE share_id = %s AND run_no <= 9", [first])
        found = {one.share_id: one for one in await health_facts.facts(conn, ALL, tenant_id="tenant-0001")}
        errors = await health_facts.backup_errors(conn, list(found.values()))
        before = await health_facts.bytes_before(conn, [first, second], NOW - dt.timedelta(days=31))
        none = await health_facts.bytes_before(conn, [first], NOW - dt.timedelta(days=60))
        return found[first], found[second], errors, before[first], none

    first, second, errors, before, none = ask(question, as_owner=True)
    assert (first.objective_s, first.files, first.backup_no, first.backup_state) == (93600, 300_000, 40, "succeeded")
    assert first.taken_at is not None
    assert dt.timedelta(0) < NOW - first.taken_at < dt.timedelta(hours=2)
    assert (second.backup_no, second.backup_state) == (41, "failed")
    assert errors == {second.share_id: "it broke"}
    assert before == 1000
    assert none == {}


def test_deleted_shares_and_those_of_deleted_tenants_are_listed_on_request_only(ask):
    async def question(conn):
        gone, *_ = await share_ids(conn, "tenant-0001")
        await conn.execute("UPDATE share SET deleted_at = now(), purge_after = now() WHERE share_id = %s", [gone])
        await conn.execute("UPDATE tenant SET deleted_at = now() WHERE tenant_id = 'tenant-0002'")
        there = await health_facts.facts(conn, ALL)
        everything = await health_facts.facts(conn, ALL, deleted=True)
        holdings = await health_facts.of_tenants(conn, ALL, ["tenant-0001", "tenant-0003"])
        return gone, there, everything, holdings

    gone, there, everything, holdings = ask(question, as_owner=True)
    assert len(everything) == 12
    assert {one.share_id for one in everything if one.deleted_at} == {one.share_id for one in everything} - {
        one.share_id for one in there
    }
    assert gone not in {one.share_id for one in there}
    assert "tenant-0002" not in {one.tenant_id for one in there}
    assert [holdings[name].shares for name in ("tenant-0001", "tenant-0003")] == [2, 3]


@pytest.mark.parametrize(
    ("tenants", "seen", "shares"),
    [
        (None, ALL, 12),
        (None, Seen(everything=False, tenants=["tenant-0003"]), 3),
        (["tenant-0003"], ALL, 3),  # the wall of row-level security, whatever is asked
        (["tenant-0003"], Seen(everything=False, tenants=["tenant-0001"]), 0),
    ],
)
def test_nobody_is_answered_about_what_they_do_not_see(ask, tenants, seen, shares):
    assert len(ask(lambda conn: health_facts.facts(conn, seen), tenants=tenants)) == shares


def test_what_runs_is_told_with_what_its_batches_have_done(ask):
    async def question(conn):
        share_id, *_ = await share_ids(conn, "tenant-0004")
        await conn.execute(
            "INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, started_at, seeded, counters) VALUES"
            " ('tenant-0004', %s, 41, 'backup', 'running', 'x', now() - interval '1 min', true, '{\"directories\": 1}')",
            [share_id],
        )
        await conn.execute(
            "INSERT INTO batch (run_id, batch_no, share_id, run_no, kind, state, worker, lease_until, committed_at, counters)"
            " SELECT run_id, n, share_id, run_no, 0, 1, 'w', now(), now(), '{\"files\": 75000, \"directories\": 7500}'"
            "   FROM run, generate_series(1, 2) AS n WHERE state = 'running'"
        )
        active = await health_facts.active_runs(conn, ALL)
        (found,) = await running.running(conn, ALL, tenant_id=None, limit=5)
        return active, found, await running.running(conn, ALL, tenant_id="tenant-0001", limit=5)

    active, found, others = ask(question, as_owner=True)
    assert [(one.run_no, one.kind) for one in active] == [(41, "backup")]
    assert (found.tenant_name, found.share_name) == ("Tenant 4", "Share 001")
    assert (found.run.counters.files, found.run.counters.directories) == (150_000, 15_001)
    told = progress(found.run, now=dt.datetime.now(dt.UTC), expected=found.expected, at_work=None)
    assert told.part == pytest.approx(0.5, rel=0.01)
    assert told.eta_s == pytest.approx(60, abs=5)
    assert others == []


def test_open_alerts_come_first_and_parts_of_the_list_go_on_where_they_ended(ask):
    async def question(conn):
        (one, two, three), (other, *_) = await share_ids(conn, "tenant-0001"), await share_ids(conn, "tenant-0002")
        opened = [
            await alerts.see(conn, tenant, share, sighting(condition), NOW)
            for tenant, share, condition in (
                ("tenant-0001", one, Condition.DAMAGE),
                ("tenant-0001", two, Condition.DAMAGE),
                ("tenant-0002", other, Condition.RUN_FAILED),
                ("tenant-0001", three, Condition.RUN_FAILED),
            )
        ]
        ids = [alert.alert_id for alert in opened]
        await alerts.close(conn, "tenant-0001", ids[3], "somebody", NOW)
        await alerts.acknowledge(conn, "tenant-0001", ids[0], "somebody", NOW)

        async def walk(**chosen):
            found, place = [], None
            while part := await alert_list.listed(conn, ALL, after=place, limit=2, **chosen):
                found += [ids.index(one.alert.alert_id) for one in part]
                place = part[-1].place
            return found

        lists = {
            "all": await walk(),
            "open": await walk(is_open=True),
            "closed": await walk(is_open=False),
            "damage": await walk(condition=Condition.DAMAGE),
            "tenant": await walk(tenant_id="tenant-0001"),
            "share": await walk(share_id=two),
        }
        named = await alert_list.get(conn, "tenant-0001", ids[1])
        with pytest.raises(NotFound):
            await alert_list.get(conn, "tenant-0002", ids[1])
        seen = Seen(everything=False, shares=[one, other])
        mine = [line.alert.alert_id for line in await alert_list.listed(conn, seen, limit=10)]
        return lists, named, ids, mine, await alert_list.counts(conn, ALL), await health_facts.open_alerts(conn, ALL)

    lists, named, ids, mine, counts, of_shares = ask(question, as_owner=True)
    assert lists == {
        "all": [2, 1, 0, 3],
        "open": [2, 1, 0],
        "closed": [3],
        "damage": [1, 0],
        "tenant": [1, 0, 3],
        "share": [1],
    }
    assert (named.tenant_name, named.share_name) == ("Tenant 1", "Share 002")
    assert mine == [ids[2], ids[0]]
    assert counts == (2, 3)
    assert sorted(alert.acknowledged for found in of_shares.values() for alert in found) == [False, False, True]
