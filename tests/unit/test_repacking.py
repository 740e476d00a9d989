"""When repacking pays, by hand and by law; for how long restore points are kept, against what retention does with them."""

import datetime as dt
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import cost, outlook
from shared.core.changes import changes
from shared.core.repacking import Bundles, choose, worth
from shared.core.retention import decide
from shared.errors import IntegrityError
from shared.formats import tally
from shared.model.content import Content, ContentKind
from shared.model.retention import Dated, Hold, Pin, RetentionPolicy, Said
from tests.support.records import record

PRICES = cost.read_prices(Path(cost.__file__).with_name("prices.toml").read_text(encoding="utf-8")).vault["Hot"]
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def bundles(**columns):
    given_ = {"size": 64e6, "live": 16e6, "members": 100, "pages": 30, "age": 12, "held": 1} | columns
    longest = max(np.size(value) for value in given_.values())
    return Bundles(**{name: np.resize(np.array(value, dtype=np.float64), longest) for name, value in given_.items()})


def test_a_bundle_by_hand():
    """64 MB, of which a quarter is left after a year, and 30 days of restore points."""
    found = worth(bundles(), 1.0, PRICES)
    month = 0.0208 / 1e9
    # They go at ln 4 / 12 months; the last of a hundred after (ln 100 + 0.577) / that: 44.9 months, and a month longer held.
    end = 12 / math.log(4) * (math.log(100) + 0.57722) + 1
    assert found.brings[0] == pytest.approx(48e6 * month * (end - 1), rel=1e-4)
    copying = (100 + 30) * 0.0044 / 1e4 + 2 * 0.055 / 1e4 + 30 * 4096 * month * 60
    assert found.costs[0] == pytest.approx(16e6 * month * 1 + copying, rel=1e-4)
    assert found.paid[0] == pytest.approx(48e6 * month * 12 / 2, rel=1e-4)
    assert choose(bundles(), 1.0, PRICES).tolist() == [0]


@pytest.mark.parametrize(
    ("what", "columns", "pays"),
    [
        ("held for 30 days", {"held": 1}, True),
        ("held for two years, most of it gone", {"held": 24, "live": 8e6}, True),
        ("held for two years, a quarter left", {"held": 24}, False),
        ("held for longer than anybody knows", {"held": 84, "live": 1e6}, False),
        ("held for ever", {"held": math.inf, "live": 1e3}, False),
        ("all of it is there", {"live": 64e6}, False),
        ("nearly all of it is there", {"live": 60e6}, False),
        ("all of it is gone: the next sweep has it", {"live": 0}, False),
        ("written yesterday", {"age": 0.03}, False),
        ("a few kilobytes, which no request is worth", {"size": 64e3, "live": 16e3, "members": 5}, False),
        ("on pages of their own: a record each", {"live": 16e6, "members": 30_000, "pages": 30_000}, False),
    ],
)
def test_what_pays(what, columns, pays):
    assert bool(len(choose(bundles(**columns), 1.0, PRICES))) == pays, what


def test_what_is_deleted_early_is_charged():
    cool = replace(PRICES, early_deletion_months=3.0)
    young = bundles(age=1.0, held=0.5)
    difference = worth(young, 1.0, cool).costs - worth(young, 1.0, PRICES).costs
    assert difference[0] == pytest.approx(64e6 * 0.0208 / 1e9 * 1.5)


sizes = st.floats(1e3, 1e9)
months = st.floats(0, 200) | st.just(math.inf)


@given(sizes, st.floats(0, 1), st.integers(1, 5_000), st.floats(0.01, 200), months, st.floats(0, 100))
def test_money_is_a_number_and_more_garbage_never_saves_less(size, part, members, age, held, tail):
    live = [1 + size * part, 1 + size * part / 2]
    found = worth(bundles(size=size, live=live, members=members, pages=members, age=age, held=held), tail, PRICES)
    assert all(np.isfinite(column).all() for column in (found.brings, found.costs, found.paid))
    assert (found.brings >= 0).all()
    assert found.paid[1] >= found.paid[0]
    assert found.costs[1] <= found.costs[0] * (1 + 1e-9)


@given(
    st.lists(st.tuples(sizes, st.floats(0.01, 1)), min_size=1, max_size=40), st.floats(1e3, 1e9), st.integers(1, 200)
)
def test_no_more_than_may_be_done_at_once_and_the_best_first(some, most_bytes, most_pages):
    all_ = bundles(size=[s for s, _ in some], live=[s * part for s, part in some], pages=3, members=9)
    unlimited = choose(all_, 1.0, PRICES)
    chosen = choose(all_, 1.0, PRICES, most_bytes=most_bytes, most_pages=most_pages)
    assert chosen.tolist() == unlimited[: len(chosen)].tolist()
    assert all_.live[chosen].sum() <= most_bytes
    assert all_.pages[chosen].sum() <= most_pages


