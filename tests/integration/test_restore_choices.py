"""Restores of a part of what was saved, onto what is there already: every choice a person has, and what it leaves alone."""

import dataclasses
import datetime as dt
import json
import secrets

import pytest

from shared.core.rounds import RoundState
from shared.db import restore_points, runs
from shared.errors import Unavailable
from shared.formats.frame import expand_stream
from shared.model.objects import restore_report_name
from shared.model.restore import Change, Conflicts, Part, Selection
from shared.model.run import RunState
from shared.usecases.restore_files import unfinished_name
from tests.support.crossed import crossed
from tests.support.share_tree import SDDL, differences, fill, mkdir, put, read_tree, service
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


def target_share(files) -> str:
    name = f"target-{secrets.token_hex(4)}"
    service(files.emulator).create_share(name)
    return name


def below(tree, *tops):
    """The nodes at or below ``tops``, and the directories on the way to them."""
    return {
        path: node
        for path, node in tree.items()
        if any(path == top or path.startswith(top + "/") or top.startswith(path + "/") for top in tops)
    }


async def restored(files, run, name=None, **order):
    name = name or target_share(files)
    found = await files.restore(run.run_no, name, **order)
    assert found.state is RunState.SUCCEEDED, (found.error, await files.journal(found))
    return found, read_tree(files.client(name))


# ------------------------------------------------------------------------------------------------------------ selections


async def test_several_files_and_directories_come_back_with_those_on_the_way(files):
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    paths = (
        "docs/日本語",
        "deep/level0/level1",
        "docs/reports/report 03.csv",
        "readme.txt",
        "deep/level0/level1/level2",
    )
    found, now = await restored(files, run, selection=Selection(paths=paths))
    assert differences(below(before, *paths), now) == []
    assert found.counters.files == sum(node.kind == "file" for node in now.values())


async def test_what_is_selected_keeps_its_place_relative_to_the_directory_that_is_restored(files):
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    paths = ("docs/reports/report 03.csv", "docs/日本語")
    _, now = await restored(files, run, path="docs", target_path="back/again", selection=Selection(paths=paths))
    moved = {path.replace("docs", "back/again", 1): node for path, node in below(before, *paths).items()}
    del now["back"]
    assert differences(moved, now) == []


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(extensions=(".CSV",)), lambda p: p.endswith(".csv")),
        (Selection(include=("docs/**/*.txt", "LEAF.txt")), lambda p: p.endswith(".txt") and p != "readme.txt"),
        (
            Selection(exclude=("level1", "*.csv", "media/")),
            lambda p: "level1" not in p and ".csv" not in p and "media" not in p,
        ),
        (
            Selection(written_before=dt.datetime(2002, 1, 1, tzinfo=dt.UTC)),
            lambda p: p == "media/song.wav",
        ),
        (
            Selection(paths=("docs",), extensions=(".csv",), exclude=("*01*",)),
            lambda p: p.endswith(".csv") and "01" not in p,
        ),
    ],
)
async def test_files_are_chosen_one_by_one_and_directories_made_for_them_alone(files, selection, chosen):
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    wanted = [path for path, node in before.items() if node.kind == "file" and chosen(path)]
    assert wanted
    _, now = await restored(files, run, selection=selection)
    assert differences(below(before, *wanted), now) == []


async def test_files_that_were_changed_or_deleted_since_are_found_by_comparing_restore_points(files):
    share = files.client()
    fill(share)
    first, before = await files.backup(), read_tree(share)
    put(share, "docs/reports/report 02.csv", b"changed")
    share.get_file_client("docs/reports/report 05.csv").delete_file()
    share.get_directory_client("docs/日本語").get_file_client("ファイル %41 + # & 'x'.txt").delete_file()
    share.get_directory_client("docs/日本語").delete_directory()
    put(share, "docs/new.txt", b"new")
    share.get_file_client("readme.txt").rename_file("docs/readme.txt")
    second = await files.backup()
    put(share, "docs/reports/report 07.csv", b"changed later")
    await files.backup()
    deleted = ["docs/reports/report 05.csv", "docs/日本語/ファイル %41 + # & 'x'.txt", "readme.txt"]
    for changes, wanted in (
        ((Change.DELETED,), deleted),
        ((Change.CHANGED,), ["docs/reports/report 02.csv"]),
        ((Change.DELETED, Change.CHANGED), [*deleted, "docs/reports/report 02.csv"]),
    ):
        selection = Selection(compared_with=second.run_no, changes=changes)
        _, now = await restored(files, first, selection=selection)
        assert differences(below(before, *wanted), now) == []


