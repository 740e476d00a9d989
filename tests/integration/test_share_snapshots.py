"""Share snapshots: ours are known, counted, kept while they are of use, and cleaned up whatever happens."""

import pytest

from shared.core.rounds import RoundState
from shared.errors import Unavailable
from shared.model.run import RunState
from shared.model.tickets import RunTicket
from shared.usecases.open_backup import open_backup
from shared.usecases.runs import close_run
from shared.usecases.share_snapshots import snapshot_tag
from tests.support.faults import Tripwire, When
from tests.support.share_tree import put, service
from tests.support.world import world

MIB = 1024 * 1024


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        put(found.client(), "small.txt", b"small")
        yield found


def large(files, name="large.bin"):
    files.client().get_file_client(name).create_file(5 * MIB)


def snapshots(files):
    """Ids and tags of all share snapshots."""
    listed = service(files.emulator).list_shares(
        name_starts_with=files.share.share_name, include_snapshots=True, include_metadata=True
    )
    return {s.snapshot: (s.metadata or {}).get("afbrun", "") for s in listed if s.snapshot}


def take(files, count=1, **metadata):
    return [files.client().create_snapshot(metadata=metadata)["snapshot"] for _ in range(count)]


async def base(files):
    return (await files.app.catalogue.last_restore_point(files.share.share_id)).share_snapshot


async def test_of_a_share_without_large_files_none_is_kept(files):
    run = await files.backup()
    assert (run.state, run.counters.large_files) == (RunState.SUCCEEDED, 0)
    assert snapshots(files) == {}
    assert await base(files) is None


async def test_of_a_share_with_large_files_the_newest_is_kept_and_replaced(files):
    large(files)
    first = await files.backup()
    assert first.counters.large_files == 1
    assert list(snapshots(files)) == [first.share_snapshot] == [await base(files)]
    second = await files.backup()
    assert list(snapshots(files)) == [second.share_snapshot] == [await base(files)]
    assert second.share_snapshot != first.share_snapshot
    points = [await files.app.catalogue.restore_point(files.share.share_id, n) for n in (1, 2)]
    assert [point.share_snapshot for point in points] == [None, second.share_snapshot]
    files.client().get_file_client("large.bin").delete_file()
    await files.backup()
    assert snapshots(files) == {}
    assert await base(files) is None


async def test_none_is_kept_where_the_owner_says_so(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, keep_share_snapshot=False) as files:
        large(files)
        run = await files.backup()
        assert (run.state, snapshots(files), await base(files)) == (RunState.SUCCEEDED, {}, None)


async def test_a_run_that_is_given_up_deletes_its_own_and_leaves_the_base(files):
    large(files)
    first = await files.backup()
    run = await files.queue_backup()
    async with files.app.run_scope(run.run_id) as scope:
        await open_backup(scope)
    assert len(snapshots(files)) == 2
    async with files.app.run_scope(run.run_id) as scope:
        await close_run(RunTicket(run_id=run.run_id, error="no more"), scope)
    run = await files.reload(run)
    assert (run.state, run.error) == (RunState.FAILED, "no more")
    assert list(snapshots(files)) == [first.share_snapshot] == [await base(files)]


async def test_a_snapshot_whose_answer_was_lost_is_found_or_deleted(files):
    """Taken and not recorded: by the opening's next try, or when the run is given up."""
    run = await files.queue_backup()
    wire = SnapshotLost()
    files.wrap = wire.wrap
    state = await files.step(run, RoundState(run.run_id, 1))
    assert wire.tripped
    files.wrap = lambda scope: scope
    (taken,) = snapshots(files)
    assert (await files.drive_on(run, state)).share_snapshot == taken
    assert snapshots(files) == {}

    run = await files.queue_backup()
    wire = SnapshotLost()
    files.wrap = wire.wrap
    await files.step(run, RoundState(run.run_id, 1))
    files.wrap = lambda scope: scope
    assert len(snapshots(files)) == 1
    async with files.app.run_scope(run.run_id) as scope:
        await close_run(RunTicket(run_id=run.run_id, error="no more"), scope)
    assert snapshots(files) == {}


async def test_a_second_snapshot_that_a_lost_answer_left_is_deleted_by_the_next_run(files):
    with files.control.faults(
        {"operation": "share_create_snapshot", "share": files.share.share_name, "reset": "after"}
    ):
        first = await files.backup()
    assert first.state is RunState.SUCCEEDED
    assert list(snapshots(files).values()) == [snapshot_tag(files.share, first.run_id)]
    await files.backup()
    assert snapshots(files) == {}


