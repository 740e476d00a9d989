"""What was done is neither lost nor made up when it is spread over time."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.throughput import BUCKETS, Stage, Stretch, throughput

BEGAN = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
FILES, BYTES = Stage("Files", "files", "files"), Stage("Bytes", "bytes", "bytes")


def at(seconds):
    return BEGAN + dt.timedelta(seconds=seconds)


stretches = st.builds(
    lambda began, length, files, size: Stretch(at(began), at(began + length), {"files": files, "bytes": size, "x": 1}),
    st.floats(-10, 5_000),
    st.floats(0, 5_000),
    st.integers(0, 10_000),
    st.integers(0, 2**40),
)


@given(st.lists(stretches, max_size=20), st.floats(1, 5_000))
def test_rates_times_time_is_what_was_done(done, seconds):
    found = throughput(done, [FILES, BYTES], BEGAN, at(seconds))
    expected = {stage: sum(one.counters[stage.counter] for one in done) for stage in (FILES, BYTES)}
    if found is None:
        assert not any(expected.values())
        return
    assert {course.stage for course in found.courses} == {stage for stage, total in expected.items() if total}
    for course in found.courses:
        assert 4 <= len(course.rates) <= BUCKETS
        assert min(course.rates) >= 0
        assert sum(course.rates) * found.step_s == pytest.approx(expected[course.stage], rel=1e-6)


def test_work_is_told_of_the_time_in_which_it_was_done():
    found = throughput([Stretch(at(10), at(20), {"files": 100})], [FILES], BEGAN, at(60))
    assert found.step_s == 1
    assert found.courses[0].rates == pytest.approx((*(0.0,) * 10, *(10.0,) * 10, *(0.0,) * 40), abs=1e-9)
    assert (found.courses[0].peak, found.courses[0].mean) == (pytest.approx(10), pytest.approx(100 / 60))


def test_of_a_moment_nothing_is_told():
    assert throughput([Stretch(at(0), at(0.5), {"files": 100})], [FILES], BEGAN, at(0.9)) is None
