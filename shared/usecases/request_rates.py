"""Take requests from the budgets of those who make them: see :mod:`shared.core.rate`.

What the processes tell one another is told beside the requests, not in them. When the catalogue does not answer, each goes on by itself.
"""

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import Final

from shared.core.rate import Allowance, Bucket, Spent, full
from shared.errors import Retryable, TooMany
from shared.ports.request_book import RequestBook
from shared.ports.system import Clock

logger = logging.getLogger(__name__)

SETTLE_S: Final = 1.0
FORGET_S: Final = 600.0
"""How often subjects are dropped that have not asked for that long; their buckets would be full."""


class RequestRates:
    """The buckets of a process."""

    def __init__(self, book: RequestBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._settled_at = self._forgot_at = -math.inf
        self._settling: asyncio.Task[None] | None = None

    def take(self, wanted: Mapping[str, float]) -> None:
        """Take a request from each of these subjects, by their requests a second.

        :raises TooMany: one of them has none left; nothing was taken.
        """
        now = self._clock.monotonic()
        buckets = [self._bucket(subject, rate, now) for subject, rate in wanted.items()]
        wait_s = max((bucket.wait_s(now) for bucket in buckets), default=0.0)
        if wait_s > 0:
            raise TooMany(f"too many requests; hint: ask again in {math.ceil(wait_s)} s, and less often", wait_s)
        for bucket in buckets:
            bucket.take()
        if buckets and now - self._settled_at >= SETTLE_S and (self._settling is None or self._settling.done()):
            self._settled_at = now
            self._settling = asyncio.get_running_loop().create_task(self.settle())

    async def settle(self) -> None:
        """Tell what was taken, and learn what is left."""
        told = [
            Spent(subject, bucket.allowance, bucket.spent) for subject, bucket in self._buckets.items() if bucket.spent
        ]
        try:
            left = await self._book.settle(told)
            now = self._clock.monotonic()
            if now - self._forgot_at >= FORGET_S:
                self._forgot_at = now
                self._buckets = {
                    name: b for name, b in self._buckets.items() if b.spent or now - b.filled_at < FORGET_S
                }
                await self._book.forget(FORGET_S)
        except Retryable as error:
            logger.debug("request_budgets_not_settled", extra={"error": str(error)})  # the next time
            return
        for spent in told:
            if spent.subject in left and spent.subject in self._buckets:
                self._buckets[spent.subject].settle(left[spent.subject], spent.requests, now)

    def _bucket(self, subject: str, rate: float, now: float) -> Bucket:
        found = self._buckets.get(subject)
        if found is None or found.allowance.rate != rate:
            found = self._buckets[subject] = full(Allowance(rate), now)
        return found