class SnapshotLost(Tripwire):
    """Loses the answer to the snapshot that is taken."""

    def __init__(self):
        super().__init__(-1, When.AFTER, Unavailable)

    def due(self, where):
        if where != "admin.take_snapshot" or self.tripped:
            return False
        self.tripped, self.where = True, where
        return True


async def test_what_earlier_runs_left_behind_is_deleted_by_the_next_and_nothing_else_is(files):
    large(files)
    await files.backup()
    share = files.share
    theirs = [
        *take(files, owner="somebody"),
        *take(files, afbrun="not a tag of ours"),
        *take(files, afbrun=snapshot_tag(share, 1).replace(share.snapshot_mark, "0" * 32)),  # another installation
        *take(files, afbrun=snapshot_tag(share, 1).replace(share.tenant_id, "x" + share.tenant_id)),
        *take(files, afbrun=f"{share.tenant_id}.{share.share_id + 1}.1.{share.snapshot_mark}"),
        *take(
            files, afbrun=snapshot_tag(share, 10**9)
        ),  # of a run that is not known: a copy of this catalogue is at work
        *take(files, afbrun=f"{share.tenant_id}-{share.share_id}-1"),  # of the release before: not surely ours
    ]
    take(files, 2, afbrun=snapshot_tag(share, 1))
    before = snapshots(files)
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    # The emulator gives the ids of snapshots taken within a second again: tags tell them apart.
    expected = {snapshot: before[snapshot] for snapshot in theirs}
    assert snapshots(files) == expected | {run.share_snapshot: snapshot_tag(share, run.run_id)}


async def test_a_leftover_that_cannot_be_deleted_is_told_and_does_not_fail_the_run(files):
    (leased,) = take(files, afbrun=snapshot_tag(files.share, 0))
    lease = files.client(snapshot=leased).acquire_lease()
    run = await files.backup()
    assert run.state is RunState.SUCCEEDED
    (line,) = await files.journal(run)
    assert (line.kind, leased in line.reason) == ("snapshot_left", True)
    lease.release()
    await files.backup()
    assert snapshots(files) == {}


async def test_a_base_that_cannot_be_deleted_is_left_to_the_next_run(files):
    large(files)
    first = await files.backup()
    lease = files.client(snapshot=first.share_snapshot).acquire_lease()
    second = await files.backup()
    assert second.state is RunState.SUCCEEDED
    assert list(snapshots(files)) == [first.share_snapshot, second.share_snapshot]
    lease.release()
    third = await files.backup()
    assert list(snapshots(files)) == [third.share_snapshot]


async def test_a_base_that_somebody_deleted_is_forgotten(files):
    large(files)
    first = await files.backup()
    files.client(snapshot=first.share_snapshot).delete_share()
    run = await files.queue_backup()
    async with files.app.run_scope(run.run_id) as scope:
        await open_backup(scope)
    assert await base(files) is None
    assert (await files.drive(run)).state is RunState.SUCCEEDED


async def test_the_limit_is_told_before_azure_refuses(files):
    large(files)
    await files.backup()
    await files.backup()  # its base is one of ours
    take(files, 179, owner="somebody")
    assert len(snapshots(files)) == 180
    warned = await files.backup()
    assert warned.state is RunState.SUCCEEDED
    (line,) = await files.journal(warned)
    assert line.kind == "snapshots_nearly_full"
    assert "has 180 share snapshots of at most 200; 1 are of this product" in line.reason
    take(files, 20, owner="somebody")
    with_lost = await files.backup()
    assert with_lost.state is RunState.FAILED
    assert (
        "has 200 share snapshots, which is Azure's limit of 200; 1 of them are of this product; hint: delete"
        in with_lost.error
    )
    assert len(snapshots(files)) == 200
    for snapshot in [s for s, tag in snapshots(files).items() if not tag][:1]:
        files.client(snapshot=snapshot).delete_share()
    assert (await files.backup()).state is RunState.SUCCEEDED


async def test_a_leftover_makes_room_at_the_limit(files):
    take(files, 199, owner="somebody")
    take(files, 1, afbrun=snapshot_tag(files.share, 0))
    assert (await files.backup()).state is RunState.SUCCEEDED
    assert len(snapshots(files)) == 199


async def test_the_mark_of_a_share_is_its_own(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as one, world(postgres_url, azurite, files_emulator) as two:
        assert len(one.share.snapshot_mark) == len(two.share.snapshot_mark) == 32
        assert one.share.snapshot_mark != two.share.snapshot_mark
        assert (await one.app.catalogue.run((await one.queue_backup()).run_id))[1] == one.share
