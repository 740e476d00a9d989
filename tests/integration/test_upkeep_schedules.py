"""Prunes and sweeps that come round by themselves: when there is something to do, and only then."""

import datetime as dt
from dataclasses import replace

import pytest
from psycopg.types.json import Jsonb

from shared.core import schedule as times_of
from shared.db import policies, retention, retention_orders, runs, schedules
from shared.db.dispatch import PostgresSchedules
from shared.errors import Conflict
from shared.model.retention import Decision, RetentionPolicy
from shared.model.run import Driver, RebuildOrder, RunKind, RunState
from shared.model.schedule import ScheduleOptions, What
from shared.model.sweep import MARGIN_S, SweepOrder
from shared.model.verify_order import VerifyLevel, VerifyOrder
from shared.usecases import upkeep as by_itself
from shared.usecases.dispatch_schedules import dispatch_schedules
from tests.support.schedules import START, QuietJournal, add_run, add_schedule, add_share, add_tenant
from tests.support.share_tree import put
from tests.support.world import world

DAY = dt.timedelta(days=1)
TWO = START + dt.timedelta(hours=2)
MARGIN = dt.timedelta(seconds=MARGIN_S)


class Upkeep:
    """A share, its restore points, and one schedule of it."""

    def __init__(self, shelf, share):
        self.shelf, self.share = shelf, share
        self.journal = QuietJournal()
        self.port = PostgresSchedules(shelf.catalogue, Driver.WORKERS, lambda: "f" * 32, None)

    async def does(self, statement, values=()):
        async with self.shelf.catalogue.transaction() as conn:
            await conn.execute(statement.encode(), values)

    async def schedule(self, what, **fields):
        async with self.shelf.catalogue.transaction() as conn:
            self.made = await add_schedule(conn, self.share, START, what=what, name=what.value, **fields)

    async def ended(self, run_no, kind="backup", state="succeeded", at=START, **fields):
        async with self.shelf.catalogue.transaction() as conn:
            await add_run(
                conn,
                "keeping",
                self.share.share_id,
                run_no,
                kind=kind,
                state=state,
                started_at=at,
                finished_at=at,
                requested_at=at,
                **fields,
            )
            await conn.execute(b"UPDATE share SET next_run_no = greatest(next_run_no, %s)", [run_no + 1])

    async def points(self, *run_nos):
        for run_no in run_nos:
            at = START - dt.timedelta(hours=100 - run_no)
            await self.ended(run_no, at=at)
            await self.does(
                "INSERT INTO restore_point (share_id, run_no, taken_at, committed_at, directories, files, bytes, errors)"
                " VALUES (%s, %s, %s, %s, 1, 1, 1, 0)",
                [self.share.share_id, run_no, at, at],
            )

    async def policy(self, **rules):
        async with self.shelf.catalogue.transaction() as conn:
            made = await policies.create(conn, "keeping", "Standard", RetentionPolicy(**rules))
            await policies.give(conn, "keeping", self.share.share_id, made.policy_id)

    async def let_go(self, run_no, at):
        async with self.shelf.catalogue.transaction() as conn:
            gone = Decision(run_no, keep=False, reasons=("old",))
            await retention.expire(conn, self.share.share_id, [gone], "test")
            await conn.execute(
                b"UPDATE expired_point SET expired_at = %s, marked = true WHERE run_no = %s", [at, run_no]
            )

    async def swept(self, run_no, at, state="succeeded", horizon=3, **report):
        order = SweepOrder(by="test", horizon=horizon, roots=(horizon,), opened_at=at)
        fields = {"retention_order": Jsonb(order.to_wire()), "report": Jsonb({"refused_objects": 0} | report)}
        await self.ended(run_no, kind="sweep", state=state, at=at, **fields)

    async def dispatch(self, at):
        return await dispatch_schedules(self.port, self.journal, at)

    async def outcome(self):
        """The last one."""
        async with self.shelf.catalogue.transaction() as conn:
            last = (await schedules.occurrences(conn, self.share.share_id, self.made.schedule_id))[0]
        return last.outcome.value, last.note

    async def now(self):
        async with self.shelf.catalogue.transaction() as conn:
            return await schedules.get(conn, self.share.share_id, self.made.schedule_id)


