"""A migrated catalogue with one tenant, one share and one running backup, and shorthands to work it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from shared.db import runs, shares, tenants
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import make_pool
from shared.model.page import FileRow, Page
from shared.model.restore import RestoreOrder
from shared.model.run import Counters, RestorePoint, Run, RunKind, RunState
from shared.model.share import Share
from shared.model.work import BatchCommit, Claim, FoundDirectory
from tests.support import schema
from tests.support.services import PostgresForTests

ACCOUNT = "https://acme.file.core.windows.net"
LONG_S = 300.0
"""A lease that does not end during a test."""
ENDED_S = -1.0
"""A lease that has ended when it begins."""


def directory(number: int) -> int:
    return number << 24


ROOT = directory(1)


def files(count: int, *, size: int = 10, first_slot: int = 1) -> tuple[FileRow, ...]:
    return tuple(FileRow(f"f{i:06d}", first_slot + i, size, 1_700_000_000 + i, i) for i in range(count))


def page(number: int, parent: int | None, name: str, count: int = 0, **fields) -> Page:
    """Page 0 of directory ``number`` with ``count`` files of 10 bytes."""
    given = {"file_id": number, "files": files(count), "next_slot": count + 1, "mtime": number} | fields
    return Page(
        directory_id=directory(number), parent_id=None if parent is None else directory(parent), name=name, **given
    )


def template(server: PostgresForTests) -> str:
    """Name of a database to copy: the current schema, empty."""
    return server.template("catalogue", lambda url: asyncio.run(schema.prepare(url)))


def empty(url: str) -> None:
    """Bring a catalogue back to what its migrations left."""
    with psycopg.connect(url, autocommit=True) as conn:
        partitions = conn.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'page'::regclass")
        for (partition,) in partitions.fetchall():
            conn.execute(f"DROP TABLE {partition} CASCADE")
            conn.execute(f"DROP SCHEMA IF EXISTS {partition.replace('page', 'share')}")
            conn.execute(f"DROP SCHEMA IF EXISTS {partition.replace('page', 'share')}_api")
        transient = (
            "frontier, missing, large_file, span, restore_frontier, restore_made, restore_link, verify_item, verify_finding, damaged,"
            " tombstone, rebuild_item, usage_month, share_total, idempotency, policy, expired_point, sweep_item, condemned_chunk, schedule,"
            " schedule_occurrence, alert, channel, delivery, upkeep, repack"
        )
        conn.execute(
            f"TRUNCATE tenant, member, api_key, tenant_account, request_budget, share, run, batch, permission, restore_point, rollup, rollup_change, pace, pace_part, {transient} RESTART IDENTITY"
        )


@dataclass
class Shelf:
    """The catalogue and what is in it."""

    url: str
    catalogue: PostgresCatalogue
    share: Share
    run: Run

    @property
    def run_id(self) -> int:
        return self.run.run_id

    @property
    def share_id(self) -> int:
        return self.share.share_id

    async def rows(self, query: str, *args):
        async with self.catalogue.transaction() as conn:
            return await (await conn.execute(query.encode(), args)).fetchall()

    async def value(self, query: str, *args):
        return (await self.rows(query, *args))[0][0]

    async def claim(self, worker: str = "w", *, limit: int = 100, lease_s: float = LONG_S) -> Claim | None:
        return await self.catalogue.claim(self.run_id, worker, limit=limit, lease_s=lease_s)

    def batch(self, claim: Claim, **fields) -> BatchCommit:
        """A commit of ``claim``; everything claimed is done unless the fields say otherwise."""
        given = {"done": [d.head.node_id for d in claim.directories]} | fields
        return BatchCommit(
            run_id=claim.run_id, share_id=self.share_id, run_no=self.run.run_no, batch_no=claim.batch_no, **given
        )

    async def grow(self, pages: Iterable[Page], **fields) -> None:
        """Put rows into the tree by a batch that visits the root."""
        claim = await self.seeded()
        await self.catalogue.commit(self.batch(claim, pages=list(pages), **fields))

    async def seeded(self) -> Claim:
        """The root, claimed."""
        await self.catalogue.seed(self.run_id, self.share_id, [(ROOT, 5)])
        claim = await self.claim()
        assert claim is not None
        return claim

    async def pending(self, count: int, *, first: int = 2) -> list[int]:
        """Fill the frontier with ``count`` children of the root, the root done; returns their ids."""
        numbers = range(first, first + count)
        rows = [page(n, 1, f"d{n}") for n in numbers]
        await self.grow(rows, found=[FoundDirectory(node_id=directory(n), mtime=n) for n in numbers])
        return [directory(n) for n in numbers]

    async def new_run(self, kind: RunKind = RunKind.BACKUP, order: RestoreOrder | None = None) -> Run:
        async with self.catalogue.transaction() as conn:
            self.run = await runs.create(conn, self.share.tenant_id, self.share_id, kind, order)
        await self.catalogue.start_run(self.run_id)
        return self.run

    async def finish(self, state: RunState = RunState.SUCCEEDED, **fields) -> None:
        await self.catalogue.finish_run(self.run_id, state, **({"counters": Counters()} | fields))


def point(run_no: int, *, minute: int = 0) -> RestorePoint:
    at = dt.datetime(2026, 1, 1, 12, minute, tzinfo=dt.UTC)
    return RestorePoint(
        run_no=run_no, taken_at=at, committed_at=at + dt.timedelta(minutes=1), directories=1, files=2, bytes=3, errors=0
    )


@asynccontextmanager
async def shelf(url: str, *, connections: int = 8) -> AsyncIterator[Shelf]:
    async with make_pool(url, size=connections) as pool:
        catalogue = PostgresCatalogue(pool)
        async with catalogue.transaction() as conn:
            await tenants.create(conn, "acme", "Acme")
            share = await shares.create(
                conn, "acme", name="Files", account_url=ACCOUNT, share_name="files", credential="managed"
            )
            run = await runs.create(conn, "acme", share.share_id, RunKind.BACKUP)
        await catalogue.start_run(run.run_id)
        yield Shelf(url, catalogue, share, run)
