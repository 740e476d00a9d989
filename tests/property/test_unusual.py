"""What is unusual about a run, and what is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.unusual import ENOUGH, HISTORY, LEAST, Numbers, signs

FILES = 10_000
MIB = 1024 * 1024


def ordinary(run_no, changed=80, deleted=5, **more):
    return Numbers(run_no=run_no, files=FILES, changed=changed, deleted=deleted, renamed=2, **more)


def past(count=HISTORY, **more):
    """Newest first."""
    return [ordinary(n, changed=60 + n % 7 * 10, deleted=n % 5, **more) for n in range(count, 0, -1)]


def names(found):
    return {sign.name for sign in found}


@pytest.mark.parametrize(
    ("numbers", "sign"),
    [
        ({"changed": 6_000}, "mass_change"),
        ({"deleted": 3_000}, "mass_deletion"),
        ({"changed": 2_000, "renamed": 2_000}, "mass_rename"),
        ({"changed": 1_000, "renamed": 1_000, "new_endings": 1_000}, "new_endings"),
        ({"changed": 900, "read_bytes": 500 * MIB, "written_bytes": 498 * MIB}, "incompressible"),
    ],
)
def test_an_attack_is_seen_and_told_in_numbers(numbers, sign):
    before = past(read_bytes=100 * MIB, written_bytes=40 * MIB)
    found = signs(replace(ordinary(99), **numbers), before)
    assert sign in names(found)
    told = next(s for s in found if s.name == sign).text
    assert f"{max(numbers.values() if sign != 'incompressible' else [900]):,}" in told
    assert "in the 30 runs before it was" in told


def test_encryption_that_renames_is_seen_by_all_it_does():
    now = replace(
        ordinary(99), changed=9_000, renamed=9_000, new_endings=9_000, read_bytes=900 * MIB, written_bytes=899 * MIB
    )
    before = past(read_bytes=100 * MIB, written_bytes=40 * MIB)
    assert names(signs(now, before)) == {"mass_change", "mass_rename", "new_endings", "incompressible"}


@given(
    st.lists(st.integers(0, 400), min_size=ENOUGH, max_size=HISTORY),
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_ordinary_days_are_left_alone(changed, now, deleted, renamed):
    before = [ordinary(n, changed=count) for n, count in enumerate(changed)]
    assert signs(Numbers(run_no=99, files=FILES, changed=now, deleted=deleted, renamed=min(now, renamed)), before) == []


def test_what_happens_every_week_is_left_alone():
    before = [ordinary(n, changed=5_000 if n % 7 == 0 else 50) for n in range(HISTORY, 0, -1)]
    assert signs(ordinary(99, changed=5_500), before) == []


def test_one_earlier_incident_does_not_hide_the_next_when_it_is_left_out():
    """It would, if it were part of the past: nobody deletes more than all."""
    before = [ordinary(50, deleted=9_000), *past()]
    assert signs(ordinary(99, deleted=4_000), before) == []
    assert names(signs(ordinary(99, deleted=4_000), before[1:])) == {"mass_deletion"}


def test_a_young_share_has_only_what_takes_most_of_it_away():
    assert signs(ordinary(1, changed=FILES), []) == [], "its first run"
    assert signs(ordinary(2, changed=5_000), past(1)) == []
    assert names(signs(ordinary(2, deleted=6_000), past(1))) == {"mass_deletion"}


def test_in_a_small_share_nothing_is_many():
    small = [Numbers(run_no=n, files=40, changed=1) for n in range(10, 0, -1)]
    assert signs(Numbers(run_no=11, files=0, deleted=40), small) == []
    assert LEAST > 40


@given(st.integers(0, FILES), st.integers(0, FILES), st.integers(0, FILES))
def test_more_of_the_same_is_no_less_unusual(changed, deleted, more):
    now = Numbers(run_no=99, files=FILES, changed=changed, deleted=deleted)
    then = replace(now, changed=changed + more, deleted=deleted + more)
    assert names(signs(now, past())) <= names(signs(then, past()))
