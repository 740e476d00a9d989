"""How many requests somebody may make: a token bucket that many processes share.

Each process has a bucket of its own for each subject, fills it by the clock and takes from it without asking anybody. Once a second it tells
the others, by way of a row per subject, how much it took, and gets what all of them together have left. So a request waits for nobody, and
what subjects can have too much, for a moment, is one burst for each process beyond the first.
"""

from dataclasses import dataclass
from typing import Final

BURST_S: Final = 10.0
"""What may come at once: as many as in this time. A page with its pictures, a script that lists a hundred shares."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a subject may take."""

    rate: float
    """Requests a second."""

    @property
    def burst(self) -> float:
        """Requests at once."""
        return max(1.0, self.rate * BURST_S)


@dataclass(slots=True)
class Bucket:
    """What a subject has left, as far as this process knows."""

    allowance: Allowance
    tokens: float
    filled_at: float
    """Seconds of a clock that never goes back."""
    spent: float = 0.0
    """Taken since it was last told to the others."""

    def wait_s(self, now: float) -> float:
        """How long until there is a request left; 0: there is one."""
        self.fill(now)
        return max(0.0, (1.0 - self.tokens) / self.allowance.rate)

    def fill(self, now: float) -> None:
        """Add what the time since gives."""
        grown = self.tokens + (now - self.filled_at) * self.allowance.rate
        self.tokens, self.filled_at = min(self.allowance.burst, grown), now

    def take(self) -> None:
        """One request."""
        self.tokens -= 1.0
        self.spent += 1.0

    def settle(self, left: float, told: float, now: float) -> None:
        """All processes together have ``left``, ``told`` of ours included; what was taken meanwhile is not."""
        self.spent -= told
        self.tokens, self.filled_at = min(self.allowance.burst, left) - self.spent, now


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process tells of a subject."""

    subject: str
    allowance: Allowance
    requests: float


def full(allowance: Allowance, now: float) -> Bucket:
    """A bucket of which nothing was taken."""
    return Bucket(allowance, allowance.burst, now)
