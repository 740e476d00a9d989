"""The catalogue is lost and made again from the vault alone: it is the one that was lost."""

import secrets
from dataclasses import replace

import pytest

from shared.core.rounds import Phase, RoundState
from shared.db import runs, schedules, shares
from shared.errors import NotFound
from shared.model.objects import point_name, segment_name
from shared.model.run import RebuildOrder, RunState
from shared.model.schedule import ScheduleOptions, What
from shared.model.verify_order import VerifyLevel
from tests.integration.test_any_change import Owner
from tests.integration.test_any_change_nfs import NfsOwner
from tests.support.faults import Killed
from tests.support.rebuilding import (
    all_rows,
    before_there_were_notes,
    container,
    lose,
    queue,
    rebuild,
    segments,
    spoil,
    unlike,
)
from tests.support.schedules import add_schedule
from tests.support.share_tree import differences, fill, mkdir, put, read_tree
from tests.support.workers import workers
from tests.support.world import CREDENTIAL, world


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


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.torture), pytest.param(2, marks=pytest.mark.torture)]
)
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


@pytest.mark.parametrize("seed", range(2))
async def test_after_any_history_of_an_nfs_share(postgres_url, azurite, files_emulator, seed):
    async with world(
        postgres_url,
        azurite,
        files_emulator,
        protocol="NFS",
        bundle_file_max_bytes=16 * 1024,
        large_file_bytes=64 * 1024,
    ) as files:
        owner = NfsOwner(files.client(), seed)
        for _ in range(3):
            owner.work()
            await succeeded(files, await files.backup())
        lost = rows_of(files)
        lose(files)
        await succeeded(files, await rebuild(files))
        assert unlike(lost, rows_of(files)) == []


async def test_wide_directories_whose_pages_split_and_merge(files):
    share = files.client()
    mkdir(share, "wide/below")
    for n in range(40):
        put(share, f"wide/f{n:03d}", b"%d" % n)
    await succeeded(files, await files.backup())
    for n in range(3, 36):
        share.get_file_client(f"wide/f{n:03d}").delete_file()
    share.get_directory_client("wide/below").rename_directory("wide/f001a")
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files)) == []
    for n in range(10, 33):
        put(share, f"wide/f{n:03d}", b"again %d" % n)
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files)) == []


def delete(share, path):
    """A directory and all below it."""
    for name, node in sorted(read_tree(share).items(), reverse=True):
        if name.startswith(f"{path}/") and node.kind == "file":
            share.get_file_client(name).delete_file()
        elif name.startswith(f"{path}/"):
            share.get_directory_client(name).delete_directory()
    share.get_directory_client(path).delete_directory()


class Stopping:
    """A catalogue whose user is gone after so many commits."""

    def __init__(self, catalogue, commits):
        self._catalogue, self._left = catalogue, commits

    def __getattr__(self, name):
        return getattr(self._catalogue, name)

    async def commit(self, *args, **kwargs):
        found = await self._catalogue.commit(*args, **kwargs)
        self._left -= 1
        if not self._left:
            raise Killed
        return found


async def part_of_a_run(files, batches):
    """A backup that has committed so many batches and goes no further."""
    run = await files.queue_backup()
    state = await files.step(run, RoundState(run.run_id, 1))
    files.wrap = lambda scope: replace(scope, catalogue=Stopping(scope.catalogue, batches))
    with pytest.raises(Killed):
        await files.step(run, state)
    files.wrap = lambda scope: scope
    return run


async def test_what_a_half_finished_run_wrote_is_no_part_of_it(files):
    share = files.client()
    fill(share)
    for n in range(30):
        put(share, f"more/d{n}/f", b"%d" % n)
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    for n in range(0, 30, 2):
        put(share, f"more/d{n}/g", b"new")
        mkdir(share, f"more/d{n}/new")
    run = await part_of_a_run(files, 2)
    assert any(run_no == run.run_no for run_no, _ in segments(files))
    lose(files)
    again = await succeeded(files, await rebuild(files))
    assert again.run_no > run.run_no, "its number would be given again, and its objects taken for those of another run"
    assert unlike(lost, rows_of(files), older=True) == []
    finished = await succeeded(files, await files.backup())
    target = f"restored-{secrets.token_hex(4)}"
    await succeeded(files, await files.restore(finished.run_no, target))
    assert differences(read_tree(share), read_tree(files.client(target))) == []


