"""What this machine gives: time, and identifiers that nobody had before."""

import datetime as dt
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> dt.datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class Ids(Protocol):
    """Where fresh identifiers come from."""

    def new(self) -> str:
        """32 lower-case hexadecimal digits, never given before."""
        ...

    def secret(self) -> bytes:
        """32 bytes that nobody can guess."""
        ...
