"""When schedules come round: spread over shares, made good once."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import schedule
from shared.errors import InvalidInput
from shared.model.schedule import Schedule, ScheduleOptions, Timing, What
from shared.model.verify_order import VerifyLevel

NOW = dt.datetime(2026, 11, 29, 6, 0, tzinfo=dt.UTC)
crons = st.sampled_from(["0 2 * * *", "*/5 * * * *", "15 * * * *", "30 1 * * mon-fri", "0 0 1 * *", "7 3,15 * * *"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
timings = st.builds(
    Timing, cron=crons, time_zone=zones, spread_s=st.integers(0, 86_400), catch_up_s=st.integers(0, 604_800)
)
shares = st.integers(1, 2**31 - 1)
moments = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2027, 1, 1)).map(lambda m: m.replace(tzinfo=dt.UTC))  # noqa: DTZ001


@given(timings, shares, moments)
def test_it_begins_after_its_time_and_before_half_of_the_time_to_the_next(timing, share, moment):
    first, second = schedule.upcoming(timing, share, moment, 2)
    wait = first.starts_at - first.due_at
    assert dt.timedelta() <= wait <= min(dt.timedelta(seconds=timing.spread_s), (second.due_at - first.due_at) / 2)
    assert first.due_at > moment
    assert first.starts_at < second.starts_at


@given(timings, shares, moments, st.integers(0, 40 * 86_400))
def test_of_what_was_missed_the_last_is_made_good_and_what_comes_next_is_yet_to_come(timing, share, moment, seconds):
    due = schedule.next_after(timing, share, moment)
    now = due.starts_at + dt.timedelta(seconds=seconds)
    last = schedule.last_started(timing, share, now, since=due.due_at)
    assert due.due_at <= last.due_at
    assert last.starts_at <= now
    assert schedule.next_after(timing, share, last.due_at).starts_at > now


@given(timings, shares, moments)
def test_what_is_not_due_yet_is_not_taken_for_an_earlier_one(timing, share, moment):
    due = schedule.next_after(timing, share, moment)
    assert schedule.last_started(timing, share, due.due_at - dt.timedelta(seconds=1), since=due.due_at) == due


def test_a_thousand_shares_are_spread_evenly():
    timing = Timing(cron="0 2 * * *", spread_s=900)
    begun = sorted(schedule.next_after(timing, share, NOW).starts_at for share in range(1, 1001))
    assert (begun[-1] - begun[0]).total_seconds() > 850
    by_minute = [sum(1 for at in begun if (at - begun[0]).total_seconds() // 60 == minute) for minute in range(15)]
    assert max(by_minute) < 110, "67 on average"


def test_a_share_waits_as_long_every_day():
    timing = Timing(cron="0 2 * * *", spread_s=900)
    waits = {times.starts_at - times.due_at for times in schedule.upcoming(timing, 42, NOW, 10)}
    assert len(waits) == 1


def one(**timing):
    return Schedule(
        schedule_id=1, tenant_id="t", share_id=1, name="n", what=What.BACKUP, created_at=NOW,
        timing=Timing(cron="0 2 * * *", **timing),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("catch_up_s", "late_s", "too_late"), [(3600, 3600, False), (3600, 3601, True), (0, 300, False), (0, 301, True)]
)
def test_what_is_older_than_the_limit_is_not_begun(catch_up_s, late_s, too_late):
    times = schedule.next_after(one().timing, 1, NOW)
    now = times.starts_at + dt.timedelta(seconds=late_s)
    assert schedule.is_too_late(one(catch_up_s=catch_up_s), times, now) is too_late


@pytest.mark.parametrize(
    ("what", "cron", "options", "field"),
    [
        (What.BACKUP, "* * * * *", {}, "cron"),
        (What.BACKUP, "0,1 5 * * *", {}, "cron"),
        (What.BACKUP, "0 2 * * *", {"level": VerifyLevel.FULL}, "options.level"),
        (What.VERIFY, "0 2 * * *", {"level": VerifyLevel.DRILL}, "options.level"),
        (What.VERIFY, "0 2 * * *", {"over_runs": 10}, "options.over_runs"),
        (What.VERIFY, "0 2 * * *", {"files": 10}, "options.files"),
        (What.DRILL, "0 2 * * *", {"all_points": True}, "options.all_points"),
        (What.DRILL, "0 2 * * *", {"files": 10, "over_runs": 10}, "options.files"),
    ],
)
def test_what_does_not_go_together_is_refused(what, cron, options, field):
    with pytest.raises(InvalidInput) as refused:
        schedule.check(what, Timing(cron=cron), ScheduleOptions(**options), NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("what", "options"),
    [
        (What.BACKUP, {}),
        (What.SCAN, {}),
        (What.VERIFY, {"level": VerifyLevel.SAMPLE, "over_runs": 30}),
        (What.VERIFY, {"level": VerifyLevel.FULL, "all_points": True}),
        (What.DRILL, {"files": 500}),
    ],
)
def test_what_goes_together_is_taken_and_comes_back_as_it_was_given(what, options):
    chosen = ScheduleOptions(**options)
    schedule.check(what, Timing(cron="0 2 * * *"), chosen, NOW)
    assert ScheduleOptions.from_wire(chosen.to_wire()) == chosen
