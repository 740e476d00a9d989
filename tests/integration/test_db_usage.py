"""What runs took, kept per month by the catalogue itself; and answers kept under idempotency keys."""

import datetime as dt
import json
from dataclasses import replace

from shared.db import idempotency, usage
from shared.db.seen import ALL, Seen
from shared.model.run import Counters, RunKind

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
        assert await usage.written(conn, [shelf.share_id]) == {shelf.share_id: 500}
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
