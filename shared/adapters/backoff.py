"""How long to wait before trying again, and when to give up: exponential, with full jitter, inside a time budget.

Full jitter (a uniformly random part of the exponential delay) spreads out workers that were throttled together; the SDK's own
policy waits 15 to 45 s after one 503 and stalls a worker for it. Here one 503 costs a tenth of a second in the median.

A call gives up when it has failed for its budget. The calls of one activity have a :class:`Patience` in common, because budgets
that each call has for itself add up: a service that is down for good would cost an activity with a thousand things to ask the
budget a thousand times. Once the service has answered nothing well for a whole budget, or the activity's own time is over, a
call has :data:`LEAST_S` left, whatever it asks for.
"""

import asyncio
from typing import Final

from shared.adapters.system import jitter
from shared.errors import Retryable, Throttled

FIRST_S: Final = 0.2
MOST_S: Final = 5.0
"""Longer waits would leave a service that is back idle, and a budget of a minute too few tries to notice."""
LEAST_S: Final = 2.0
"""What a call may go on trying at any rate: some four tries, so that a single bad answer late in an activity is no verdict."""


class Patience:
    """How long calls that belong together go on trying. For one event loop."""

    __slots__ = ("_failing_since", "budget_s", "until")

    def __init__(self, budget_s: float, until: float | None = None) -> None:
        """``until`` is when the activity's time is over, by the loop's clock; None: never."""
        self.budget_s = budget_s
        self.until = until
        self._failing_since: float | None = None

    def answered(self) -> None:
        """The service answered a call, if only to refuse it."""
        self._failing_since = None

    def deadline(self, failing_since: float) -> float:
        """When a call that has failed since then gives up."""
        if self._failing_since is None:
            self._failing_since = failing_since
        latest = min(failing_since, self._failing_since) + self.budget_s
        if self.until is not None:
            latest = min(latest, self.until)
        return max(latest, failing_since + min(LEAST_S, self.budget_s))


class Retry:
    """The tries of one call. The budget begins when the first of them failed, so waiting for one's turn costs none."""

    __slots__ = ("_deadline", "_failing_since", "_loop", "_patience", "doubts", "tries")

    def __init__(self, patience: Patience | float) -> None:
        """A number is a budget in seconds that the call has for itself."""
        self._patience = patience if isinstance(patience, Patience) else Patience(patience)
        self._loop = asyncio.get_running_loop()
        self._failing_since: float | None = None
        self._deadline = 0.0
        self.tries = 0
        """Tries that failed."""
        self.doubts = 0
        """Refusals that were not believed at once."""

    def left_s(self) -> float:
        """Seconds left of the budget."""
        return self._patience.budget_s if self._failing_since is None else self._deadline - self._loop.time()

    def postpone(self, waited_s: float) -> None:
        """Do not count ``waited_s`` seconds that a further try waited for its turn."""
        if self._failing_since is not None:
            self._failing_since += waited_s

    async def wait(self, failure: Retryable) -> None:
        """Wait before the next try. Raises ``failure`` when the budget would be used up by then."""
        now = self._loop.time()
        if self._failing_since is None:
            self._failing_since = now
        self._deadline = self._patience.deadline(self._failing_since)
        delay = jitter(min(MOST_S, FIRST_S * 2.0**self.tries))
        if isinstance(failure, Throttled) and failure.retry_after_s is not None:
            delay += failure.retry_after_s
        if delay >= self._deadline - now:
            raise failure
        self.tries += 1
        await asyncio.sleep(delay)
