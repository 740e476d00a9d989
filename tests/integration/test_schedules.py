"""Schedules that come round: started once, whatever happens; within windows; made good once."""

import asyncio
import datetime as dt
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from shared.core import schedule as times_of
from shared.db import runs, schedules, shares
from shared.db.catalogue import PostgresCatalogue
from shared.db.dispatch import PostgresSchedules
from shared.db.judging import PostgresAlerts
from shared.db.pool import make_pool
from shared.errors import Unavailable
from shared.model.run import Driver, RunKind, RunState
from shared.model.schedule import Outcome, ScheduleOptions, What
from shared.model.verify_order import VerifyLevel
from shared.model.window import Window
from shared.usecases.dispatch_schedules import dispatch_schedules
from shared.usecases.keep_windows import keep_windows
from tests.support.catalogue import point
from tests.support.schedules import START, QuietJournal, SetClock, add_schedule, add_share, add_tenant

DAY = dt.timedelta(days=1)
TWO = START + dt.timedelta(hours=2)


@pytest.fixture
async def plan(shelf):
    """A catalogue with one share and a schedule for its backup at two o'clock."""
    async with shelf.catalogue.transaction() as conn:
        await add_tenant(conn, "plans")
        share = await add_share(conn, "plans", "finance")
        made = await add_schedule(conn, share, START)
    return Plan(shelf, share, made)


class Plan:
    """The share, its schedule, and what happens to them."""

    def __init__(self, shelf, share, made):
        self.shelf, self.share, self.made = shelf, share, made
        self.clock, self.journal = SetClock(), QuietJournal()
        self.port = PostgresSchedules(shelf.catalogue, Driver.WORKERS, lambda: "f" * 32, None)

    async def dispatch(self, at):
        return await dispatch_schedules(self.port, self.journal, at)

    async def now(self):
        async with self.shelf.catalogue.transaction() as conn:
            return await schedules.get(conn, self.share.share_id, self.made.schedule_id)

    async def occurrences(self):
        async with self.shelf.catalogue.transaction() as conn:
            found = await schedules.occurrences(conn, self.share.share_id, self.made.schedule_id)
        return [(one.due_at, one.outcome, one.run_no) for one in found]

    async def note(self):
        async with self.shelf.catalogue.transaction() as conn:
            return (await schedules.occurrences(conn, self.share.share_id, self.made.schedule_id))[0].note

    async def runs(self):
        async with self.shelf.catalogue.transaction() as conn:
            return list(reversed(await runs.of_share(conn, self.share.share_id)))

    async def end(self, run):
        async with self.shelf.catalogue.transaction() as conn:
            await conn.execute(
                b"UPDATE run SET state = 'succeeded', finished_at = now() WHERE run_id = %s", [run.run_id]
            )

    async def settings(self, **chosen):
        wire = replace(self.share.settings, **chosen).to_wire()
        async with self.shelf.catalogue.transaction() as conn:
            await shares.change_settings(conn, self.share.share_id, "plans", wire)


async def test_what_is_due_is_started_once_and_comes_again(plan):
    assert await plan.dispatch(TWO - dt.timedelta(seconds=1)) == []
    (run,) = await plan.dispatch(TWO)
    assert (run.kind, run.state, run.schedule_id) == (RunKind.BACKUP, RunState.QUEUED, plan.made.schedule_id)
    assert await plan.dispatch(TWO) == []
    after = await plan.now()
    assert (after.due_at, after.last_at, after.last_outcome, after.last_run_no) == (
        TWO + DAY,
        TWO,
        "started",
        run.run_no,
    )
    await plan.end(run)
    (again,) = await plan.dispatch(TWO + DAY)
    assert again.run_no == run.run_no + 1
    assert await plan.occurrences() == [(TWO + DAY, Outcome.STARTED, again.run_no), (TWO, Outcome.STARTED, run.run_no)]


