"""One run of many shares, batch by batch, in time that is reckoned and not waited for.

Workers pull: each takes what a batch lists (or several batches in a row, where a run has very many), is at it as long as the slowest of its
processor, its latency and its bandwidth takes, and takes the next. What they ask for together is held to what shares, accounts and the catalogue
give, everyone slowed down alike, as :mod:`shared.core.pace` does. In the Functions app activities come in rounds: one claims nothing after 30 s, ends
with the batch in hand, and when the last has ended the next round begins; processes (``rounds=False``) go on. Instances come one by one in the
beginning; a frontier has few directories then, and few again in the end, when they are handed out in ever smaller parts.

The same seed gives the same run. What is in a run is decided by the rows it goes through (:mod:`benchmarks.plan.trees`), and what a row takes by
the formulas of :mod:`shared.core.sizing`, so that both agree but for what only happens one after the other.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from math import ceil, inf
from typing import Final

import numpy as np

from benchmarks.plan.trees import Numbers, Rows
from shared.core.basis import Basis, FilesLimits
from shared.core.cost import BATCH_BYTES, BATCH_DIRECTORIES, BATCH_FILES
from shared.core.sizing import ACTIVITY_S, Installation, large_files

STEPS: Final = 2_000
"""About as many are simulated of a run; beyond that several batches in a row are one."""
ROUNDS: Final = 40
"""As many of each share; of a run with more, several in a row are one, as long as they are together and with batches as long as theirs."""
BRANCHING: Final = 3.7
"""Directories that are known of for each that was listed, until all are: of the office profile's tree."""
CLAIM: Final = 16
COMMIT_S: Final = 0.05
"""Assumed: of a batch, when its bundle and segment are written and its transaction is committed; listing goes on meanwhile but for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What each row takes: cumulative sums over the rows, twice in a row so that any stretch of them is a difference."""

    requests: Numbers
    metadata: Numbers
    bytes: Numbers
    catalogue_s: Numbers
    own_s: Numbers
    """Of one worker with nobody in its way."""
    batches: Numbers

    @property
    def rows(self) -> int:
        """How many there are."""
        return (len(self.requests) - 1) // 2


def costs_of(rows: Rows, wanted: Installation, basis: Basis, *, first: bool) -> Costs:
    """What rows take in a first backup, or in a day's."""
    rates, platform, speed = basis.rates, basis.platform, basis.prices.speed
    changed = rows.files if first else rows.changed
    touched = np.full_like(rows.files, BATCH_DIRECTORIES) if first else rows.touched
    content = changed * wanted.mean_bytes
    reads = changed * (1 + large_files(wanted.mean_bytes).reads) + touched
    listed = (rows.files + BATCH_DIRECTORIES) * rates.list_bytes_per_entry
    cpu_s = (
        BATCH_DIRECTORIES * rates.worker_s_per_directory + (rows.files + BATCH_DIRECTORIES) * rates.worker_s_per_entry
    )
    cpu_s = cpu_s + changed * rates.worker_s_per_file + content * rates.worker_s_per_byte
    latency_s = (
        rows.lists * platform.list_s / platform.lists_at_once + reads * speed.seconds_per_read / speed.reads_at_once
    )
    batches = np.maximum(1, np.ceil(np.maximum(changed / BATCH_FILES, content / BATCH_BYTES)))
    # Activities of an instance share its core.
    own_s = np.maximum(cpu_s / platform.core_part * basis.prices.compute.activities_per_instance, latency_s)
    own_s = np.maximum(own_s, (listed + content) / speed.bytes_per_s) + batches * COMMIT_S
    return Costs(
        requests=_sums(rows.lists + reads),
        metadata=_sums(rows.lists + touched),
        bytes=_sums(listed + content),
        catalogue_s=_sums(
            (BATCH_DIRECTORIES * rates.catalogue_s_per_directory + changed * rates.catalogue_s_per_file)
            / platform.catalogue_core_part
        ),
        own_s=_sums(own_s),
        batches=_sums(batches),
    )


def _sums(values: Numbers) -> Numbers:
    return np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])


