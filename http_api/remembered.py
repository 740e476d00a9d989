"""What a process remembers for a moment between requests: long lists that would be ranked anew for each of them.

Nothing that is remembered outlives a change that was made through this process, so whoever changes something sees it. What others change,
and what workers do, shows when the moment is over.
"""

import time
from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_ALL: Final[list["Remembered[Any]"]] = []


class Remembered(Generic[T]):
    """The newest few, for so many seconds."""

    def __init__(self, seconds: float, most: int) -> None:
        self.seconds = seconds
        self.forgot = 0
        """How often."""
        self._most = most
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()
        _ALL.append(self)

    def get(self, key: str) -> T | None:
        """What was kept under ``key``, if it was not too long ago."""
        kept_at, value = self._kept.get(key, (0.0, None))
        return value if value is not None and time.monotonic() < kept_at + self.seconds else None

    def keep(self, key: str, value: T, since: int) -> None:
        """Instead of what there was, unless something was changed while it was looked up.

        :param since: :attr:`forgot` before that.
        """
        if since != self.forgot:
            return
        self._kept[key] = (time.monotonic(), value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
        self.forgot += 1


def forget() -> None:
    """All of it, because something was changed."""
    for one in _ALL:
        one.clear()
