"""Shares are deleted, brought back and purged; what is not theirs stays."""

import datetime as dt
import secrets

import pytest

from shared.db import deletions, runs, schedules
from shared.errors import Conflict
from shared.model.retention import KeepKind, PruneOrder
from shared.model.run import Driver, RunKind, RunState
from shared.model.schedule import ScheduleOptions, Times, Timing, What
from shared.model.sweep import SweepOrder
from shared.usecases import open_purge, purge_pieces
from shared.usecases.keep_point import keep_point
from tests.integration.test_sweep import SMALL, looks_whole
from tests.support import deleting
from tests.support.share_tree import differences, put, read_tree
from tests.support.workers import workers
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SMALL) as files:
        yield files


async def fill(files, seed=b"x"):
    """Two restore points with an object of every class."""
    share = files.client()
    for n in range(8):
        put(share, f"d{n % 2}/{n}.txt", seed * (n + 1))
    put(share, "chunked.bin", secrets.token_bytes(30_000))
    put(share, "large.bin", secrets.token_bytes(5 << 20))
    put(share, "plain/one.txt", secrets.token_bytes(100))
    assert (await files.backup()).state is RunState.SUCCEEDED
    put(share, "d0/0.txt", seed + b"changed")
    assert (await files.backup()).state is RunState.SUCCEEDED
    return read_tree(share)


async def test_of_a_deleted_share_nothing_new_is_saved_and_all_can_be_restored(files):
    tree = await fill(files)
    await deleting.delete(files, reason="moved to the archive")
    share = await deleting.current(files)
    assert share.deletion is not None
    assert (share.deletion.by, share.deletion.reason) == ("Ada", "moved to the archive")
    assert share.deletion.purge_after == share.deletion.at + deleting.GRACE
    for queue in (
        files.queue_backup,
        files.scan,
        lambda: files.queue_retention(PruneOrder(by="t", run_nos=[1])),
        lambda: files.queue_retention(SweepOrder(by="t")),
    ):
        with pytest.raises(Conflict, match=r"was deleted at .*/undelete") as refused:
            await queue()
        assert refused.value.code == "deleted"
    async with files.app.transaction() as conn:
        assert await runs.create_many(conn, [(share.share_id, RunKind.BACKUP, 1)], Driver.DURABLE) == []
    target = f"restored-{secrets.token_hex(4)}"
    assert (await files.restore(2, target)).state is RunState.SUCCEEDED
    assert differences(tree, read_tree(files.client(target))) == []
    await files.nothing_is_damaged()
    await deleting.delete(files, reason="again")  # changes nothing
    assert (await deleting.current(files)).deletion == share.deletion
    await deleting.undelete(files)
    assert (await deleting.current(files)).deletion is None
    assert (await files.backup()).state is RunState.SUCCEEDED
    await looks_whole(files)


async def test_a_share_with_a_run_is_not_deleted(files):
    run = await files.queue_backup()
    with pytest.raises(Conflict, match=r"backup run 1 .* is queued; hint: cancel"):
        await deleting.delete(files)
    await files.drive(run)
    await deleting.delete(files)


async def test_schedules_and_objectives_of_a_deleted_tenant_are_silent(files):
    share, app = files.share, files.app
    now = app.clock.now()
    async with app.transaction() as conn:
        await conn.execute(
            b"UPDATE share SET settings = settings || '{\"objective_s\": 60}', created_at = %s",
            [now - dt.timedelta(days=1)],
        )
        await schedules.create(
            conn, share.tenant_id, share.share_id, name="n", what=What.BACKUP, timing=Timing(cron="* * * * *"),
            options=ScheduleOptions(), times=Times(now - dt.timedelta(minutes=1), now - dt.timedelta(minutes=1)),
        )  # fmt: skip
        await deletions.delete_tenant(conn, share.tenant_id, by="Ada", reason="", at=now, until=now)
    await app.begin_due()
    await app.look_after()
    async with app.transaction() as conn:
        assert await runs.of_share(conn, share.share_id) == []
        rows = await (await conn.execute(b"SELECT count(*) FROM alert")).fetchone()
    assert rows == (0,)
    with pytest.raises(Conflict, match=r"tenant .* was deleted"):
        await files.queue_backup()


async def test_a_purge_leaves_nothing_of_a_share_and_all_of_its_neighbour(files):
    await fill(files)
    other = await deleting.neighbour(files)
    tree = await fill(other, b"y")
    await files.scan()
    url, share = files.app.settings.postgres_url, files.share
    before = (
        deleting.rows(url, share.tenant_id, [other.share.share_id]),
        deleting.names(other),
        await deleting.journals(other, 2),
    )
    assert all(
        deleting.rows(url, share.tenant_id, [share.share_id])[name] for name in ("batch", "page", "rollup", "trees")
    )
    assert len(deleting.names(files)) > 10
    await deleting.delete(files, ago=deleting.LONG_AGO)
    assert await deleting.purge(files) is None
    await deleting.nothing_is_left(files, 4)
    assert before == (
        deleting.rows(url, share.tenant_id, [other.share.share_id]),
        deleting.names(other),
        await deleting.journals(other, 2),
    )
    assert not [s for s in snapshots(files) if s.name == share.share_name], "share snapshots are paid for"
    assert [s for s in snapshots(files) if s.name == other.share.share_name]
    await other.nothing_is_damaged()
    target = f"restored-{secrets.token_hex(4)}"
    assert (await other.restore(2, target)).state is RunState.SUCCEEDED
    assert differences(tree, read_tree(other.client(target))) == []
    [line] = (await files.app.audit.page(share.tenant_id))[0]
    assert (line.action, line.share_id, line.method, line.actor_name) == (
        "shares.purge",
        share.share_id,
        "PURGED",
        "Ada",
    )
    assert '"deleted_objects": ' in line.details["body"]


