"""What a sample proves is what a simulation shows."""

import random
from itertools import pairwise

import pytest

from shared.core.sampling import most_unreadable, part_of, statement


def sampled(rng, files, bad, parts):
    """How many files one part of a share has, and how many of them are bad, when the first ``bad`` are so: side by side."""
    share = rng.getrandbits(30)
    chosen = [n for n in range(files) if part_of(share + n, 1, parts) == 0]
    return len(chosen), sum(n < bad for n in chosen)


@pytest.mark.parametrize(("files", "bad", "parts"), [(400, 8, 4), (400, 40, 4), (1_000, 5, 2)])
def test_the_bound_holds_as_often_as_it_says(files, bad, parts):
    """With 95 % confidence: of 1,500 samples of a share with bad files, in a row as a lost bundle leaves them, 95 % at least say so."""
    rng = random.Random(files + bad)
    held = 0
    for _ in range(1_500):
        read, unreadable = sampled(rng, files, bad, parts)
        held += most_unreadable(read, unreadable, 0.95) >= bad / files
    assert held / 1_500 >= 0.94


def test_the_bound_is_not_looser_than_it_must_be():
    """A share of bad files just above the bound would have gone unnoticed in the rest of the cases, and no fewer."""
    rng = random.Random(1)
    for read, unreadable, confidence in [(50, 0, 0.9), (50, 2, 0.9), (200, 5, 0.8)]:
        bound = most_unreadable(read, unreadable, confidence)
        draws = 4_000
        unnoticed = sum(sum(rng.random() < bound for _ in range(read)) <= unreadable for _ in range(draws))
        assert abs(unnoticed / draws - (1 - confidence)) < 0.03


def test_without_a_bad_file_it_is_the_rule_of_three():
    assert most_unreadable(1_000, 0, 0.95) == pytest.approx(3 / 1_000, rel=0.01)
    assert most_unreadable(69_075, 0) == pytest.approx(1e-4, rel=0.001)


def test_it_gets_better_with_each_file_and_worse_with_each_bad_one():
    bounds = [most_unreadable(n, 3) for n in (4, 10, 100, 10_000, 10**7)]
    assert all(a > b for a, b in pairwise(bounds))
    bounds = [most_unreadable(1_000, k) for k in (0, 1, 2, 500, 999, 1_000)]
    assert all(a < b for a, b in pairwise(bounds))
    assert (most_unreadable(0, 0), most_unreadable(10, 10)) == (1.0, 1.0)


def test_it_is_said_in_words():
    assert statement(70_000, 0) == "99.9 % sure that fewer than 0.0099 % of the files are unreadable"
    assert statement(3, 3) == "99.9 % sure that fewer than 100 % of the files are unreadable"
    assert statement(0, 0) == ""
