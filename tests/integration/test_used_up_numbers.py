"""A directory without a file number left, and a share without a directory number left, say so and lose nothing."""

import pytest

from shared.core import diff
from shared.model.node import DIRECTORY_NO_MAX
from shared.model.run import RunState
from shared.usecases import batch
from tests.support.share_tree import differences, mkdir, put, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


async def test_a_directory_with_too_many_files_is_reported_and_the_rest_is_saved(files, monkeypatch):
    for module in (diff, batch):
        monkeypatch.setattr(module, "SLOT_MAX", 7)
    share = files.client()
    for n in range(9):
        put(share, f"wide/f{n}", b"content")
    put(share, "zebra/after it", b"content")
    run = await files.backup()
    assert (run.state, run.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 2)
    lines = await files.journal(run)
    assert [(line.kind, line.path) for line in lines] == [("too_many_files", "wide/f7"), ("too_many_files", "wide/f8")]
    assert lines[0].reason == "the directory has used all of its 7 file numbers"
    assert lines[0].hint == "split the directory; every file beyond the limit is left out"
    expected = read_tree(share)
    await files.restore(run.run_no, "restored-used-up")
    left_out = sorted(differences(expected, read_tree(files.client("restored-used-up"))))
    assert left_out == ["missing: wide/f7", "missing: wide/f8"]

    # A number is never given again, not even that of a file that was deleted.
    share.get_file_client("wide/f0").delete_file()
    second = await files.backup()
    assert [line.path for line in await files.journal(second)] == ["wide/f7", "wide/f8"]


async def test_a_share_that_has_used_up_its_directory_numbers_ends_the_run_with_the_reason(files):
    share = files.client()
    put(share, "first/a", b"content")
    first = await files.backup()
    assert first.state is RunState.SUCCEEDED
    async with files.app.transaction() as conn:
        await conn.execute(b"UPDATE share SET next_directory_no = %s", [DIRECTORY_NO_MAX])
    mkdir(share, "the last one")
    assert (await files.backup()).state is RunState.SUCCEEDED
    mkdir(share, "one too many")
    run = await files.backup()
    assert run.state is RunState.FAILED
    assert "has used up its 549,755,813,887 directory numbers" in run.error
    assert "hint: " in run.error
    # What was saved before can still be had.
    await files.restore(first.run_no, "restored-used-up-directories")
    assert set(read_tree(files.client("restored-used-up-directories"))) >= {"first", "first/a"}
