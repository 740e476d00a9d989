"""NCRONTAB: the examples of its documentation, and what is refused."""

from datetime import UTC, datetime

import pytest

from localdev.functions_host.schedule import ScheduleError, parse

START = datetime(2026, 11, 23, 10, 2, 3, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", ["2026-11-23T10:05:00", "2026-11-23T10:10:00"]),
        ("*/15 * * * * *", ["2026-11-23T10:02:15", "2026-11-23T10:02:30"]),
        ("5,8,10 * * * * *", ["2026-11-23T10:02:05", "2026-11-23T10:02:08", "2026-11-23T10:02:10"]),
        ("0 5 * * * *", ["2026-11-23T10:05:00", "2026-11-23T11:05:00"]),
        ("0 0 */2 * * *", ["2026-11-23T12:00:00"]),
        ("0 0 9-17 * * *", ["2026-11-23T11:00:00"]),
        ("0 30 9 * * Mon-Fri", ["2026-11-24T09:30:00"]),
        ("0 30 9 * * 1-5", ["2026-11-24T09:30:00"]),
        ("0 30 9 * January Monday", ["2027-01-04T09:30:00", "2027-01-11T09:30:00"]),
        ("0 0 0 * * 0", ["2026-11-29T00:00:00"]),
        ("0 0 0 13 * 5", ["2027-08-13T00:00:00"]),  # both day fields must hold: a Friday the 13th
        ("0 0 0 29 2 *", ["2028-02-29T00:00:00"]),
        ("*/30 * * * *", ["2026-11-23T10:30:00", "2026-11-23T11:00:00"]),
        ("3 2 10 * * *", ["2026-11-24T10:02:03"]),  # strictly after
    ],
)
def test_a_schedule_fires_when_its_documentation_says(text, expected):
    schedule, moment, found = parse(text), START, []
    for _ in expected:
        moment = schedule.next_after(moment)
        found.append(moment.strftime("%Y-%m-%dT%H:%M:%S"))
    assert found == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "0 0 25 * * *",
        "0 0 0 31 2 *",
        "0 0 0 L * *",
        "0 0 0 * Foo *",
    ],
)
def test_what_is_not_a_schedule_is_refused_by_name(text):
    with pytest.raises(ScheduleError) as refused:
        parse(text)
    assert repr(text) in str(refused.value)
