"""The grid of a month: every day once, under the right weekday, with the restore points that a clock of the share's zone puts there."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api.pages.calendar import Month, bounds, calendar
from shared.db.standing import MarkedPoint

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)


def point(at: dt.datetime, **more) -> MarkedPoint:
    values = dict.fromkeys(MarkedPoint.__dataclass_fields__)
    values |= {"run_no": 1, "taken_at": at, "committed_at": at, "directories": 1, "files": 1, "bytes": 1, "errors": 0}
    return MarkedPoint(**(values | more))


def days_of(grid):
    return [day for week in grid.weeks for day in week if day is not None]


@given(st.integers(1971, 9000), st.integers(1, 12))
def test_each_day_of_a_month_is_once_in_the_column_of_its_weekday(year, number):
    grid = calendar(Month(year, number), [], dt.UTC, NOW, None, None)
    assert days_of(grid)[0].date.day == 1
    assert len(days_of(grid)) == (Month(year, number).after.first - Month(year, number).first).days
    for week in grid.weeks:
        assert len(week) == 7
        assert all(day is None or day.date.weekday() == at for at, day in enumerate(week))


def test_a_point_is_on_the_day_that_the_clock_of_the_zone_shows():
    late = point(dt.datetime(2026, 11, 9, 23, 30, tzinfo=dt.UTC))
    (day,) = [d for d in days_of(calendar(Month(2026, 11), [late], BERLIN, NOW, None, None)) if d.points]
    assert day.date == dt.date(2026, 11, 10)


def test_marks_are_counted_and_told_in_words():
    at = dt.datetime(2026, 11, 9, 8, tzinfo=dt.UTC)
    points = [
        point(at, pinned_by="jo", pinned_until=NOW - dt.timedelta(days=1)),
        point(at, pinned_by="jo", held_by="jo", verify_state="succeeded"),
        point(at, errors=2, verify_state="completed_with_errors"),
    ]
    (day,) = [d for d in days_of(calendar(Month(2026, 11), points, BERLIN, NOW, None, None)) if d.points]
    assert day.told == "9 November 2026: 3 restore points, 1 pinned, 1 under legal hold, 1 verified, 1 with errors"


def test_one_can_go_from_the_oldest_point_to_this_month_and_no_further():
    oldest = dt.datetime(2026, 9, 30, 22, 30, tzinfo=dt.UTC)  # October in Berlin
    grids = {n: calendar(Month(2026, n), [], BERLIN, NOW, oldest, oldest) for n in (9, 10, 11)}
    assert grids[10].before is None
    assert str(grids[10].after) == "2026-11"
    assert grids[11].after is None
    assert grids[11].today == dt.date(2026, 11, 29)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-1", "0000-01", "9999-12", "2026-11-01"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ValueError, match="YYYY-MM"):
        Month.parse(text)


def test_a_day_on_which_clocks_are_put_forward_is_an_hour_shorter():
    since, until = bounds(dt.date(2026, 3, 29), dt.date(2026, 3, 30), BERLIN)
    assert until.astimezone(dt.UTC) - since.astimezone(dt.UTC) == dt.timedelta(hours=23)
