"""Delete, bring back and purge, as the API does; and look what is left of a share."""

import datetime as dt
import secrets
from contextlib import contextmanager

import psycopg
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient, ContainerClient
from psycopg import sql

from shared.core.rounds import Phase, RoundState
from shared.db import deletions, purges, runs, shares
from shared.errors import NotFound
from shared.model.deletion import PurgeOrder
from shared.model.run import Driver, RunKey
from tests.support.share_tree import service
from tests.support.world import CREDENTIAL, World

GRACE = dt.timedelta(days=30)
LONG_AGO = dt.timedelta(days=31)
KEPT = {"usage_month", "share_total"}
"""What was used is told after a share is gone, by month and as a sum."""


async def neighbour(files: World) -> World:
    """Another share of the same tenant, on the same services."""
    name = f"share-{secrets.token_hex(6)}"
    service(files.emulator).create_share(name)
    async with files.app.transaction() as conn:
        share = await shares.create(
            conn, files.share.tenant_id, name=name, account_url=files.emulator.url, share_name=name, credential=CREDENTIAL,
            settings=files.share.settings,
        )  # fmt: skip
    return World(files.app, share, files.emulator)


async def delete(files: World, ago: dt.timedelta = dt.timedelta(), reason: str = "") -> None:
    """Some time ago."""
    at = files.app.clock.now() - ago
    share = files.share
    async with files.app.as_tenant(share.tenant_id) as conn:
        await deletions.delete_share(
            conn, share.tenant_id, share.share_id, by="Ada", reason=reason, at=at, until=at + GRACE
        )
    await files.app.tell_deletions(share.tenant_id, share.share_id)


async def undelete(files: World) -> None:
    share = files.share
    async with files.app.as_tenant(share.tenant_id) as conn:
        await deletions.undelete_share(conn, share.tenant_id, share.share_id, by="Ada", at=files.app.clock.now())
    await files.app.tell_deletions(share.tenant_id, share.share_id)


async def queue_purge(files: World, driver: Driver = Driver.DURABLE):
    share = await current(files)
    async with files.app.as_tenant(share.tenant_id) as conn:
        order = PurgeOrder(by="Ada", name=share.name)
        return await purges.begin_share(conn, share, order, files.app.clock.now(), driver)


async def current(files: World):
    async with files.app.transaction() as conn:
        return await shares.get(conn, files.share.share_id)


async def drive(files: World, run, wire=None):
    """Take a purge to its end, a new worker taking over when one is killed; the run, None if it is gone as it should be."""
    from tests.support.faults import Killed

    state = RoundState(run.run_id, 1, epoch=run.epoch)
    while state.phase is not Phase.ENDED:
        files.wrap = wire.wrap if wire is not None and not wire.tripped else (lambda scope: scope)
        try:
            state = await files.step(run, state)
            assert state.barren < 5, state.error
        except NotFound:
            break
        except Killed:
            with psycopg.connect(files.app.settings.postgres_url) as conn:
                conn.execute("UPDATE batch SET lease_until = now() - interval '1 second' WHERE state = 0")
            state = RoundState(run.run_id, 1)
    files.wrap = lambda scope: scope
    async with files.app.transaction() as conn:
        try:
            return await runs.get(conn, run.run_id)
        except NotFound:
            return None


async def purge(files: World):
    return await drive(files, await queue_purge(files))


def rows(url, tenant_id, share_ids):
    """By relation, how many rows there are of these shares, their runs, or in trees of theirs."""
    found = {}
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            """
            SELECT c.relname, array_agg(a.attname::text) FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
          GROUP BY c.relname
            """
        ).fetchall()
        mine = conn.execute("SELECT coalesce(array_agg(run_id), '{}') FROM run WHERE share_id = ANY (%s)", [share_ids])
        run_ids = mine.fetchone()[0]
        for table, columns in tables:
            if "share_id" in columns:
                column, wanted = "share_id", share_ids
            elif "run_id" in columns:
                column, wanted = "run_id", run_ids
            else:
                continue
            counting = sql.SQL("SELECT count(*) FROM {} WHERE {} = ANY (%s)").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            found[table] = conn.execute(counting, [wanted]).fetchone()[0]
        schemas = [f"{name}_{share_id}{end}" for share_id in share_ids for name, end in
                   (("share", ""), ("share", "_api"), ("rebuild", ""))]  # fmt: skip
        found["schemas"] = conn.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname = ANY (%s)", [schemas]
        ).fetchone()[0]
        found["trees"] = conn.execute(
            "SELECT count(*) FROM pg_class WHERE relname = ANY (%s)", [[f"page_{s}" for s in share_ids]]
        ).fetchone()[0]
        keys = conn.execute(
            "SELECT count(*) FROM api_key WHERE tenant_id = %s AND share_id = ANY (%s)", [tenant_id, share_ids]
        )
        found["keys"] = keys.fetchone()[0]
    return found


def names(files: World) -> list[str]:
    """Objects of the share."""
    with ContainerClient.from_connection_string(files.app.settings.vault_connection, files.share.tenant_id) as vault:
        try:
            return [blob.name for blob in vault.list_blobs(name_starts_with=f"{files.share.share_id}/")]
        except ResourceNotFoundError:
            return []


async def journals(files: World, up_to: int) -> int:
    """How many lines there are of the share's runs."""
    lines = 0
    for run_no in range(1, up_to + 1):
        async for _ in files.app.journal.read(RunKey(files.share.tenant_id, files.share.share_id, run_no)):
            lines += 1
    return lines


async def nothing_is_left(files: World, runs_there_were: int) -> None:
    """Of a share that was purged."""
    left = {table: count for table, count in rows(
        files.app.settings.postgres_url, files.share.tenant_id, [files.share.share_id]
    ).items() if count and table not in KEPT}  # fmt: skip
    assert left == {}
    assert names(files) == []
    assert await journals(files, runs_there_were) == 0


@contextmanager
def leased(files: World, wanted):
    """Nobody may delete these objects while the block lasts."""
    with ContainerClient.from_connection_string(files.app.settings.vault_connection, files.share.tenant_id) as vault:
        leases = []
        for name in wanted:
            lease = BlobLeaseClient(vault.get_blob_client(name))
            lease.acquire()
            leases.append(lease)
        try:
            yield
        finally:
            for lease in leases:
                lease.release()
