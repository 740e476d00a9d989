"""Try once more what may have failed in passing."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import Retryable

T = TypeVar("T")

TRIES: Final = 3
"""On top of the adapter's own within its time budget: for an answer that arrives damaged rather than not at all."""


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await ``attempt`` up to :data:`TRIES` times; raises the last ``Retryable``, and anything else at once."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except Retryable:
            continue
    return await attempt()
