"""More garbage than the list of condemned chunks may hold: a sweep goes round by round until it has looked at all."""

import random

from azure.storage.blob import BlobLeaseClient, ContainerClient

from shared.core.rounds import RoundState
from shared.db import batches, runs, sweep_items
from shared.db.batches import BatchKind
from shared.model.run import RunState
from shared.model.sweep import SweepItem, SweepKind, SweepOrder
from shared.usecases import sweep_chunks
from tests.integration.test_sweep import SMALL, content, looks_whole, needed
from tests.support.share_tree import put
from tests.support.vault_check import objects
from tests.support.world import world


async def test_a_sweep_goes_on_when_its_list_was_full(postgres_url, azurite, files_emulator, monkeypatch):
    monkeypatch.setattr(sweep_chunks, "CONDEMNED_MAX", 3)
    monkeypatch.setattr(sweep_chunks, "BLOCK", 2)
    rng = random.Random(1)
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        for n in range(24):
            put(files.client(), f"chunked{n}.bin", rng.randbytes(20_000))
        await files.backup()
        for n in range(20):
            put(files.client(), f"chunked{n}.bin", rng.randbytes(20_000))
        second = await files.backup()
        await files.let_go(1)
        with ContainerClient.from_connection_string(azurite.connection_string, files.share.tenant_id) as vault:
            # Some may not be deleted, at the beginning of the listing: they must not come round for ever.
            gone = content(await objects(files)) - content(await needed(files, [second.run_no]))
            stuck = sorted(name for name in gone if "/chunk/" in name)[:5]
            leases = [BlobLeaseClient(vault.get_blob_client(name)) for name in stuck]
            for lease in leases:
                lease.acquire()
            most, rounds = 0, 0
            run = await files.queue_retention(SweepOrder(by="test", margin_s=0))
            state = RoundState(run.run_id, 1, epoch=run.epoch)
            count, again = files.app.sweeps.condemned_count, sweep_chunks.ChunkSweeper.again

            async def counted(share_id):
                nonlocal most
                most = max(most, found := await count(share_id))
                return found

            async def counting(self, *args):
                nonlocal rounds
                rounds += 1
                await again(self, *args)

            monkeypatch.setattr(files.app.sweeps, "condemned_count", counted)
            monkeypatch.setattr(sweep_chunks.ChunkSweeper, "again", counting)
            swept = await files.drive_on(run, state)
            for lease in leases:
                lease.release()
        assert swept.state is RunState.SUCCEEDED, swept.error
        assert (swept.counters.refused_objects, swept.counters.deleted_objects >= 15) == (len(stuck), True)
        assert rounds >= 4
        # A block for each of sixteen digits at most beyond the limit.
        assert most <= 3 + 16 * 2
        kept = content(await needed(files, [second.run_no]))
        assert content(await objects(files)) == kept | set(stuck)
        again_swept = await files.sweep()
        assert content(await objects(files)) == kept, again_swept.report
        await looks_whole(files)


async def test_of_two_rounds_the_second_does_not_begin_before_the_first_has_ended(shelf):
    """Else what it has condemned would be deleted by the first, before its barrier."""
    rounds = [SweepItem(kind=SweepKind.AGAIN, low=0, high=1, details={"after": name}) for name in ("a", "b")]
    async with shelf.catalogue.transaction() as conn:
        await sweep_items.add(conn, shelf.run.run_id, rounds)

    async def claim():
        async with shelf.catalogue.transaction() as conn:
            await runs.hold(conn, shelf.run.run_id)
            batch_no = await batches.open_one(conn, shelf.run.run_id, BatchKind.SWEEP, "w", 60)
            return batch_no, await sweep_items.claim(conn, shelf.run.run_id, batch_no, shelf.share.share_id, 10)

    first_no, first = await claim()
    assert first == rounds[0]
    assert (await claim())[1] is None
    async with shelf.catalogue.transaction() as conn:
        await sweep_items.done(conn, shelf.run.run_id, first_no)
        await sweep_items.add(conn, shelf.run.run_id, [SweepItem(kind=SweepKind.DELETE, low=0, high=1)])
    delete_no, deleting = await claim()
    assert deleting.kind is SweepKind.DELETE
    assert (await claim())[1] is None
    async with shelf.catalogue.transaction() as conn:
        await sweep_items.done(conn, shelf.run.run_id, delete_no)
    assert (await claim())[1] == rounds[1]