# ------------------------------------------------------------------------------------------------------------- conflicts


def disturb(share):
    """Change a target that was restored: other content, other directories' times, more files."""
    put(share, "readme.txt", b"somebody else's", metadata={"mine": "yes"})
    put(share, "docs/reports/report 04.csv", b"shorter")
    put(share, "docs/reports/mine.txt", b"not in the backup")
    mkdir(share, "docs/mine/below")
    put(share, "docs/mine/below/mine.txt", b"nor this")
    share.get_file_client("media/song.wav").delete_file()
    for path in ("deep/level0/level1/level2/level3/level4/level5/leaf.txt",):
        share.get_file_client(path).delete_file()
    share.get_directory_client("deep/level0/level1/level2/level3/level4/level5").delete_directory()
    share.get_directory_client("empty directory").set_directory_metadata({"touched": "yes"})


GONE = ("media/song.wav", "deep/level0/level1/level2/level3/level4/level5")
"""What :func:`disturb` deletes."""


async def disturbed(files):
    """A backup, and a target that was restored from it and then changed: before, and as it is now."""
    fill(files.client())
    run, before = await files.backup(), read_tree(files.client())
    name = target_share(files)
    await restored(files, run, name)
    disturb(files.client(name))
    return run, name, before, read_tree(files.client(name))


def except_directory_times(tree, *paths):
    """Times of directories that something was written into, and of those above it, are not compared."""
    return {p: dataclasses.replace(n, times=()) if p in paths else n for p, n in tree.items()}


async def test_skip_brings_back_what_is_missing_and_touches_nothing_else(files):
    run, name, before, there = await disturbed(files)
    found, now = await restored(files, run, name, conflicts=Conflicts.SKIP)
    expected = there | {p: n for p, n in before.items() if p not in there}
    touched = ("media", "deep/level0/level1/level2/level3/level4")
    assert differences(except_directory_times(expected, *touched), except_directory_times(now, *touched)) == []
    assert (found.counters.files, found.counters.left_files, found.counters.made_directories) == (2, 2, 1)


async def test_overwrite_if_different_writes_only_what_is(files):
    run, name, before, there = await disturbed(files)
    found, now = await restored(files, run, name, conflicts=Conflicts.DIFFERENT)
    assert differences(before, {p: n for p, n in now.items() if p in before}) == []
    assert {p for p in now if p not in before} == {p for p in there if p not in before}
    assert (found.counters.files, found.counters.replaced_files) == (4, 2)
    assert found.counters.same_files == sum(n.kind == "file" for n in before.values()) - 4


async def test_keep_both_names_what_it_restores_with_the_date_and_is_the_same_when_repeated(files):
    run, name, before, there = await disturbed(files)
    async with files.app.transaction() as conn:
        taken = (await restore_points.get(conn, files.share.share_id, run.run_no)).taken_at
    mark = f" ({taken:%Y-%m-%d %H.%M})"
    beside = {"readme.txt": f"readme{mark}.txt", "docs/reports/report 04.csv": f"docs/reports/report 04{mark}.csv"}
    found, now = await restored(files, run, name, conflicts=Conflicts.KEEP_BOTH)
    expected = (
        there | {p: n for p, n in before.items() if p not in there} | {new: before[old] for old, new in beside.items()}
    )
    touched = ("media", "deep/level0/level1/level2/level3/level4", "docs/reports")
    assert differences(except_directory_times(expected, *touched), except_directory_times(now, *touched)) == []
    assert (found.counters.files, found.counters.kept_files) == (4, 2)
    again, still = await restored(files, run, name, conflicts=Conflicts.KEEP_BOTH)
    assert (differences(now, still), again.counters.files) == ([], 0)


