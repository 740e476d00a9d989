"""Windows as they are typed: what is understood, what is shown again, what is refused."""

import pytest

from cli.errors import USAGE, CliError
from cli.windows import DAYS, parse_window, window_text

WEEK = list(DAYS)


@pytest.mark.parametrize(
    ("typed", "window"),
    [
        ("20:00-06:00", {"begin": "20:00", "end": "06:00"}),
        ("mon-fri 8:00-18:00", {"days": WEEK[:5], "begin": "08:00", "end": "18:00"}),
        ("sat,sun 00:00-24:00", {"days": ["sat", "sun"], "begin": "00:00", "end": "24:00"}),
        ("fri-mon 1:00-2:00", {"days": ["mon", "fri", "sat", "sun"], "begin": "01:00", "end": "02:00"}),
        ("Sun,MON 1:00-2:00", {"days": ["mon", "sun"], "begin": "01:00", "end": "02:00"}),
    ],
)
def test_days_and_times_are_as_the_api_takes_them(typed, window):
    assert parse_window(typed) == window
    assert parse_window(window_text({"days": WEEK, **window})) in (window, {"days": WEEK, **window})


@pytest.mark.parametrize(
    ("typed", "limits"),
    [
        ("08:00-18:00 requests_per_s=50", {"requests_per_s": 50.0}),
        ("08:00-18:00 bytes_per_s=10000000 requests_per_s=none", {"bytes_per_s": 1e7, "requests_per_s": None}),
    ],
)
def test_limits_belong_to_windows_of_pace(typed, limits):
    found = parse_window(typed, paced=True)
    assert {name: found[name] for name in limits} == limits
    shown = parse_window(window_text({"days": WEEK, **found}), paced=True)
    assert shown == found


@pytest.mark.parametrize(
    ("typed", "paced"),
    [
        ("", False),
        ("mon", False),
        ("monday 08:00-18:00", False),
        ("mon- 08:00-18:00", False),
        ("08:00", False),
        ("8-18", False),
        ("mon-fri 08:00-18:00 sat", False),
        ("08:00-18:00 requests_per_s=50", False),
        ("08:00-18:00", True),
        ("08:00-18:00 requests_per_s=fast", True),
        ("08:00-18:00 requests_per_s=50 requests_per_s=60", True),
        ("08:00-18:00 colour=blue", True),
    ],
)
def test_what_is_no_window_is_refused_with_one_that_is(typed, paced):
    with pytest.raises(CliError, match="expected one such as") as refused:
        parse_window(typed, paced=paced)
    assert refused.value.code == USAGE