async def test_what_a_failed_run_wrote_and_deleted_is_part_of_the_next_restore_point(files, monkeypatch):
    """It committed batches, made some tombstones, and ended without a restore point."""
    share = files.client()
    for n in range(12):
        put(share, f"old/d{n}/e/f", b"%d" % n)
        put(share, f"kept/d{n}/f", b"%d" % n)
    await succeeded(files, await files.backup())
    delete(share, "old")
    put(share, "kept/d1/g", b"new")
    monkeypatch.setattr("shared.usecases.close_backup.MISSING_PER_TRANSACTION", 3)
    run = await files.queue_backup()
    state = RoundState(run.run_id, 1)
    while state.phase is not Phase.CLOSING:
        state = await files.step(run, state)
    assert await files.app.catalogue.take_missing(run.run_id, 3) > 0
    assert await files.app.catalogue.take_missing(run.run_id, 3) > 0
    await files.app.catalogue.abandon_run(run.run_id, "somebody pulled the plug")
    put(share, "kept/d2/g", b"new")
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files)) == []


async def test_a_vault_from_before_there_were_notes(files):
    """Nothing is read again, and every restore point comes back, of a history in which things moved and went."""
    owner, trees = Owner(files.client(), 5), {}
    with before_there_were_notes():
        for _ in range(4):
            owner.work()
            run = await succeeded(files, await files.backup())
            trees[run.run_no] = read_tree(files.client())
    await rebuilt_as_well_as_can_be(files, trees)


async def test_a_vault_that_began_before_there_were_notes(files):
    owner, trees = Owner(files.client(), 6), {}
    with before_there_were_notes():
        for _ in range(3):
            owner.work()
            await files.backup()
    for _ in range(3):
        owner.work()
        run = await succeeded(files, await files.backup())
        trees[run.run_no] = read_tree(files.client())
    await rebuilt_as_well_as_can_be(files, trees)


async def rebuilt_as_well_as_can_be(files, trees):
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files, credential=CREDENTIAL))
    found = rows_of(files)
    for table in ("rollup", "restore_point", "permission"):
        assert found[table] == lost[table]
    # What a rebuild derives: which rows there are, where they hang, which are gone (not since when).
    place = ("page_id", "parent_id", "file_id", "name")
    live = [
        [{k: row[k] for k in place} for row in rows["page"] if _is_live(row) and not row["page_id"] & 0xFFFFFF]
        for rows in (lost, found)
    ]
    assert live[0] == live[1]
    assert {row["page_id"] for row in lost["page"]} == {row["page_id"] for row in found["page"]}
    again = await succeeded(files, await files.backup())
    assert (again.counters.changed_files, again.counters.read_bytes, again.counters.deleted_files) == (0, 0, 0)
    assert (again.counters.new_directories, again.counters.moved_directories) == (0, 0)
    for run_no, tree in trees.items():
        target = f"restored-{secrets.token_hex(4)}"
        await succeeded(files, await files.restore(run_no, target))
        assert differences(tree, read_tree(files.client(target))) == [], f"restore point {run_no}"


def _is_live(row):
    return not bytes.fromhex(row["packed"].removeprefix("\\x"))[1] & 8


async def test_two_workers_rebuild_it_together(files, monkeypatch):
    fill(files.client())
    for n in range(40):
        put(files.client(), f"more/d{n}/f", b"%d" % n)
    await succeeded(files, await files.backup())
    for n in range(40):
        put(files.client(), f"more/d{n}/g", b"%d" % n)
        await files.backup() if n % 10 == 0 else None
    lost = rows_of(files)
    lose(files)
    with workers(files) as processes:
        first = await processes.start("--rebuild", files.share.tenant_id, "--until-idle")
        second = await processes.start("--until-idle")
        assert (await first.left(), await second.left()) == (0, 0)
    assert unlike(lost, rows_of(files), older=False) == []


