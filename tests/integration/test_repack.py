"""What is still needed of bundles that are mostly garbage moves into others when that saves money, and the old ones go: on real services."""

import random
import secrets

import pytest

from shared.model.retention import RetentionPolicy
from shared.model.run import RunState
from tests.integration.test_sweep import SMALL, content, needed, whole
from tests.support.rebuilding import all_rows, lose, rebuild
from tests.support.repacking import give_policy, sweep_to_repack
from tests.support.share_tree import put, read_tree
from tests.support.vault_check import objects
from tests.support.world import world

NEWEST = RetentionPolicy(keep_last=1)
FILES = (22, 8, 8)
"""In each directory; the first is a wide one, which is backed up in pieces."""


def bundle_bytes(stored):
    return sum(len(data) for name, data in stored.items() if name.split("/")[1] == "bundle")


async def churned(files, seed=1):
    """Restore points of a share of which in every directory two files in eight stay and the others change again and again."""
    rng, share, points = random.Random(seed), files.client(), {}
    for turn in range(4):
        for directory, count in enumerate(FILES):
            for number in range(count):
                if not turn or number % 4:
                    put(share, f"d{directory}/{number}", rng.randbytes(9_000))
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED, await files.journal(run)
        points[run.run_no] = read_tree(share)
    return points


async def test_bundles_that_are_mostly_garbage_are_left_and_go(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await churned(files)
        await give_policy(files, NEWEST)
        last = max(points)
        await files.let_go(*sorted(points)[:-1])
        swept = await sweep_to_repack(files)
        assert swept.state is RunState.SUCCEEDED, swept.error
        told = swept.report["repack"]
        assert told["bundles"] > 0
        assert 0 < told["copy_bytes"] < told["freed_bytes"] < told["all_bytes"]
        assert told["saves_per_month"] > 0
        stays = await objects(files)
        assert bundle_bytes(stays) > 1.5 * told["all_live_bytes"], "the bundles are mostly garbage"

        put(files.client(), "d0/0", b"one of those that were to be copied has changed")
        backup = await files.backup()
        assert (backup.state, await files.journal(backup)) == (RunState.SUCCEEDED, [])
        done = backup.counters
        assert (done.changed_files, done.read_bytes) == (1, 47), "nothing else is read from the share"
        assert done.repacked_files > 0
        # The first bundle's page of the file that changed had less to copy than was noted.
        assert told["copy_bytes"] - 12_000 < done.repacked_bytes <= told["copy_bytes"]
        assert (backup.report["repack"]["bundles"], backup.report["repack"]["left_bundles"]) == (told["bundles"], 0)
        assert backup.report["repack"]["freed_bytes"] == told["freed_bytes"]
        assert stays.items() <= (await objects(files)).items(), "no object has changed or gone"
        both = {last: points[last], backup.run_no: read_tree(files.client())}
        await whole(files, both, keeps_undo=False)

        assert (await files.let_go(last)).counters.expired_points == 1
        again = await sweep_to_repack(files)
        assert again.state is RunState.SUCCEEDED, again.error
        assert again.report["repack"]["bundles"] == 0, "it pays once"
        after = await objects(files)
        assert content(after) == content(await needed(files, [backup.run_no]))
        assert bundle_bytes(after) < 1.1 * again.report["repack"]["all_live_bytes"], "next to nothing but what is live"
        unchanged = await files.backup()
        assert (unchanged.counters.changed_directories, unchanged.counters.repacked_files) == (0, 0)
        assert unchanged.report is None

        lost = all_rows(postgres_url)
        lose(files)
        assert (await rebuild(files)).state is RunState.SUCCEEDED
        assert all_rows(postgres_url)["restore_point"] == lost["restore_point"]
        await whole(files, {unchanged.run_no: read_tree(files.client())})


@pytest.mark.parametrize("why", ["prices", "no policy", "kept for ever", "switched off"])
async def test_what_does_not_save_is_not_done(postgres_url, azurite, files_emulator, why):
    settings = SMALL | ({"repack": False} if why == "switched off" else {})
    async with world(postgres_url, azurite, files_emulator, **settings) as files:
        points = await churned(files)
        await files.let_go(*sorted(points)[:-1])
        if why != "no policy":
            await give_policy(files, RetentionPolicy(keep_last=1, keep_days=36_500 if why == "kept for ever" else 0))
        swept = await (files.sweep() if why == "prices" else sweep_to_repack(files))
        assert swept.state is RunState.SUCCEEDED, swept.error
        assert swept.report.get("repack", {"bundles": 0})["bundles"] == 0
        assert ("repack" in swept.report) == (why == "prices"), "where nothing can be saved nobody looks"
        backup = await files.backup()
        assert (backup.counters.repacked_files, backup.counters.changed_directories) == (0, 0)


async def test_a_bundle_that_is_damaged_is_told_and_its_files_are_read_again(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        points = await churned(files)
        await give_policy(files, NEWEST)
        await files.let_go(*sorted(points)[:-1])
        await sweep_to_repack(files)
        first = min(name for name in await objects(files) if name.startswith(f"{files.share.share_id}/bundle/1/"))
        vault = files.app.vault(files.share.tenant_id)
        data = await vault.get(first)
        (found,) = [found async for found in vault.listed(first)]
        await vault.delete(first, found.etag)
        await vault.put(first, bytes(len(data)))
        backup = await files.backup()
        lines = await files.journal(backup)
        assert {line.kind for line in lines} == {"damaged"}
        assert backup.state is RunState.COMPLETED_WITH_ERRORS
        assert backup.counters.errors == backup.counters.changed_files == len(lines) > 0
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(backup.run_no, target)
        assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
        assert {path: node.content for path, node in read_tree(files.client(target)).items()} == {
            path: node.content for path, node in read_tree(files.client()).items()
        }
