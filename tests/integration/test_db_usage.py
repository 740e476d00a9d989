"""What runs took, kept per month by the catalogue itself; and answers kept under idempotency keys."""

import asyncio
import datetime as dt
import json
from dataclasses import replace

from shared.db import backup_history, idempotency, restore_points, retention, usage
from shared.db.seen import ALL, Seen
from shared.model.retention import Decision
from shared.model.run import Counters, RunKind
from tests.support.catalogue import point

COUNTERS = Counters(
    files_requests=10, files_lists=4, files_reads=3, files_writes=1, vault_writes=2, vault_bytes=500, bytes=9
)
DAY = dt.timedelta(days=1)


def this_month():
    return dt.datetime.now(dt.UTC).date().replace(day=1)


async def month_of(conn, share_id, month=None):
    return (await usage.of_shares(conn, [share_id], month or this_month()))[share_id]


async def end(shelf, counters=COUNTERS, state="succeeded"):
    """End the shelf's run as SQL, which is what any release does."""
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(
            "UPDATE run SET state = %s, finished_at = started_at + interval '90 s', paused_seconds = 30, final_counters = %s::text::jsonb"
            " WHERE run_id = %s",
            [state, json.dumps(counters.to_wire()), shelf.run.run_id],
        )


async def test_a_run_is_counted_when_it_ends_and_once(shelf):
    async with shelf.catalogue.transaction() as conn:
        assert await month_of(conn, shelf.share_id) == []
    await end(shelf)
    async with shelf.catalogue.transaction() as conn:
        [used] = await month_of(conn, shelf.share_id)
        assert (used.kind, used.runs, used.seconds) == (RunKind.BACKUP, 1, 60.0)
        assert used.counters == COUNTERS
        [share] = await usage.protected(conn, ALL, tenant_id="acme", after=None, limit=9)
        assert share.vault_bytes == 500
        await conn.execute("UPDATE run SET final_counters = final_counters || '{\"vault_bytes\": 7}'")
        await conn.execute("UPDATE run SET error = 'x'")
        [again] = await month_of(conn, shelf.share_id)
        assert again == used
        assert await month_of(conn, shelf.share_id, dt.date(2020, 1, 1)) == []


async def test_runs_of_a_month_are_added_up_by_kind(shelf):
    await end(shelf)
    async with shelf.catalogue.transaction() as conn:
        for run_no, kind in ((7, "backup"), (8, "scan")):
            await conn.execute(
                "INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, started_at, finished_at, final_counters)"
                " SELECT tenant_id, share_id, %s, %s, 'failed', 'x' || %s, now(), now(), final_counters FROM run WHERE run_id = %s",
                [run_no, kind, run_no, shelf.run.run_id],
            )
        used = {one.kind: one for one in await month_of(conn, shelf.share_id)}
        assert (used[RunKind.BACKUP].runs, used[RunKind.SCAN].runs) == (2, 1)
        assert used[RunKind.BACKUP].counters.vault_bytes == 1_000
        total = await usage.total(conn, ALL, tenant_id=None, month=this_month())
        assert (total.shares, total.vault_bytes, sum(one.runs for one in total.used)) == (1, 1_500, 3)
        nobody = Seen(everything=False)
        assert (await usage.total(conn, nobody, tenant_id=None, month=this_month())).used == []
        assert await usage.protected(conn, nobody, tenant_id=None, after=None, limit=9) == []
        mine = Seen(everything=False, shares=[shelf.share_id])
        [share] = await usage.protected(conn, mine, tenant_id="acme", after=None, limit=9)
        assert (share.share_id, share.points, share.files) == (shelf.share_id, 0, 0)
        assert await usage.protected(conn, ALL, tenant_id="acme", after=("acme", shelf.share_id), limit=9) == []


