"""Break the sweep that finds what to repack, and the backup that does it, at effects they perform; then finish them."""

import random

import pytest

from shared.model.run import RunState
from shared.model.sweep import SweepOrder
from tests.faults.test_backup_and_restore import finish
from tests.integration.test_repack import NEWEST, churned
from tests.integration.test_sweep import SMALL, content, needed, whole
from tests.support.faults import WAYS, Killed, Tripwire, When
from tests.support.repacking import give_policy, years_later
from tests.support.share_tree import put, read_tree
from tests.support.vault_check import objects
from tests.support.world import world


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("when", "fault", "step"),
    [
        (When.AFTER, Killed, 37),
        *(pytest.param(*way, 1, marks=pytest.mark.torture) for way in WAYS),
    ],
)
async def test_a_repack_broken_anywhere_can_be_finished(postgres_url, azurite, files_emulator, when, fault, step):
    """One share, of which most has changed each time, repacked again and again, each time broken some effects later."""
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        rng, repacked, turn, at = random.Random(1), 0, 0, 3
        points = sorted(await churned(files))
        await give_policy(files, NEWEST)
        while True:
            turn += 1
            for number in range(6):
                put(files.client(), f"d{turn % 3}/{(turn + number) % 8}", rng.randbytes(9_000))
            run = await files.backup()
            await files.let_go(*points)
            wire = Tripwire(at, when, fault)
            swept = await finish(
                files, await files.queue_retention(SweepOrder(by="test", margin_s=0)), wire, years_later
            )
            assert swept.state is RunState.SUCCEEDED, (wire.where, swept.error)
            noted = swept.report["repack"]["bundles"]
            if not wire.tripped:
                wire = Tripwire(at - wire.count, when, fault)
            backup = await finish(files, await files.queue_backup(), wire, years_later)
            assert backup.state is RunState.SUCCEEDED, (wire.where, await files.journal(backup))
            assert backup.report is None or backup.report["repack"]["left_bundles"] == 0, wire.where
            assert bool(noted) == (backup.counters.repacked_files > 0), wire.where
            repacked += backup.counters.repacked_files
            verify = await files.verify(all_points=True)
            assert verify.state is RunState.SUCCEEDED, (wire.where, await files.journal(verify))
            points = [run.run_no, backup.run_no]
            if not wire.tripped:
                break
            at += step
        assert repacked > 0
        await files.let_go(run.run_no)
        await files.sweep()
        assert content(await objects(files)) == content(await needed(files, [backup.run_no]))
        await whole(files, {backup.run_no: read_tree(files.client())})
