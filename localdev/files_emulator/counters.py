"""Counts requests by share and operation; one look-up and a few additions a request."""

from collections.abc import Iterable

from localdev.files_emulator.messages import Reply, Request

MAX_SHARES = 10_000  # names may be made up by a client that tries any; those that come later are counted together
OTHER_SHARES = "(others)"

_CLASSES = ("lost", "1xx", "2xx", "3xx", "4xx", "5xx")


class Counts:
    """What one operation on one share did; ``by_class`` counts by the status's first digit, 0 being answers lost."""

    __slots__ = ("by_class", "bytes_in", "bytes_out", "faults", "requests", "throttled")

    def __init__(self) -> None:
        self.requests = self.bytes_in = self.bytes_out = self.faults = self.throttled = 0
        self.by_class = [0] * len(_CLASSES)

    def add(self, other: "Counts") -> None:
        """Add another's numbers to these."""
        for name in ("requests", "bytes_in", "bytes_out", "faults", "throttled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_class = [a + b for a, b in zip(self.by_class, other.by_class, strict=True)]

    def shown(self) -> dict[str, object]:
        """Return them for JSON."""
        return {
            "requests": self.requests,
            "by_status": {name: n for name, n in zip(_CLASSES, self.by_class, strict=True) if n},
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "faults": self.faults,
            "throttled": self.throttled,
        }


class Counters:
    """All counts since the start or the last ``clear``; bytes are those of bodies, as sent and as answered."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counts] = {}
        self._shares: set[str] = set()

    def note(self, request: Request, reply: Reply, bytes_out: int) -> None:
        """Count a request and its answer."""
        counts = self._counts.get((request.share, request.operation))
        if counts is None:
            counts = self._new(request.share, request.operation)
        counts.requests += 1
        counts.bytes_in += request.body_bytes
        counts.bytes_out += bytes_out
        if request.strike is None and not request.throttled:
            counts.by_class[reply.status // 100] += 1
        else:
            counts.by_class[0 if request.strike and request.strike.loses_answer else reply.status // 100] += 1
            counts.throttled += bool(request.throttled)
            counts.faults += request.strike is not None

    def clear(self) -> None:
        """Begin anew."""
        self._counts.clear()
        self._shares.clear()

    def total(self, share: str | None = None) -> Counts:
        """Return the sum over everything, or over one share."""
        return _sum(counts for (name, _), counts in self._counts.items() if share in (None, name))

    def operations(self, share: str | None = None) -> dict[str, Counts]:
        """Return the counts by operation, of everything or of one share."""
        names = sorted({operation for _, operation in self._counts})
        sums = {
            name: _sum(c for (s, operation), c in self._counts.items() if operation == name and share in (None, s))
            for name in names
        }
        return {name: counts for name, counts in sums.items() if counts.requests}

    def shares(self) -> list[str]:
        """Return the names of all shares that were asked for, there or not."""
        return sorted(self._shares)

    def _new(self, share: str, operation: str) -> Counts:
        if share and share not in self._shares and len(self._shares) >= MAX_SHARES:
            share = OTHER_SHARES
        if share:
            self._shares.add(share)
        return self._counts.setdefault((share, operation), Counts())


def _sum(parts: Iterable[Counts]) -> Counts:
    total = Counts()
    for part in parts:
        total.add(part)
    return total