async def test_a_catalogue_that_is_there_is_replaced_only_if_that_is_said(files):
    fill(files.client())
    first = await succeeded(files, await files.backup())
    put(files.client(), "new", b"new")
    await succeeded(files, await files.backup())
    before = rows_of(files)
    queued, left_out = await files.app.queue_rebuilds(RebuildOrder(), tenant_id=files.share.tenant_id)
    assert (queued, [one.share_id for one in left_out]) == ([], [files.share.share_id])
    assert "may be replaced" in left_out[0].reason
    assert rows_of(files) == before
    await succeeded(files, await rebuild(files, replace=True))
    assert unlike(before, rows_of(files)) == []
    await succeeded(files, await rebuild(files, replace=True, restore_point=first.run_no))
    assert [row["run_no"] for row in rows_of(files)["restore_point"]] == [first.run_no]
    finished = await succeeded(files, await files.backup())  # it finds what the second had found
    target = f"restored-{secrets.token_hex(4)}"
    await succeeded(files, await files.restore(finished.run_no, target))
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []
    lost = rows_of(files)
    lose(files)
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files), older=True) == []


async def lost_something(files, run):
    """A rebuild that tells of losses; returns them by object."""
    assert run.state is RunState.COMPLETED_WITH_ERRORS, (run.state, run.error)
    assert {line.kind for line in await files.journal(run)} == {"lost"}
    return {loss["object"]: loss for loss in run.report["lost"]}


async def mended(files):
    """A backup after it makes a restore point that is the share as it is."""
    run = await succeeded(files, await files.backup())
    target = f"restored-{secrets.token_hex(4)}"
    await succeeded(files, await files.restore(run.run_no, target))
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []
    return run


def flipped(data):
    """One bit of a record is wrong; the index is not."""
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda data: None, id="gone", marks=pytest.mark.torture),
        pytest.param(lambda data: data[:-9], id="cut short", marks=pytest.mark.torture),
        pytest.param(flipped, id="a record"),
    ],
)
async def test_with_a_damaged_segment_the_rest_is_rebuilt(files, harm):
    """Whichever it is: the next backup makes it good, and only files of which the record is lost are read again."""
    share = files.client()
    fill(share)
    for n in range(40):
        put(share, f"wide/f{n:03d}", b"%d" % n)
    await succeeded(files, await files.backup())
    tree = read_tree(share)
    for n in range(0, 40, 7):
        put(share, f"wide/f{n:03d}", b"changed %d" % n)
    put(share, "docs/another", b"x")
    mkdir(share, "new/below")
    put(share, "new/below/f", b"x")
    second = await succeeded(files, await files.backup())
    for number, (run_no, batch_no) in enumerate(segments(files)):
        name = segment_name(files.share.share_id, run_no, batch_no)
        whole = []
        spoil(files, name, lambda data, whole=whole: whole.append(data) or harm(data))
        lose(files)
        lost = await lost_something(files, await rebuild(files, restore_point=second.run_no))
        assert set(lost) == {name}
        expected = [1, 2] if run_no == 1 else [2]
        assert lost[name]["restore_points"] == expected, lost
        assert "start a backup" in lost[name]["hint"]
        if run_no == 1 and number == 0:
            assert lost[name]["directories"] == (1 if harm is flipped else 0)
        run = await mended(files)
        assert run.counters.changed_files <= len([n for n in read_tree(share).values() if n.kind == "file"])
        if run_no == second.run_no:  # the restore point before is whole
            target = f"restored-{secrets.token_hex(4)}"
            await succeeded(files, await files.restore(1, target))
            assert differences(tree, read_tree(files.client(target))) == []
        with container(files) as vault:
            vault.upload_blob(name, whole[0], overwrite=True)


@pytest.mark.parametrize("which", [1, 2, 3])
async def test_with_a_damaged_restore_point(files, which):
    share, trees = files.client(), {}
    fill(share)
    for n in range(3):
        put(share, f"docs/{n}", b"%d" % n)
        await succeeded(files, await files.backup())
        trees[n + 1] = read_tree(share)
    spoil(files, point_name(files.share.share_id, which), flipped)
    lose(files)
    lost = await lost_something(files, await rebuild(files))
    assert list(lost) == [point_name(files.share.share_id, which)]
    assert lost[point_name(files.share.share_id, which)]["restore_points"] == [which]
    left = [run_no for run_no in trees if run_no != which]
    assert [row["run_no"] for row in rows_of(files)["restore_point"]] == left
    for run_no in left:
        target = f"restored-{secrets.token_hex(4)}"
        await succeeded(files, await files.restore(run_no, target))
        assert differences(trees[run_no], read_tree(files.client(target))) == []
    await mended(files)