@dataclass(slots=True)
class _Step:
    """What one worker has in hand."""

    directories: int
    own_s: float
    requests: float
    metadata: float
    bytes: float
    catalogue_s: float
    batches: int
    begun: float = 0.0
    """By its share's clock, which goes slower when the share does."""

    def cut(self, directories: int, batches: int) -> "_Step":
        """Keep so much of it; return the rest."""
        part = 1 - directories / self.directories
        rest = _Step(
            self.directories - directories, self.own_s * part, self.requests * part, self.metadata * part, self.bytes * part,
            self.catalogue_s * part, max(1, self.batches - batches),
        )  # fmt: skip
        self.directories, self.batches = directories, batches
        self.own_s, self.requests, self.metadata = (
            self.own_s - rest.own_s,
            self.requests - rest.requests,
            self.metadata - rest.metadata,
        )
        self.bytes, self.catalogue_s = self.bytes - rest.bytes, self.catalogue_s - rest.catalogue_s
        return rest


@dataclass(slots=True)
class _Share:
    directories: int
    taken: int = 0
    done: int = 0
    row: int = 0
    clock: float = 0.0
    pace: float = 1.0
    """How fast its clock goes: 1 when nobody is slowed down."""
    requests_per_s: float = 0.0
    metadata_per_s: float = 0.0
    bytes_per_s: float = 0.0
    catalogue_per_s: float = 0.0
    """What its workers would ask for in a second at full pace."""
    ends: list[tuple[float, int, int]] = field(default_factory=list)
    """When steps end by the share's clock, a number that is nobody else's, and the worker."""
    at_work: dict[int, _Step] = field(default_factory=dict)
    given_back: list[_Step] = field(default_factory=list)
    """What was left of steps when a round ended: the next claims take these, which are what they are."""
    waiting: set[int] = field(default_factory=set)
    """Workers whose activity lasts and who found nothing to claim."""
    expected: int = 0
    """Workers of this round that have not begun yet."""
    began: list[float] = field(default_factory=list)
    """When its activities did."""
    closing: bool = False
    """The round's time is over: nothing more is claimed."""
    finished_at: float = inf

    def take(self, step: _Step, sign: int) -> None:
        """Add what a step asks for, or take it away."""
        self.requests_per_s += sign * step.requests / step.own_s
        self.metadata_per_s += sign * step.metadata / step.own_s
        self.bytes_per_s += sign * step.bytes / step.own_s
        self.catalogue_per_s += sign * step.catalogue_s / step.own_s


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    seconds: float = 0.0
    directories: int = 0
    """Listed; each once."""
    requests: float = 0.0
    batches: float = 0.0
    instance_s: float = 0.0
    """Of instances while a round lasts: when one of its activities has ended before the others, another or another run's keeps it there."""
    activities: int = 0
    steps: int = 0
    used: dict[str, float] = field(default_factory=dict)
    """By limit, the most that was ever used of it: 1 is all of it."""
    share_s: list[float] = field(default_factory=list)
    """When each share was done."""

    def note(self, limit: str, part: float) -> None:
        """Keep the most."""
        self.used[limit] = max(self.used.get(limit, 0.0), part)


def simulate(
    shares: Sequence[Sequence[int]],
    costs: Costs,
    limits: FilesLimits,
    basis: Basis,
    *,
    width: int,
    catalogue_cores: float,
    rounds: bool = True,
) -> Outcome:
    """Run it.

    :param shares: directories of each share, by account.
    :param width: activities of one share's run side by side.
    :param catalogue_cores: of the catalogue's server. Accounts are given parts of it by their directories, so one does not wait for another.
    """
    outcome, before, row = Outcome(), 0, 0
    everything, count_ = sum(map(sum, shares)), sum(map(len, shares))
    size = BATCH_DIRECTORIES * max(1, min(costs.rows, ceil(everything / BATCH_DIRECTORIES / STEPS)))
    batches = everything / BATCH_DIRECTORIES / costs.rows
    own_s = float(costs.own_s[costs.rows]) * batches / (width * count_)
    least_s = float(costs.requests[costs.rows]) * batches / (limits.account_requests_per_s * len(shares))
    in_one = max(1, ceil(max(own_s, least_s) / (ACTIVITY_S * ROUNDS)))
    for account in shares:
        cores = catalogue_cores * sum(account) / everything
        _Account(account, costs, limits, basis, width, cores, rounds, size, in_one, before, count_, row, outcome).run()
        before += len(account)
        row += sum(ceil(n / BATCH_DIRECTORIES) for n in account)
    outcome.activities *= in_one
    outcome.seconds = max(outcome.share_s)
    return outcome


