"""The simulation behind docs/BILLION.md: nothing is lost, limits hold, more workers are never slower, and it ends when arithmetic says it may."""

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.plan import documents
from benchmarks.plan.planning import basis, job_of_rows, simulated
from benchmarks.plan.simulation import costs_of, simulate
from benchmarks.plan.trees import rows
from shared.core import sizing
from shared.core.sizing import Installation

BASIS = basis()
WANTED = Installation(files=20_000_000, shares=4, accounts=2)
DRAWN = rows(WANTED.files_per_directory, 0.005, 7)
SHARES = [[400_000, 600_000], [500_001, 334_861]]


@pytest.fixture(scope="module")
def reckoned():
    return documents.tables()


def run(*, width=8, first=False, shares=SHARES, limits=None, rounds=True, cores=8.0, known=BASIS):
    costs = costs_of(DRAWN, WANTED, known, first=first)
    return simulate(
        shares, costs, limits or known.limits["pay_as_you_go"], known, width=width, catalogue_cores=cores, rounds=rounds
    )


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize("width", [1, 3, 100])
def test_every_directory_is_listed_once_and_no_limit_is_exceeded(first, rounds, width):
    found = run(first=first, rounds=rounds, width=width)
    assert found.directories == sum(map(sum, SHARES))
    assert len(found.share_s) == 4
    assert max(found.share_s) == found.seconds
    assert all(part <= 1 + 1e-6 for part in found.used.values()), found.used


@pytest.mark.parametrize("shares", [[[1]], [[15, 16, 17]], [[999], [1_001]], [[3_701, 1]]])
def test_small_shares_are_done_too(shares):
    assert run(shares=shares).directories == sum(map(sum, shares))


def test_the_same_seed_is_the_same_run():
    assert run() == run()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("rounds", [False, True])
def test_more_workers_are_never_slower(first, rounds):
    """Beyond what the limits give they change little; a round's length may then fall a little otherwise."""
    seconds = [run(width=width, first=first, rounds=rounds).seconds for width in (4, 8, 16, 32, 64)]
    for fewer, more in pairwise(seconds):
        assert more <= fewer * 1.02
    assert seconds[-1] < seconds[0]


def test_twice_the_workers_are_twice_as_fast_while_nothing_else_is_in_the_way():
    unlimited = replace(
        BASIS.limits["pay_as_you_go"],
        share_requests_per_s=1e9,
        share_metadata_per_s=1e9,
        account_requests_per_s=1e9,
        account_bytes_per_s=1e15,
    )
    at_once = replace(BASIS, platform=replace(BASIS.platform, instances_per_s=1e9))
    slow, fast = (run(width=width, limits=unlimited, rounds=False, cores=1e9, known=at_once) for width in (4, 8))
    assert slow.seconds / fast.seconds == pytest.approx(2, rel=0.03)


def test_where_a_limit_is_in_the_way_a_run_lasts_as_long_as_the_limit_makes_it():
    limits = replace(BASIS.limits["pay_as_you_go"], account_requests_per_s=1_000)
    found = run(shares=[[300_000, 300_000]], limits=limits, rounds=False)
    job = job_of_rows(DRAWN, replace(WANTED, files=round(600_000 * WANTED.files_per_directory)), BASIS, first=False)
    assert found.requests == pytest.approx(job.requests, rel=0.03)
    assert found.requests / 1_000 <= found.seconds <= found.requests / 1_000 * 1.05
    assert found.used["account_requests"] == pytest.approx(1)


def test_accounts_do_not_share_a_limit():
    limits = replace(BASIS.limits["pay_as_you_go"], account_requests_per_s=1_000)
    together = run(shares=[[300_000, 300_000]], limits=limits, rounds=False).seconds
    apart = run(shares=[[300_000], [300_000]], limits=limits, rounds=False).seconds
    assert together / apart == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("first", [False, True])
def test_no_run_is_shorter_than_its_bounds(first):
    found = simulated(WANTED, BASIS)
    outcome, plan = (found.first, found.estimate.first) if first else (found.daily, found.estimate.daily)
    assert outcome.seconds >= max(plan.bounds.values()) * 0.97
    assert outcome.instance_s <= plan.instances * outcome.seconds
    assert plan.job.requests == pytest.approx(outcome.requests, rel=0.05)


def test_the_largest_of_uneven_shares_is_the_last():
    even, uneven = (
        simulated(replace(WANTED, accounts=4), BASIS),
        simulated(replace(WANTED, accounts=4), BASIS, skew=1.5),
    )
    assert uneven.uneven > even.uneven == pytest.approx(1, rel=1e-3)
    assert uneven.first.seconds > even.first.seconds
    assert uneven.first.directories == even.first.directories


def test_the_sample_has_the_mean_that_was_asked_for_and_changes_as_much_as_was_said():
    for mean in (2, 10.9, 120):
        drawn = rows(mean, 0.01, 3)
        assert drawn.files.sum() / 1_024_000 == pytest.approx(mean, rel=0.02)
        assert drawn.changed.sum() / drawn.files.sum() == pytest.approx(0.01, rel=0.1)
        # Fewer than directories that are all alike would be.
        assert drawn.touched.sum() <= sizing.touched(1_024_000, mean, 0.01)


@pytest.mark.parametrize("path", [documents.BILLION, documents.OPERATIONS], ids=lambda path: path.stem)
def test_the_documents_have_what_is_reckoned(path, reckoned):
    """``python -m benchmarks plan --documents`` writes them anew."""
    text = path.read_text(encoding="utf-8")
    assert documents.printed(text) == reckoned[path]