def snapshots(files):
    from tests.support.share_tree import service

    return [s for s in service(files.emulator).list_shares(include_snapshots=True) if s.snapshot]


async def test_a_purge_waits_for_its_time_and_for_legal_holds(files):
    await fill(files)
    with pytest.raises(Conflict, match="is not deleted; hint: delete it"):
        await deleting.queue_purge(files)
    await deleting.delete(files)
    until = (await deleting.current(files)).deletion.purge_after
    with pytest.raises(Conflict, match=f"until {until:%Y-%m-%d %H:%M:%S} UTC"):
        await deleting.queue_purge(files)
    await deleting.undelete(files)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    await say(files, KeepKind.HOLD)
    with pytest.raises(Conflict, match="under a legal hold: 1 of 'files'") as refused:
        await deleting.queue_purge(files)
    assert refused.value.code == "legal_hold"
    assert (await deleting.current(files)).deletion.purging_at is None
    await say(files, KeepKind.RELEASE)
    run = await deleting.queue_purge(files)
    with pytest.raises(Conflict, match="being purged"):
        await say(files, KeepKind.HOLD)
    with pytest.raises(Conflict, match="cannot be brought back"):
        await deleting.undelete(files)
    for queue in (lambda: files.queue_restore(2, "x"), files.queue_verify):
        with pytest.raises(Conflict, match="is being purged since"):
            await queue()
    assert await deleting.drive(files, run) is None


async def say(files, kind):
    app = files.app
    vault = app.vault(files.share.tenant_id)
    await keep_point(app.retentions, vault, app.clock, files.share.share_id, 1, kind, by="t", reason="case 7")


@pytest.mark.parametrize("in_one_piece", [True, False])
async def test_what_may_not_be_deleted_keeps_the_share_being_purged(files, monkeypatch, in_one_piece):
    """Also where a piece is no more than one object, and what is left of it is another one."""
    if not in_one_piece:
        monkeypatch.setattr(purge_pieces, "BLOCK", 1)
        monkeypatch.setattr(purge_pieces, "PIECE_OBJECTS", 1)
        monkeypatch.setattr(purge_pieces, "PIECE_ROWS", 2)
        monkeypatch.setattr(purge_pieces, "ROWS_AT_ONCE", 1)
        monkeypatch.setattr(open_purge, "JOURNALS", 1)
    await fill(files)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    all_names = deleting.names(files)
    kept = [next(n for n in all_names if f"/{folder}/" in n) for folder in ("chunk", "point", "segment")]
    with deleting.leased(files, kept):
        run = await deleting.purge(files)
        assert run.state is RunState.COMPLETED_WITH_ERRORS
        assert run.report["refused_objects"] >= 3
        assert run.report["refused_object"] in kept
        assert run.counters.deleted_objects > 5
        [line] = [line for line in await files.journal(run) if line.kind == "not_deleted"]
        assert "purge the share again" in line.hint
        marks = [name for name in deleting.names(files) if "/deletion/" in name]
        assert sorted(deleting.names(files)) == sorted([*kept, *marks])
        assert len(marks) == 2
        assert (await deleting.current(files)).deletion.purging_at is not None
        with pytest.raises(Conflict, match="cannot be brought back"):
            await deleting.undelete(files)
    assert await deleting.purge(files) is None
    await deleting.nothing_is_left(files, 4)


async def test_a_cancelled_purge_is_ordered_again(files):
    await fill(files)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    run = await deleting.queue_purge(files)
    async with files.app.transaction() as conn:
        await runs.cancel(conn, run.run_id)
    assert (await deleting.drive(files, await files.reload(run))).state is RunState.CANCELLED
    assert (await deleting.current(files)).deletion.purging_at is not None
    assert await deleting.purge(files) is None
    await deleting.nothing_is_left(files, 4)


async def test_a_share_that_was_never_backed_up_is_purged(files):
    await deleting.delete(files, ago=deleting.LONG_AGO)
    assert await deleting.purge(files) is None
    await deleting.nothing_is_left(files, 1)


async def test_worker_processes_purge_a_share_without_durable(files):
    await fill(files)
    other = await deleting.neighbour(files)
    assert (await other.backup()).state is RunState.SUCCEEDED
    kept = deleting.names(other)
    await deleting.delete(files, ago=deleting.LONG_AGO)
    run = await deleting.queue_purge(files, Driver.WORKERS)
    with workers(files) as processes:
        one = await processes.start("--name", "one", "--run", str(run.run_id))
        await one.heard("worker_started")
        two = await processes.start("--name", "two", "--until-idle")
        assert [await one.left(), await two.left()] == [0, 0], (one.events(), two.events())
    await deleting.nothing_is_left(files, 4)
    assert deleting.names(other) == kept
