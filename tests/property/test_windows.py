"""Windows of times of day, and what holds in them."""

import datetime as dt
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import windows
from shared.core.pace import Rates
from shared.errors import InvalidInput
from shared.model.share import ShareSettings
from shared.model.window import DAYS, PaceWindow, Window

times = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
some_windows = st.lists(
    st.builds(Window, days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple), begin=times, end=times),
    min_size=1,
    max_size=3,
).map(tuple)
settings = st.builds(
    ShareSettings, windows=some_windows, time_zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])
)
MINUTE = dt.timedelta(minutes=1)
moments = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda m: m.replace(tzinfo=dt.UTC, second=0, microsecond=0)
)


@given(settings, moments)
def test_the_next_opening_is_open_and_nothing_before_it_is(chosen, moment):
    opens = windows.next_opening(chosen, moment)
    assert opens >= moment
    assert windows.are_open(chosen, opens)
    if opens > moment:
        assert not windows.are_open(chosen, opens - MINUTE)
        step = max(MINUTE, ((opens - moment) // 200) // MINUTE * MINUTE)
        at = moment
        while at < opens:
            assert not windows.are_open(chosen, at)
            at += step


@given(settings)
def test_settings_come_back_from_the_catalogue_as_they_were(chosen):
    assert ShareSettings.from_wire(chosen.to_wire()) == chosen


def berlin(*found):
    return ShareSettings(windows=tuple(found), time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-27T21:59+01:00", False),  # Friday
        ("2026-11-27T22:00+01:00", True),
        ("2026-11-28T05:59+01:00", True),  # Saturday, in Friday's
        ("2026-11-28T06:00+01:00", False),
        ("2026-11-29T02:00+01:00", False),  # Sunday: Saturday has none
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(at, is_open):
    chosen = berlin(Window(days=("fri",), begin="22:00", end="06:00"))
    assert windows.are_open(chosen, dt.datetime.fromisoformat(at)) is is_open


def test_the_first_limits_that_fit_count_and_else_the_ones_that_always_hold():
    day = PaceWindow(days=("mon", "tue", "wed", "thu", "fri"), begin="08:00", end="18:00", requests_per_s=100.0)
    night = PaceWindow(begin="22:00", end="06:00")
    chosen = ShareSettings(pace_windows=(day, night), requests_per_s=500.0, bytes_per_s=1e6, time_zone="Europe/Berlin")

    def at(text):
        return windows.pace_now(chosen, dt.datetime.fromisoformat(text))

    assert at("2026-11-27T10:00+01:00") == Rates(100.0, inf)
    assert at("2026-11-27T23:00+01:00") == Rates(inf, inf)
    assert at("2026-11-27T20:00+01:00") == Rates(500.0, 1e6)
    other = ShareSettings(requests_per_s=50.0)
    assert windows.pace_of_all([chosen, other], dt.datetime.fromisoformat("2026-11-27T10:00+01:00")) == Rates(50.0, inf)
    assert windows.pace_of_all([], dt.datetime.fromisoformat("2026-11-27T10:00+01:00")).unlimited


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Window(days=(), begin="00:00", end="01:00"), "windows.0.days"),
        (Window(days=("mon", "mon"), begin="00:00", end="01:00"), "windows.0.days"),
        (Window(days=("monday",), begin="00:00", end="01:00"), "windows.0.days"),
        (Window(begin="24:00", end="01:00"), "windows.0.begin"),
        (Window(begin="7:00", end="08:00"), "windows.0.begin"),
        (Window(begin="07:00", end="25:00"), "windows.0.end"),
        (Window(begin="07:00", end="08:60"), "windows.0.end"),
    ],
)
def test_what_is_no_window_is_refused(wrong, field):
    with pytest.raises(InvalidInput) as refused:
        windows.check([wrong], "windows")
    assert refused.value.field == field