class _Account:
    """The shares of one account, which have a limit in common."""

    def __init__(
        self, directories: Sequence[int], costs: Costs, limits: FilesLimits, basis: Basis, width: int, cores: float, rounds: bool, size: int,
        in_one: int, before: int, of: int, first_row: int, outcome: Outcome,
    ) -> None:  # fmt: skip
        # Each begins where the one before it ends: all rows come up as often as one another.
        begins = accumulate([first_row, *(ceil(n / BATCH_DIRECTORIES) for n in directories)])
        self._shares = [_Share(n, row=row % costs.rows) for n, row in zip(directories, begins, strict=False)]
        self._costs, self._limits, self._platform = costs, limits, basis.platform
        self._per_instance = basis.prices.compute.activities_per_instance
        self._width, self._cores, self._rounds, self._size, self._in_one = width, cores, rounds, size, in_one
        self._before, self._of, self._outcome = before, of, outcome
        self._now, self._numbers = 0.0, count()
        self._timers: list[tuple[float, int, int, int]] = []
        """When, a number, the share, and the worker that begins; -1: its round's time is over."""

    def run(self) -> None:
        for s in range(len(self._shares)):
            self._round(s, first=True)
        while self._timers or any(share.ends for share in self._shares):
            self._pace()
            at, s = self._next_end()
            if self._timers and self._timers[0][0] <= at:
                at, _, s, worker = heapq.heappop(self._timers)
                self._advance(at)
                self._close_round(s) if worker < 0 else self._begin(s, worker)
            else:
                self._advance(at)
                self._end(s)
        self._outcome.share_s += [share.finished_at for share in self._shares]

    # Time

    def _pace(self) -> None:
        """How fast each share's clock goes now."""
        limits, note = self._limits, self._outcome.note
        requests = received = catalogue = 0.0
        for share in self._shares:
            if not share.at_work:
                continue
            asked = max(
                share.requests_per_s / limits.share_requests_per_s,
                share.metadata_per_s / limits.share_metadata_per_s,
                1.0,
            )
            share.pace = pace = 1 / asked
            requests += share.requests_per_s * pace
            received += share.bytes_per_s * pace
            catalogue += share.catalogue_per_s * pace
        slower = min(
            1.0,
            _part(limits.account_requests_per_s, requests),
            _part(limits.account_bytes_per_s, received),
            _part(self._cores, catalogue),
        )
        most = metadata = 0.0
        for share in self._shares:
            if share.at_work:
                share.pace = pace = share.pace * slower
                most, metadata = max(most, share.requests_per_s * pace), max(metadata, share.metadata_per_s * pace)
        note("share_requests", most / limits.share_requests_per_s)
        note("share_metadata", metadata / limits.share_metadata_per_s)
        note("account_requests", requests * slower / limits.account_requests_per_s)
        note("account_bytes", received * slower / limits.account_bytes_per_s)
        note("catalogue", catalogue * slower / self._cores)

    def _next_end(self) -> tuple[float, int]:
        return min(
            (
                (self._now + max(0.0, share.ends[0][0] - share.clock) / share.pace, s)
                for s, share in enumerate(self._shares)
                if share.ends
            ),
            default=(inf, -1),
        )

    def _advance(self, to: float) -> None:
        for share in self._shares:
            share.clock += (to - self._now) * share.pace
        self._now = to

    # Rounds

    def _round(self, s: int, *, first: bool = False) -> None:
        share = self._shares[s]
        share.closing, share.expected = False, self._width
        begin = self._now if first else self._now + self._platform.round_gap_s * self._in_one
        latest = begin
        for worker in range(self._width):
            # Its instance has to be there; once it is, it stays. Every share has its first worker before any has its second.
            number = (worker * self._of + self._before + s) // self._per_instance
            up = number / self._platform.instances_per_s if first else 0.0
            latest = max(latest, begin + up)
            heapq.heappush(self._timers, (begin + up, next(self._numbers), s, worker))
        if self._rounds:
            heapq.heappush(self._timers, (latest + ACTIVITY_S * self._in_one, next(self._numbers), s, -1))

    def _begin(self, s: int, worker: int) -> None:
        share = self._shares[s]
        share.expected -= 1
        self._outcome.activities += 1
        share.began.append(self._now)
        self._claim(s, worker)

    def _close_round(self, s: int) -> None:
        """Nobody claims any more; who has batches in a row in hand ends with the one that is under way, and leaves the others."""
        share = self._shares[s]
        share.closing = True
        share.waiting.clear()
        share.ends.clear()
        for worker, step in share.at_work.items():
            # Of several rounds in one the last batch is as long as all of theirs.
            each = min(self._in_one, step.batches)
            parts = max(
                1, min(step.batches, ceil((share.clock - step.begun) / step.own_s * step.batches / each) * each)
            )
            kept = max(1, min(step.directories, round(step.directories * parts / step.batches)))
            if kept < step.directories:
                share.take(step, -1)
                share.taken -= step.directories - kept
                share.given_back.append(step.cut(kept, parts))
                share.take(step, 1)
            share.ends.append((max(share.clock, step.begun + step.own_s), next(self._numbers), worker))
        heapq.heapify(share.ends)
        self._over(s)

    def _over(self, s: int) -> None:
        """If the last activity of a round has ended, count its instances and begin the next, or be done."""
        share = self._shares[s]
        if share.at_work or share.waiting or share.expected:
            return
        self._outcome.instance_s += sum(self._now - begun for begun in share.began) / self._per_instance
        share.began.clear()
        if share.done < share.directories:
            self._round(s)

    # Work

    def _claim(self, s: int, worker: int) -> None:
        share, costs = self._shares[s], self._costs
        left = share.directories - share.taken
        if share.closing or share.finished_at < inf:
            self._over(s)
            return
        if not left:
            share.waiting.add(worker)
            return
        if share.given_back:
            self._begin_step(share, worker, share.given_back.pop())
            return
        # What is pending when all are known of are leaves, of which a quarter is claimed; before, each leads to as many as one likes.
        known = share.taken * BRANCHING >= share.directories
        directories = min(self._size, left, max(CLAIM, left // 4) if known else left)
        rows = ceil(directories / BATCH_DIRECTORIES)
        begin, end = share.row, share.row + rows
        share.row = end % costs.rows
        part = directories / (rows * BATCH_DIRECTORIES)

        def taken(sums: Numbers) -> float:
            return float(sums[end] - sums[begin]) * part

        step = _Step(
            directories=directories,
            own_s=taken(costs.own_s),
            requests=taken(costs.requests),
            metadata=taken(costs.metadata),
            bytes=taken(costs.bytes),
            catalogue_s=taken(costs.catalogue_s),
            batches=max(1, round(taken(costs.batches))),
        )
        self._begin_step(share, worker, step)

    def _begin_step(self, share: _Share, worker: int, step: _Step) -> None:
        step.begun = share.clock
        share.taken += step.directories
        share.at_work[worker] = step
        share.take(step, 1)
        heapq.heappush(share.ends, (share.clock + step.own_s, next(self._numbers), worker))

    def _end(self, s: int) -> None:
        share, outcome = self._shares[s], self._outcome
        _, _, worker = heapq.heappop(share.ends)
        step = share.at_work.pop(worker)
        share.take(step, -1)
        if not share.at_work:  # no rounding is left of what nobody asks for
            share.requests_per_s = share.metadata_per_s = share.bytes_per_s = share.catalogue_per_s = 0.0
        share.done += step.directories
        outcome.directories += step.directories
        outcome.requests += step.requests
        outcome.batches += step.batches
        outcome.steps += 1
        if share.done == share.directories:
            share.finished_at = self._now
            self._timers = [timer for timer in self._timers if timer[2] != s]
            heapq.heapify(self._timers)
            share.expected = 0
            share.waiting.clear()
        self._claim(s, worker)


def _part(limit: float, wanted: float) -> float:
    return limit / wanted if wanted > limit else 1.0
