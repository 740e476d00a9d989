"""A backup and a restore of a share that keeps failing come out as if it had not."""

import secrets

import pytest

from shared.model.run import RunState
from tests.support.share_tree import differences, fill, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


FAULTS = {
    "busy": {"code": "ServerBusy", "retry_after_ms": 1},
    "reset before": {"reset": "before"},
    "reset after": {"reset": "after"},
    "truncated": {"truncate_fraction": 0.5},
    "content damaged on its way to us": {"corrupt": "answer", "operation": "file_download", "every": 3},
    "content damaged on its way to the share": {
        "corrupt": "request",
        "operation": "file_create|file_upload_range",
        "min_body_bytes": 1,
        "every": 3,
    },
    "twice": {"duplicate": "second", "operation": "file_download|directory_list", "every": 4},
}


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_share_that_fails_one_request_in_ten_is_saved_and_restored_all_the_same(files, kind):
    fill(files.client())
    expected = read_tree(files.client())
    rule = {"every": 10} | FAULTS[kind]
    with files.control.faults(rule):
        first = await files.backup()
        target = f"restored-{secrets.token_hex(4)}"
        run = await files.restore(first.run_no, target)
        [rule] = files.control.rules()
    assert rule["hits"] > 3
    assert (first.state, run.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED)
    assert differences(expected, read_tree(files.client(target))) == []
