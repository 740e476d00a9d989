"""The operating system's clock and randomness: the one door to both."""

import datetime as dt
import random
import time
import uuid


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """Aware UTC."""
        return dt.datetime.now(dt.UTC)  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        return time.monotonic()


class SystemIds:
    """Random identifiers."""

    def new(self) -> str:
        """32 lower-case hexadecimal digits, never given before."""
        return uuid.uuid4().hex  # noqa: TID251 - the one place


def jitter(most: float) -> float:
    """A number from 0 to ``most``, to keep workers that failed together from trying again together."""
    return random.uniform(0.0, most)  # noqa: S311 - protects nothing
