"""How fast one Azure share may be asked, by all processes together: decisions on values and given times.

Azure limits a share by operations and bytes per second and refuses what is beyond with 503. Two limits of ours stand before that: a
*configured* one, and the *brake*, which being throttled puts on. Every process that works on a share has a *part* of what is
allowed, and spends it through a bucket of its own, so a request costs no more than a subtraction. About once a second it reports
what it used and gets its next part (:func:`settle`), one process at a time. What keeps the sum right is that parts end by
themselves: a new one is never more than what the parts of the others, as far as they have not ended, leave of the limit. So the
limit holds however many processes come and go, and the part of one that died is free after :data:`PART_S`.

*Fair* is the same for everyone who can use it: who needs less than an equal part leaves the rest to those who need more.

The brake is not the textbook's additive increase. What the first refusal tells of a share is little: it comes in the first moments of a
run, of a burst. So the limit doubles every other second from there until it meets the next refusal, as TCP's slow start does. After that one the limit falls to a fraction of what the share last took, then
follows the cubic curve of TCP CUBIC (RFC 9438): quickly back to just below the rate that was refused, slowly through it, then
faster and faster. A straight line would have to be slow to meet few refusals, and then take many minutes to recover from a storm
that was none of our doing; the curve spends most of its time within 10 % of the share's limit, and is back at a thousand requests a second
a good minute after a storm that had brought it to the floor.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Final

BURST_S: Final = 0.2
"""A bucket holds what this long brings: enough for an event loop that is late, too little to be seen in a window of seconds."""

ASK_S: Final = 1.0
"""A process asks for its next part this often."""
ASKS_PER_S_MAX: Final = 50
"""By all processes together: a settlement holds a row for a millisecond or two. With more processes each asks less often."""
SOON_S: Final = 0.3
"""When to ask again for what others still had to give up."""
PART_S: Final = 3.0
"""A part ends unless it is renewed within three asks."""
LEAST_KEPT: Final = 0.1
HALVED_S: Final = 10.0
"""While nobody can be asked a process goes on with its last part, halved this often down to a tenth: others may be doing the same,
and a catalogue that restarts must not stop the data."""

LOWER_EVERY_S: Final = 3.0
"""Refusals of what was sent before the limit was lowered go on arriving; one reduction answers them all."""
DOUBLED_S: Final = 2.0
"""How long a first limit takes to double, until it is refused."""
AFTERMATH_S: Final = 0.2
"""A report of time that began sooner after the first refusal tells of what was sent before it."""
MEASURED_S: Final = 1.5
"""After a reduction: reports of processes that were refused too tell what the share took of them when it did."""
FIRST_CUT: Final = 0.8
STEADY_CUT: Final = 0.85
"""For a refusal after :data:`STEADY_S` of none, when the limit was about right."""
STEADY_S: Final = 10.0
GROWTH: Final = 0.15 / 15**3
"""Of the curve, per cubic second: after a steady cut the rate that was refused is reached again after 15 s, and twice that after 43 s."""
FLOOR_PER_S: Final = 20.0
"""The brake goes no lower. The smallest share that Azure provides does 100 and more; a budget below is for people to configure."""
FIRST_TOP_PER_S: Final = 200.0
"""A brake begins no lower, whatever was measured: a refusal of the first request of a run tells nothing of the share, and where it
does, the next reductions follow within seconds."""
REACH: Final = 0.2
"""Of the peak: the curve grows as if it had begun here at least, so that it is quickly back from a storm."""
FORGET: Final = 2.0
"""A brake that allows this many times the most that was ever used is none."""
JOIN_S: Final = 10.0
"""Processes that meet a brake this young bring what they used: its first limit is measured by one of them."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Limits per second; infinite: none."""

    requests: float = inf
    bytes: float = inf

    @property
    def unlimited(self) -> bool:
        """Whether there is none at all."""
        return self.requests == inf and self.bytes == inf


