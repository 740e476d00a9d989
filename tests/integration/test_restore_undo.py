"""A restore that is undone leaves the target as it was before, unless somebody has changed it since."""

import dataclasses

import pytest
from azure.storage.fileshare import ContentSettings

from shared.model.restore import Conflicts, Part, Selection
from shared.model.run import RunState
from tests.integration.test_restore_choices import GONE, disturb, disturbed, restored, target_share
from tests.support.share_tree import differences, fill, put, read_tree
from tests.support.world import world

SELECTIONS = Selection(), Selection(paths=("docs", "media")), Selection(extensions=(".txt", ".wav"))


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


async def undo(files, run, name, **order):
    run = await files.reload(run)
    assert run.order is not None
    assert run.share_snapshot is not None
    given = {f.name: getattr(run.order, f.name) for f in dataclasses.fields(run.order)} | {
        "undoes": run.run_no,
        "undo_snapshot": run.share_snapshot,
        **order,
    }
    for name_given in ("restore_point", "share_name", "account_url", "credential"):
        given.pop(name_given)
    return await files.restore(run.order.restore_point, name, **given)


@pytest.mark.parametrize(
    ("selection", "conflicts"),
    [
        pytest.param(chosen, conflicts, marks=() if not number or (number + at) % 3 == 0 else pytest.mark.torture)
        for number, chosen in enumerate(SELECTIONS)
        for at, conflicts in enumerate(Conflicts)
    ],
)
async def test_an_undone_restore_leaves_what_was_there_before(files, conflicts, selection):
    if conflicts is Conflicts.MIRROR and selection.by_file:
        pytest.skip("the API refuses it")
    run, name, _, there = await disturbed(files)
    done, now = await restored(files, run, name, conflicts=conflicts, selection=selection, delete_at_most=99)
    assert differences(there, now)
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, (undone.error, await files.journal(undone))
    back = read_tree(files.client(name))
    if conflicts.replaces and not selection.by_file and not selection.paths:
        assert differences(there, back) == []

    def without_times(tree):  # of directories that the restore may not change, and of those on the way
        return {p: dataclasses.replace(n, times=() if n.kind == "directory" else n.times) for p, n in tree.items()}

    assert differences(without_times(there), without_times(back)) == []
    assert [s for s in await snapshots(files, name) if ".undo." in s] == []
    again = await files.reload(done)
    assert again.share_snapshot is None


async def snapshots(files, name):
    from tests.support.share_tree import service

    listed = service(files.emulator).list_shares(name_starts_with=name, include_metadata=True, include_snapshots=True)
    return [str(share.metadata) for share in listed if share.snapshot]


async def test_what_somebody_changed_since_stays_and_is_told(files):
    run, name, _, there = await disturbed(files)
    done, _ = await restored(files, run, name, conflicts=Conflicts.MIRROR, delete_at_most=99)
    share = files.client(name)
    put(share, "readme.txt", b"changed since")
    put(share, f"{GONE[1]}/new.txt", b"in a directory that the restore made")
    undone = await undo(files, done, name)
    assert undone.state is RunState.COMPLETED_WITH_ERRORS
    told = {line.path: line.kind for line in await files.journal(undone)}
    assert told == {"readme.txt": "changed_since"}
    now = read_tree(share)
    assert now["readme.txt"].content == b"changed since"
    assert now[f"{GONE[1]}/new.txt"].content == b"in a directory that the restore made"
    assert now["docs/mine/below/mine.txt"].content == there["docs/mine/below/mine.txt"].content
    assert (await files.reload(done)).share_snapshot is not None  # it may be undone once more


@pytest.mark.parametrize("target_path", ["", "where nothing was"])
async def test_a_restore_can_still_be_undone_after_that_was_planned(files, target_path):
    run, name, _, there = await disturbed(files)
    done, now = await restored(files, run, name, conflicts=Conflicts.OVERWRITE, target_path=target_path)
    planned = await undo(files, done, name, dry_run=True)
    assert planned.state is RunState.SUCCEEDED, planned.error
    assert differences(now, read_tree(files.client(name))) == []
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, undone.error
    assert differences(there, read_tree(files.client(name))) == []
    assert (await files.reload(done)).share_snapshot is None


async def test_a_restore_to_a_place_where_nothing_was_is_undone_without_a_share_snapshot(files):
    fill(files.client())
    run = await files.backup()
    name = target_share(files)
    done, now = await restored(files, run, name, target_path="back")
    assert (done.share_snapshot, await snapshots(files, name)) == ("", [])
    put(files.client(name), "elsewhere.txt", b"x")
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, await files.journal(undone)
    assert set(read_tree(files.client(name))) == {"elsewhere.txt"}
    assert undone.counters.removed_files == sum(node.kind == "file" for node in now.values())


