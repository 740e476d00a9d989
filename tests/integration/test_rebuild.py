"""The catalogue is lost and made again from the vault alone: it is the one that was lost."""

import secrets

import pytest

from shared.model.run import RunState
from tests.integration.test_any_change import Owner
from tests.support.rebuilding import all_rows, lose, rebuild, unlike
from tests.support.share_tree import differences, fill, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def rows_of(files):
    return all_rows(files.app.settings.postgres_url)


async def succeeded(files, run):
    assert run.state is RunState.SUCCEEDED, (run.error, run.report, await files.journal(run))
    return run


async def test_the_rebuilt_catalogue_is_the_lost_one(files):
    fill(files.client())
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files)) == []


async def test_a_backup_after_it_reads_and_writes_nothing_that_did_not_change(files):
    fill(files.client())
    first = await succeeded(files, await files.backup())
    lose(files)
    await succeeded(files, await rebuild(files))
    again = (await succeeded(files, await files.backup())).counters
    assert (again.files, again.bytes, again.directories) == (
        first.counters.files,
        first.counters.bytes,
        first.counters.directories,
    )
    assert (again.changed_directories, again.changed_files, again.read_bytes, again.pages_written) == (0, 0, 0, 0)
    assert again.vault_writes == 1  # the commit record


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_history_at_any_restore_point(postgres_url, azurite, files_emulator, seed):
    """Moves, renames, deletions, directories of several pages, large files; at the newest restore point and at older ones."""
    async with world(
        postgres_url, azurite, files_emulator, bundle_file_max_bytes=16 * 1024, large_file_bytes=64 * 1024
    ) as files:
        owner, points, trees = Owner(files.client(), seed), {}, {}
        for number in range(6):
            owner.work()
            if number == 3:
                await files.scan()
            run = await succeeded(files, await files.backup())
            points[run.run_no], trees[run.run_no] = rows_of(files), read_tree(files.client())
        for run_no in sorted(points, reverse=True):
            lose(files)
            run = await succeeded(files, await rebuild(files, restore_point=run_no))
            assert unlike(points[run_no], rows_of(files), older=run_no < max(points)) == [], f"restore point {run_no}"
            assert (await files.app.catalogue.run(run.run_id))[1].settings == files.share.settings
        middle = sorted(trees)[2]
        lose(files)
        await succeeded(files, await rebuild(files))
        target = f"restored-{secrets.token_hex(4)}"
        await succeeded(files, await files.restore(middle, target))
        assert differences(trees[middle], read_tree(files.client(target))) == []
