"""Listing ahead: nothing waits for the slowest answer, the order is kept, and no more is under way or open than was said."""

import asyncio

import pytest

from shared.errors import Denied, NotFound
from shared.model.page import DirectoryHead
from shared.usecases.changed_directory import Visit
from shared.usecases.list_ahead import ListAhead, Listed
from shared.usecases.list_directory import Listing

ANY = 10**9


def visit(number):
    head = DirectoryHead(node_id=number, parent_id=1, name="d", file_id=number, mtime=0, fingerprint=None)
    return Visit(head, f"d{number}", 0, is_new=False, claimed=False)


class Share:
    """Answers when told to."""

    def __init__(self):
        self.asked: dict[int, asyncio.Future] = {}
        self.open: dict[int, Listing] = {}

    async def lists(self, visit):
        number = visit.head.node_id
        self.asked[number] = asyncio.get_running_loop().create_future()
        found = await self.asked[number]
        if isinstance(found, Listing):
            self.open[number] = found
            return Listed(visit, found, differs=True)
        return Listed(visit, found)

    async def answer(self, *numbers, entries=1):
        for number in numbers:
            listing = Listing(ANY)
            listing.add(b"<File></File>" * entries)
            self.asked[number].set_result(listing)
        await settle()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def numbers(group):
    return [listed.visit.head.node_id for listed in group]


@pytest.fixture
def share():
    return Share()


def ahead_of(share, count, at_once):
    return ListAhead(share.lists, [visit(n) for n in range(count, 0, -1)], at_once)


async def test_the_next_directory_is_asked_for_as_soon_as_one_answer_is_back(share):
    ahead = ahead_of(share, 10, 4)
    ahead.start()
    await settle()
    assert list(share.asked) == [1, 2, 3, 4]
    await share.answer(3)
    assert list(share.asked) == [1, 2, 3, 4, 5]
    await share.answer(5)
    assert list(share.asked) == [1, 2, 3, 4, 5, 6], "the first answer is not there yet"
    assert ahead.under_way == 4
    await ahead.close()


async def test_what_is_not_taken_is_bounded(share):
    ahead = ahead_of(share, 100, 4)
    ahead.start()
    for _ in range(20):
        await settle()
        for number in [n for n, answer in share.asked.items() if not answer.done()]:
            await share.answer(number)
    assert len(share.asked) == 6
    assert numbers(await ahead.take(ANY)) == [1, 2, 3, 4, 5, 6]
    await settle()
    assert len(share.asked) == 10
    await ahead.close()


async def test_half_of_what_may_be_under_way_is_taken_in_the_order_of_the_tree(share):
    ahead = ahead_of(share, 10, 4)
    taking = asyncio.create_task(ahead.take(ANY))
    await settle()
    await share.answer(4)
    assert not taking.done()
    await share.answer(2)
    assert numbers(await taking) == [2, 4]
    await ahead.close()


async def test_when_the_stack_is_empty_every_answer_is_taken_at_once(share):
    ahead = ahead_of(share, 4, 4)
    taking = asyncio.create_task(ahead.take(ANY))
    await settle()
    await share.answer(3)
    assert numbers(await taking) == [3]
    await share.answer(1, 2, 4)
    assert numbers(await ahead.take(ANY)) == [1, 2, 4]
    assert await ahead.take(ANY) == []


async def test_no_more_is_taken_than_there_is_to_be_compared_at_once(share):
    ahead = ahead_of(share, 5, 8)
    ahead.start()
    await settle()
    await share.answer(1, 2, 3, 4, 5, entries=10)
    assert numbers(await ahead.take(15)) == [1, 2]
    assert numbers(await ahead.take(1)) == [3]
    assert numbers(await ahead.take(ANY)) == [4, 5]


async def test_nothing_is_begun_while_it_is_paused(share):
    ahead = ahead_of(share, 10, 2)
    ahead.start()
    await settle()
    with ahead.paused():
        await share.answer(1)
        assert list(share.asked) == [1, 2]
    ahead.start()
    await settle()
    assert list(share.asked) == [1, 2, 3]
    await ahead.close()


async def test_what_raises_is_raised_and_closing_stops_the_rest_and_closes_what_is_open(share):
    ahead = ahead_of(share, 10, 4)
    ahead.start()
    await settle()
    await share.answer(1)
    share.asked[2].set_exception(Denied("no"))
    await settle()
    with pytest.raises(Denied):
        await ahead.take(ANY)
    assert [v.head.node_id for v in ahead.visits()] == [1, 2, 3, 4, 5, 6]
    await ahead.close()
    assert b"".join(share.open[1].pages()) == b""
    assert all(answer.done() for answer in share.asked.values())
    assert (ahead.visits(), ahead.under_way) == ([], 0)


async def test_a_directory_that_could_not_be_listed_is_told_like_any_other(share):
    ahead = ahead_of(share, 1, 4)
    ahead.start()
    await settle()
    gone = NotFound("gone")
    share.asked[1].set_result(gone)
    assert [listed.found for listed in await ahead.take(ANY)] == [gone]


async def test_an_answer_that_comes_as_another_is_taken_is_taken_once_and_ends_the_listing():
    """Two end within one turn of the loop: the second is done when the first is taken, and has told nobody yet."""
    first_is_back = asyncio.get_running_loop().create_future()

    async def lists(visit):
        if visit.head.node_id == 2:
            first_is_back.set_result(None)
        else:
            await first_is_back
            await asyncio.sleep(0)
        return Listed(visit, NotFound("gone"))

    ahead = ListAhead(lists, [visit(2), visit(1)], 2)
    found = []
    async with asyncio.timeout(5):  # and not wait_for, which would give the second a turn in which to tell
        while group := await ahead.take(ANY):
            found += numbers(group)
    assert sorted(found) == [1, 2]
    assert ahead.under_way == 0


async def test_an_answer_that_comes_as_it_is_closed_begins_nothing():
    asked = []

    async def lists(visit):
        asked.append(visit.head.node_id)
        await asyncio.sleep(0)
        return Listed(visit, NotFound("gone"))

    stack = [visit(3), visit(2), visit(1)]
    ahead = ListAhead(lists, stack, 1)
    ahead.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is done, and has told nobody yet
    await ahead.close()
    await settle()
    assert (asked, len(stack)) == ([1], 2)
