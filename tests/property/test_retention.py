"""Laws of retention, over whatever histories there are."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from shared.core.retention import decide
from shared.model.retention import Dated, RetentionPolicy, Rule

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"])
counts = st.integers(0, 6)
policies = st.builds(
    RetentionPolicy,
    keep_last=st.integers(1, 5),
    hourly=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    yearly=counts,
    keep_days=st.integers(0, 20),
    time_zone=ZONES,
)
# Minutes to days between two points, around changes of the clock as well.
starts = st.sampled_from(
    [
        dt.datetime(2026, 3, 27, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 23, tzinfo=dt.UTC),
        dt.datetime(2027, 12, 30, tzinfo=dt.UTC),
    ]
)
gaps = st.lists(
    st.one_of(st.integers(1, 90), st.integers(300, 3_000), st.integers(10_000, 200_000)), min_size=1, max_size=60
)


def history(start, minutes):
    at, points = start, []
    for number, gap in enumerate(minutes, 1):
        at += dt.timedelta(minutes=gap)
        points.append(Dated(number, at))
    return points


@given(starts, gaps, policies)
def test_every_point_is_decided_once_with_reasons_and_the_newest_stays(start, minutes, policy):
    points = history(start, minutes)
    told = decide(points, policy, points[-1].taken_at)
    assert [d.run_no for d in told] == [p.run_no for p in reversed(points)]
    assert all(d.reasons for d in told)
    assert told[0].keep


@given(starts, gaps, policies)
def test_no_rule_keeps_more_than_it_may_nor_less_than_it_could(start, minutes, policy):
    points = history(start, minutes)
    told = decide(points, policy, points[-1].taken_at)
    for rule in Rule:
        by_rule = [d for d in told if any(reason.startswith(f"{rule} ") for reason in d.reasons if d.keep)]
        assert len(by_rule) <= policy.count(rule)
        single = decide(
            points, RetentionPolicy(**{rule.value: 10_000, "time_zone": policy.time_zone}), points[-1].taken_at
        )
        periods = sum(d.keep for d in single)
        assert len(by_rule) == min(policy.count(rule), periods)


@given(starts, gaps, policies, st.data())
def test_a_point_that_was_let_go_is_never_wanted_later(start, minutes, policy, data):
    """Prunes at any times in between end with the same points as one prune at the end, and each keeps what later ones keep."""
    points = history(start, minutes)
    when = sorted(data.draw(st.sets(st.integers(1, len(points)), max_size=6)) | {len(points)})
    there, gone = [], set()
    before = 0
    for upto in when:
        there += points[before:upto]
        before = upto
        now = points[upto - 1].taken_at
        wanted_of_all = {d.run_no for d in decide(points[:upto], policy, now) if d.keep}
        assert not wanted_of_all & gone, "a point that is gone would be kept"
        decisions = decide(there, policy, now)
        gone |= {d.run_no for d in decisions if not d.keep}
        there = [p for p in there if p.run_no not in gone]
        assert {p.run_no for p in there} == wanted_of_all, "earlier prunes make no difference"


@given(starts, gaps, policies)
def test_the_order_of_the_points_does_not_matter(start, minutes, policy):
    points = history(start, minutes)
    now = points[-1].taken_at
    assert decide(points, policy, now) == decide(points[::-1], policy, now)
