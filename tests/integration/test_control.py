"""Runs are paused, resumed and cancelled within seconds, and nothing that was read is lost."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from shared.db import batches, restore_points, runs
from shared.db.batches import BatchKind
from shared.errors import Conflict
from shared.model.run import RunState
from shared.model.tickets import RunTicket, Stop
from shared.usecases.runs import work_on
from tests.support.share_tree import differences, put, read_tree, service
from tests.support.world import world

FILES = 60
AFTER = 10
"""Requests after which a run is interrupted."""
IN_THE_LAST_PIECE = 46
"""The same of a wide directory: its pieces are of 15 entries, four of which are subdirectories that come first."""


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, large_file_bytes=8 * 1024 * 1024) as found:
        # Two files at a time, and many of them in one wave: it is the files between which the work has to stop.
        found.app.limits = replace(
            found.app.limits,
            look_s=0.1,
            concurrent_reads=2,
            batch_directories=100,
            wave_directories=8,
        )
        yield found


def fill_narrow(share):
    for n in range(FILES):
        put(share, f"d{n % 5}/sub/f{n:02d}.bin", secrets.token_bytes(200 + n))


def fill_wide(share):
    """More entries than go into one wave, subdirectories among them."""
    for n in range(FILES - 4):
        put(share, f"wide/f{n:02d}.bin", secrets.token_bytes(200 + n))
    for n in range(4):
        put(share, f"wide/a{n}/h.bin", b"h%d" % n)


async def change(files, run, action):
    async with files.app.transaction() as conn:
        return await action(conn, run.run_id)


async def done_at_least(files, operation, count, before, driving):
    async with asyncio.timeout(120):
        while files.control.requests(operation) - before < count:
            assert not driving.done(), driving.exception() or "it ended before"
            await asyncio.sleep(0.02)


async def held(files, run):
    kinds = [BatchKind.DIRECTORIES, BatchKind.SPAN, BatchKind.RESTORE]
    async with files.app.transaction() as conn:
        return await batches.held(conn, run.run_id, kinds)


async def interrupted(files, run, operation, action, *, after=AFTER, delay_s=0.15):
    """Drive ``run`` on a slow share and have ``action`` after some requests; how many of them there were at the end."""
    before = files.control.requests(operation)
    with files.control.faults({"operation": operation, "delay_s": delay_s, "count": 0}):
        driving = asyncio.create_task(files.drive(run))
        await done_at_least(files, operation, after, before, driving)
        await change(files, run, action)
        async with asyncio.timeout(4):
            await driving
    if action is not runs.cancel:
        assert not await held(files, run), "a worker that stopped gives back what it holds"
    return files.control.requests(operation) - before


def snapshots(files):
    listed = service(files.emulator).list_shares(name_starts_with=files.share.share_name, include_snapshots=True)
    return [s for s in listed if s.snapshot]


@pytest.mark.parametrize(("fill", "after"), [(fill_narrow, AFTER), (fill_wide, AFTER), (fill_wide, IN_THE_LAST_PIECE)])
async def test_a_paused_backup_stops_in_seconds_and_goes_on_where_it_was(files, fill, after):
    share = files.client()
    fill(share)
    run = await files.queue_backup()
    read = await interrupted(files, run, "file_download", runs.pause, after=after)
    paused = await files.reload(run)
    assert (paused.state, paused.epoch) == (RunState.PAUSED, 0)
    assert paused.paused_at is not None
    assert after <= read < FILES
    assert paused.counters.changed_files == read, "every file that was read was saved"

    async with files.app.run_scope(run.run_id) as scope:
        receipt = await work_on(RunTicket(run_id=run.run_id, worker="late"), scope)
    assert (receipt.stop, receipt.batches) == (Stop.PAUSED, 0)
    with pytest.raises(Conflict, match="it is paused: resume or cancel it"):
        await files.queue_backup()

    await change(files, run, runs.resume)
    resumed = await files.reload(run)
    assert (resumed.state, resumed.epoch, resumed.paused_at) == (RunState.QUEUED, 1, None)
    before = files.control.requests("file_download")
    ended = await files.drive(resumed)
    assert (ended.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
    assert files.control.requests("file_download") - before == FILES - read, "nothing is read twice"
    assert (ended.counters.changed_files, ended.counters.files) == (FILES, FILES)
    assert ended.paused_seconds > 0
    target = f"restored-{secrets.token_hex(4)}"
    restore = await files.restore(run.run_no, target)
    assert restore.state is RunState.SUCCEEDED
    assert differences(read_tree(share), read_tree(files.client(target))) == []
    assert snapshots(files) == []


@pytest.mark.parametrize("fill", [fill_narrow, fill_wide])
async def test_a_cancelled_backup_leaves_nothing_but_what_serves_the_next(files, fill):
    share = files.client()
    fill(share)
    run = await files.queue_backup()
    await interrupted(files, run, "file_download", runs.cancel)
    cancelling = await files.reload(run)
    assert (cancelling.state, cancelling.epoch) == (RunState.CANCELLING, 1)
    ended = await files.drive(cancelling)
    assert (ended.state, ended.error) == (RunState.CANCELLED, None)
    assert await files.events(run) == ["opened", "share_snapshot", "cancelled"]
    assert snapshots(files) == []
    assert await files.app.catalogue.left(run.run_id) == 0
    async with files.app.transaction() as conn:
        assert await restore_points.of_share(conn, files.share.share_id) == []

    following = await files.backup()
    assert (following.state, following.counters.files) == (RunState.SUCCEEDED, FILES)
    target = f"restored-{secrets.token_hex(4)}"
    await files.restore(following.run_no, target)
    assert differences(read_tree(share), read_tree(files.client(target))) == []


async def test_what_a_cancelled_backup_had_committed_is_not_read_again(files):
    fill_narrow(files.client())
    run = await files.queue_backup()
    await interrupted(files, run, "file_download", runs.pause)
    saved = (await files.reload(run)).counters.changed_files
    await change(files, run, runs.cancel)
    assert (await files.drive(await files.reload(run))).state is RunState.CANCELLED
    assert saved >= AFTER
    following = await files.backup()
    assert following.counters.changed_files == FILES - saved


async def test_a_file_read_in_spans_stops_between_chunks(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as files:
        files.app.limits = replace(files.app.limits, look_s=0.1)
        content = secrets.token_bytes(1024) * 1024 * 48
        put(files.client(), "large.bin", content)
        run = await files.queue_backup()
        reads = await interrupted(files, run, "file_download", runs.pause, after=1, delay_s=1.0)
        assert reads < 12
        await change(files, run, runs.resume)
        assert (await files.drive(await files.reload(run))).state is RunState.SUCCEEDED
        target = f"restored-{secrets.token_hex(4)}"
        await files.restore(run.run_no, target)
        assert files.client(target).get_file_client("large.bin").download_file().readall() == content


async def test_a_paused_restore_stops_in_seconds_and_goes_on(files):
    share = files.client()
    fill_narrow(share)
    point = await files.backup()
    target = f"restored-{secrets.token_hex(4)}"
    run = await files.queue_restore(point.run_no, target)
    written = await interrupted(files, run, "file_create", runs.pause)
    paused = await files.reload(run)
    assert paused.state is RunState.PAUSED
    assert AFTER <= written < FILES
    assert paused.counters.files == written
    await change(files, run, runs.resume)
    before = files.control.requests("file_create")
    ended = await files.drive(await files.reload(run))
    assert (ended.state, await files.journal(run)) == (RunState.SUCCEEDED, [])
    again = files.control.requests("file_create") - before - (FILES - written)
    assert again <= 24, f"{again} files were written twice: those of directories that were cut off"
    assert differences(read_tree(share), read_tree(files.client(target))) == []


async def test_a_cancelled_restore_ends_and_lets_go_of_its_target(files):
    fill_narrow(files.client())
    point = await files.backup()
    target = f"restored-{secrets.token_hex(4)}"
    run = await files.queue_restore(point.run_no, target)
    await interrupted(files, run, "file_create", runs.cancel)
    assert (await files.drive(await files.reload(run))).state is RunState.CANCELLED
    assert await files.app.catalogue.left(run.run_id) == 0
    assert (await files.restore(point.run_no, target)).state is RunState.SUCCEEDED


async def test_a_run_that_is_resumed_at_once_has_one_driver(files):
    """Whoever worked for the earlier epoch leaves the run alone, though it never saw the pause."""
    fill_narrow(files.client())
    run = await files.queue_backup()

    async def pause_and_resume(conn, run_id):
        await runs.pause(conn, run_id)
        await runs.resume(conn, run_id)

    await interrupted(files, run, "file_download", pause_and_resume)
    found = await files.reload(run)
    assert (found.state, found.epoch) == (RunState.QUEUED, 1)
    assert (await files.drive(found)).state is RunState.SUCCEEDED
