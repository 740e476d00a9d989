"""What was asked for last, as far as there is room for it."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Values up to a weight in all; those asked for last stay the longest, and one that weighs more is not kept."""

    def __init__(self, most: int, weigh: Callable[[V], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._known: OrderedDict[K, V] = OrderedDict()
        self._weight = 0

    def get(self, key: K) -> V | None:
        """The value; None if it is not known."""
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        """Remember a value under a key that has none or the same."""
        if key in self._known:
            return
        self._known[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._most:
            _, dropped = self._known.popitem(last=False)
            self._weight -= self._weigh(dropped)
