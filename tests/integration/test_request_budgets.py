"""How often somebody may ask: in one process, and in several that share a Postgres."""

import asyncio

import pytest
from psycopg_pool import AsyncConnectionPool

from shared.adapters.system import SystemClock
from shared.core.rate import Allowance, Bucket, Spent, full
from shared.db.pool import make_pool
from shared.db.request_budgets import PostgresRequestBook
from shared.errors import TooMany
from shared.usecases.request_rates import RequestRates


class Clock(SystemClock):
    """Ours to move."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
async def book(catalogue_url):
    async with make_pool(catalogue_url) as pool:
        yield PostgresRequestBook(pool)


def taken(rates: RequestRates, wanted: dict[str, float]) -> int:
    """How many requests are let through at once."""
    for number in range(10_000):
        try:
            rates.take(wanted)
        except TooMany:
            return number
    raise AssertionError("there is no limit")


def test_a_bucket_fills_by_the_clock_up_to_its_burst():
    bucket = full(Allowance(2.0), 0.0)
    assert bucket.tokens == 20
    for _ in range(20):
        assert bucket.wait_s(0.0) == 0
        bucket.take()
    assert bucket.wait_s(0.0) == pytest.approx(0.5)
    assert bucket.wait_s(0.25) == pytest.approx(0.25)
    assert bucket.wait_s(0.5) == 0
    assert bucket.wait_s(1_000.0) == 0
    assert bucket.tokens == 20


def test_what_was_taken_while_the_others_were_asked_is_not_forgotten():
    bucket = Bucket(Allowance(1.0), tokens=5.0, filled_at=0.0, spent=3.0)
    bucket.take()
    bucket.settle(left=4.0, told=3.0, now=1.0)
    assert (bucket.tokens, bucket.spent) == (3.0, 1.0)


async def test_a_burst_is_let_through_and_then_as_many_as_the_rate_says(book):
    clock = Clock()
    rates = RequestRates(book, clock)
    assert taken(rates, {"key:a": 5.0}) == 50
    clock.at += 1.0
    assert taken(rates, {"key:a": 5.0}) == 5
    with pytest.raises(TooMany, match="too many requests; hint: ask again in 1 s") as refused:
        rates.take({"key:a": 5.0})
    assert refused.value.retry_after_s == pytest.approx(0.2)
    assert taken(rates, {"key:b": 5.0}) == 50, "another one's budget is another one's"
    await rates.settle()


async def test_who_is_refused_for_one_reason_has_nothing_taken_for_the_other(book):
    rates = RequestRates(book, Clock())
    assert taken(rates, {"key:a": 1.0, "tenant:t": 100.0}) == 10
    assert taken(rates, {"tenant:t": 100.0}) == 990
    await rates.settle()


async def test_processes_share_a_budget(book):
    """After a settlement none has more than all together have left."""
    one, other = RequestRates(book, Clock()), RequestRates(book, Clock())
    assert taken(one, {"key:a": 5.0}) == 50
    await one.settle()
    other.take({"key:a": 5.0})
    await other.settle()
    assert taken(other, {"key:a": 5.0}) <= 2, "a second or less has passed in Postgres"


async def test_a_budget_comes_back_in_time_and_debts_end_at_one_burst(book):
    spent = Spent("key:a", Allowance(10.0), 100_000)
    assert await book.settle([spent]) == {"key:a": pytest.approx(100 - 100_000)}
    assert (await book.settle([spent]))["key:a"] == pytest.approx(-100)
    await asyncio.sleep(0.5)
    assert -97 < (await book.settle([Spent("key:a", Allowance(10.0), 0)]))["key:a"] < -90


async def test_a_settlement_is_one_statement_however_many_there_are(book, catalogue_url):
    many = [Spent(f"key:{n}", Allowance(5.0), 1) for n in range(500)]
    assert len(await book.settle(many)) == 500
    assert len(await book.settle(many)) == 500
    await book.forget(0.0)
    assert await book.settle([many[0]]) == {"key:0": pytest.approx(49)}


async def test_without_a_catalogue_a_process_goes_on_by_itself():
    pool = AsyncConnectionPool("postgresql://127.0.0.1:1/none", open=False, timeout=0.1, min_size=0, max_size=1)
    await pool.open()
    rates = RequestRates(PostgresRequestBook(pool), Clock())
    assert taken(rates, {"key:a": 1.0}) == 10
    await rates.settle()
    with pytest.raises(TooMany):
        rates.take({"key:a": 1.0})
    await pool.close()
