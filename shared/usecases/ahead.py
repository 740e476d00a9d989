"""Do what comes next while what is there is being used."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ahead(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    weight: Callable[[T], int],
    *,
    weight_max: int,
    count_max: int,
) -> AsyncGenerator[tuple[T, asyncio.Task[R]], None]:
    """Items in order, each with its finished work, which may have raised; ``await`` it to find out.

    As many as fit ``weight_max`` together, and ``count_max``, are on their way or waiting to be taken, one at least. Items are taken from
    the iterable when there is room for them. Closing the iterator cancels what is on its way.
    """
    source = iter(items)
    held: deque[tuple[T, asyncio.Task[R]]] = deque()
    weights = 0
    following = next(source, None)
    try:
        while held or following is not None:
            while following is not None and (
                not held or (len(held) < count_max and weights + weight(following) <= weight_max)
            ):
                held.append((following, asyncio.ensure_future(_awaited(work(following)))))
                weights += weight(following)
                following = next(source, None)
            item, task = held[0]
            await asyncio.wait([task])
            yield item, task
            held.popleft()
            weights -= weight(item)
    finally:
        for _, task in held:
            task.cancel()
        await asyncio.gather(*(task for _, task in held), return_exceptions=True)


async def _awaited(work: Awaitable[R]) -> R:
    return await work


async def one_ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same items; the next one is made while this one is being used. Closes ``source`` in the end."""

    async def following() -> T | None:
        return await anext(source, None)

    task = asyncio.ensure_future(following())
    try:
        while (item := await task) is not None:
            task = asyncio.ensure_future(following())
            yield item
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.aclose()
