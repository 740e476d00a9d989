"""The operating system's clock and randomness: the one door to both. And how this process keeps its memory."""

import ctypes
import datetime as dt
import gc
import random
import secrets
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final

NEW_OBJECTS: Final = 2_000
"""Objects made before the youngest are looked through for garbage, 3 ms: whoever waits for a page waits for that. Python's own 700 are too few."""
LOOKS: Final = (10, 25)
"""Of the youngest, before those that were left are looked through, too; and of those, before all are: every 500,000 objects."""
MAPPED_BYTES: Final = 512 * 1024
"""Blocks from this size on are given back to the system when they are freed. Well above what a socket's read takes, which is 256 KiB."""
TRIM_EVERY_S: Final = 2.0
"""How often free pages of the heap are given back: some milliseconds each time."""
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""Both of glibc's malloc.h."""


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

    def secret(self) -> bytes:
        """32 bytes that nobody can guess."""
        return secrets.token_bytes(32)


def jitter(most: float) -> float:
    """A number from 0 to ``most``, to keep workers that failed together from trying again together."""
    return random.uniform(0.0, most)  # noqa: S311 - protects nothing


def keep_memory_low() -> None:
    """Set up garbage collector and allocator. Called once, when a process has all its modules and clients.

    These are some 200,000 objects that stay until it ends; looking through them again and again took a tenth of a backup's processor time,
    so the collector leaves alone what there is now.

    glibc keeps a heap per thread, and takes ever larger blocks from them once such were freed; small blocks between them keep the heaps
    from shrinking. A worker had 222 MiB at most in a backup of 120,000 files, 281 of 250,000 and 346 of a million. So there is one heap, large
    blocks are mapped each for itself, and what is free within the heap is given back now and then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *LOOKS)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)
            libc.mallopt(_M_ARENA_MAX, 1)
            Thread(target=_trim_for_ever, args=(libc.malloc_trim,), name="malloc_trim", daemon=True).start()


def _trim_for_ever(malloc_trim: Callable[[int], int]) -> None:
    while True:
        time.sleep(TRIM_EVERY_S)
        malloc_trim(0)
