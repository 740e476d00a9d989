"""The decisions of pacing, on a simulated clock: what is promised of the limits, of fairness and of the brake."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.pace import (
    BURST_S,
    DOUBLED_S,
    FIRST_CUT,
    FLOOR_PER_S,
    Brake,
    Bucket,
    Part,
    Rates,
    Report,
    kept,
    settle,
)
from tests.support.pace_simulation import Server, Worker, World


def crowd(count, **fields):
    return [Worker(f"w{n}", **fields) for n in range(count)]


def burst(rate, workers):
    """What buckets may let through at once."""
    return sum(max(rate / workers * BURST_S, 1.0) for _ in range(workers)) + 1


@given(
    rate=st.floats(5, 400),
    plan=st.lists(
        st.tuples(st.floats(0.1, 3), st.integers(0, 7), st.sampled_from([0.0, 3.0, 40.0, inf]), st.booleans()),
        min_size=1,
        max_size=8,
    ),
)
@settings(max_examples=40, deadline=None)
def test_whoever_comes_goes_or_changes_its_mind_the_budget_holds_in_every_window(rate, plan):
    server = Server()
    world = World(crowd(8), server, Rates(rate))
    for worker in world.workers:
        worker.bucket.set_rate(0.0, 0.0)
        worker.alive = False
    for seconds, number, demand, alive in plan:
        worker = world.workers[number]
        worker.demand, worker.alive = demand, alive
        world.run(seconds)
    # A bucket may have been filled at a larger part than the one it is emptied at.
    slack = burst(rate, 8) + rate * BURST_S
    for window_s in (1.0, 2.0, 5.0):
        assert server.most_in(window_s) <= rate * window_s + slack


def test_eight_workers_use_the_whole_budget_and_share_it_fairly():
    server = Server()
    world = World(crowd(8), server, Rates(100))
    world.run(20)
    assert 95 <= server.rate(5, 20) <= 101
    shares = [worker.rate(5, 20) for worker in world.workers]
    assert min(shares) > 0.85 * 100 / 8
    assert max(shares) < 1.15 * 100 / 8


def test_who_needs_little_leaves_the_rest_to_the_others():
    world = World([*crowd(2), Worker("modest", demand=5.0)], Server(), Rates(90))
    world.run(20)
    first, second, modest = (worker.rate(5, 20) for worker in world.workers)
    assert 4.5 < modest < 5.5
    assert first + second > 75
    assert abs(first - second) < 8


def test_one_worker_alone_has_it_all_at_once():
    world = World([Worker("w", demand=2.0)], Server(), Rates(100))
    world.run(5)
    world.workers[0].demand = inf
    world.run(1)
    assert world.workers[0].rate(5, 6) > 90


def test_the_part_of_a_dead_worker_is_taken_over_within_seconds():
    server = Server()
    world = World(crowd(4), server, Rates(100))
    world.run(10)
    for worker in world.workers[1:]:
        worker.alive = False
    world.run(10)
    assert server.rate(10, 11) < 40
    assert world.workers[0].rate(14, 20) > 93


def test_a_new_worker_has_its_part_within_seconds():
    world = World(crowd(3), Server(), Rates(90))
    world.workers[2].alive = False
    world.run(10)
    world.workers[2].alive = True
    world.workers[2].bucket.set_rate(0.0, world.now)
    world.run(10)
    assert world.workers[2].rate(13, 20) > 25


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("per_s", [40, 200, 1000])
def test_the_brake_stays_just_below_what_the_share_takes(workers, per_s):
    server = Server(per_s)
    world = World(crowd(workers, fastest=2000.0 / workers), server)
    world.run(90)
    assert server.rate(30, 90) > 0.85 * per_s
    refused = sum(1 for at in server.refused if at >= 30) / sum(1 for at in server.sent if at >= 30)
    assert refused < 0.05
    if workers > 1:
        shares = [worker.rate(30, 90) for worker in world.workers]
        assert min(shares) > 0.75 * per_s / workers * 0.9


def test_the_brake_follows_a_share_that_takes_less_and_then_more_again():
    server = Server(400)
    world = World(crowd(4), server)
    world.run(30)
    server.per_s = 100
    world.run(40)
    assert server.rate(50, 70, taken=False) < 130
    assert server.rate(50, 70) > 70
    server.per_s = inf
    world.run(120)
    assert server.rate(170, 190) > 1000


def test_a_brake_that_nothing_needs_goes_away():
    server = Server(100)
    world = World(crowd(2, demand=120.0), server)
    world.run(10)
    assert world.brake is not None
    server.per_s = inf
    world.run(180)
    assert world.brake is None
    assert all(worker.bucket.rate == inf for worker in world.workers)


def test_a_storm_slows_to_a_floor_and_no_further_and_is_forgotten_a_good_minute_later():
    server = Server()
    world = World(crowd(4, fastest=250.0), server)
    world.run(10)
    server.storm = 0.3
    world.run(60)
    assert FLOOR_PER_S * 0.8 < server.rate(50, 70, taken=False) < 100
    server.storm = 0.0
    world.run(90)
    assert server.rate(145, 160) > 900


def test_without_a_book_the_last_part_is_kept_and_fades():
    server = Server()
    world = World(crowd(2), server, Rates(100))
    world.run(10)
    world.book_is_away = True
    world.run(60)
    assert 0 < server.rate(60, 70) < 25
    world.book_is_away = False
    world.run(10)
    assert 95 < server.rate(73, 80) < 103
    assert kept(100, -1) == 100
    assert kept(100, 10) == pytest.approx(50)
    assert kept(100, 10_000) == pytest.approx(10)
    assert kept(inf, 10_000) == inf


def braked(brake, part, now, elapsed_s=1.0, **fields):
    return settle(brake, Rates(), {"a": part}, "a", Report(elapsed_s=elapsed_s, requests=300, **fields), now)[0]


def test_one_reduction_answers_all_refusals_of_what_was_sent_before_it():
    first = Report(elapsed_s=1.0, requests=300, throttled=100, was_limited=False)
    brake, part = settle(None, Rates(), {}, "a", first, 0.0)
    assert brake.limit(0.0) == pytest.approx(200 * FIRST_CUT)
    assert part.rates.requests == pytest.approx(200 * FIRST_CUT)
    assert braked(brake, part, 1.1, throttled=100).lowered_at == 0.0  # it tells of time before
    second = braked(brake, part, 2.0, throttled=100)
    assert second.lowered_at == 2.0
    assert second.limit(2.0) < brake.limit(2.0)
    assert braked(second, part, 4.9, throttled=100).lowered_at == 2.0
    assert braked(second, part, 5.0, throttled=100).lowered_at == 5.0


def test_what_others_took_when_the_share_refused_them_too_corrects_what_it_takes():
    brake = Brake(top=150, factor=0.85, lowered_at=10.0, began_at=0.0, peak=300)
    part = settle(brake, Rates(), {}, "a", Report(elapsed_s=1.0, requests=10), 10.5)[1]
    assert braked(brake, part, 11.0, throttled=100).top == 200
    assert braked(brake, part, 11.0, throttled=0).top == 150
    assert braked(brake, part, 11.0, throttled=200).top == 150
    assert braked(brake, part, 12.0, throttled=100).top == 150


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
@pytest.mark.parametrize("per_s", [100, 300, 1000])
@pytest.mark.parametrize("apart_s", [0.0, 0.1, 0.3])
def test_a_limit_that_was_guessed_from_the_first_moments_is_right_within_seconds(workers, per_s, apart_s):
    server = Server(per_s, burst_s=0.1)
    server.level = per_s * server.burst_s
    world = World(crowd(workers, fastest=1200.0), server)
    for worker in world.workers[1:]:
        worker.alive = False
    for worker in world.workers[1:]:
        world.run(apart_s)
        worker.alive, worker.since, worker.next_ask = True, world.now, world.now
    world.run(60 - world.now)
    assert server.rate(0, 28) > 0.8 * per_s
    assert server.rate(10, 60) > 0.9 * per_s
    assert len(server.refused) < 0.05 * len(server.sent)


def test_the_brake_comes_back_to_what_was_refused_slowly_and_then_faster():
    brake = Brake(top=100, factor=0.85, lowered_at=0, began_at=-9, peak=100)
    assert brake.limit(0) == pytest.approx(85)
    assert brake.limit(15) == pytest.approx(100)
    assert brake.limit(10) > 99
    assert brake.limit(20) < 101
    assert brake.limit(45) > 200


def test_a_first_limit_doubles():
    brake = Brake(top=100, factor=FIRST_CUT, lowered_at=7, began_at=7, peak=100)
    assert brake.limit(7) == pytest.approx(100 * FIRST_CUT)
    assert brake.limit(7 + DOUBLED_S) == pytest.approx(200 * FIRST_CUT)


def test_a_budget_of_bytes_is_kept_also_by_reads_that_are_larger_than_the_bucket():
    bucket, now, moved = Bucket(1_000_000, 0.0), 0.0, 0
    while now < 60:
        wait = bucket.wait_s(4_000_000, now)
        if wait:
            now += wait
            continue
        bucket.take(4_000_000)
        moved += 4_000_000
    assert 56_000_000 <= moved <= 64_000_000


def test_bytes_and_requests_are_limited_apart():
    report = Report(elapsed_s=1.0, requests=10, bytes=10**9, starved_bytes=True)
    _, part = settle(None, Rates(bytes=5e6), {}, "a", report, 0.0)
    assert (part.rates.requests, part.rates.bytes) == (inf, 5e6)


def test_many_workers_ask_less_often():
    held = Part(rates=Rates(1.0), used=Rates(1.0, 0.0), wants=Rates(), until=10.0)
    parts = {f"w{n}": held for n in range(300)}
    _, part = settle(None, Rates(300), parts, "me", Report(elapsed_s=1.0, starved=True), 0.0)
    assert part.until >= 3 * 6


def test_nothing_is_decided_where_nothing_is_limited():
    assert settle(None, Rates(), {}, "a", Report(elapsed_s=1.0, requests=10**6), 0.0) == (None, None)