async def test_months_are_told_apart_and_only_those_that_were_asked_for(shelf):
    await end(shelf)
    this = this_month()
    before = (this - DAY).replace(day=1)
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(
            "INSERT INTO usage_month SELECT share_id, %s, kind, tenant_id, 5, 1, 1, 1, 1, 1, 1, 1, 70, 1, 1, 1 FROM usage_month",
            [before],
        )
        asked = {"since": before, "until": this}
        found = await usage.months(conn, ALL, tenant_id="acme", **asked)
        assert found == await usage.months_of_share(conn, shelf.share_id, **asked)
        told = {
            month: [(one.kind, one.runs, one.counters.vault_bytes) for one in used] for month, used in found.items()
        }
        assert told == {this: [(RunKind.BACKUP, 1, 500)], before: [(RunKind.BACKUP, 5, 70)]}
        assert set(await usage.months(conn, ALL, tenant_id=None, since=this, until=this)) == {this}
        assert await usage.months(conn, Seen(everything=False), tenant_id=None, **asked) == {}
        assert await usage.months(conn, ALL, tenant_id="other", **asked) == {}


async def test_the_last_backups_are_those_that_made_restore_points(shelf):
    await end(shelf, COUNTERS, "completed_with_errors")
    async with shelf.catalogue.transaction() as conn:
        for run_no, kind, state in ((7, "backup", "failed"), (8, "scan", "succeeded"), (9, "backup", "succeeded")):
            await conn.execute(
                "INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, started_at, finished_at, final_counters)"
                " SELECT tenant_id, share_id, %s, %s, %s, 'x' || %s, now(), now(), final_counters FROM run WHERE run_id = %s",
                [run_no, kind, state, run_no, shelf.run.run_id],
            )
        found = await backup_history.last(conn, shelf.share_id, 9)
        assert [one.run_no for one in found] == [9, shelf.run.run_no]
        assert found[0].counters == COUNTERS
        assert [one.run_no for one in await backup_history.last(conn, shelf.share_id, 1)] == [9]


COUNTED = """
    SELECT s.share_id, s.tenant_id, count(p.run_no)::int, coalesce((array_agg(p.files ORDER BY p.run_no DESC))[1], 0),
           coalesce((array_agg(p.bytes ORDER BY p.run_no DESC))[1], 0),
           coalesce((SELECT sum(vault_bytes) FROM usage_month AS u WHERE u.share_id = s.share_id), 0)::bigint,
           (array_agg(p.taken_at ORDER BY p.run_no DESC))[1], b.run_no, b.state
      FROM share AS s
      LEFT JOIN restore_point AS p USING (share_id)
      LEFT JOIN LATERAL (
               SELECT run_no, state FROM run
                WHERE share_id = s.share_id AND kind = 'backup' AND state IN ('succeeded', 'completed_with_errors', 'failed')
             ORDER BY run_no DESC LIMIT 1
           ) AS b ON true
     GROUP BY s.share_id, b.run_no, b.state ORDER BY s.share_id
"""
KEPT = """
    SELECT share_id, tenant_id, points, files, bytes, vault_bytes, taken_at, backup_no, backup_state FROM share_total ORDER BY share_id
"""


async def totals_are_true(shelf):
    """As if counted anew; a share with nothing to tell may be left out."""
    counted = [row for row in await shelf.rows(COUNTED) if any(row[2:])]
    assert await shelf.rows(KEPT) == counted
    return counted


def numbered(run_no):
    return replace(point(run_no), files=100 + run_no, bytes=1_000 + run_no)


async def test_what_is_told_of_a_share_follows_its_restore_points_and_its_runs(shelf):
    assert await totals_are_true(shelf) == []
    await end(shelf)
    assert [row[2:6] for row in await totals_are_true(shelf)] == [(0, 0, 0, 500)]
    for run_no in (5, 3, 9):
        async with shelf.catalogue.transaction() as conn:
            await restore_points.add(conn, shelf.share_id, numbered(run_no))
        await totals_are_true(shelf)
    assert [row[2:5] for row in await shelf.rows(KEPT)] == [(3, 109, 1_009)]
    let_go = [Decision(run_no, keep=False, reasons=("old",)) for run_no in (3, 5)]
    async with shelf.catalogue.transaction() as conn:
        await retention.expire(conn, shelf.share_id, let_go, "somebody")
    assert [row[2:5] for row in await totals_are_true(shelf)] == [(1, 109, 1_009)]
    async with shelf.catalogue.transaction() as conn:
        await conn.execute("UPDATE usage_month SET vault_bytes = 7")
    assert [row[5] for row in await totals_are_true(shelf)] == [7]
    # Written is told after a share is gone, and then no more.
    async with shelf.catalogue.transaction() as conn:
        await conn.execute("DELETE FROM restore_point")
    assert [row[2:7] for row in await totals_are_true(shelf)] == [(0, 0, 0, 7, None)]
    async with shelf.catalogue.transaction() as conn:
        await conn.execute("DELETE FROM usage_month")
    assert [row[5] for row in await totals_are_true(shelf)] == [0]  # its last backup is still told
    async with shelf.catalogue.transaction() as conn:
        await conn.execute("DELETE FROM batch")
        await conn.execute("DELETE FROM run")
    assert await shelf.rows(KEPT) == []