@pytest.mark.parametrize("part", [Part.PERMISSIONS, Part.TIMES, Part.METADATA])
async def test_a_part_that_was_given_is_taken_back(files, part):
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    name = target_share(files)
    await restored(files, run, name)
    share = files.client(name)
    disturb(share)
    for path in ("docs/trailing./dot..", "docs/reports/report 01.csv"):
        client = share.get_file_client(path)
        client.set_http_headers(client.get_file_properties().content_settings, file_attributes="Hidden")
        client.set_file_metadata({"other": "metadata"})
    there = read_tree(share)
    done = await files.restore(run.run_no, name, part=part)
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, await files.journal(undone)
    now = read_tree(share)

    def without_change_times(tree):
        kept = slice(0, 2) if part is not Part.TIMES else slice(0, 3)
        return {p: dataclasses.replace(n, times=n.times[kept] if n.kind == "file" else ()) for p, n in tree.items()}

    assert differences(without_change_times(there), without_change_times(now)) == []
    assert set(before) - set(now)


async def test_a_restore_that_died_half_way_is_undone(files):
    run, name, _, there = await disturbed(files)
    files.control.fault(
        operation="file_create", path="docs/reports/report 04.csv", status=403, code="AuthenticationFailed", count=0
    )
    failed = await files.restore(run.run_no, name)
    assert failed.state is RunState.FAILED
    files.control.clear()
    undone = await undo(files, failed, name)
    assert undone.state is RunState.SUCCEEDED, (undone.error, await files.journal(undone))
    assert differences(there, read_tree(files.client(name))) == []


async def test_an_undo_that_died_between_content_and_permission_is_finished_by_the_next(files):
    """By its change time a file that is only half back is not what it was; see half_done."""
    run, name, _, _ = await disturbed(files)
    share = files.client(name)
    own = share.create_permission_for_share(
        "O:S-1-5-21-2127521184-1604012920-1887927527-21560297G:SYD:AI(A;ID;FA;;;SY)"
    )
    share.get_file_client("readme.txt").set_http_headers(
        share.get_file_client("readme.txt").get_file_properties().content_settings, permission_key=own
    )
    there = read_tree(share)
    descriptor = share.get_permission_for_share(
        share.get_file_client("readme.txt").get_file_properties().permission_key
    )
    done, now = await restored(files, run, name, conflicts=Conflicts.MIRROR, delete_at_most=99)
    assert differences(there, now)
    files.control.fault(
        operation="file_set_http_headers", path="readme.txt", status=403, code="AuthenticationFailed", count=0
    )
    failed = await undo(files, done, name)
    assert failed.state is RunState.FAILED
    assert share.get_file_client("readme.txt").download_file().readall() == there["readme.txt"].content
    files.control.clear()
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, (undone.error, await files.journal(undone))
    assert differences(there, read_tree(share)) == []
    key = share.get_file_client("readme.txt").get_file_properties().permission_key
    assert share.get_permission_for_share(key) == descriptor


async def test_an_undo_that_died_between_making_a_file_writable_and_deleting_it_is_finished_by_the_next(files):
    put(files.client(), "d/locked.txt", b"saved", file_attributes="ReadOnly")
    run = await files.backup()
    name = target_share(files)
    put(files.client(name), "d/other.txt", b"there before")
    there = read_tree(files.client(name))
    done, _ = await restored(files, run, name)
    files.control.fault(
        operation="file_delete", path="d/locked.txt", nth=2, status=403, code="AuthenticationFailed", count=0
    )
    assert (await undo(files, done, name)).state is RunState.FAILED
    assert (
        read_tree(files.client(name))["d/locked.txt"].attributes != read_tree(files.client())["d/locked.txt"].attributes
    )
    files.control.clear()
    undone = await undo(files, done, name)
    assert undone.state is RunState.SUCCEEDED, (undone.error, await files.journal(undone))
    assert differences(there, read_tree(files.client(name))) == []


async def test_a_restore_that_died_between_making_a_file_writable_and_replacing_or_deleting_it_is_undone(files):
    put(files.client(), "a.txt", b"saved")
    run = await files.backup()
    name = target_share(files)
    share = files.client(name)
    for path in ("a.txt", "b/only there.txt"):
        settings = ContentSettings(content_type="text/x-own")
        put(share, path, b"there before", file_attributes="ReadOnly", content_settings=settings)
    there = read_tree(share)
    rule = {"status": 403, "code": "AuthenticationFailed", "count": 0, "nth": 2}
    for operation, path in (("file_create", "a.txt"), ("file_delete", "b/only there.txt")):
        with files.control.faults({"operation": operation, "path": path, **rule}):
            failed = await files.restore(run.run_no, name, conflicts=Conflicts.MIRROR, delete_at_most=9)
        assert failed.state is RunState.FAILED
        assert read_tree(share)[path].attributes != there[path].attributes
        undone = await undo(files, failed, name)
        assert undone.state is RunState.SUCCEEDED, (undone.error, await files.journal(undone))
        assert differences(there, read_tree(share)) == []


async def test_a_file_that_the_restore_made_and_somebody_has_changed_since_is_told(files):
    put(files.client(), "a.txt", b"saved")
    run = await files.backup()
    name = target_share(files)
    put(files.client(name), "b.txt", b"there before")
    done, _ = await restored(files, run, name)
    put(files.client(name), "a.txt", b"worked on since")
    undone = await undo(files, done, name)
    assert undone.state is RunState.COMPLETED_WITH_ERRORS
    assert [(line.path, line.kind) for line in await files.journal(undone)] == [("a.txt", "changed_since")]
    assert read_tree(files.client(name))["a.txt"].content == b"worked on since"
