"""How long to wait before trying again, and when to give up: exponential, with full jitter, inside a time budget.

Full jitter (a uniformly random part of the exponential delay) spreads out workers that were throttled together; the SDK's own
policy waits 15 to 45 s after one 503 and stalls a worker for it.
"""

import asyncio
from typing import Final

from shared.adapters.system import jitter
from shared.errors import Retryable, Throttled

FIRST_S: Final = 0.2
MOST_S: Final = 10.0
"""Longer waits would leave a budget of a minute too few tries to notice that the service is back."""


class Retry:
    """The tries of one call."""

    __slots__ = ("_deadline", "_loop", "tries")

    def __init__(self, budget_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + budget_s
        self.tries = 0

    def left_s(self) -> float:
        """Seconds left of the budget."""
        return self._deadline - self._loop.time()

    async def wait(self, failure: Retryable) -> None:
        """Wait before the next try. Raises ``failure`` when the budget would be used up by then."""
        delay = jitter(min(MOST_S, FIRST_S * 2.0**self.tries))
        if isinstance(failure, Throttled) and failure.retry_after_s is not None:
            delay += failure.retry_after_s
        if delay >= self.left_s():
            raise failure
        self.tries += 1
        await asyncio.sleep(delay)
