"""Times of cron expressions, against a clock that is looked at minute by minute."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.core import cron
from shared.errors import InvalidInput

MINUTE = dt.timedelta(minutes=1)
# Zones with the hours around a change of their clocks: by an hour, by half an hour, at midnight, by a day.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Africa/Cairo", "2026-04-23T22:00"),
    ("Africa/Cairo", "2026-10-29T21:00"),
    ("Asia/Kolkata", "2026-06-15T12:00"),
    ("UTC", "2026-02-28T23:00"),
]


@st.composite
def field(draw, low, high):
    """A field as text and the numbers it stands for, by construction."""
    kind = draw(st.sampled_from(["*", "one", "list", "range", "step"]))
    if kind == "*":
        return "*", set(range(low, high + 1))
    if kind == "step":
        step = draw(st.integers(2, high))
        return f"*/{step}", set(range(low, high + 1, step))
    if kind == "range":
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        return f"{first}-{last}", set(range(first, last + 1))
    found = draw(st.sets(st.integers(low, high), min_size=1, max_size=1 if kind == "one" else 4))
    return ",".join(map(str, sorted(found))), found


@st.composite
def expressions(draw):
    minute, minutes = draw(field(0, 59))
    hour, hours = draw(field(0, 23))
    day, days = draw(st.sampled_from([("*", set(range(1, 32)))]) | field(1, 31))
    weekday, weekdays = draw(st.sampled_from([("*", set(range(7)))]) | field(0, 6))

    def matches(at):
        of_month, of_week = at.day in days, (at.isoweekday() % 7) in weekdays
        is_day = of_month and of_week if day[0] == "*" or weekday[0] == "*" else of_month or of_week
        return at.minute in minutes and at.hour in hours and is_day

    return f"{minute} {hour} {day} * {weekday}", matches


def shown_at(moment, zone):
    return moment.astimezone(zone).replace(tzinfo=None)


def expected(text, matches, zone, begin, end):
    """All times from begin to end, found by looking at the clock every minute of them and of a day around."""
    every_hour = text.split()[1] in ("*", "*/1")
    moments = [
        begin - dt.timedelta(days=1) + n * MINUTE for n in range(int((end - begin + dt.timedelta(days=2)) / MINUTE))
    ]
    faces = [(moment, shown_at(moment, zone)) for moment in moments]
    found = set()
    seen = {}
    for moment, face in faces:
        seen.setdefault(face, moment)
        if matches(face) and (every_hour or seen[face] == moment):
            found.add(moment)
    if not every_hour:
        for (_, before), (moment, face) in itertools.pairwise(faces):
            left_out = before + MINUTE
            while left_out < face:
                if matches(left_out):
                    found.add(moment)
                left_out += MINUTE
    return sorted(moment for moment in found if begin < moment <= end)


@settings(deadline=None)  # looking at the clock every minute takes its time
@given(expressions(), st.sampled_from(CHANGES))
def test_every_time_is_found_once_and_in_order_whatever_is_done_to_the_clock(expression, change):
    text, matches = expression
    name, at = change
    zone = ZoneInfo(name)
    begin = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC) - dt.timedelta(hours=5)
    end = begin + dt.timedelta(hours=10)
    try:
        parsed = cron.parse(text, name)
    except InvalidInput:  # the 31st of nothing
        assume(False)
    found, moment = [], begin
    while (moment := parsed.after(moment)) <= end:
        found.append(moment)
    assert found == expected(text, matches, zone, begin, end)


@given(expressions(), st.sampled_from(CHANGES), st.integers(-300, 300))
def test_the_last_time_before_is_the_one_that_comes_next_from_just_before_it(expression, change, minutes):
    text, _ = expression
    name, at = change
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC) + minutes * MINUTE
    try:
        parsed = cron.parse(text, name)
    except InvalidInput:
        assume(False)
    last = parsed.at_or_before(moment)
    assert last <= moment
    assert parsed.after(last) > moment
    assert parsed.after(last - dt.timedelta(seconds=1)) == last


def at(text):
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def test_an_hour_that_does_not_exist_comes_at_the_next_moment_that_does():
    parsed = cron.parse("30 2 * * *", "Europe/Berlin")
    assert parsed.after(at("2026-03-29T00:00+01:00")) == at("2026-03-29T03:00+02:00")
    assert parsed.after(at("2026-03-29T03:00+02:00")) == at("2026-03-30T02:30+02:00")


def test_an_hour_that_comes_twice_counts_once():
    parsed = cron.parse("30 2 * * *", "Europe/Berlin")
    first = parsed.after(at("2026-10-25T00:00+02:00"))
    assert first == at("2026-10-25T02:30+02:00")
    assert parsed.after(first) == at("2026-10-26T02:30+01:00")


def test_every_hour_means_hours_that_pass():
    parsed = cron.parse("15 * * * *", "Europe/Berlin")
    moment, found = at("2026-10-25T00:30+02:00"), []
    for _ in range(4):
        moment = parsed.after(moment)
        found.append(moment)
    assert [b - a for a, b in itertools.pairwise(found)] == [dt.timedelta(hours=1)] * 3


@pytest.mark.parametrize(
    ("text", "zone", "field", "told"),
    [
        ("* * * *", "UTC", "cron", "expected 5"),
        ("0 0 * * * *", "UTC", "cron", "expected 5"),
        ("@daily", "UTC", "cron", "expected 5"),
        ("60 0 * * *", "UTC", "cron", "minute '60'; expected 0 to 59"),
        ("0 5-3 * * *", "UTC", "cron", "rises"),
        ("*/0 * * * *", "UTC", "cron", "step"),
        ("0 0 0 * *", "UTC", "cron", "day of month '0'"),
        ("0 0 * * 8", "UTC", "cron", "day of week '8'"),
        ("0 0 * jan-mon *", "UTC", "cron", "month 'mon'"),
        ("0, 0 * * *", "UTC", "cron", "minute ''"),
        ("0,,1 0 * * *", "UTC", "cron", "minute ''"),
        ("\u0661 0 * * *", "UTC", "cron", "minute"),
        ("0 0 30 2 *", "UTC", "cron", "never"),
        ("0 0 L * *", "UTC", "cron", "'l'"),
        ("0 0 * * 5#2", "UTC", "cron", "day of week"),
        ("H 0 * * *", "UTC", "cron", "minute 'h'"),
        ("0 0 * foo *", "UTC", "cron", "'foo'"),
        ("0 0 * * *", "Mars/Olympus", "time_zone", "IANA"),
        ("0 0 * * *", "../../etc/passwd", "time_zone", "IANA"),
        ("0 0 * * *", "", "time_zone", "IANA"),
    ],
)
def test_what_is_no_schedule_is_refused_and_the_message_says_why(text, zone, field, told):
    with pytest.raises(InvalidInput, match=told) as refused:
        cron.parse(text, zone)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("0 2 * * MON-FRI", "0 2 * * 1,2,3,4,5"),
        ("0 2 * * fri-sun", "0 2 * * 0,5,6"),
        ("0 2 * * 7", "0 2 * * 0"),
        ("0 0-0 * * *", "0 0 * * *"),
        ("10/20 2 * * *", "10,30,50 2 * * *"),
        ("0 2 1 Jan,jul *", "0 2 1 1,7 *"),
        ("1-7/3 2 * * *", "1,4,7 2 * * *"),
    ],
)
def test_spellings_of_the_same(text, same):
    assert cron.parse(text, "UTC").fields == cron.parse(same, "UTC").fields


def test_a_day_of_month_and_a_weekday_mean_either():
    parsed = cron.parse("0 2 13 * fri", "UTC")
    moment, found = at("2026-02-01T00:00+00:00"), []
    for _ in range(5):
        moment = parsed.after(moment)
        found.append(moment.day)
    assert found == [6, 13, 20, 27, 6]


def test_the_29th_of_february_comes_however_far_it_is():
    parsed = cron.parse("0 0 29 2 *", "UTC")
    assert parsed.after(at("2096-03-01T00:00+00:00")) == at("2104-02-29T00:00+00:00")
    assert parsed.at_or_before(at("2104-02-28T00:00+00:00")) == at("2096-02-29T00:00+00:00")