async def test_mirror_makes_the_target_what_it_was_once_the_deletions_are_confirmed(files):
    run, name, before, there = await disturbed(files)
    extra = {p for p in there if p not in before}
    plan = await files.restore(run.run_no, name, conflicts=Conflicts.MIRROR, dry_run=True)
    assert plan.report["confirm"] == {"delete_at_most": len(extra)}
    assert differences(there, read_tree(files.client(name))) == []

    short = await files.restore(run.run_no, name, conflicts=Conflicts.MIRROR, delete_at_most=len(extra) - 1)
    assert short.state is RunState.COMPLETED_WITH_ERRORS
    [line] = await files.journal(short)
    assert line.kind == "not_deleted"
    assert "were confirmed" in line.reason

    rest = [p for p in read_tree(files.client(name)) if p not in before]
    found, now = await restored(files, run, name, conflicts=Conflicts.MIRROR, delete_at_most=len(rest))
    assert differences(before, now) == []
    assert found.counters.removed_files + found.counters.removed_directories == len(rest)


async def test_mirror_of_chosen_directories_deletes_in_them_alone(files):
    run, name, before, _ = await disturbed(files)
    order = {"conflicts": Conflicts.MIRROR, "selection": Selection(paths=("docs/reports", "media/song.wav"))}
    _, now = await restored(files, run, name, delete_at_most=1, **order)
    assert "docs/reports/mine.txt" not in now
    assert "docs/mine/below/mine.txt" in now
    assert differences(below(before, "docs/reports") | {"docs": now["docs"]}, below(now, "docs/reports")) == []


async def test_mirror_replaces_files_by_directories_and_directories_by_files(files):
    share = files.client()
    put(share, "a/file", b"file")
    put(share, "b/directory/x.txt", b"x")
    run, before = await files.backup(), read_tree(share)
    name = target_share(files)
    put(files.client(name), "a/file/now/a.txt", b"a")
    put(files.client(name), "b/directory", b"now a file")
    refused = await files.restore(run.run_no, name, conflicts=Conflicts.DIFFERENT)
    assert {line.path for line in await files.journal(refused)} == {"a/file", "b/directory"}
    _, now = await restored(files, run, name, conflicts=Conflicts.MIRROR, delete_at_most=4)
    assert differences(before, now) == []


# ------------------------------------------------------------------------------------------------------------- dry runs


@pytest.mark.parametrize(
    ("conflicts", "selection"),
    crossed(
        list(Conflicts),
        [Selection(), Selection(extensions=(".txt", ".csv")), Selection(paths=("docs", "media/song.wav"))],
    ),
)
async def test_a_dry_run_tells_what_the_restore_then_does_and_writes_nothing(files, conflicts, selection):
    if conflicts is Conflicts.MIRROR and selection.by_file:
        pytest.skip("the API refuses it")
    run, name, _, there = await disturbed(files)
    plan = await files.restore(run.run_no, name, conflicts=conflicts, selection=selection, dry_run=True)
    assert plan.state is RunState.SUCCEEDED, (plan.error, await files.journal(plan))
    assert plan.counters.files_writes == 0
    assert differences(there, read_tree(files.client(name))) == []
    done, _ = await restored(files, run, name, conflicts=conflicts, selection=selection, delete_at_most=99)
    for count in ("files", "bytes", "replaced_files", "kept_files", "same_files", "left_files", "made_directories",
                  "removed_files", "removed_directories"):  # fmt: skip
        assert getattr(plan.counters, count) == getattr(done.counters, count), count
    assert plan.report["plan"]["cost"]["total"] >= 0
    assert plan.report["plan"]["operations"]["files_write"] == plan.counters.planned_writes


async def test_a_dry_run_onto_a_share_that_is_not_there_makes_none(files):
    fill(files.client())
    run = await files.backup()
    plan = await files.restore(run.run_no, "not-there-yet", target_path="a/b", dry_run=True)
    assert plan.state is RunState.SUCCEEDED, plan.error
    assert plan.report["written"]["files"] == run.counters.files
    assert "not-there-yet" not in [share.name for share in service(files.emulator).list_shares()]


