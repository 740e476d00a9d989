"""A catalogue with two tenants, of whom neither is to see anything of the other."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.db import api_keys, members, runs, shares, tenant_accounts, tenants
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Pool, make_pool
from shared.db.tenancy import ShareConnections, TenantConnections
from shared.model.access import Grant, Role
from shared.model.membership import MemberKind
from shared.model.run import Counters, RunKind, RunState
from shared.model.share import Share
from shared.model.work import BatchCommit, FoundDirectory
from tests.support.catalogue import ACCOUNT, directory, page, point

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


@asynccontextmanager
async def two_tenants(url: str) -> AsyncIterator[Two]:
    async with make_pool(url, size=6) as pool:
        found = Two(url, pool, {}, {})
        for tenant_id in ("mine", "other"):
            await fill(found, tenant_id)
        yield found


async def rows(conn, text: str, *args):
    return await (await conn.execute(text.encode(), args or None)).fetchall()


async def plan_of(conn, text: bytes, args) -> str:
    return str(await (await conn.execute(b"EXPLAIN (VERBOSE) " + text, args)).fetchall())
