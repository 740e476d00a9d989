"""Which restore points a policy keeps, told by examples."""

import datetime as dt

import pytest

from shared.core.retention import check, decide, said_in_all
from shared.errors import InvalidInput
from shared.model.retention import Dated, Hold, KeepEvent, KeepKind, Pin, RetentionPolicy, Said

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def daily(days, at=NOW):
    """One point a day, the newest at ``at``; the newest has the highest number."""
    return [Dated(days - n, at - dt.timedelta(days=n)) for n in range(days)]


def kept(decisions):
    return [d.run_no for d in decisions if d.keep]


def reasons(decisions, run_no):
    return next(d.reasons for d in decisions if d.run_no == run_no)


def test_each_rule_keeps_its_newest_periods_and_says_which():
    told = decide(daily(100), RetentionPolicy(keep_last=2, daily=7, weekly=4, monthly=3), NOW)
    assert reasons(told, 100) == ("the newest", "daily 1 of 7", "weekly 1 of 4", "monthly 1 of 3")
    assert reasons(told, 99) == ("last 2 of 2", "daily 2 of 7", "monthly 2 of 3")  # the last of February
    assert kept(told) == [100, 99, 98, 97, 96, 95, 94, 93, 86, 79, 71]
    assert reasons(told, 93) == ("weekly 2 of 4",)
    assert reasons(told, 71) == ("monthly 3 of 3",)
    assert reasons(told, 90) == ("no rule keeps it; it was kept by daily until 4 newer days had one",)


def test_the_newest_is_always_kept():
    assert kept(decide(daily(5), RetentionPolicy(), NOW + dt.timedelta(days=9000))) == [5]


def test_everything_younger_than_some_days_is_kept():
    assert kept(decide(daily(10), RetentionPolicy(keep_days=3), NOW)) == [10, 9, 8]


def test_days_without_a_point_do_not_count():
    points = [Dated(1, NOW - dt.timedelta(days=300)), Dated(2, NOW - dt.timedelta(days=200)), Dated(3, NOW)]
    assert kept(decide(points, RetentionPolicy(daily=3), NOW)) == [3, 2, 1]


def test_of_a_period_the_last_point_is_kept():
    points = [Dated(n, dt.datetime(2026, 1, 1, n, tzinfo=dt.UTC)) for n in range(1, 10)]
    points += [Dated(10, dt.datetime(2026, 1, 2, 5, tzinfo=dt.UTC))]
    assert kept(decide(points, RetentionPolicy(daily=2), NOW)) == [10, 9]


def test_periods_are_those_of_the_time_zone():
    # 23:30 and 00:30 in Berlin are one day in UTC, and two there.
    points = [
        Dated(1, dt.datetime(2026, 1, 1, 22, 30, tzinfo=dt.UTC)),
        Dated(2, dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.UTC)),
    ]
    assert kept(decide(points, RetentionPolicy(daily=2), NOW)) == [2]
    assert kept(decide(points, RetentionPolicy(daily=2, time_zone="Europe/Berlin"), NOW)) == [2, 1]


def test_the_hour_that_comes_twice_in_autumn_is_two_hours():
    # 02:30 in summer time, and 02:30 an hour later.
    points = [
        Dated(1, dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)),
        Dated(2, dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)),
    ]
    assert kept(decide(points, RetentionPolicy(hourly=2, time_zone="Europe/Berlin"), NOW)) == [2, 1]


def test_pins_holds_and_users_keep_what_no_rule_does():
    pin = Said(pin=Pin(by="jo", reason="migration", at=NOW, until=NOW + dt.timedelta(days=1)))
    over = Said(pin=Pin(by="jo", reason="migration", at=NOW, until=NOW - dt.timedelta(days=1)))
    hold = Said(hold=Hold(by="legal", reason="case 7", at=NOW))
    old = NOW - dt.timedelta(days=50)
    points = [
        Dated(1, old, pin),
        Dated(2, old, over),
        Dated(3, old, hold),
        Dated(4, old, used_by="restore run 9"),
        Dated(5, NOW),
    ]
    told = decide(points, RetentionPolicy(), NOW)
    assert kept(told) == [5, 4, 3, 1]
    assert reasons(told, 1) == ("pinned by jo until 2026-03-02T12:00:00+00:00: migration",)
    assert reasons(told, 3) == ("legal hold by legal: case 7",)
    assert reasons(told, 4) == ("in use: restore run 9",)
    assert "a pin of jo until 2026-02-28" in reasons(told, 2)[0]


@pytest.mark.parametrize(
    ("field", "policy"),
    [
        ("keep_last", RetentionPolicy(keep_last=0)),
        ("daily", RetentionPolicy(daily=-1)),
        ("yearly", RetentionPolicy(yearly=10_001)),
        ("keep_days", RetentionPolicy(keep_days=-1)),
        ("time_zone", RetentionPolicy(time_zone="Mars/Olympus")),
        ("time_zone", RetentionPolicy(time_zone="../etc/passwd")),
        ("time_zone", RetentionPolicy(time_zone="")),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_field(field, policy):
    with pytest.raises(InvalidInput) as raised:
        check(policy)
    assert raised.value.field == field


def test_of_what_was_said_the_last_counts():
    def event(number, kind):
        return KeepEvent(run_no=1, event_no=number, kind=kind, by="a", reason=f"r{number}", at=NOW)

    said = said_in_all(
        [event(3, KeepKind.HOLD), event(1, KeepKind.PIN), event(2, KeepKind.UNPIN), event(4, KeepKind.PIN)]
    )
    assert (said.pin.reason, said.hold.reason) == ("r4", "r3")
    assert said_in_all([event(1, KeepKind.HOLD), event(2, KeepKind.RELEASE)]) == Said()
