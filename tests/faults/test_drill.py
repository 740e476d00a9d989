"""Break drills at every effect: finished or cancelled by whoever comes next they say what an unbroken one says, and leave no share."""

import secrets
from contextlib import suppress
from itertools import count

import pytest

from shared.core.rounds import RoundState
from shared.db import runs
from shared.errors import Conflict
from shared.model.run import RunState
from shared.model.verify_order import SCRATCH, VerifyLevel
from tests.faults.test_backup_and_restore import finish
from tests.support.faults import Killed, Tripwire, When, everywhere
from tests.support.share_tree import mkdir, put, service
from tests.support.world import CREDENTIAL, world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    limits = {"bundle_file_max_bytes": 16 * 1024, "large_file_bytes": 64 * 1024}
    async with world(postgres_url, azurite, files_emulator, **limits) as found:
        share = found.client()
        for n in range(3):
            put(share, f"d/{n}.bin", bytes([n]) * 2000)
        mkdir(share, "e", metadata={"k": "v"})
        put(share, "e/below/f.bin", b"f")
        put(share, "big/large.bin", bytes(5 << 20) + b"end")
        await found.backup()
        yield found


async def queued(files):
    order = {"account_url": files.share.account_url, "credential": CREDENTIAL, "scratch": secrets.token_hex(6)}
    return await files.queue_verify(VerifyLevel.DRILL, **order)


def scratch_shares(files, run):
    return [s.name for s in service(files.emulator).list_shares(name_starts_with=f"{SCRATCH}{run.run_id}-")]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("when", "fault", "first", "step"), everywhere(step=7))
async def test_a_drill_broken_anywhere_can_be_finished(files, when, fault, first, step):
    broken = []
    for at in count(first, step):
        wire = Tripwire(at, when, fault)
        run = await finish(files, await queued(files), wire)
        assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
        assert run.report["compared"]["files"] == run.report["restored"]["files"] == 5, wire.where
        assert run.report["compared"]["directories"] == 4, wire.where
        lines = {line.kind for line in await files.journal(run)}
        assert lines <= ({"scratch_left"} if wire.where == "admin.delete" else set()), wire.where
        await files.verify()
        assert scratch_shares(files, run) == [], wire.where
        assert (await files.reload(run)).report["scratch_share"]["removed"] is True
        broken.append(wire.where)
        if not wire.tripped:
            break
    assert step > 1 or len(set(broken)) > 12, f"only these were broken: {sorted(set(broken))}"


@pytest.mark.parametrize("when", When)
async def test_a_drill_whose_worker_was_killed_anywhere_can_be_cancelled(files, when):
    cancelled = 0
    for at in count(1, 4):
        wire = Tripwire(at, when, Killed)
        run = await queued(files)
        files.wrap = wire.wrap
        with suppress(Killed):
            await files.drive_on(run, RoundState(run.run_id, 1))
        files.wrap = lambda scope: scope
        run = await files.reload(run)
        if run.finished_at is None:
            with suppress(Conflict):  # it is being closed
                async with files.app.transaction() as conn:
                    await runs.cancel(conn, run.run_id)
                    cancelled += 1
            run = await files.drive(await files.reload(run))
            assert run.state in (RunState.CANCELLED, RunState.SUCCEEDED)
        assert scratch_shares(files, run) == [], wire.where
        if not wire.tripped:
            break
    assert cancelled > 10