# ---------------------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("part", "what"), [(Part.PERMISSIONS, "permission"), (Part.TIMES, "times"), (Part.METADATA, "metadata")]
)
async def test_a_part_of_nodes_is_given_to_those_that_are_there(files, part, what):
    run, name, before, _ = await disturbed(files)
    share = files.client(name)
    key = share.create_permission_for_share(SDDL.format(n=1009))
    for path in ("readme.txt", "docs/reports/report 01.csv"):
        client = share.get_file_client(path)
        settings = client.get_file_properties().content_settings
        client.set_http_headers(settings, file_attributes="Hidden", permission_key=key)
        client.set_file_metadata({"other": "metadata"})
    share.get_directory_client("docs").set_http_headers(file_attributes="Directory|Hidden", permission_key=key)
    share.get_directory_client("docs").set_directory_metadata({"other": "metadata"})
    there = read_tree(share)
    found = await files.restore(run.run_no, name, part=part)
    gone = {p for p in before if p not in there}
    assert {line.path for line in await files.journal(found)} == {"media/song.wav", GONE[1]}
    assert {line.kind for line in await files.journal(found)} == {"not_there"}
    now = read_tree(share)
    given = {"times": ("times", "attributes")}.get(what, (what,))
    for path, node in there.items():
        expected = dataclasses.replace(node, **{w: getattr(before[path], w) for w in given}) if path in before else node
        if what != "times":  # they move whenever something is set
            expected, node = dataclasses.replace(expected, times=()), dataclasses.replace(now[path], times=())
        else:
            node = now[path]
        assert differences({path: expected}, {path: node}) == []
    assert gone.isdisjoint(now)


# --------------------------------------------------------------------------------------------------- trouble and reports


class Dies:
    """A catalogue whose worker dies just before its ``n``-th batch is committed."""

    def __init__(self, catalogue, n):
        self._catalogue = catalogue
        self._left = n

    def __getattr__(self, name):
        return getattr(self._catalogue, name)

    async def commit_restore(self, batch):
        self._left -= 1
        if self._left == 0:
            raise Unavailable("the worker died")
        await self._catalogue.commit_restore(batch)


@pytest.mark.parametrize(
    ("conflicts", "selection"),
    crossed(
        [c for c in Conflicts if c is not Conflicts.OVERWRITE],
        [Selection(), Selection(extensions=(".txt", ".wav", ".csv"))],
    ),
)
async def test_a_batch_that_is_done_again_ends_as_if_it_had_been_done_once(files, conflicts, selection):
    if conflicts is Conflicts.MIRROR and selection.by_file:
        pytest.skip("the API refuses it")
    run, name, _, _ = await disturbed(files)
    other = target_share(files)
    await restored(files, run, other)
    disturb(files.client(other))
    order = {"conflicts": conflicts, "selection": selection, "delete_at_most": 99}
    await restored(files, run, name, **order)
    batches = 0
    wrapped = {}

    def dies(scope):
        nonlocal batches
        if scope.run.run_id not in wrapped:
            wrapped[scope.run.run_id] = Dies(scope.catalogue, 2)
        return dataclasses.replace(scope, catalogue=wrapped[scope.run.run_id])

    files.wrap = dies
    again = await files.restore(run.run_no, other, **order)
    assert again.state is RunState.SUCCEEDED, (again.error, await files.journal(again))

    def told(tree):  # change times are the service's where a restore leaves a node alone
        return {p: dataclasses.replace(n, times=()) for p, n in tree.items()}

    assert differences(told(read_tree(files.client(name))), told(read_tree(files.client(other)))) == []
    made = GONE[1]
    if selection.by_file or conflicts is not Conflicts.MIRROR:
        assert read_tree(files.client(other))[made].times == read_tree(files.client(name))[made].times


