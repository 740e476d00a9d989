"""What a process remembers for a moment."""

import pytest

from http_api import remembered
from http_api.remembered import Remembered, forget


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(remembered.time, "monotonic", lambda: now[0])
    return now


def test_it_is_there_for_a_moment(clock):
    kept = Remembered[str](seconds=2, most=3)
    assert kept.get("a") is None
    kept.keep("a", "first", kept.forgot)
    clock[0] += 1.9
    assert kept.get("a") == "first"
    kept.keep("a", "second", kept.forgot)
    clock[0] += 1.9
    assert kept.get("a") == "second"
    clock[0] += 0.2
    assert kept.get("a") is None


def test_only_the_newest_few_are_kept(clock):
    kept = Remembered[int](seconds=2, most=3)
    for number, name in enumerate("abcad"):
        kept.keep(name, number, kept.forgot)
    assert [kept.get(name) for name in "abcd"] == [3, None, 2, 4]


def test_a_change_makes_all_of_it_forgotten():
    one, other = Remembered[int](seconds=60, most=3), Remembered[int](seconds=60, most=3)
    one.keep("a", 1, one.forgot)
    other.keep("b", 2, other.forgot)
    forget()
    assert (one.get("a"), other.get("b")) == (None, None)


def test_what_was_looked_up_before_a_change_is_not_kept_after_it():
    kept = Remembered[str](seconds=60, most=3)
    began = kept.forgot
    forget()
    kept.keep("a", "before", began)
    assert kept.get("a") is None
    kept.keep("a", "after", kept.forgot)
    assert kept.get("a") == "after"
