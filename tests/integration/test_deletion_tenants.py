"""Tenants are purged: all their shares, then themselves, with their container; others have all of theirs."""

import datetime as dt

import psycopg
import pytest
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from shared.db import deletions, purges, tenants
from shared.errors import Conflict, NotFound
from shared.model.deletion import PurgeOrder
from shared.model.retention import KeepKind
from shared.model.run import Driver, RunState
from tests.integration.test_deletion import fill, say
from tests.integration.test_sweep import SMALL
from tests.support import deleting
from tests.support.two_tenants import two_tenants
from tests.support.world import world

DAY = dt.timedelta(days=1)


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        yield files


async def delete(files, ago=deleting.LONG_AGO):
    at, tenant_id = files.app.clock.now() - ago, files.share.tenant_id
    async with files.app.as_tenant(tenant_id) as conn:
        await deletions.delete_tenant(conn, tenant_id, by="Ada", reason="", at=at, until=at + deleting.GRACE)
    await files.app.tell_deletions(tenant_id)


async def queue(files, limit=100):
    async with files.app.as_tenant(files.share.tenant_id) as conn:
        order = PurgeOrder(by="Ada", name="Test")
        return await purges.begin_tenant(
            conn, files.share.tenant_id, order, files.app.clock.now(), Driver.DURABLE, limit=limit
        )


def containers(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        return {container.name for container in service.list_containers()}


async def tenant(files):
    async with files.app.transaction() as conn:
        return await tenants.get(conn, files.share.tenant_id)


async def test_a_tenant_goes_with_its_last_share_and_its_container(files, azurite):
    await fill(files)
    other = await deleting.neighbour(files)
    assert (await other.backup()).state is RunState.SUCCEEDED
    third = await deleting.neighbour(files)
    await deleting.delete(third, ago=10 * DAY)  # whose own grace is not over: it ends with its tenant's
    with pytest.raises(Conflict, match="tenant 'Test' is not deleted"):
        await queue(files)
    await delete(files, ago=DAY)
    with pytest.raises(Conflict, match="can be brought back until"):
        await queue(files)
    async with files.app.transaction() as conn:
        await deletions.undelete_tenant(conn, files.share.tenant_id, by="Ada", at=files.app.clock.now())
    await delete(files)
    await say(files, KeepKind.HOLD)
    with pytest.raises(Conflict, match="under a legal hold: 1 of 'files'"):
        await queue(files)
    await say(files, KeepKind.RELEASE)
    assert (await tenant(files)).deletion.purging_at is None
    first = await queue(files, limit=2)
    assert [run.share_id for run in first] == [files.share.share_id, other.share.share_id]
    with pytest.raises(Conflict, match="is being purged"):
        await third.queue_backup()
    [last] = await queue(files)
    for run in (*first, last):
        await files.app.look_after()
        assert (await tenant(files)).deletion.purging_at is not None
        assert await deleting.drive(files, run) is None
    await files.app.look_after()
    with pytest.raises(NotFound):
        await tenant(files)
    assert files.share.tenant_id not in containers(azurite)
    for share in (files, other, third):
        left = deleting.rows(files.app.settings.postgres_url, files.share.tenant_id, [share.share.share_id])
        assert {table for table, count in left.items() if count} == set()
    entries, _ = await files.app.audit.page(None, action="tenant.purge")
    assert [line.path for line in entries if line.path.endswith(files.share.tenant_id)] == [
        f"/api/tenants/{files.share.tenant_id}"
    ]


async def test_a_container_that_may_not_be_deleted_keeps_the_tenant(files, azurite):
    await fill(files)
    await delete(files)
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        container = service.get_container_client(files.share.tenant_id)
        container.upload_blob("99/point/1.fb", b"of a share that the catalogue does not know")
        for run in await queue(files):
            assert await deleting.drive(files, run) is None
        assert "shares that the catalogue does not know: 99" in (await tenant(files)).deletion.trouble
        container.delete_blob("99/point/1.fb")
        lease = BlobLeaseClient(container)
        lease.acquire()
        await files.app.finish_tenants()
        assert "may not be deleted" in (await tenant(files)).deletion.trouble
        lease.release()
    await files.app.finish_tenants()
    with pytest.raises(NotFound):
        await tenant(files)


async def test_nothing_of_another_tenant_goes(catalogue_url):
    """Every row of every table, but those of the tenant that is purged."""
    async with two_tenants(catalogue_url) as two:
        before = everything(catalogue_url)
        store = purges.PostgresPurges(two.pool)
        share = two.shares["mine"]
        with psycopg.connect(catalogue_url) as conn:
            conn.execute(
                "UPDATE run SET state = 'failed', finished_at = now() WHERE share_id = %s AND finished_at IS NULL",
                [share.share_id],
            )
            at = dt.datetime.now(dt.UTC)
            conn.execute("UPDATE tenant SET deleted_at = %s WHERE tenant_id = 'mine'", [at])
        async with two.as_tenant("mine") as conn:
            [run] = await purges.begin_tenant(
                conn, "mine", PurgeOrder(by="t", name="Mine"), at, Driver.DURABLE, limit=5
            )
        await store.start_run(run.run_id)
        with pytest.raises(Conflict, match="has shares"):
            await store.forget_tenant("mine")
        with pytest.raises(Conflict, match="nothing is forgotten"):
            await store.forget_share(two.runs["other"], two.shares["other"].share_id)
        while await store.forget_rows(run.run_id, share.share_id, 1):
            pass
        await store.forget_share(run.run_id, share.share_id)
        await store.forget_tenant("mine")
        after = everything(catalogue_url)
        for table, rows in before.items():
            theirs = [
                row
                for row in rows
                if "other" in row[0] or row[1] == two.shares["other"].share_id or row[2] == two.runs["other"]
            ]
            left = after.get(table, [])
            assert [row for row in theirs if row not in left] == [], table
            assert [row for row in left if row not in rows] == [], table
            assert not [row for row in left if row[0] == "mine" or row[1] == share.share_id], table


def everything(url):
    """By table, its rows: tenant, share and run where it has such columns, and all of it."""
    with psycopg.connect(url) as conn:
        tables = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        return {
            name: [
                (
                    str(row.get("tenant_id", "")),
                    row.get("share_id"),
                    row.get("run_id"),
                    repr(sorted(row.items(), key=str)),
                )
                for (row,) in conn.execute(f"SELECT to_jsonb(t) FROM {name} AS t").fetchall()
            ]
            for (name,) in tables
        }
