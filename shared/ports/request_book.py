"""What was asked of the API, over all of its instances."""

from collections.abc import Sequence
from typing import Protocol

from shared.core.rate import Spent


class RequestBook(Protocol):
    """Where processes tell one another how many requests everybody has made."""

    async def settle(self, told: Sequence[Spent]) -> dict[str, float]:
        """Take from everybody's budget what they spent, and say what each of them has left, which may be less than nothing.

        Doing it twice takes twice.
        """
        ...

    async def forget(self, seconds: float) -> None:
        """Drop the budgets that nobody has taken from for that long."""
        ...