# ---------------------------------------------------------------------------------------------------------------------
# For how long


def daily(days, at=NOW):
    return [Dated(days - n, at - n * DAY) for n in range(days)]


@pytest.mark.parametrize(
    ("policy", "within"),
    [
        (RetentionPolicy(keep_last=5), 1),
        (RetentionPolicy(daily=30), 1),
        (RetentionPolicy(keep_days=20), 1),
        (RetentionPolicy(daily=14, weekly=8), 7),
        (RetentionPolicy(daily=14, weekly=8, monthly=12, time_zone="Europe/Berlin"), 31),
        (RetentionPolicy(daily=7, monthly=6, yearly=2), 366),
    ],
)
def test_points_are_kept_for_about_as_long_as_they_are_said_to_be(policy, within):
    """Against the real thing: a backup a day, and a prune after each."""
    there = daily(900)
    keeps = {decision.run_no for decision in decide(there, policy, NOW) if decision.keep}
    there = [point for point in there if point.run_no in keeps]
    said = outlook.kept_for(there, policy, NOW)
    lasted, points = {}, there
    for day in range(1, 1_000):
        at = NOW + day * DAY
        points = [*points, Dated(900 + day, at)]
        keeps = {decision.run_no for decision in decide(points, policy, at) if decision.keep}
        lasted |= {point.run_no: day for point in points if point.run_no not in keeps}
        points = [point for point in points if point.run_no in keeps]
        if not keeps & said.keys():
            break
    assert not keeps & said.keys()
    for run_no, seconds in said.items():
        assert abs(seconds / outlook.DAY_S - lasted[run_no]) <= within + 1, (run_no, seconds / 86_400, lasted[run_no])


def test_what_nobody_can_tell_is_for_ever():
    first, second, third = daily(3)
    assert set(outlook.kept_for([first, second, third], None, NOW).values()) == {math.inf}
    hold = Said(hold=Hold(by="jo", reason="court", at=NOW))
    pin = Said(pin=Pin(by="jo", reason="mine", at=NOW))
    until = Said(pin=Pin(by="jo", reason="mine", at=NOW, until=NOW + 90 * DAY))
    points = [first, second._replace(said=hold), third._replace(said=pin), Dated(0, NOW - 3 * DAY, until)]
    said = outlook.kept_for(points, RetentionPolicy(keep_last=1), NOW)
    assert said[3] == 86_400
    assert (said[2], said[1]) == (math.inf, math.inf)
    assert said[0] == 90 * 86_400


def test_what_was_let_go_is_held_for_the_margin():
    policy = RetentionPolicy(keep_last=1)
    found = outlook.held_for([1, 2, 7, 9], [Dated(9, NOW)], policy, {1: NOW - 9 * DAY, 2: NOW - DAY}, NOW, 7 * 86_400)
    assert found.held_s == (0, 6 * 86_400, None, 8 * 86_400)
    assert found.tail_s == 8 * 86_400


def test_nothing_is_reckoned_where_the_newest_stays_for_years():
    held = Dated(9, NOW, Said(hold=Hold(by="jo", reason="court", at=NOW)))
    assert outlook.held_for([9], [held], RetentionPolicy(), {}, NOW, 0) is None
    assert outlook.held_for([9], [Dated(9, NOW)], None, {}, NOW, 0) is None
    assert outlook.held_for([9], [Dated(9, NOW)], RetentionPolicy(keep_days=3_650), {}, NOW, 0) is None


# ---------------------------------------------------------------------------------------------------------------------
# What is written down, and what is not seen


def test_a_tally_comes_back_and_a_damaged_one_does_not():
    made = tally.tally_of(
        [(2**63 + 1, 4, 5, 6, 7, 2**40, math.inf), (1, 2, 3, 0, 0, 0, 1.5)], [(2**62, 1, 9), (3, 0, 8)]
    )
    data = tally.encode(made)
    found = tally.decode(data)
    assert found.bundles.tolist() == made.bundles.tolist()
    assert found.pages.tolist() == made.pages.tolist()
    for bad in (
        data[:-1],
        data + b"\0",
        b"",
        data[:4] + b"\x02" + data[5:],
        data[:50] + bytes([data[50] ^ 1]) + data[51:],
    ):
        with pytest.raises(IntegrityError):
            tally.decode(bad)


def test_a_repacked_file_has_not_changed():
    saved = next(saved for saved in record().entries if not saved.entry.is_directory)
    elsewhere = replace(saved, content=Content(ContentKind.BUNDLED, 99, 1, 0, 0, 5, 6))
    assert changes(saved, elsewhere) == ()
