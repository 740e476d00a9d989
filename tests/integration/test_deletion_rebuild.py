"""A catalogue that is lost and made of the vault: what was deleted is deleted, and what was purged, or begun to be, does not come back."""

import psycopg
import pytest

from shared.db import deletions, shares, tenants
from shared.errors import NotFound
from shared.model.run import RebuildOrder, RunState
from tests.integration.test_deletion import fill
from tests.integration.test_sweep import SMALL
from tests.support import deleting, rebuilding
from tests.support.faults import Tripwire, When
from tests.support.world import World, world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        yield files


async def of_tenant(files):
    return await files.app.queue_rebuilds(RebuildOrder(), tenant_id=files.share.tenant_id)


async def test_what_was_deleted_is_deleted_in_the_catalogue_that_is_made(files):
    await fill(files)
    await deleting.delete(files, reason="by mistake")
    deletion = (await deleting.current(files)).deletion
    lost = rebuilding.all_rows(files.app.settings.postgres_url)
    rebuilding.lose(files)
    assert (await rebuilding.rebuild(files)).state is RunState.SUCCEEDED
    assert rebuilding.unlike(lost, rebuilding.all_rows(files.app.settings.postgres_url)) == []
    assert (await deleting.current(files)).deletion == deletion
    await deleting.undelete(files)
    lost = rebuilding.all_rows(files.app.settings.postgres_url)
    rebuilding.lose(files)
    assert (await rebuilding.rebuild(files)).state is RunState.SUCCEEDED
    assert rebuilding.unlike(lost, rebuilding.all_rows(files.app.settings.postgres_url)) == []
    assert (await files.backup()).state is RunState.SUCCEEDED


async def test_the_vault_is_told_later_if_it_could_not_be_at_once(files):
    await fill(files)
    share, now = files.share, files.app.clock.now()
    async with files.app.transaction() as conn:
        await deletions.delete_share(conn, share.tenant_id, share.share_id, by="Ada", reason="", at=now, until=now)
    assert not [name for name in deleting.names(files) if "/deletion/" in name]
    await files.app.look_after()
    assert [name for name in deleting.names(files) if "/deletion/" in name] == [f"{share.share_id}/deletion/1.json"]


async def test_what_nobody_can_read_counts_as_deleted_and_not_as_alive(files):
    await fill(files)
    await deleting.delete(files)
    rebuilding.spoil(files, f"{files.share.share_id}/deletion/1.json", lambda data: data[: len(data) // 2])
    rebuilding.lose(files)
    assert (await rebuilding.rebuild(files)).state is RunState.SUCCEEDED
    found = (await deleting.current(files)).deletion
    assert found is not None
    assert "cannot be read" in found.reason
    await deleting.undelete(files)
    rebuilding.lose(files)
    assert (await rebuilding.rebuild(files)).state is RunState.SUCCEEDED
    assert (await deleting.current(files)).deletion is None


@pytest.mark.parametrize("at", [5, 40])
async def test_a_share_whose_purge_has_begun_is_left_out_and_its_purge_comes_to_an_end(files, at):
    """The database is lost in the middle of it, and so is the worker."""
    await fill(files)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    run = await deleting.queue_purge(files)
    wire = Tripwire(at, When.AFTER, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        await deleting.drive(files, run, wire)
    assert any("/deletion/" in name for name in deleting.names(files))
    rebuilding.lose(files)
    queued, [left_out] = await of_tenant(files)
    assert queued == []
    assert "being purged since" in left_out.reason
    share = await deleting.current(files)
    assert (share.name, share.share_name) == (files.share.name, files.share.share_name)
    assert share.deletion.purging_at is not None
    assert await deleting.purge(World(files.app, share, files.emulator)) is None
    await deleting.nothing_is_left(files, 4)
    with pytest.raises(NotFound, match="no restore points"):
        await of_tenant(files)


async def test_a_catalogue_from_before_the_purge_does_not_show_the_share_alive(files):
    """A database that was restored from a copy of it."""
    await fill(files)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    with deleting.leased(files, [name for name in deleting.names(files) if "/point/" in name]):
        assert (await deleting.purge(files)).state is RunState.COMPLETED_WITH_ERRORS
    with psycopg.connect(files.app.settings.postgres_url) as conn:
        conn.execute("UPDATE share SET deleted_at = NULL, purging_at = NULL, deletion_no = 0, deletion_told = 0")
    assert [one.share_id for one in (await of_tenant(files))[1]] == [files.share.share_id]
    assert (await deleting.current(files)).deletion.purging_at is not None
    assert await deleting.purge(files) is None
    await deleting.nothing_is_left(files, 4)


async def test_after_a_purge_there_is_nothing_to_be_made_of_the_vault(files):
    await fill(files)
    other = await deleting.neighbour(files)
    await fill(other)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    assert await deleting.purge(files) is None
    rebuilding.lose(files)
    queued, left_out = await of_tenant(files)
    assert ([run.share_id for run in queued], left_out) == ([other.share.share_id], [])
    async with files.app.transaction() as conn:
        assert [share.share_id for share in await shares.of_tenant(conn, files.share.tenant_id, deleted=True)] == [
            other.share.share_id
        ]


async def test_a_deleted_tenant_is_deleted_in_the_catalogue_that_is_made(files):
    await fill(files)
    app, tenant_id, now = files.app, files.share.tenant_id, files.app.clock.now()
    async with app.transaction() as conn:
        await deletions.delete_tenant(conn, tenant_id, by="Ada", reason="left", at=now, until=now)
    await app.tell_deletions(tenant_id)
    lost = rebuilding.all_rows(app.settings.postgres_url)
    rebuilding.lose(files)
    assert (await rebuilding.rebuild(files)).state is RunState.SUCCEEDED
    assert rebuilding.unlike(lost, rebuilding.all_rows(app.settings.postgres_url)) == []
    async with app.transaction() as conn:
        assert (await tenants.get(conn, tenant_id)).deletion.reason == "left"