async def test_many_that_look_at_once_start_each_once(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        for n in range(60):
            await add_schedule(conn, await add_share(conn, "plans", f"share-{n}"), START)
    async with make_pool(plan.shelf.url, size=8) as pool:
        port = PostgresSchedules(PostgresCatalogue(pool), Driver.WORKERS, lambda: "f" * 32, None)
        found = await asyncio.gather(*(dispatch_schedules(port, plan.journal, TWO) for _ in range(8)))
    started = [run for some in found for run in some]
    assert len(started) == 61
    assert len({run.share_id for run in started}) == 61
    assert await plan.shelf.value("SELECT count(*) FROM schedule_occurrence") == 61
    assert await plan.shelf.value("SELECT count(*) FROM run WHERE schedule_id IS NOT NULL") == 61


async def test_whoever_dies_before_the_end_has_started_nothing(plan, monkeypatch):
    """Break it at every statement; whoever comes next finds it due, and there is one run in the end."""
    broken = 0
    for at in range(1, 100):
        breaking = Breaking(at)
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", breaking.wrap(psycopg.AsyncConnection.execute))
        with suppress(psycopg.OperationalError, Unavailable):
            await plan.dispatch(TWO)
        monkeypatch.undo()
        if not breaking.broke:
            break
        broken += 1
        assert await plan.runs() == []
        assert (await plan.now()).due_at == TWO
    assert broken >= 4
    assert len(await plan.runs()) == 1
    assert await plan.occurrences() == [(TWO, Outcome.STARTED, 1)]


class Breaking:
    """Fails the n-th statement."""

    def __init__(self, at):
        self.left, self.broke = at, False

    def wrap(self, execute):
        async def wrapped(conn, *args, **kwargs):
            if not args[0]:  # the pool's look whether the connection is good
                return await execute(conn, *args, **kwargs)
            self.left -= 1
            if self.left == 0:
                self.broke = True
                await conn.close()
                raise psycopg.OperationalError("broken on purpose")
            return await execute(conn, *args, **kwargs)

        return wrapped


async def test_while_the_previous_run_is_at_work_it_is_skipped_and_both_say_so(plan):
    (run,) = await plan.dispatch(TWO)
    assert await plan.dispatch(TWO + DAY) == []
    assert (await plan.occurrences())[0] == (TWO + DAY, Outcome.SKIPPED, None)
    assert f"backup run {run.run_no} is queued" in await plan.note()
    (key, _, line) = plan.journal.lines[0]
    assert key == run.key
    assert "was skipped, because this run was not over" in line.reason
    await plan.end(run)
    assert len(await plan.dispatch(TWO + 2 * DAY)) == 1


async def test_for_another_kind_of_run_it_waits_as_long_as_it_may(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        scan = await runs.create(conn, "plans", plan.share.share_id, RunKind.SCAN, driver=Driver.WORKERS)
    assert await plan.dispatch(TWO) == []
    waiting = await plan.now()
    assert "scan run 1 is queued" in waiting.waits_for
    assert TWO < waiting.next_at <= TWO + dt.timedelta(minutes=5)
    assert waiting.due_at == TWO
    await plan.end(scan)
    at = waiting.next_at
    (run,) = await plan.dispatch(at)
    assert run.kind is RunKind.BACKUP
    assert await plan.occurrences() == [(TWO, Outcome.STARTED, run.run_no)]
    assert (await plan.now()).waits_for == ""


async def test_it_does_not_wait_for_ever(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        await runs.create(conn, "plans", plan.share.share_id, RunKind.SCAN, driver=Driver.WORKERS)
        changed = replace(plan.made, timing=replace(plan.made.timing, catch_up_s=3600))
        await schedules.change(conn, changed, times_of.next_after(changed.timing, plan.share.share_id, START))
    assert await plan.dispatch(TWO) == []
    assert await plan.dispatch(TWO + dt.timedelta(hours=1, seconds=1)) == []
    assert await plan.occurrences() == [(TWO, Outcome.SKIPPED, None)]
    assert "too late for scan run 1" in await plan.note()


@pytest.mark.parametrize(("days", "hours", "made_good"), [(5, 1, True), (5, 23, True), (0, 30, True)])
async def test_what_was_missed_is_made_good_once(plan, days, hours, made_good):
    at = TWO + days * DAY + dt.timedelta(hours=hours)
    assert len(await plan.dispatch(at)) == made_good
    found = await plan.occurrences()
    assert len(found) == 1
    assert found[0][0] == TWO + (at - TWO) // DAY * DAY, "the last of those that were missed"
    assert (await plan.now()).due_at > at


async def test_what_was_missed_for_too_long_is_skipped(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        changed = replace(plan.made, timing=replace(plan.made.timing, cron="0 2 1 * *", catch_up_s=3600))
        await schedules.change(conn, changed, times_of.next_after(changed.timing, plan.share.share_id, START))
    due = (await plan.now()).due_at
    assert await plan.dispatch(due + dt.timedelta(hours=2)) == []
    assert await plan.occurrences() == [(due, Outcome.SKIPPED, None)]
    assert "missed" in await plan.note()


async def test_what_is_switched_off_does_not_come_round(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        await schedules.change(conn, plan.made, None)
    assert await plan.dispatch(TWO + 3 * DAY) == []
    assert (await plan.now()).next_at is None


async def test_of_a_share_that_is_deleted_nothing_is_started_until_it_is_back(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE share SET deleted_at = now() WHERE share_id = %s", [plan.share.share_id])
    assert await plan.dispatch(TWO) == []
    assert await plan.note() == "its share is deleted"
    async with plan.shelf.catalogue.transaction() as conn:
        await conn.execute(b"UPDATE share SET deleted_at = NULL")
    assert len(await plan.dispatch(TWO + DAY)) == 1


async def test_what_is_left_of_a_share_that_is_gone_is_tidied_up(plan):
    (run,) = await plan.dispatch(TWO)
    async with plan.shelf.catalogue.transaction() as conn:
        await conn.execute(b"DELETE FROM run WHERE run_id = %s", [run.run_id])
        await conn.execute(b"DELETE FROM share WHERE share_id = %s", [plan.share.share_id])
    assert await plan.dispatch(TWO + DAY) == []
    book = PostgresAlerts(plan.shelf.catalogue)
    await book.tidy(TWO, sent_for=DAY, rest_for=DAY)
    for table in ("schedule", "schedule_occurrence"):
        assert await plan.shelf.value(f"SELECT count(*) FROM {table}") == 0


async def test_a_verify_without_anything_to_verify_is_refused_and_one_with_it_is_not(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        options = ScheduleOptions(level=VerifyLevel.SAMPLE, over_runs=10)
        await add_schedule(conn, plan.share, START, what=What.VERIFY, name="check", options=options, cron="0 5 * * *")
        await add_schedule(conn, plan.share, START, what=What.DRILL, name="drill", cron="0 6 * * *")
    (backup,) = await plan.dispatch(TWO)
    assert await plan.dispatch(TWO + dt.timedelta(hours=3)) == []
    outcome, note = (
        await plan.shelf.rows("SELECT outcome, note FROM schedule_occurrence ORDER BY decided_at DESC LIMIT 1")
    )[0]
    assert outcome == "refused"
    assert "no restore point yet" in note
    await plan.end(backup)
    async with plan.shelf.catalogue.transaction() as conn:
        await conn.execute(
            b"INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors)"
            b" VALUES (%s, %s, %s, %s, 1, 2, 3, 0)",
            [plan.share.share_id, backup.run_no, point(1).taken_at, point(1).committed_at],
        )
    started = await plan.dispatch(TWO + DAY + dt.timedelta(hours=4))
    assert {(run.kind, run.verify.level if run.verify else None) for run in started} == {
        (RunKind.BACKUP, None),
        (RunKind.VERIFY, VerifyLevel.SAMPLE),
    }, "the drill would be in the verify's way"
    sample = next(run for run in started if run.verify)
    assert (sample.verify.restore_point, sample.verify.parts) == (backup.run_no, 10)


async def test_a_thousand_shares_due_in_the_same_minute_take_seconds(plan):
    async with plan.shelf.catalogue.transaction() as conn:
        for n in range(1000):
            await add_schedule(conn, await add_share(conn, "plans", f"share-{n:04d}"), START)
    counted = Counting()
    before = psycopg.AsyncConnection.execute
    psycopg.AsyncConnection.execute = counted.wrap(before)
    try:
        began = asyncio.get_running_loop().time()
        started = await plan.dispatch(TWO)
        took = asyncio.get_running_loop().time() - began
    finally:
        psycopg.AsyncConnection.execute = before
    assert len(started) == 1001
    assert counted.count <= 5 * 11, "five statements for a hundred"
    assert took < 20, f"{took:.1f} s"


class Counting:
    count = 0

    def wrap(self, execute):
        async def wrapped(conn, *args, **kwargs):
            self.count += bool(args[0])
            return await execute(conn, *args, **kwargs)

        return wrapped


# --------------------------------------------------------------------------------------------------------------- windows

NIGHT = Window(begin="22:00", end="06:00")


async def state_of(plan, run):
    async with plan.shelf.catalogue.transaction() as conn:
        found = await runs.get(conn, run.run_id)
    return found.state, found.paused_by


async def test_outside_of_its_windows_it_waits_for_the_next_one(plan):
    await plan.settings(windows=(Window(begin="04:00", end="06:00"),))
    assert await plan.dispatch(TWO) == []
    waiting = await plan.now()
    assert waiting.next_at == START + dt.timedelta(hours=4)
    assert "next window" in waiting.waits_for
    (run,) = await plan.dispatch(waiting.next_at)
    assert await plan.occurrences() == [(TWO, Outcome.STARTED, run.run_no)]


async def test_a_window_that_closes_while_it_waits_for_its_turn_holds_it(plan):
    await plan.settings(windows=(NIGHT,))
    (run,) = await plan.dispatch(TWO)
    await keep_windows(plan.port, plan.journal, TWO)
    closed = START + dt.timedelta(hours=7)
    await keep_windows(plan.port, plan.journal, closed)
    assert await plan.port.admit(closed, Driver.WORKERS, wait=True) == []
    opens = START + dt.timedelta(hours=22)
    await keep_windows(plan.port, plan.journal, opens)
    assert [admitted.run_id for admitted in await plan.port.admit(opens, Driver.WORKERS, wait=True)] == [run.run_id]


async def running(plan):
    await plan.settings(windows=(NIGHT,), pause_outside_windows=True)
    (run,) = await plan.dispatch(TWO)
    (admitted,) = await plan.port.admit(TWO, Driver.WORKERS, wait=True)
    await plan.shelf.catalogue.start_run(admitted.run_id)
    assert await keep_windows(plan.port, plan.journal, TWO) == 0
    return run


async def test_a_run_is_paused_when_its_window_ends_and_goes_on_in_the_next(plan):
    run = await running(plan)
    closed = START + dt.timedelta(hours=6)
    assert await keep_windows(plan.port, plan.journal, closed) == 1
    assert await state_of(plan, run) == (RunState.PAUSED, "window")
    assert await keep_windows(plan.port, plan.journal, closed) == 0
    assert "next one opens at 2026-11-29 22:00" in plan.journal.lines[0][2].reason
    assert await plan.dispatch(closed) == []
    opens = START + dt.timedelta(hours=22)
    assert await keep_windows(plan.port, plan.journal, opens) == 1
    assert await state_of(plan, run) == (RunState.QUEUED, None)
    assert [again.epoch for again in await plan.port.admit(opens, Driver.WORKERS, wait=True)] == [1]
    assert [line.details["event"] for _, _, line in plan.journal.lines] == ["paused", "resumed"]


async def test_what_a_person_pauses_no_window_resumes(plan):
    run = await running(plan)
    await keep_windows(plan.port, plan.journal, START + dt.timedelta(hours=6))
    async with plan.shelf.catalogue.transaction() as conn:
        assert await runs.pause(conn, run.run_id) is not None, "it is theirs from now on"
    assert await keep_windows(plan.port, plan.journal, START + dt.timedelta(hours=22)) == 0
    assert await state_of(plan, run) == (RunState.PAUSED, None)


async def test_what_a_person_resumes_no_window_pauses(plan):
    run = await running(plan)
    closed = START + dt.timedelta(hours=6)
    await keep_windows(plan.port, plan.journal, closed)
    async with plan.shelf.catalogue.transaction() as conn:
        await runs.resume(conn, run.run_id)
    assert await keep_windows(plan.port, plan.journal, closed + dt.timedelta(hours=1)) == 0
    assert len(await plan.port.admit(closed, Driver.WORKERS, wait=True)) == 1


async def test_what_people_order_knows_no_windows(plan):
    await plan.settings(windows=(NIGHT,), pause_outside_windows=True)
    async with plan.shelf.catalogue.transaction() as conn:
        run = await runs.create(conn, "plans", plan.share.share_id, RunKind.BACKUP, driver=Driver.WORKERS)
    noon = START + dt.timedelta(hours=12)
    await keep_windows(plan.port, plan.journal, noon)
    assert [admitted.run_id for admitted in await plan.port.admit(noon, Driver.WORKERS, wait=True)] == [run.run_id]
    await plan.shelf.catalogue.start_run(run.run_id)
    assert await keep_windows(plan.port, plan.journal, noon) == 0


async def test_windows_that_are_taken_away_let_go_of_what_they_held(plan):
    run = await running(plan)
    await keep_windows(plan.port, plan.journal, START + dt.timedelta(hours=6))
    await plan.settings(windows=())
    assert await keep_windows(plan.port, plan.journal, START + dt.timedelta(hours=7)) == 1
    assert (await state_of(plan, run))[0] is RunState.QUEUED
