"""What tests control and observe: counters and fault rules. ``service`` asks it on every request."""

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(slots=True)
class Rule:
    """A fault: what it strikes (``operation`` and ``path`` are regular expressions) and what then happens.

    It strikes from the ``nth`` match on, ``count`` times (0: for ever): answers ``status`` and ``code`` instead of
    doing anything, or with ``reset`` drops the connection, or with neither only waits ``delay_s``.
    """

    operation: re.Pattern[str]
    path: re.Pattern[str]
    nth: int = 1
    count: int = 1
    status: int = 0
    code: str = "ServerBusy"
    reset: bool = False
    delay_s: float = 0.0
    message: str = ""
    seen: int = 0

    def strikes(self, operation: str, path: str) -> bool:
        """Count a request, and return whether it is one to fail."""
        if not self.operation.fullmatch(operation) or not self.path.search(path):
            return False
        self.seen += 1
        return self.seen >= self.nth and (not self.count or self.seen < self.nth + self.count)


class Control:
    """Counts requests by operation and holds the fault rules."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rules: list[Rule] = []

    def fault(self, operation: str, path: str) -> Rule | None:
        """Count a request, and return the rule that strikes it, if one does."""
        self.counts[operation] += 1
        if not self.rules:
            return None
        struck = [rule for rule in self.rules if rule.strikes(operation, path)]
        return struck[0] if struck else None
