"""How values are written for people."""

import datetime as dt

import pytest

from http_api.shown_as import (
    ago,
    compact,
    duration,
    exact,
    hint,
    money,
    parent,
    path_parts,
    per_s,
    percent,
    period,
    plain,
    plural,
    sentence,
    size,
    told,
    when,
    who,
)

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "\u2013"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1024 * 1024 - 1, "1.00 MiB"),
        (10 * 1024 * 1024, "10.0 MiB"),
        (312 * 2**30, "312 GiB"),
        (5 * 2**60 * 1024, "5,120 EiB"),
    ],
)
def test_sizes_have_three_digits_and_never_1024_of_a_unit(value, told):
    assert size(value) == told


@pytest.mark.parametrize(("value", "told"), [(999, "999"), (12_345, "12.3 k"), (999_600, "1 M"), (3 * 10**9, "3 G")])
def test_large_numbers_in_few_characters(value, told):
    assert compact(value) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.42, "0.4 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (86_400 * 3 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds, told):
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(26 * 3600, "26 hours"), (86_400, "1 day"), (900, "15 minutes"), (61, "61 seconds")]
)
def test_what_somebody_has_set_is_told_exactly(seconds, told):
    assert period(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (3, "just now"),
        (-3, "in a moment"),
        (50, "1 min ago"),
        (3600, "1 h ago"),
        (3 * 86_400, "3 days ago"),
        (-7200, "in 2 h"),
    ],
)
def test_how_long_ago(seconds, told):
    assert ago(NOW - dt.timedelta(seconds=seconds), NOW) == told


def test_a_part_is_never_told_as_all_or_nothing():
    assert [percent(part) for part in (0, 0.0004, 0.5, 0.9996, 1)] == ["0 %", "< 0.1 %", "50 %", "> 99.9 %", "100 %"]


def test_less_than_a_cent_is_not_nothing():
    assert [money(value) for value in (0, 0.000025, 0.0034, 12.5)] == ["$0.00", "< $0.0001", "$0.0034", "$12.50"]


def test_words():
    assert [plural(1, "file"), plural(2_000, "file"), plural(2, "entry", "entries")] == [
        "1 file",
        "2,000 files",
        "2 entries",
    ]
    assert [sentence(text) for text in ("the Share is gone", "")] == ["The Share is gone", ""]
    assert path_parts("a/b c") == [("a", "a"), ("b c", "a/b c")]
    assert hint("<no>; hint: do <this>") == '&lt;no&gt;<span class="hint">Do &lt;this&gt;</span>'


def test_a_time_is_utc_in_the_page_and_says_so():
    shown = str(when(NOW))
    assert 'datetime="2026-11-29T12:00:00Z"' in shown
    assert 'title="2026-11-29 12:00:00 UTC"' in shown
    assert "UTC</span>" in shown
    assert when("2026-11-29T12:00:00.1234567Z") == shown
    assert when("30828-09-14T02:48:05.4775807Z") == "30828-09-14T02:48:05.4775807Z"


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (None, "files", "\u2013"),
        (0, "files", "0/s"),
        (0.05, "files", "0.05/s"),
        (4.234, "files", "4.2/s"),
        (12_345.6, "files", "12.3 k/s"),
        (1.5 * 1024 * 1024, "bytes", "1.50 MiB/s"),
    ],
)
def test_rates_are_per_second(value, unit, told):
    assert per_s(value, unit) == told


def test_what_a_report_does_not_say_is_none():
    report = told({"level": "quick", "read": {"files": 3}, "lost": [{"object": "x"}]})
    assert (report["level"], report["read"]["files"], report["lost"][0]["reason"], report["sample"]) == (
        "quick",
        3,
        None,
        None,
    )
    assert not told(None)


@pytest.mark.parametrize(("value", "told"), [(None, ""), (0, "0"), (15.0, "15"), (0.25, "0.25"), (1 / 3, "0.333333")])
def test_numbers_as_they_are_typed_have_no_more_digits_than_they_need(value, told):
    assert plain(value) == told


def test_a_reason_begins_as_a_sentence_does():
    assert sentence("daily 3 of 7") == "Daily 3 of 7"
    assert sentence("") == ""


@pytest.mark.parametrize(
    ("told", "name"),
    [("key 7 (nightly)", "nightly"), ("person 0b-1 (Jo (IT))", "Jo (IT)"), ("a drill", "a drill"), ("x ()", "x ()")],
)
def test_who_did_something_is_told_by_name(told, name):
    assert who(told) == name


def test_exact_times_keep_every_digit():
    assert exact("2022-09-28T21:24:10.5185260Z") == "2022-09-28 21:24:10.5185260"


@pytest.mark.parametrize(("path", "told"), [("a/b/c.txt", "a/b"), ("a", ""), ("", "")])
def test_what_holds_a_path(path, told):
    assert parent(path) == told
