"""A share backed up, changed, backed up again and restored is the share that was."""

import secrets

import pytest

from activities import close_run, open_run
from shared.adapters.credentials import Credentials
from shared.core.rounds import Phase, RoundState
from shared.model.run import RunState
from shared.model.tickets import Receipt, RunTicket
from tests.support.share_tree import change, differences, fill, put, read_tree
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


async def test_a_share_is_restored_over_itself(files):
    share = files.client()
    fill(share)
    before = read_tree(share)
    first = await files.backup()
    change(share)
    put(share, "docs/reports/report 08.csv", b"overwritten", file_attributes="ReadOnly|Archive")
    restore = await files.restore(first.run_no, files.share.share_name, create_share=False)
    assert restore.state is RunState.SUCCEEDED, await files.journal(restore)
    now = read_tree(share)
    assert differences(before, {path: node for path, node in now.items() if path in before}) == []
    assert "docs/new/added.txt" in now  # what came after stays: nothing is deleted


async def test_what_stands_in_the_way_of_a_restore_is_named(files):
    share = files.client()
    put(share, "d/a.txt", b"a")
    put(share, "d/b.txt", b"b")
    put(share, "e/c.txt", b"c")
    first = await files.backup()
    share.get_file_client("d/a.txt").delete_file()
    put(share, "d/a.txt/now a directory.txt", b"x")
    share.get_file_client("e/c.txt").delete_file()
    share.get_directory_client("e").delete_directory()
    put(share, "e", b"now a file")
    restore = await files.restore(first.run_no, files.share.share_name)
    assert restore.state is RunState.COMPLETED_WITH_ERRORS
    assert {line.path for line in await files.journal(restore)} >= {"d/a.txt", "e"}
    assert read_tree(share)["d/b.txt"].content == b"b"


async def test_a_restore_of_what_is_not_there_fails_with_a_reason(files):
    put(files.client(), "d/a.txt", b"a")
    first = await files.backup()
    target = f"restored-{secrets.token_hex(4)}"
    for path, reason in (("nowhere/at all", "has no '/nowhere'"), ("d/a.txt", "is a file")):
        run = await files.restore(first.run_no, target, path=path)
        assert run.state is RunState.FAILED
        assert reason in run.error
    run = await files.restore(first.run_no, target, create_share=False)
    assert run.state is RunState.FAILED
    assert "share" in run.error


async def test_a_run_whose_credential_is_gone_fails_and_lets_the_next_one_start(files, monkeypatch):
    put(files.client(), "d/a.txt", b"a")

    async def this_app():
        return files.app

    monkeypatch.setattr("shared.wiring.app", this_app)
    known, files.app.credentials = files.app.credentials, Credentials({})
    run = await files.queue_backup()
    state = RoundState(run.run_id, 1)
    while state.phase is not Phase.ENDED:
        activity = {Phase.OPENING: open_run, Phase.CLOSING: close_run}[state.phase].activity
        ticket = RunTicket(run_id=run.run_id, error=state.error if state.phase is Phase.CLOSING else "")
        state = state.after([Receipt.from_wire(await activity(ticket.to_wire()))])
        assert state.barren < 3
    failed = await files.reload(run)
    assert failed.state is RunState.FAILED
    assert "AFB_CREDENTIAL_DEVSTORE" in failed.error
    files.app.credentials = known
    assert (await files.backup()).state is RunState.SUCCEEDED
