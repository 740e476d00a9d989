"""Workers, a share and a book on a simulated clock, around the real decisions of ``shared.core.pace``."""

import random
from dataclasses import dataclass, field
from math import inf

from shared.core.pace import PART_S, Bucket, Part, Rates, Report, first_brake, kept, settle

STEP_S = 0.01


class Server:
    """Refuses what is above ``per_s`` requests; holds a burst of what ``burst_s`` seconds bring."""

    def __init__(self, per_s=inf, burst_s=0.5):
        self.per_s, self.burst_s, self.level, self.at = per_s, burst_s, 1e9, 0.0
        self.sent: list[float] = []
        self.refused: list[float] = []
        self.storm = 0.0
        """Chance that a request is refused whatever comes."""
        self.random = random.Random(1)

    def takes(self, now):
        self.sent.append(now)
        if self.per_s < inf:
            self.level = min(self.level + (now - self.at) * self.per_s, max(self.per_s * self.burst_s, 1))
            self.at = now
        if (self.per_s < inf and self.level < 1) or self.random.random() < self.storm:
            self.refused.append(now)
            return False
        self.level -= 1
        return True

    def rate(self, start, end, *, taken=True):
        sent = sum(1 for at in self.sent if start <= at < end)
        refused = sum(1 for at in self.refused if start <= at < end)
        return (sent - refused if taken else sent) / (end - start)

    def most_in(self, window_s):
        """The most requests in any window of so many seconds."""
        most, first = 0, 0
        for last, at in enumerate(self.sent):
            while self.sent[first] <= at - window_s:
                first += 1
            most = max(most, last - first + 1)
        return most


@dataclass
class Worker:
    """Sends ``demand`` requests a second, at most ``fastest``, as an adapter would."""

    name: str
    demand: float = inf
    fastest: float = 400.0
    alive: bool = True
    taken: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.bucket = Bucket(inf, 0.0)
        self.part: Part | None = None
        self.part_ends = 0.0
        self.next_ask = 0.0
        self.since, self.sent, self.throttled, self.starved = 0.0, 0, 0, False
        self.due = 0.0

    def report(self, now):
        elapsed = max(now - self.since, 1e-3 if self.part else 0.5)
        return Report(
            elapsed_s=elapsed,
            requests=self.sent,
            throttled=self.throttled,
            starved=self.part is None
            or (self.starved and (self.due >= 1 or self.sent >= 0.8 * self.bucket.rate * elapsed)),
            was_limited=self.part is not None,
        )

    def work(self, now, server):
        self.due = min(self.due + min(self.demand, self.fastest) * STEP_S, 32.0)
        while self.due >= 1:
            if self.bucket.wait_s(1, now) > 0:
                self.starved = True
                return
            self.bucket.take(1)
            self.due -= 1
            self.sent += 1
            if server.takes(now):
                self.taken.append(now)
            else:
                self.due += 1
                self.throttled += 1
                if self.bucket.rate == inf:
                    self.bucket.set_rate(first_brake(self.report(now), now).limit(now), now)
                    self.next_ask = now
                return

    def rate(self, start, end):
        return sum(1 for at in self.taken if start <= at < end) / (end - start)


class World:
    def __init__(self, workers, server, configured=None):
        self.workers, self.server = list(workers), server
        self.configured = configured or Rates()
        self.brake, self.parts, self.now = None, {}, 0.0
        self.book_is_away = False

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            for worker in self.workers:
                if worker.alive:
                    worker.work(self.now, self.server)
                    self._ask(worker)
            self.now = round(self.now + STEP_S, 6)

    def _ask(self, worker):
        now = self.now
        if now < worker.next_ask:
            return
        limited = self.brake is not None or not self.configured.unlimited or worker.throttled or worker.part
        if self.book_is_away:
            worker.next_ask = now + 2
            if worker.part is not None:
                rate = kept(worker.part.rates.requests, now - worker.part_ends)
                worker.bucket.set_rate(rate, now)
            return
        if not limited:
            worker.since, worker.sent = now, 0
            worker.next_ask = now + 1
            return
        report = worker.report(now)
        self.brake, part = settle(self.brake, self.configured, self.parts, worker.name, report, now)
        worker.since, worker.sent, worker.throttled, worker.starved = now, 0, 0, False
        worker.part = part
        worker.part_ends = now + PART_S
        if part is None:
            self.parts.clear()
            worker.bucket.set_rate(inf, now)
            worker.next_ask = now + 1
            return
        self.parts[worker.name] = part
        worker.bucket.set_rate(part.rates.requests, now)
        worker.next_ask = now + part.ask_in_s
