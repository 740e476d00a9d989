"""Verifies as runs: shared by workers, killed, paused and cancelled; samples that add up; catalogue rows that were tampered with."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from shared.core import sampling
from shared.core.rounds import RoundState
from shared.core.verify_report import next_part
from shared.db import runs
from shared.errors import Conflict, Unavailable
from shared.formats import packed
from shared.model.node import ROOT_ID, SLOT_MAX
from shared.model.run import Driver, RunState
from shared.model.tickets import RunTicket, Stop
from shared.model.verify_order import VerifyLevel
from shared.usecases.runs import open_run, work_on
from tests.support.crew import crew
from tests.support.damage import Oracle, Vandal
from tests.support.share_tree import change, fill, put
from tests.support.world import world

QUICK, SAMPLE, FULL = VerifyLevel.QUICK, VerifyLevel.SAMPLE, VerifyLevel.FULL


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found


def many(share, directories=25, each=6):
    for d in range(directories):
        for n in range(each):
            put(share, f"d{d:02d}/f{n}.txt", secrets.token_bytes(100 + n))


async def broken(files):
    """A share of which one bundle is gone; a vandal who has seen to that."""
    many(files.client())
    await files.backup()
    vandal = Vandal(files)
    name = next(name for name in vandal.names() if name.startswith("bundle/"))
    vandal.delete(name)
    return f"{files.share.share_id}/{name}"


async def one_line(files, run, name):
    (line,) = await files.journal(run)
    assert line.details["object"] == name
    return line


async def workers_of(files, run):
    async with files.app.transaction() as conn:
        query = b"SELECT DISTINCT worker FROM batch WHERE run_id = %s AND kind = 4 AND state = 1"
        return await (await conn.execute(query, [run.run_id])).fetchall()


@pytest.mark.parametrize("level", [QUICK, FULL])
async def test_workers_share_a_verify_and_tell_once_of_each_object(files, level):
    name = await broken(files)
    alone = await one_line(files, await files.verify(level), name)
    run = await files.queue_verify(level)
    state = await files.step(run, RoundState(run.run_id, 1))
    assert state.left >= 2

    async def work(number):
        return await files.app.perform(RunTicket(run_id=run.run_id, worker=f"worker-{number}"), work_on)

    receipts = await asyncio.gather(*(work(number) for number in range(4)))
    assert [r.error for r in receipts] == [""] * 4
    assert len(await workers_of(files, run)) >= 2
    ended = await files.drive_on(run, RoundState(run.run_id, 1))
    line = await one_line(files, ended, name)
    assert (line.details["files"], line.details["restore_points"]) == (
        alone.details["files"],
        alone.details["restore_points"],
    )
    assert ended.counters.errors == 1
    assert ended.counters.files == 150


async def test_a_verify_whose_workers_are_killed_is_finished_by_others(files, tmp_path):
    name = await broken(files)
    many(files.client(), 60, 2)
    await files.backup()
    expected = (await files.verify(FULL)).counters
    run = await files.queue_verify(FULL, driver=Driver.WORKERS)
    limits = {"verify_read_pages": 3, "lease_s": 1}
    with crew(files.app, tmp_path, limits, size=2) as workers:
        async with asyncio.timeout(120):
            for _ in range(4):
                before = (await files.reload(run)).counters.records
                now = await files.reload(run)
                while now.counters.records == before and now.finished_at is None:
                    await asyncio.sleep(0.02)
                    now = await files.reload(run)
                if now.finished_at is None:
                    workers.kill(0)
                    workers.hire()
            while (run := await files.reload(run)).finished_at is None:  # noqa: ASYNC110 - other processes work
                await asyncio.sleep(0.1)
        assert workers.ended() == []
    await one_line(files, run, name)
    counted = ("directories", "files", "bytes", "records", "reread_files", "reread_bytes", "unreadable", "errors")
    assert [getattr(run.counters, c) for c in counted] == [getattr(expected, c) for c in counted]


async def test_a_paused_verify_goes_on_where_it_was_and_a_cancelled_one_tells_what_it_found(files):
    name = await broken(files)
    files.app.limits = replace(files.app.limits, activity_s=0.0)  # nothing after a look at the clock

    async def begun():
        run = await files.queue_verify(QUICK)
        async with files.app.run_scope(run.run_id) as scope:
            await open_run(RunTicket(run_id=run.run_id), scope)
        files.app.limits = replace(files.app.limits, activity_s=0.001)
        while not (await files.reload(run)).counters.records:
            assert not (await files.app.perform(RunTicket(run_id=run.run_id, worker="w"), work_on)).error
        return run

    run = await begun()
    async with files.app.transaction() as conn:
        await runs.pause(conn, run.run_id)
    done = (await files.reload(run)).counters.records
    stopped = await files.app.perform(RunTicket(run_id=run.run_id, worker="w"), work_on)
    assert stopped.stop is Stop.PAUSED
    with pytest.raises(Conflict, match=r"verify run \d+ works on"):
        await files.queue_verify(FULL)
    async with files.app.transaction() as conn:
        await runs.resume(conn, run.run_id)
    files.app.limits = replace(files.app.limits, activity_s=30.0)
    ended = await files.drive(await files.reload(run))
    assert ended.counters.records > done
    assert ended.counters.files == 150
    await one_line(files, ended, name)

    run = await begun()
    async with files.app.transaction() as conn:
        await runs.cancel(conn, run.run_id)
    cancelled = await files.drive(await files.reload(run))
    assert cancelled.state is RunState.CANCELLED
    await one_line(files, cancelled, name)


async def test_a_verify_is_in_nobodys_way_and_needs_no_share(files):
    fill(files.client())
    await files.backup()
    run = await files.queue_verify(FULL)
    await files.step(run, RoundState(run.run_id, 1))
    change(files.client())
    assert (await files.backup()).state is RunState.SUCCEEDED  # in the middle of it
    files.client().delete_share(delete_snapshots="include")
    ended = await files.drive_on(run, RoundState(run.run_id, 1))
    assert (ended.state, await files.journal(ended)) == (RunState.SUCCEEDED, [])
    assert ended.counters.files_requests == 0
    await files.nothing_is_damaged()


async def test_a_vault_that_does_not_answer_is_no_finding(files, monkeypatch):
    many(files.client(), 3)
    await files.backup()
    run = await files.queue_verify(FULL)

    def unavailable(scope):
        async def get(*_):
            raise Unavailable("no answer")

        monkeypatch.setattr(scope.vault, "get", get)
        return scope

    files.wrap = unavailable
    state = await files.step(run, RoundState(run.run_id, 1))
    state = await files.step(run, state)
    assert (state.barren, "no answer" in state.error) == (1, True)
    files.wrap = lambda scope: scope
    ended = await files.drive_on(run, state)
    assert (ended.state, await files.journal(ended)) == (RunState.SUCCEEDED, [])


async def test_a_restore_point_that_is_not_there_ends_the_verify_with_a_reason(files):
    many(files.client(), 1)
    await files.backup()
    run = await files.queue_verify(QUICK, 7)
    ended = await files.drive(run)
    assert ended.state is RunState.FAILED
    assert "restore point 7" in ended.error


# ---------------------------------------------------------------------------------------------------------------------
# Samples


async def test_as_many_samples_as_there_are_parts_read_everything_once(files):
    many(files.client())
    await files.backup()
    async with files.app.run_scope((await files.queue_verify()).run_id) as scope:
        await scope.catalogue.start_run(scope.run.run_id)
        await scope.catalogue.finish_run(scope.run.run_id, RunState.FAILED, counters=scope.take_requests())
    parts, found, before = 5, [], None
    for n in range(parts + 1):
        order = {"parts": parts, "part": next_part(parts, before)}
        run = await files.verify(SAMPLE, **order)
        assert run.state is RunState.SUCCEEDED
        sample = run.report["sample"]
        before = run.verify
        found.append(run.counters.reread_files)
        if n < parts:
            assert (sample["part"], sample["parts_read"], sample["files_read"]) == (n, n + 1, sum(found))
            assert sample["coverage_percent"] == 100 * (n + 1) / parts
    assert sum(found[:parts]) == 150
    assert min(found) > 0
    assert (sample["part"], sample["parts_read"], found[parts]) == (0, 1, found[0])
    assert run.report["statement"].startswith("99.9 % sure that fewer than")


async def test_a_sample_finds_damage_in_its_part_only(files):
    many(files.client(), 8, 4)
    await files.backup()
    vandal = Vandal(files)
    oracle = Oracle(files)
    for name in [n for n in vandal.names() if n.startswith("bundle/")]:
        data = bytearray(vandal.read(name))
        for _, _, saved in oracle.files_in(name):
            data[saved.content.offset + saved.content.length // 2] ^= 255
        vandal.delete(name)
        vandal.put(name, bytes(data))
    full = await files.verify(FULL)
    assert full.counters.unreadable == 32
    told = []
    for part in range(4):
        run = await files.verify(SAMPLE, parts=4, part=part)
        assert run.counters.unreadable == run.counters.reread_files
        told.append(run.counters.unreadable)
        assert "100 %" in run.report["statement"]
    assert sum(told) == 32


# ---------------------------------------------------------------------------------------------------------------------
# The catalogue


async def rows(files, page_id):
    async with files.app.transaction() as conn:
        query = b"SELECT parent_id, file_id, name, names, packed FROM page WHERE share_id = %s AND page_id = %s"
        (row,) = await (await conn.execute(query, [files.share.share_id, page_id])).fetchall()
        return row


async def tamper(files, page_id, **columns):
    async with files.app.transaction() as conn:
        for name, value in columns.items():
            query = f"UPDATE page SET {name} = %s WHERE share_id = %s AND page_id = %s".encode()
            await conn.execute(query, [value, files.share.share_id, page_id])


async def only_row(files, page_id, level=QUICK):
    run = await files.verify(level, all_points=True)
    (line,) = await files.journal(run)
    assert (line.kind, line.details["object"]) == ("row_differs", f"row {page_id}")
    return line


@pytest.fixture
async def two(files):
    """Two restore points, with a directory of several pages."""
    many(files.client(), 4, 17)
    await files.backup()
    put(files.client(), "d01/f3.txt", b"changed")
    await files.backup()
    return files


@pytest.mark.parametrize("what", ["size_bytes", "mtime", "hash", "name", "slot"])
async def test_a_row_that_says_something_else_than_its_record_is_found_and_the_next_backup_mends_it(two, what):
    page_id = (2 << 24) | 1
    parent_id, file_id, name, names, data = await rows(two, page_id)
    page = packed.unpack(page_id, parent_id, file_id, name, names, data)
    first, *others = page.files
    odd = replace(first, **{what: "f0" if what == "name" else getattr(first, what) + 1000})
    names, data = packed.pack(replace(page, files=(odd, *others)))
    await tamper(two, page_id, names=names, packed=data)
    line = await only_row(two, page_id)
    assert first.name in line.details["paths"]
    await two.backup()
    await two.nothing_is_damaged()


async def test_a_row_that_cannot_be_read_is_found(two):
    page_id = (2 << 24) | 1
    await tamper(two, page_id, packed=b"\x21garbage")
    await only_row(two, page_id)


@pytest.mark.parametrize("page_id", [(2 << 24) | 1, 3 << 24], ids=["page", "directory"])
async def test_a_row_that_is_gone_is_found(two, page_id):
    async with two.app.transaction() as conn:
        for node in range(page_id, page_id + (1 if page_id & SLOT_MAX else SLOT_MAX)):
            query = b"DELETE FROM page WHERE share_id = %s AND page_id = %s RETURNING page_id"
            if not await (await conn.execute(query, [two.share.share_id, node])).fetchall():
                break
    line = await only_row(two, page_id)
    assert line.hint


async def test_a_directory_that_the_catalogue_says_was_deleted_is_found(two):
    page_id = 3 << 24
    parent_id, file_id, name, names, data = await rows(two, page_id)
    page = packed.unpack(page_id, parent_id, file_id, name, names, data)
    names, data = packed.pack(replace(page, deleted_run=2, files=(), fingerprint=None))
    await tamper(two, page_id, names=names, packed=data)
    assert "deleted by run 2" in (await only_row(two, page_id)).reason


async def test_restore_points_that_catalogue_and_vault_tell_different_things_of_are_found(two):
    async with two.app.transaction() as conn:
        await conn.execute(b"UPDATE restore_point SET files = files + 1 WHERE run_no = 1")
    run = await two.verify(QUICK, all_points=True)
    (line,) = await two.journal(run)
    assert (line.kind, line.details["restore_points"]) == ("point_differs", "1")


async def test_segments_and_bundles_that_the_catalogue_does_not_know_are_told_and_are_no_damage(two):
    vandal = Vandal(two)
    vandal.put("bundle/1/999.tar.zst", b"left behind")
    vandal.put("segment/2/999.fb", b"left behind")
    run = await two.verify(FULL, all_points=True)
    assert run.state is RunState.SUCCEEDED
    lines = await two.journal(run)
    assert [(line.kind, line.details["object"]) for line in lines] == [
        ("orphans", "bundles of run 1"),
        ("orphans", "segments of run 2"),
    ]
    assert "999.fb" in lines[1].details["paths"]


async def test_a_sum_that_does_not_add_up_is_found(two):
    """Whatever a restore point does not lead to any more is missing from its sums."""
    share_id, page_id = two.share.share_id, ROOT_ID
    row = await rows(two, page_id)
    page = packed.unpack(page_id, row[0], row[1], row[2], row[3], row[4])
    other = await rows(two, 3 << 24)
    ref = packed.unpack(3 << 24, *other).manifest
    assert ref != page.manifest
    async with two.app.transaction() as conn:
        await conn.execute(b"UPDATE restore_point SET bytes = bytes + 7 WHERE run_no = 2 AND share_id = %s", [share_id])
    run = await two.verify()
    assert run.state is RunState.COMPLETED_WITH_ERRORS
    assert (await two.journal(run))[0].kind == "point_differs"


def test_parts_are_disjoint_and_together_everything():
    versions = [(node, run) for node in range(1, 2_000) for run in (1, 2)]
    counts = [0] * 10
    for node, run in versions:
        counts[sampling.part_of(node, run, 10)] += 1
    assert sum(counts) == len(versions)
    assert min(counts) > 300
