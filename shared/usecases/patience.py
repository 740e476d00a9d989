"""Try once more what may have failed in passing."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import IntegrityError, Rejected, Retryable

T = TypeVar("T")

TRIES: Final = 3
"""On top of the adapter's own within its time budget: for an answer that arrives damaged rather than not at all."""

NODE_TROUBLE: Final = (Rejected, Retryable, IntegrityError)
"""What can be wrong with one node of a share, an answer about it that nobody can read included: a verdict on the node, not on
the run. ``OutOfReach`` is not among them: it is the same for every node, and would be written to the journal for each."""


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Await ``attempt`` up to :data:`TRIES` times; raises the last ``Retryable``, and anything else at once."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except Retryable:
            continue
    return await attempt()
