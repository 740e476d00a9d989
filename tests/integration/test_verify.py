"""A verify finds nothing in an intact vault, and whatever is damaged in another, with the files and restore points concerned."""

import asyncio

import pytest
from azure.storage.blob import ContainerClient

from shared.model.run import RunState
from shared.model.verify_order import VerifyLevel
from tests.support.share_tree import change, fill, put
from tests.support.world import world

QUICK, SAMPLE, FULL = VerifyLevel.QUICK, VerifyLevel.SAMPLE, VerifyLevel.FULL


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def intact(files, *, all_points=True):
    """No level finds anything; returns the runs."""
    found = []
    for level in (QUICK, FULL):
        run = await files.verify(level, all_points=all_points)
        assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report
        found.append(run)
    return found


def wide(share, count=70):
    for n in range(count):
        put(share, f"wide/{n:03d}.txt", b"x" * n)


async def test_nothing_is_found_in_an_intact_vault(files):
    share = files.client()
    fill(share)
    wide(share)
    await files.backup()
    change(share)
    for n in range(0, 70, 9):
        share.get_file_client(f"wide/{n:03d}.txt").delete_file()
    await files.backup()
    for n in range(100, 120):
        put(share, f"wide/{n:03d}.txt", b"y" * n)
    for n in range(1, 60):
        if n % 9:
            share.get_file_client(f"wide/{n:03d}.txt").delete_file()
    point = await files.backup()
    quick, full = await intact(files)
    assert quick.report["checked"]["files"] == point.counters.files
    assert quick.report["checked"]["directories"] == point.counters.directories
    assert quick.report["read"]["files"] == 0
    assert full.report["read"]["files"] > point.counters.files  # older versions too
    for run_no in (1, 2, 3):
        for level in (QUICK, FULL):
            run = await files.verify(level, run_no)
            assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
            assert run.report["restore_points"] == {"newest": run_no, "oldest": run_no, "count": 1}
