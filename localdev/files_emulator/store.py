"""Where an account's state is kept between requests and between runs."""

from typing import Protocol


class Store(Protocol):
    """Makes what the journal took note of durable, all of it or nothing."""

    def commit(self) -> None:
        """Make the changes of one request durable; they survive the death of the process when this returns."""

    def forget(self) -> None:
        """Drop what a refused request had begun."""

    def close(self) -> None:
        """Release what is held; nothing is lost by not calling it."""


class MemoryStore:
    """Keeps nothing: the account lives as long as the process."""

    def commit(self) -> None:
        """Do nothing."""

    def forget(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
