"""Fault rules: which requests one strikes. What then happens is in ``fault_effects``.

Chance is computed, not drawn: the same seed gives the same strikes on every machine and version of Python. ``ORDER``
decides by a request's place among those the rule saw; ``REQUEST`` by what is asked for and how often that was asked
before, so that clients at work side by side meet the same faults in whatever order their requests arrive.
"""

import re
from dataclasses import dataclass, field
from hashlib import blake2b

from localdev.files_emulator.messages import Request
from localdev.files_emulator.request_log import without_signature

ORDER, REQUEST = "order", "request"
_REMEMBERED = 1_000_000  # requests told apart by a REQUEST rule; retries come soon, so the oldest may be forgotten
_DICE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Which requests a rule looks at; ``operation`` matches the whole name, ``path`` and ``query`` any part.

    ``path`` is decoded, ``query`` as sent, without a signature. Sizes are of the request's body.
    """

    operation: re.Pattern[str]
    path: re.Pattern[str]
    query: re.Pattern[str]
    method: str = ""
    share: str = ""
    min_body_bytes: int = 0
    max_body_bytes: int | None = None

    def fits(self, request: Request, path: str) -> bool:
        """Return whether a request, its path decoded, is one to look at."""
        return (
            self.operation.fullmatch(request.operation) is not None
            and (not self.method or self.method == request.method)
            and (not self.share or self.share == request.share)
            and self.min_body_bytes <= request.body_bytes
            and (self.max_body_bytes is None or request.body_bytes <= self.max_body_bytes)
            and self.path.search(path) is not None
            and (not self.query.pattern or self.query.search(without_signature(request.query_text)) is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What happens to a request that is struck: at most one of the kinds, and delays.

    ``code``: refused with it. ``reset``, ``corrupt``, ``duplicate``: as ``fault_effects`` says. ``truncate_bytes`` or
    ``truncate_fraction`` of the answer's body are sent, then the connection ends; or ``stall_fraction`` of it, then
    nothing for ``stall_s``, then the rest.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    retry_after_s: int | None = None
    retry_after_ms: int | None = None
    delay_s: float = 0.0
    delay_after_s: float = 0.0
    reset: str = ""
    truncate_bytes: int | None = None
    truncate_fraction: float | None = None
    corrupt: str = ""
    duplicate: str = ""
    stall_s: float = 0.0
    stall_fraction: float = 0.5


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault rule: from the ``nth`` request that matches on, every ``every``-th or a random share, ``count`` times.

    ``count`` 0 is for ever. ``seen`` counts matches, ``hits`` strikes.
    """

    id: str
    matching: Matching
    effects: Effects
    nth: int = 1
    every: int = 1
    probability: float = 1.0
    count: int = 1
    seed: int = 0
    by: str = ORDER
    seen: int = 0
    hits: int = 0
    _asked: dict[bytes, int] = field(default_factory=dict)

    def strike(self, request: Request, path: str) -> "Strike | None":
        """Look at a request; return what is to happen to it, if anything."""
        if (self.count and self.hits >= self.count) or not self.matching.fits(request, path):
            return None
        self.seen += 1
        if self.seen < self.nth or (self.seen - self.nth) % self.every:
            return None
        dice = self._dice(request)
        if dice >= self.probability * _DICE:
            return None
        self.hits += 1
        return Strike(self.id, self.effects, _hashed(dice.to_bytes(8, "big")))

    def _dice(self, request: Request) -> int:
        if self.by == ORDER:
            return _hashed(b"%d %d" % (self.seed, self.seen))
        text = f"{request.method} {request.path} {without_signature(request.query_text)} {request.headers.get('range')}"
        key = blake2b(text.encode("latin-1", "replace"), digest_size=8).digest()
        before = self._asked.pop(key, 0)
        self._asked[key] = before + 1
        if len(self._asked) > _REMEMBERED:
            del self._asked[next(iter(self._asked))]
        return _hashed(b"%d %d " % (self.seed, before) + key)


@dataclass(frozen=True, slots=True)
class Strike:
    """What is to happen to one request, because of which rule; ``dice`` is a number below 2**64 for chance within."""

    rule_id: str
    effects: Effects
    dice: int

    @property
    def loses_answer(self) -> bool:
        """Return whether the client gets no answer at all."""
        return bool(self.effects.reset)


def _hashed(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
