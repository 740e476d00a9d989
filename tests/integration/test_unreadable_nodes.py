"""A backup says what it could not save, goes on with the rest, and saves it the next time."""

import secrets

import pytest

from shared.core.rounds import Phase, RoundState
from shared.model.run import RunState
from tests.support.share_tree import differences, fill, put, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


def refuse(files, operation, path, status=409, code="SharingViolation"):
    """From now on the share refuses ``operation`` on what ``path`` matches."""
    files.control.fault(
        operation=operation, path=f"/{files.share.share_name}(/|$){path}", count=0, status=status, code=code
    )


async def restored(files, point):
    target = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(point.run_no, target)
    return run, read_tree(files.client(target))


async def test_a_file_that_cannot_be_read_is_named_and_saved_by_the_next_run(files):
    fill(files.client())
    expected = read_tree(files.client())
    refuse(files, "file_download", "docs/reports/report 04.csv$")
    first = await files.backup()
    assert (first.state, first.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    [line] = await files.journal(first)
    assert (line.kind, line.path) == ("unreadable", "docs/reports/report 04.csv")
    assert "409 SharingViolation" in line.reason

    run, tree = await restored(files, first)
    assert (run.state, run.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    assert [line.path for line in await files.journal(run)] == ["docs/reports/report 04.csv"]
    assert differences(expected, tree) == ["missing: docs/reports/report 04.csv"]

    files.control.clear()
    second = await files.backup()
    assert (second.state, second.counters.changed_files) == (RunState.SUCCEEDED, 1)
    run, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_of_a_changed_file_that_cannot_be_read_the_version_before_is_kept_and_marked(files):
    share = files.client()
    put(share, "d/a.txt", b"one")
    put(share, "d/b.txt", b"two")
    await files.backup()
    share.get_file_client("d/a.txt").upload_range(b"ONE", 0, 3)
    refuse(files, "file_download", "d/a.txt$")
    second = await files.backup()
    assert second.state is RunState.COMPLETED_WITH_ERRORS
    assert [line.kind for line in await files.journal(second)] == ["stale"]
    run, tree = await restored(files, second)
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    assert tree["d/a.txt"].content == b"one"

    files.control.clear()
    third = await files.backup()
    assert third.state is RunState.SUCCEEDED
    _, tree = await restored(files, third)
    assert tree["d/a.txt"].content == b"ONE"


async def test_a_directory_that_cannot_be_listed_is_named_and_the_rest_is_saved(files):
    fill(files.client())
    expected = read_tree(files.client())
    refuse(files, "directory_list.*", "docs/reports$")
    first = await files.backup()
    assert first.state is RunState.COMPLETED_WITH_ERRORS
    assert [(line.kind, line.path) for line in await files.journal(first)] == [("not_listed", "docs/reports")]
    run, tree = await restored(files, first)
    lost = [path for path in expected if path.startswith("docs/reports/")]
    assert differences(expected, tree) == [f"missing: {path}" for path in sorted(lost)]
    assert [line.path for line in await files.journal(run)] == ["docs/reports"]

    files.control.clear()
    second = await files.backup()
    assert second.state is RunState.SUCCEEDED
    assert second.counters.changed_files == len(lost)
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_a_large_file_that_cannot_be_read_holds_up_nothing_else(files):
    share = files.client()
    put(share, "d/small.txt", b"small")
    put(share, "d/large.bin", secrets.token_bytes(5 * 1024 * 1024))
    expected = read_tree(share)
    refuse(files, "file_download", "d/large.bin$")
    first = await files.backup()
    assert (first.state, first.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    _, tree = await restored(files, first)
    assert differences(expected, tree) == ["missing: d/large.bin"]
    files.control.clear()
    second = await files.backup()
    assert second.state is RunState.SUCCEEDED
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_damage_in_the_vault_costs_only_the_files_in_it(files):
    """Written over behind the product's back: the restore names the file and brings back the rest."""
    from azure.storage.blob import ContainerClient

    share = files.client()
    for n in range(5):
        put(share, f"d/{n}.txt", b"%d" % n * 1000)
    put(share, "d/chunked.bin", secrets.token_bytes(200_000))
    expected = read_tree(share)
    point = await files.backup()
    with ContainerClient.from_connection_string(
        files.app.settings.vault_connection, files.share.tenant_id
    ) as container:
        [name] = [b.name for b in container.list_blobs() if "/chunk/" in b.name]
        data = bytearray(container.download_blob(name).readall())
        data[len(data) // 2] ^= 1
        container.upload_blob(name, bytes(data), overwrite=True)
    run, tree = await restored(files, point)
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    [line] = await files.journal(run)
    assert (line.kind, line.path) == ("damaged", "d/chunked.bin")
    assert name in line.reason
    assert [d for d in differences(expected, tree) if "chunked" not in d] == []


async def test_a_lost_segment_does_not_keep_the_share_from_being_backed_up(files):
    from azure.storage.blob import ContainerClient

    share = files.client()
    put(share, "d/a.txt", b"one")
    put(share, "quiet/b.txt", b"two")
    await files.backup()
    with ContainerClient.from_connection_string(
        files.app.settings.vault_connection, files.share.tenant_id
    ) as container:
        for name in [b.name for b in container.list_blobs() if "/segment/" in b.name]:
            container.delete_blob(name)
    put(share, "d/new.txt", b"three")
    second = await files.backup()
    assert second.state is RunState.COMPLETED_WITH_ERRORS
    assert {line.kind for line in await files.journal(second)} == {"damaged"}
    restore, tree = await restored(files, second)
    assert tree["d/a.txt"].content == b"one"
    assert tree["d/new.txt"].content == b"three"
    assert restore.state is RunState.COMPLETED_WITH_ERRORS
    assert [(line.kind, line.path) for line in await files.journal(restore)] == [("damaged", "quiet")]


async def test_a_permission_that_cannot_be_read_is_tried_again(files):
    put(files.client(), "d/a.txt", b"one")
    expected = read_tree(files.client())
    refuse(files, "share_get_permission", "")
    first = await files.backup()
    assert first.state is RunState.COMPLETED_WITH_ERRORS
    assert {line.kind for line in await files.journal(first)} == {"permission_unreadable"}
    files.control.clear()
    second = await files.backup()
    assert second.state is RunState.SUCCEEDED
    _, tree = await restored(files, second)
    assert differences(expected, tree) == []


async def test_a_share_snapshot_that_vanishes_fails_the_run_and_the_next_one_makes_up_for_it(files):
    """Somebody deletes it between the reading and the commit."""
    share = files.client()
    put(share, "d/a.txt", b"a")
    run = await files.queue_backup()
    state = RoundState(run.run_id, 1)
    while state.phase is not Phase.CLOSING:
        state = await files.step(run, state)
    snapshot = (await files.reload(run)).share_snapshot
    files.client(snapshot=snapshot).delete_share()
    while state.phase is not Phase.ENDED:
        state = await files.step(run, state)
    failed = await files.reload(run)
    assert failed.state is RunState.FAILED
    assert "snapshot" in failed.error.lower()
    following = await files.backup()
    assert (following.state, following.counters.changed_files) == (RunState.SUCCEEDED, 0)
    _, tree = await restored(files, following)
    assert differences(read_tree(share), tree) == []


async def test_what_was_deleted_before_a_run_that_failed_is_gone_in_the_next_and_nobody_complains(files):
    share = files.client()
    for path in ("gone/a", "gone/deeper/b", "stays/c"):
        put(share, path, path.encode())
    await files.backup()
    for path in ("gone/deeper", "gone"):
        directory = share.get_directory_client(path)
        directory.delete_file("a" if path == "gone" else "b")
        directory.delete_directory()
    expected = read_tree(share)

    failed = await files.queue_backup()
    state = RoundState(failed.run_id, 1)
    while state.phase is not Phase.CLOSING:
        state = await files.step(failed, state)
    async with files.app.run_scope(failed.run_id) as scope:
        await scope.catalogue.finish_run(
            failed.run_id, RunState.FAILED, error="somebody pulled the plug", counters=scope.take_requests()
        )

    third = await files.backup()
    assert (third.state, third.counters.errors) == (RunState.SUCCEEDED, 0), await files.journal(third)
    assert third.counters.deleted_directories == 2
    _, tree = await restored(files, third)
    assert differences(expected, tree) == []
