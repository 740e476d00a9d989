"""What a page says of retention is what is decided; and its line of time has a mark for each restore point, within its ends."""

import datetime as dt
import re

from hypothesis import given
from hypothesis import strategies as st

from http_api.pages.outlook import SHOWN, WIDTH, outlook, outlook_of
from shared.core.retention import decide
from shared.model.retention import Dated, RetentionPolicy

NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)


def points(hours):
    return [Dated(number, NOW - dt.timedelta(hours=hour)) for number, hour in enumerate(sorted(hours, reverse=True), 1)]


@given(st.sets(st.integers(1, 20_000), max_size=300), st.integers(1, 9), st.integers(0, 9))
def test_a_page_tells_what_is_decided(hours, keep_last, daily):
    rules = RetentionPolicy(keep_last=keep_last, daily=daily)
    told = outlook(points(hours), rules, NOW)
    decided = decide(points(hours), rules, NOW)
    assert told.kept + told.expiring == len(decided)
    assert [one.restore_point for one in told.going] == [one.run_no for one in decided if not one.keep][:SHOWN]
    assert [one.reasons for one in told.staying] == [one.reasons for one in decided if one.keep][:SHOWN]
    for one in decided[:3]:
        found = outlook_of(points(hours), rules, NOW, one.run_no)
        assert found is not None
        assert (found.keep, found.reasons) == (one.keep, one.reasons)
    if told.strip is not None:
        places = [int(x) for x in re.findall(r"M(\d+) ", told.strip.staying + told.strip.going)]
        assert len(places) == len(set(places))
        assert all(0 < x < WIDTH for x in places)
        assert bool(told.strip.going) <= bool(told.expiring)


def test_without_a_policy_nothing_goes():
    told = outlook(points({1, 2, 3}), None, NOW)
    assert (told.kept, told.expiring) == (3, 0)
    assert told.staying[0].restore_point == 3
    assert outlook_of(points({1}), None, NOW, 7) is None
    assert outlook(points({1}), None, NOW).strip is None
