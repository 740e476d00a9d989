"""Deletes that the vault refuses, as it does under an immutability policy: counted, told, tried again, and no reason to stop."""

from azure.storage.blob import BlobLeaseClient, ContainerClient

from shared.model.run import RunState
from tests.integration.test_sweep import SMALL, backups, content, looks_whole, needed
from tests.support.vault_check import objects
from tests.support.world import world


async def test_what_may_not_be_deleted_waits_for_the_next_sweep(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await backups(files, 3)
        last = max(points)
        await files.let_go(*sorted(points)[:-1])
        before = await objects(files)
        with ContainerClient.from_connection_string(azurite.connection_string, files.share.tenant_id) as vault:
            leases = []
            for name in content(before):
                lease = BlobLeaseClient(vault.get_blob_client(name))
                lease.acquire()
                leases.append(lease)
            swept = await files.sweep()
            assert swept.state is RunState.SUCCEEDED
            refused = content(before) - content(await needed(files, [last]))
            assert swept.counters.refused_objects == len(refused) > 0
            assert swept.report["refused_object"] in refused
            [line] = [line for line in await files.journal(swept) if line.kind == "not_deleted"]
            assert str(len(refused)) in line.reason
            assert content(await objects(files)) == content(before)
            for lease in leases:
                lease.release()
        async with files.app.transaction() as conn:
            rows = await (await conn.execute("SELECT state FROM condemned_chunk")).fetchall()
        assert rows == []
        again = await files.sweep()
        assert (again.state, again.counters.refused_objects) == (RunState.SUCCEEDED, 0)
        assert content(await objects(files)) == content(await needed(files, [last]))
        await looks_whole(files)