async def test_bad_orders_are_refused_and_change_nothing(files):
    with pytest.raises(NotFound, match="no restore points of tenant"):
        await queue(files)
    fill(files.client())
    await succeeded(files, await files.backup())
    before = rows_of(files)
    queued, left_out = await files.app.queue_rebuilds(RebuildOrder(restore_point=9), tenant_id=files.share.tenant_id)
    assert (queued, len(left_out)) == ([], 1)
    assert "restore point 9" in left_out[0].reason
    assert "these can be: 1" in left_out[0].reason
    assert rows_of(files) == before
    run = await queue(files, replace=True)
    spoil(files, point_name(files.share.share_id, 1), flipped)  # after it was queued, before it is opened
    ended = await files.drive(run)
    assert ended.state is RunState.FAILED
    assert "no readable restore point" in ended.error


async def test_a_rebuild_that_is_paused_goes_on_where_it_was(files, monkeypatch):
    monkeypatch.setattr("shared.usecases.rebuild_catalogue.CLAIM_BYTES", 1)  # one segment at a time
    for n in range(30):
        put(files.client(), f"d/d{n}/f", b"%d" % n)
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    run = await queue(files)
    state = await files.step(run, RoundState(run.run_id, 1))
    there = await files.app.catalogue.left(run.run_id)
    read = Pausing(files, run)
    files.wrap = lambda scope: replace(scope, rebuilds=read.wrap(scope.rebuilds))
    state = await files.step(run, state)
    files.wrap = lambda scope: scope
    assert state.phase is Phase.ENDED  # whoever resumes it starts anew
    left = await files.app.catalogue.left(run.run_id)
    assert 1 < left < there
    async with files.app.transaction() as conn:
        await runs.resume(conn, run.run_id)
    run = await files.reload(run)
    state = await files.step(run, RoundState(run.run_id, 1, epoch=run.epoch))
    assert await files.app.catalogue.left(run.run_id) == left, "what was done is not done again"
    await succeeded(files, await files.drive_on(run, state))
    assert unlike(lost, rows_of(files)) == []


class Pausing:
    """Pauses a rebuild when two items of it are done."""

    def __init__(self, files, run):
        self._files, self._run, self._done = files, run, 0

    def wrap(self, rebuilds):
        self._rebuilds = rebuilds
        return self

    def __getattr__(self, name):
        return getattr(self._rebuilds, name)

    async def done(self, *args, **kwargs):
        await self._rebuilds.done(*args, **kwargs)
        self._done += 1
        if self._done == 2:
            async with self._files.app.transaction() as conn:
                await runs.pause(conn, self._run.run_id)


async def test_a_rebuild_that_is_cancelled_leaves_nothing_and_can_be_started_again(files):
    fill(files.client())
    await succeeded(files, await files.backup())
    lost = rows_of(files)
    lose(files)
    run = await queue(files)
    await files.step(run, RoundState(run.run_id, 1))
    async with files.app.transaction() as conn:
        await runs.cancel(conn, run.run_id)
    ended = await files.drive(await files.reload(run))
    assert ended.state is RunState.CANCELLED
    assert (rows_of(files)["page"], rows_of(files)["rebuild_item"]) == ([], [])
    await succeeded(files, await rebuild(files))
    assert unlike(lost, rows_of(files)) == []


async def test_schedules_come_back_switched_off(files):
    """Whoever rebuilds may be trying it out beside the catalogue that is at work."""
    put(files.client(), "a.txt", b"a")
    now = files.app.clock.now()
    async with files.app.transaction() as conn:
        await add_schedule(conn, files.share, now, time_zone="Europe/Berlin", spread_s=60)
        options = ScheduleOptions(level=VerifyLevel.SAMPLE, over_runs=7)
        await add_schedule(conn, files.share, now, what=What.VERIFY, name="sample", options=options)
        before = await schedules.of_share(conn, files.share.share_id)
    await succeeded(files, await files.backup())
    lose(files)
    await succeeded(files, await rebuild(files))
    async with files.app.transaction() as conn:
        after = await schedules.of_share(conn, files.share.share_id)
        share = await shares.get(conn, files.share.share_id)
    assert [(s.name, s.what, s.timing, s.options) for s in after] == [
        (s.name, s.what, s.timing, s.options) for s in before
    ]
    assert [(s.enabled, s.next_at) for s in after] == [(False, None)] * 2
    assert share.settings == files.share.settings
