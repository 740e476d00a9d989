"""A share backed up, changed, backed up again and restored is the share that was."""

import secrets

import pytest

from shared.model.run import RunState
from tests.support.share_tree import change, differences, fill, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def test_both_restore_points_come_back_as_they_were(files):
    share = files.client()
    fill(share)
    before = read_tree(share)
    first = await files.backup()
    assert (first.state, first.error) == (RunState.SUCCEEDED, None)

    change(share)
    after = read_tree(share)
    second = await files.backup()
    assert second.state is RunState.SUCCEEDED

    for run, expected in ((first, before), (second, after)):
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(run.run_no, target)
        assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
        assert differences(expected, read_tree(files.client(target))) == []


async def test_an_unchanged_share_costs_one_list_per_directory_and_one_vault_write(files):
    fill(files.client())
    first = await files.backup()
    again = await files.backup()
    counters = again.counters
    assert counters.directories == first.counters.directories
    assert counters.files == first.counters.files
    assert counters.bytes == first.counters.bytes
    assert (counters.changed_directories, counters.changed_files, counters.pages_written) == (0, 0, 0)
    assert counters.vault_writes == 1  # the commit record
    assert counters.files_requests <= counters.directories + 8  # snapshot, properties, root
