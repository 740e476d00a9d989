"""Drills: a sample is restored into a scratch share by the code of a restore, read back, compared, and the scratch share is gone after."""

import secrets

import pytest

from shared.model.run import RunState
from shared.model.verify_order import SCRATCH, VerifyLevel
from tests.support.share_tree import change, fill, service
from tests.support.world import CREDENTIAL, world

DRILL = VerifyLevel.DRILL


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def order(files, **more):
    """What a drill needs beside its level."""
    told = {"account_url": files.share.account_url, "credential": CREDENTIAL, "scratch": secrets.token_hex(6)}
    return told | more


def scratch_shares(files, run=None):
    prefix = SCRATCH if run is None else f"{SCRATCH}{run.run_id}-"
    return [share.name for share in service(files.emulator).list_shares(name_starts_with=prefix)]


async def drill(files, point=None, **more):
    """A drill that leaves no scratch share."""
    run = await files.verify(DRILL, point, **order(files, **more))
    assert scratch_shares(files, run) == []
    return run


async def test_a_drill_of_a_rich_share_finds_nothing_and_leaves_nothing(files):
    fill(files.client())
    point = await files.backup()
    run = await drill(files)
    assert (run.state, await files.journal(run)) == (RunState.SUCCEEDED, []), run.report
    told = run.report
    assert told["restored"] == {
        "files": point.counters.files,
        "bytes": point.counters.bytes,
        "exceptions": 0,
    }
    assert told["compared"]["directories"] == point.counters.directories - 2  # the root, and one that is empty
    assert told["compared"]["files"] == point.counters.files
    assert told["compared"]["bytes"] == point.counters.bytes
    assert told["scratch_share"]["removed"] is True
    assert told["scratch_share"]["name"].startswith(f"{SCRATCH}{run.run_id}-")
    assert told["statement"].endswith("of the files cannot be restored as they were saved")
    change(files.client())
    await files.backup()
    for run_no in (1, 3):
        again = await drill(files, run_no)
        assert (again.state, await files.journal(again)) == (RunState.SUCCEEDED, []), again.report