async def test_the_last_backup_that_tells_something_is_told(shelf):
    """Not one that lasts, was cancelled, or was a scan; and the one before when the last is gone."""

    async def is_there(run_no, kind, state):
        async with shelf.catalogue.transaction() as conn:
            await conn.execute(
                "INSERT INTO run (tenant_id, share_id, run_no, kind, state, subject, started_at, finished_at, final_counters)"
                " SELECT tenant_id, share_id, %s, %s, %s, 'x' || %s, now(), now(), '{}' FROM run WHERE run_id = %s",
                [run_no, kind, state, run_no, shelf.run.run_id],
            )
        return [row[7:] for row in await totals_are_true(shelf)]

    assert await totals_are_true(shelf) == []
    assert await is_there(8, "backup", "failed") == [(8, "failed")]
    assert await is_there(9, "backup", "cancelled") == [(8, "failed")]
    assert await is_there(10, "scan", "succeeded") == [(8, "failed")]
    assert await is_there(12, "backup", "succeeded") == [(12, "succeeded")]
    assert await is_there(11, "backup", "failed") == [(12, "succeeded")]
    await end(shelf, COUNTERS, "completed_with_errors")
    assert [row[7:] for row in await totals_are_true(shelf)] == [(12, "succeeded")]
    for gone, left in (((11, 12), (8, "failed")), ((8,), (shelf.run.run_no, "completed_with_errors"))):
        async with shelf.catalogue.transaction() as conn:
            await conn.execute("DELETE FROM run WHERE run_no = ANY (%s)", [list(gone)])
        assert [row[7:] for row in await totals_are_true(shelf)] == [left]


async def test_two_who_change_a_shares_restore_points_at_once_are_both_counted(shelf):
    """Neither sees the other's while both are at it."""
    async with shelf.catalogue.transaction() as conn:
        for run_no in (2, 3):
            await restore_points.add(conn, shelf.share_id, numbered(run_no))

    async def prune():
        async with shelf.catalogue.transaction() as conn:
            await conn.execute("DELETE FROM restore_point WHERE run_no = 2")

    async with shelf.catalogue.transaction() as conn:
        await restore_points.add(conn, shelf.share_id, numbered(4))
        pruning = asyncio.create_task(prune())
        for _ in range(200):
            [(waiting,)] = await shelf.rows(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if waiting:
                break
            await asyncio.sleep(0.02)
        assert waiting, "it counts before the other is done"
    await pruning
    assert [row[2:5] for row in await totals_are_true(shelf)] == [(2, 104, 1_004)]


async def test_an_answer_is_kept_for_its_principal_and_its_time(shelf):
    kept = idempotency.Kept(
        request_hash=b"h", status=201, body=b"{}", media="application/json", location="/x", etag='"e"'
    )
    async with shelf.catalogue.transaction() as conn:
        assert await idempotency.attempt(conn, "key:1", "k")
        await idempotency.keep(conn, "key:1", "k", None, kept)
        assert await idempotency.get(conn, "key:1", "k", DAY) == kept
        assert await idempotency.get(conn, "key:2", "k", DAY) is None
        async with shelf.catalogue.transaction() as other:
            assert not await idempotency.attempt(other, "key:1", "k")
            assert await idempotency.attempt(other, "key:2", "k")
    async with shelf.catalogue.transaction() as conn:
        await conn.execute("UPDATE idempotency SET created_at = created_at - interval '25 hours'")
        assert await idempotency.get(conn, "key:1", "k", DAY) is None
        later = replace(kept, status=202)
        await idempotency.keep(conn, "key:1", "k", "acme", later)
        assert await idempotency.get(conn, "key:1", "k", DAY) == later
        await conn.execute("UPDATE idempotency SET created_at = created_at - interval '25 hours'")
        assert await idempotency.expire(conn, DAY, 10) == 1
        assert await idempotency.expire(conn, DAY, 10) == 0
