"""The end of a backup, torn between the commit record and the run's last state: once the record is written, it is a restore point."""

import secrets
from dataclasses import replace

import pytest

from shared.db import runs
from shared.errors import Conflict
from shared.formats import point
from shared.model.run import RunState
from shared.model.tickets import RunTicket
from shared.usecases.runs import close_run, open_run, work_on
from tests.support.aftermath import Aftermath
from tests.support.faults import Killed, Tripwire, When
from tests.support.share_tree import put
from tests.support.vault_check import objects
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        for n in range(6):
            put(found.client(), f"d{n}/file.bin", secrets.token_bytes(500))
        yield found
        found.control.clear()


class At(Tripwire):
    """Goes off before one effect, the first time."""

    def __init__(self, where, fault=Killed):
        super().__init__(-1, When.BEFORE, fault)
        self.wanted = where

    def due(self, where):
        if where != self.wanted or self.tripped:
            return False
        self.tripped, self.where = True, where
        return True


async def close(files, run, error="", wrap=lambda scope: scope):
    run = await files.reload(run)
    ticket = RunTicket(run_id=run.run_id, worker="closer", error=error, epoch=run.epoch)
    async with files.app.run_scope(run.run_id) as scope:
        receipt = await close_run(ticket, wrap(scope))
    assert receipt.error == ""
    return await files.reload(run)


async def done(files):
    """A run that has nothing left to do but to be closed."""
    run = await files.queue_backup()
    ticket = RunTicket(run_id=run.run_id, worker="worker", epoch=run.epoch)
    for step in (open_run, work_on):
        receipt = await files.app.perform(ticket, step)
        assert receipt.error == ""
    assert receipt.left == 0
    return await files.reload(run)


async def torn(files, where="catalogue.finish_run"):
    """A run whose closing was killed before one of its effects."""
    run = await done(files)
    with pytest.raises(Killed):
        await close(files, run, wrap=At(where).wrap)
    return run


async def test_a_share_snapshot_that_cannot_be_deleted_is_told_of_and_fails_nothing(files):
    aftermath = Aftermath(files)
    run = await done(files)
    refused = {"operation": "share_delete", "code": "AuthorizationPermissionMismatch", "status": 403, "count": 0}
    with files.control.faults({"share": files.share.share_name, **refused}):
        run = await close(files, run)
    assert f"share snapshot {run.share_snapshot} could not be deleted, the next run tries again: " in run.error
    await aftermath.equal(run)
    await aftermath.mended()


async def test_a_run_that_is_given_up_after_its_commit_record_was_written_has_its_restore_point(files):
    aftermath = Aftermath(files)
    run = await close(files, await torn(files), error="the database was away for an hour")
    await aftermath.equal(run)
    await aftermath.mended()


async def test_a_run_that_is_given_up_before_its_commit_record_has_none(files):
    aftermath = Aftermath(files)
    run = await close(files, await torn(files, "vault.put"), error="seen enough")
    assert (run.state, run.error) == (RunState.FAILED, "seen enough")
    await aftermath.sound()
    await aftermath.mended()


async def test_a_run_that_is_being_closed_is_not_cancelled(files):
    run = await torn(files)
    with pytest.raises(Conflict, match="is being closed"):
        async with files.app.transaction() as conn:
            await runs.cancel(conn, run.run_id)
    await Aftermath(files).equal(await close(files, run))


async def test_of_two_that_close_a_run_the_first_commit_record_counts(files):
    """The other may have been stopped for a minute just before it would have written its own."""
    run = await done(files)

    class Late:
        """A vault into which somebody else puts a commit record a moment before."""

        def __init__(self, vault):
            self._vault = vault

        def __getattr__(self, name):
            return getattr(self._vault, name)

        async def put(self, name, data):
            with pytest.raises(Killed):
                await close(files, run, wrap=At("catalogue.finish_run").wrap)
            return await self._vault.put(name, data)

    ended = await close(files, run, wrap=lambda scope: replace(scope, vault=Late(scope.vault)))
    assert ended.state is RunState.SUCCEEDED
    record = point.decode((await objects(files))[f"{files.share.share_id}/point/{run.run_no}.fb"])
    row = await files.app.catalogue.last_restore_point(files.share.share_id)
    assert (row.committed_at, row.taken_at) == (record.committed_at, record.taken_at)
    await Aftermath(files).equal(ended)
