"""Break a prune and a sweep at every effect they perform, then finish them: all that is needed is there, and nothing else."""

import secrets
from itertools import count

import pytest

from shared.model.retention import PruneOrder
from shared.model.run import RunState
from shared.model.sweep import SweepOrder
from tests.faults.test_backup_and_restore import finish
from tests.integration.test_sweep import content, needed
from tests.support.faults import Tripwire, everywhere
from tests.support.share_tree import put
from tests.support.vault_check import objects
from tests.support.world import world


def change(share, turn):
    """Something of every class of object changes, and directories come and go."""
    put(share, "chunked.bin", secrets.token_bytes(30_000))
    put(share, "plain/one.txt", secrets.token_bytes(100))
    for n in range(8):
        put(share, f"d/{n}.txt", secrets.token_bytes(50))
    if turn % 2:
        put(share, f"gone{turn}/sub/f.txt", b"f")
    elif turn:
        share.get_file_client(f"gone{turn - 1}/sub/f.txt").delete_file()
        share.get_directory_client(f"gone{turn - 1}/sub").delete_directory()
        share.get_directory_client(f"gone{turn - 1}").delete_directory()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("when", "fault", "first", "step"), everywhere(step=23))
async def test_a_sweep_broken_anywhere_can_be_finished(postgres_url, azurite, files_emulator, when, fault, first, step):
    """One share, changed, pruned and swept again and again, each time broken some effects later."""
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as files:
        share, broken = files.client(), set()
        put(share, "large.bin", secrets.token_bytes(5 << 20))
        change(share, 0)
        last = (await files.backup()).run_no
        for turn, at in enumerate(count(first, step), 1):
            change(share, turn)
            run = await files.backup()
            assert run.state is RunState.SUCCEEDED
            wire = Tripwire(at, when, fault)
            pruned = await finish(files, await files.queue_retention(PruneOrder(by="test", run_nos=[last])), wire)
            assert (pruned.state, pruned.report["expired_count"]) == (RunState.SUCCEEDED, 1), (wire.where, pruned.error)
            if not wire.tripped:
                wire = Tripwire(at - wire.count, when, fault)
            swept = await finish(files, await files.queue_retention(SweepOrder(by="test", margin_s=0)), wire)
            assert swept.state is RunState.SUCCEEDED, (wire.where, swept.error)
            last = run.run_no
            stored = await objects(files)
            assert content(stored) == content(await needed(files, [last])), wire.where
            assert not any("/marks/" in name for name in stored), wire.where
            broken.add(wire.where)
            if not wire.tripped:
                assert step > 1 or len(broken) > 15, broken
                return