async def test_a_large_file_is_never_seen_half_written(files):
    content = secrets.token_bytes(9 * 1024 * 1024)
    put(files.client(), "big/file.bin", content)
    run = await files.backup()
    name = target_share(files)
    put(files.client(name), "big/file.bin", b"what was there before")
    files.control.fault(operation="file_upload_range", path="big", status=409, code="SharingViolation", count=0)
    failed = await files.restore(run.run_no, name)
    [line] = await files.journal(failed)
    assert (line.path, failed.state) == ("big/file.bin", RunState.COMPLETED_WITH_ERRORS)
    now = read_tree(files.client(name))
    assert now["big/file.bin"].content == b"what was there before"
    assert not [path for path in now if unfinished_name(failed.run_no, 0)[:12] in path]
    files.control.clear()
    _, now = await restored(files, run, name)
    assert now["big/file.bin"].content == content
    assert len(now) == 2


async def test_the_report_in_the_vault_says_what_was_done_and_names_every_exception(files):
    run, name, before, _ = await disturbed(files)
    files.control.fault(operation="file_create", path="docs/reports", status=409, code="SharingViolation", count=0)
    found = await files.restore(run.run_no, name)
    async with files.app.run_scope(found.run_id) as scope:
        data = await scope.vault.get(restore_report_name(files.share.share_id, found.run_no))
    report, *lines = [json.loads(line) for line in expand_stream(data).splitlines()]
    assert report["object"] == restore_report_name(files.share.share_id, found.run_no)
    assert {key: value for key, value in found.report.items() if key != "object"} == {
        key: value for key, value in report.items() if key != "object"
    }
    assert report["restore_point"] == run.run_no
    assert report["to"]["share_name"] == name
    assert report["written"]["files"] == found.counters.files
    refused = sorted(p for p, n in before.items() if p.startswith("docs/reports/") and n.kind == "file")
    assert sorted(line["path"] for line in lines if line["kind"] == "not_restored") == refused
    assert report["exceptions"] == len(refused) == found.report["exceptions"]


async def test_a_cancelled_restore_says_what_it_wrote_and_leaves_no_half_files(files):
    fill(files.client())
    put(files.client(), "big/file.bin", secrets.token_bytes(9 * 1024 * 1024))
    run, before = await files.backup(), read_tree(files.client())
    name = target_share(files)
    restore = await files.queue_restore(run.run_no, name)
    steps = 0

    def dies(scope):  # with half a batch written, as when the process is killed
        return dataclasses.replace(scope, catalogue=Dies(scope.catalogue, 2))

    files.wrap = dies
    state = RoundState(restore.run_id, 1)
    while steps < 2:
        state = await files.step(restore, state)
        steps += 1
    left = files.client(name)
    unfilled = await files.app.catalogue.restore_unfilled(restore.run_id, 0, 1000)
    begun = [item.path for item, begun in unfilled if begun]
    assert 0 < len(begun) < len(unfilled)
    put(left, f"{begun[0]}/{unfinished_name(restore.run_no, 77)}", b"half of it")
    async with files.app.transaction() as conn:
        await runs.cancel(conn, restore.run_id)
    files.wrap = lambda scope: scope
    cancelled = await files.reload(restore)
    cancelled = await files.drive_on(cancelled, RoundState(restore.run_id, 1, epoch=cancelled.epoch))
    assert cancelled.state is RunState.CANCELLED
    now = read_tree(left)
    assert not [path for path in now if ".afb-restore" in path]
    told = cancelled.report["unfinished"]
    written = {p for p, n in now.items() if n.kind == "file"}
    assert cancelled.counters.files + told["files_written_in_them"] == len(written)
    assert written < {p for p, n in before.items() if n.kind == "file"}
    async with files.app.run_scope(restore.run_id) as scope:
        data = await scope.vault.get(restore_report_name(files.share.share_id, restore.run_no))
    lines = [json.loads(line) for line in expand_stream(data).splitlines()]
    unfinished = {line["path"] for line in lines if line.get("kind") == "unfinished"}
    missing = {p.rpartition("/")[0] for p, n in before.items() if n.kind == "file" and p not in written}
    assert all(any(not top or (path + "/").startswith(top + "/") for top in unfinished) for path in missing)