class Bucket:
    """Tokens that come at a rate. Starts empty, so that starting again is no way around the limit."""

    __slots__ = ("_at", "_level", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._level = 0.0
        self._at = now

    @property
    def capacity(self) -> float:
        """The most it holds."""
        return max(self.rate * BURST_S, 1.0)

    def set_rate(self, rate: float, now: float) -> None:
        """Change the rate from now on."""
        self._fill(now)
        self.rate = rate

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until ``amount`` may be taken; more than the bucket holds may be taken when it is full, and leaves a debt."""
        if self.rate == inf:
            return 0.0
        self._fill(now)
        lacking = min(amount, self.capacity) - self._level
        if lacking <= 1e-9:
            return 0.0
        return lacking / self.rate if self.rate > 0 else inf

    def take(self, amount: float) -> None:
        """Take it, whatever is there."""
        if self.rate != inf:
            self._level -= amount

    def _fill(self, now: float) -> None:
        if self.rate == inf:
            self._level = 0.0
        else:
            self._level = min(self._level + (now - self._at) * self.rate, self.capacity)
        self._at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """A limit that came of being throttled. Times in seconds of one clock."""

    top: float
    """Requests per second that the share took when it refused more."""
    factor: float
    """What the limit fell to, as a part of ``top``."""
    lowered_at: float
    began_at: float
    peak: float
    """The most that the share took since, or just before."""

    @property
    def is_first(self) -> bool:
        """Whether it comes of the first refusal."""
        return self.lowered_at == self.began_at

    def limit(self, now: float) -> float:
        """Requests per second, by the curves of the module's docstring."""
        if self.is_first:
            return self.top * self.factor * math.exp2((now - self.lowered_at) / DOUBLED_S)
        rise_s = math.cbrt((1.0 - self.factor) / GROWTH)
        beyond_s = now - self.lowered_at - rise_s
        scale = self.top if beyond_s < 0 else max(self.top, REACH * self.peak)
        return max(self.top + scale * GROWTH * beyond_s**3, FLOOR_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one process did since it last reported."""

    elapsed_s: float
    requests: int = 0
    throttled: int = 0
    """Of the requests, those that were refused for being too many."""
    bytes: int = 0
    starved: bool = False
    """Requests had to wait for their number, and not only for their bytes."""
    starved_bytes: bool = False
    was_limited: bool = True
    """False: nothing held it back."""

    @property
    def taken_per_s(self) -> float:
        """Requests per second that the share took."""
        return max(self.requests - self.throttled, 0) / max(self.elapsed_s, 1e-3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one process may use, and what it needs."""

    rates: Rates
    used: Rates
    """What the share took of it, as last reported."""
    wants: Rates
    """Infinite: more than it gets."""
    until: float
    """When it ends."""
    equal: Rates = Rates()
    """What it would have if all took the same: what to expect soon, where ``rates`` is what others have left for now."""
    ask_in_s: float = ASK_S
    """When to ask for the next."""


def settle(
    brake: Brake | None, configured: Rates, parts: Mapping[str, Part], me: str, report: Report, now: float
) -> tuple[Brake | None, Part | None]:
    """Take in a process's report and give it its next part; None when nothing limits the share.

    ``parts`` are those of all processes, ended ones included.
    """
    others = [part for name, part in parts.items() if name != me and part.until > now]
    brake = _braked(brake, others, report, now, is_new=me not in parts)
    if brake is not None and brake.limit(now) > FORGET * brake.peak:
        brake = None
    allowed = Rates(min(configured.requests, brake.limit(now) if brake is not None else inf), configured.bytes)
    if allowed.unlimited:
        return None, None
    used = Rates(report.taken_per_s, report.bytes / max(report.elapsed_s, 1e-3))
    # A quarter more than was used, and something to begin with: whoever needs little can double it within a few asks.
    wants = Rates(
        inf if report.starved else used.requests * 1.25 + 1.0,
        inf if report.starved_bytes else used.bytes * 1.25 + 65536.0,
    )
    targets = Rates(
        _fair(allowed.requests, wants.requests, [o.wants.requests for o in others]),
        _fair(allowed.bytes, wants.bytes, [o.wants.bytes for o in others]),
    )
    rates = Rates(
        _left(allowed.requests, targets.requests, [o.rates.requests for o in others]),
        _left(allowed.bytes, targets.bytes, [o.rates.bytes for o in others]),
    )
    every_s = max(ASK_S, (len(others) + 1) / ASKS_PER_S_MAX)
    waits = rates.requests < 0.9 * targets.requests or rates.bytes < 0.9 * targets.bytes
    return brake, Part(
        rates=rates,
        used=used,
        wants=wants,
        until=now + PART_S * every_s,
        equal=Rates(allowed.requests / (len(others) + 1), allowed.bytes / (len(others) + 1)),
        ask_in_s=SOON_S * every_s if waits else every_s,
    )


def kept(rate: float, overdue_s: float) -> float:
    """What a process goes on with when its part ended ``overdue_s`` ago and nobody could be asked for another."""
    if overdue_s <= 0 or rate == inf:
        return rate
    return rate * max(math.exp2(-overdue_s / HALVED_S), LEAST_KEPT)


def first_brake(report: Report, now: float, used_by_others: float = 0.0) -> Brake:
    """The brake that the first refusal puts on."""
    top = max(report.taken_per_s + used_by_others, FIRST_TOP_PER_S)
    return Brake(top=top, factor=FIRST_CUT, lowered_at=now, began_at=now, peak=top)


def _braked(brake: Brake | None, others: Collection[Part], report: Report, now: float, *, is_new: bool) -> Brake | None:
    """The brake after a report."""
    used_by_others = sum(part.used.requests for part in others)
    if brake is None:
        return first_brake(report, now, used_by_others) if report.throttled else None
    if is_new and not report.was_limited and now - brake.began_at < JOIN_S:
        return replace(brake, top=brake.top + report.taken_per_s, peak=brake.peak + report.taken_per_s)
    taken = report.taken_per_s + used_by_others
    brake = replace(brake, peak=max(brake.peak, taken))
    if not report.throttled:
        return brake
    since_s = now - brake.lowered_at
    if brake.is_first:
        if since_s - report.elapsed_s < AFTERMATH_S:
            return brake
    elif since_s < LOWER_EVERY_S:
        return replace(brake, top=max(brake.top, taken)) if since_s <= MEASURED_S else brake
    cut = STEADY_CUT if now - brake.lowered_at >= STEADY_S else FIRST_CUT
    top = max(min(brake.limit(now), taken), FLOOR_PER_S)
    return replace(brake, top=top, factor=cut, lowered_at=now)


def _fair(allowed: float, mine: float, others: Collection[float]) -> float:
    """What I should have of ``allowed`` when that is what each of us wants."""
    if allowed == inf:
        return inf
    equal = allowed / (len(others) + 1)
    if mine <= equal:
        return min(mine, equal) if any(wants > equal for wants in others) else equal
    spare = sum(max(equal - wants, 0.0) for wants in others)
    in_need = 1 + sum(1 for wants in others if wants > equal)
    return min(mine, equal + spare / in_need) if mine < inf else equal + spare / in_need


def _left(allowed: float, target: float, held: Collection[float]) -> float:
    """As much of ``target`` as what others hold leaves."""
    if allowed == inf:
        return inf
    return max(min(target, allowed - sum(held)), 0.0)
