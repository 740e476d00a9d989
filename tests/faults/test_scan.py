"""Break a scan at every effect it performs, then finish it: it tells the same, and the backup after it saves the share."""

import secrets
from itertools import count

import pytest

from shared.db import runs
from shared.errors import Unavailable
from shared.model.run import RunKind, RunState
from tests.faults.test_backup_and_restore import finish, small_tree
from tests.support.faults import Killed, Tripwire, When
from tests.support.share_tree import differences, put, read_tree
from tests.support.vault_check import unreferenced, verify_references
from tests.support.world import world


async def queue_scan(files):
    async with files.app.transaction() as conn:
        return await runs.create(conn, files.share.tenant_id, files.share.share_id, RunKind.SCAN)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.torture)])
@pytest.mark.parametrize(
    ("when", "fault", "saved"),
    [(When.BEFORE, Unavailable, True), (When.AFTER, Killed, True), (When.AFTER, Killed, False)],
)
async def test_a_scan_broken_anywhere_can_be_finished(postgres_url, azurite, files_emulator, when, fault, saved, step):
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as files:
        share = files.client()
        small_tree(share)
        for n in range(20):
            put(share, f"wide/{n:02d}.txt", b"%d" % n)
        if saved:
            await files.backup()
            for n in range(0, 20, 3):
                put(share, f"wide/{n:02d}.txt", b"changed")
            put(share, "fresh/d/new.bin", b"new")
            share.get_directory_client("d").rename_directory("e")
            share.get_file_client("big/large.bin").delete_file()
            share.get_directory_client("big").delete_directory()
            moves = [1, 0]
        expected, broken = None, []
        for at in count(1, step):
            wire = Tripwire(at, when, fault)
            run = await finish(files, await queue_scan(files), wire)
            assert run.state is RunState.SUCCEEDED, (wire.where, run.error, await files.journal(run))
            told = run.report["changes"]
            if saved:  # the first scan moves the directory in the catalogue
                assert told["moved_directories"] in moves, wire.where
                moves = [0] if told["moved_directories"] == 0 else moves
                told = told | {"moved_directories": 0}
            expected = expected or told
            assert told == expected, wire.where
            broken.append(wire.where)
            if not wire.tripped:
                break
        assert step > 1 or len(set(broken)) > 10, f"only these were broken: {sorted(set(broken))}"
        point = await files.backup()
        assert point.counters.new_files == expected["new_files"]
        target = f"restored-{secrets.token_hex(4)}"
        await files.restore(point.run_no, target)
        assert differences(read_tree(share), read_tree(files.client(target))) == []
        await verify_references(files, point.run_no)
        assert await unreferenced(files) == set()