@pytest.fixture
async def upkeep(shelf):
    async with shelf.catalogue.transaction() as conn:
        await add_tenant(conn, "keeping")
        share = await add_share(conn, "keeping", "finance", time_zone="Europe/Berlin")
    return Upkeep(shelf, share)


async def test_a_share_is_given_what_it_has_not_of_the_two(upkeep):
    async with upkeep.shelf.catalogue.transaction() as conn:
        await schedules.add_upkeep(conn, upkeep.share, START)
        await schedules.add_upkeep(conn, upkeep.share, START)
        first = await schedules.of_share(conn, upkeep.share.share_id)
        assert [(one.what, one.name, one.timing.time_zone, one.enabled) for one in first] == [
            (What.PRUNE, "prune", "Europe/Berlin", True),
            (What.SWEEP, "sweep", "Europe/Berlin", True),
        ]
        for one in first:
            times_of.check(one.what, one.timing, one.options, START)
            assert await schedules.next_of(conn, upkeep.share.share_id, one.what) == one.next_at
        # Its own, switched off, of another name: it wants none. A name that is taken is not taken twice.
        await conn.execute(b"DELETE FROM schedule")
        await add_schedule(conn, upkeep.share, START, what=What.PRUNE, name="mine", enabled=False)
        await add_schedule(conn, upkeep.share, START, what=What.BACKUP, name="sweep")
        await schedules.add_upkeep(conn, upkeep.share, START)
        assert [(one.what, one.name) for one in await schedules.of_share(conn, upkeep.share.share_id)] == [
            (What.PRUNE, "mine"),
            (What.BACKUP, "sweep"),
            (What.SWEEP, "sweep 2"),
        ]
        assert await schedules.next_of(conn, upkeep.share.share_id, What.PRUNE) is None


