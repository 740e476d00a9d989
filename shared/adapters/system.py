"""The operating system's clock and randomness: the one door to both. And how this process collects garbage."""

import datetime as dt
import gc
import random
import time
import uuid
from typing import Final

NEW_OBJECTS: Final = 10_000
"""Objects made before the youngest are looked through for garbage: as many as a few directories take. Python's own 700 are too few."""


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


def keep_what_is_there() -> None:
    """Have the garbage collector leave alone what there is now. Called once, when a process has all its modules and clients.

    They are some 200,000 objects that stay until it ends; looking through them again and again took a tenth of a backup's processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