async def test_what_the_policy_does_not_keep_is_let_go_by_a_run(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.policy(keep_last=1)
    await upkeep.schedule(What.PRUNE)
    (run,) = await upkeep.dispatch(TWO)
    assert (run.kind, run.state, run.schedule_id) == (RunKind.PRUNE, RunState.QUEUED, upkeep.made.schedule_id)
    assert run.retention == {"by": "schedule 'prune'", "run_nos": None}
    assert await upkeep.dispatch(TWO) == []
    assert await upkeep.dispatch(TWO + DAY) == []
    assert (await upkeep.outcome())[0] == "skipped"
    assert f"prune run {run.run_no} is queued" in (await upkeep.outcome())[1]
    assert len(upkeep.journal.lines) == 1


async def test_nothing_is_pruned_when_all_is_kept_or_there_is_no_policy(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.schedule(What.PRUNE)
    assert await upkeep.dispatch(TWO) == []
    assert await upkeep.outcome() == (
        "refused",
        "the share has no retention policy; hint: give it one, or switch this schedule off",
    )
    await upkeep.policy(keep_last=3)
    assert await upkeep.dispatch(TWO + DAY) == []
    assert await upkeep.outcome() == ("skipped", "nothing to let go: all of 3 restore points are kept")
    await upkeep.let_go(1, TWO)
    await upkeep.does("UPDATE expired_point SET marked = false")
    (run,) = await upkeep.dispatch(TWO + 2 * DAY)
    assert run.kind is RunKind.PRUNE, "the vault was not told of one"


LATER = TWO + 8 * DAY
"""A day after what happened at two o'clock is out of the margin."""


@pytest.mark.parametrize(
    ("told", "sweeps"),
    [
        ([], False),
        ([("let_go", 1, TWO)], True),
        ([("let_go", 1, LATER - MARGIN)], True),
        ([("let_go", 1, LATER - MARGIN + dt.timedelta(seconds=1))], False),
        # A sweep that ended well has dealt with what was let go up to its own margin, and with nothing later.
        ([("let_go", 1, TWO - 2 * DAY), ("swept", 4, TWO + 6 * DAY)], False),
        ([("let_go", 1, TWO), ("swept", 4, TWO + 6 * DAY)], True),
        ([("let_go", 1, TWO - 2 * DAY), ("swept", 4, TWO + 6 * DAY, "failed")], True),
        ([("let_go", 1, TWO - 2 * DAY), ("swept", 4, TWO + 6 * DAY, "cancelled")], True),
        ([("swept", 4, TWO, "succeeded", 3, 5)], True),
        # What a backup that failed left, if there is a newer restore point.
        ([("failed", 2, TWO)], True),
        ([("failed", 2, TWO + 2 * DAY)], False),
        ([("failed", 4, TWO)], False),
        ([("failed", 2, TWO - 2 * DAY), ("swept", 4, TWO + 6 * DAY)], False),
        ([("failed", 2, TWO - 2 * DAY), ("swept", 4, TWO + 6 * DAY, "succeeded", 1)], True),
    ],
)
async def test_a_share_is_swept_when_something_can_be_expected_of_it(upkeep, told, sweeps):
    await upkeep.points(*({1, 2, 3} - {what[1] for what in told if what[0] == "failed"}))
    await upkeep.schedule(What.SWEEP)
    for what, run_no, at, *more in told:
        if what == "let_go":
            await upkeep.let_go(run_no, at)
        elif what == "failed":
            await upkeep.ended(run_no, state="failed", at=at)
        else:
            state, horizon, refused = (*more, *("succeeded", 3, 0)[len(more) :])
            await upkeep.swept(run_no, at, state, horizon, refused_objects=refused)
    assert len(await upkeep.dispatch(LATER)) == sweeps
    outcome, note = await upkeep.outcome()
    assert outcome == ("started" if sweeps else "skipped")
    assert sweeps or note.startswith("nothing to delete")


async def test_the_margin_is_the_schedules(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.let_go(1, TWO - DAY)
    await upkeep.schedule(What.SWEEP, options=ScheduleOptions(margin_days=2))
    assert await upkeep.dispatch(TWO) == []
    (run,) = await upkeep.dispatch(TWO + DAY)
    assert SweepOrder.from_wire(run.retention) == SweepOrder(by="schedule 'sweep'", margin_s=2 * 86_400)


async def test_a_sweep_that_failed_is_tried_again_at_its_next_date(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.let_go(1, START - 9 * DAY)
    await upkeep.schedule(What.SWEEP, cron="0 2 * * sun")
    (run,) = await upkeep.dispatch(TWO)
    await upkeep.does("UPDATE run SET state = 'failed', finished_at = %s WHERE run_id = %s", [TWO, run.run_id])
    for minutes in (1, 60, 6 * 24 * 60):
        assert await upkeep.dispatch(TWO + dt.timedelta(minutes=minutes)) == []
    (again,) = await upkeep.dispatch(TWO + 7 * DAY)
    assert again.kind is RunKind.SWEEP


async def test_a_sweep_waits_for_a_verify_and_a_verify_for_a_sweep(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.let_go(1, START - 9 * DAY)
    await upkeep.schedule(What.SWEEP)
    async with upkeep.shelf.catalogue.transaction() as conn:
        order = VerifyOrder(level=VerifyLevel.QUICK, restore_point=3)
        verify = await runs.create(conn, "keeping", upkeep.share.share_id, RunKind.VERIFY, verify=order)
        check = await add_schedule(conn, upkeep.share, START, what=What.VERIFY, name="check", cron="30 2 * * *")
    assert await upkeep.dispatch(TWO) == []
    waiting = await upkeep.now()
    assert f"verify run {verify.run_no} is queued" in waiting.waits_for
    await upkeep.does("UPDATE run SET state = 'cancelled', finished_at = now() WHERE kind = 'verify'")
    (sweep,) = await upkeep.dispatch(waiting.next_at)
    assert await upkeep.dispatch(TWO + dt.timedelta(minutes=30)) == []
    async with upkeep.shelf.catalogue.transaction() as conn:
        later = await schedules.get(conn, upkeep.share.share_id, check.schedule_id)
    assert f"sweep run {sweep.run_no} is queued" in later.waits_for


@pytest.mark.parametrize("what", [What.PRUNE, What.SWEEP])
async def test_nothing_is_let_go_while_the_catalogue_is_made_anew(upkeep, what):
    await upkeep.points(1, 2, 3)
    await upkeep.policy(keep_last=1)
    await upkeep.let_go(1, START - 9 * DAY)
    await upkeep.schedule(what)
    async with upkeep.shelf.catalogue.transaction() as conn:
        order = RebuildOrder(replace=True)
        rebuild = await runs.create(conn, "keeping", upkeep.share.share_id, RunKind.REBUILD, rebuild=order)
    assert await upkeep.dispatch(TWO) == []
    assert f"rebuild run {rebuild.run_no} is queued" in (await upkeep.now()).waits_for
    with pytest.raises(Conflict, match="rebuild run"):
        async with upkeep.shelf.catalogue.transaction() as conn:
            await runs.create(
                conn, "keeping", upkeep.share.share_id, RunKind.SWEEP, retention=SweepOrder(by="somebody")
            )


async def test_a_deleted_share_is_left_alone_and_one_outside_of_its_windows_waits(upkeep):
    await upkeep.points(1, 2, 3)
    await upkeep.policy(keep_last=1)
    await upkeep.schedule(What.PRUNE)
    await upkeep.does("UPDATE share SET deleted_at = now() WHERE share_id = %s", [upkeep.share.share_id])
    assert await upkeep.dispatch(TWO) == []
    assert await upkeep.outcome() == ("skipped", "its share is deleted")
    window = {"days": ["mon", "tue", "wed"], "begin": "20:00", "end": "22:00"}
    await upkeep.does(
        "UPDATE share SET deleted_at = NULL, settings = settings || %s WHERE share_id = %s",
        [Jsonb({"windows": [window]}), upkeep.share.share_id],
    )
    assert await upkeep.dispatch(TWO + DAY) == []
    held = await upkeep.now()
    assert held.next_at == START + DAY + dt.timedelta(hours=19), "eight in the evening in Berlin"
    (run,) = await upkeep.dispatch(held.next_at)
    assert run.kind is RunKind.PRUNE


async def test_what_belongs_to_a_sweep_is_refused_of_others():
    options = ScheduleOptions(margin_days=3)
    assert ScheduleOptions.from_wire(options.to_wire()) == options
    timing = times_of.upkeep_of("UTC")[0][1]
    times_of.check(What.SWEEP, timing, options, START)
    for what in set(What) - {What.SWEEP}:
        with pytest.raises(Exception, match="margin_days is an option of a sweep"):
            times_of.check(what, replace(timing), options, START)


async def test_by_itself_a_share_with_a_policy_is_pruned_and_what_that_left_is_swept(
    postgres_url, azurite, files_emulator, monkeypatch
):
    async with world(postgres_url, azurite, files_emulator) as files:
        for content in (b"one", b"two", b"three"):
            put(files.client(), "a.txt", content)
            await files.backup()
        app, share = files.app, files.share
        async with app.transaction() as conn:
            policy = await policies.create(conn, share.tenant_id, "Newest", RetentionPolicy(keep_last=1))
            assert await policies.give(conn, share.tenant_id, share.share_id, policy.policy_id) is None
            await schedules.add_upkeep(conn, share, app.clock.now())
        monkeypatch.setattr(retention_orders, "MARGIN_S", 0)
        begun, at = [], app.clock.now()
        for _ in range(14):
            at += DAY
            for run in await by_itself.begin_due(app.schedules, app.journal, at, app.settings.driver):
                ended = await files.drive(run)
                assert ended.state is RunState.SUCCEEDED, ended.error
                begun.append((ended.kind.value, ended.report.get("expired_count"), ended.report.get("deleted_objects")))
        assert [kind for kind, *_ in begun][:2] == ["prune", "sweep"]
        assert begun[0][1] == 2
        assert begun[1][2] >= 2
        assert len(begun) == 2, "there was nothing more to do"
        await files.nothing_is_damaged()
