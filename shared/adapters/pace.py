"""Hold the requests of this process to its part of what a share may be asked.

While nothing limits a share, a request costs an addition, and the share a look at the catalogue every few seconds. While something
does, requests wait in line for two buckets, one of requests and one of bytes; those that are tried again go before those that
were not sent yet, because their activity has already begun to wait for them. A task beside the activities reports about once a
second what was used and takes the next part; :mod:`shared.core.pace` decides. A catalogue that does not answer stops nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Final, NamedTuple

from shared.core.pace import ASK_S, PART_S, Bucket, Part, Rates, Report, first_brake, kept
from shared.errors import Retryable
from shared.ports.pace import PaceBook
from shared.ports.system import Clock

LOOK_S: Final = 5.0
"""How often to look whether a limit was set, or found by another process."""
PAUSE_MAX_S: Final = 5.0
"""The share's wish to be left alone holds up everything for this long at most; the request that was told so waits as long as it says."""
USED_UP: Final = 0.8
"""Of a part; who had to wait, does not now and used less has bursts and not too little."""
LEAVE_S: Final = 1.0
"""How long a settlement under way may keep the last activity from ending."""
RETRY_S: Final = 2.0
"""Before the catalogue is asked again after it did not answer."""


class _Waiting(NamedTuple):
    size_bytes: int
    turn: asyncio.Future[None]


class SharePace:
    """The pace of one share in this process: a :class:`shared.adapters.storage_http.Pace`. Used in one event loop."""

    def __init__(self, subject: str, worker: str, book: PaceBook, clock: Clock) -> None:
        self._subject = subject
        self._worker = worker
        self._book = book
        self._clock = clock
        now = clock.monotonic()
        self._requests = Bucket(inf, now)
        self._bytes = Bucket(inf, now)
        self._open = True
        """Nothing is limited, and nobody waits."""
        self._paused_until = 0.0
        self._again: deque[_Waiting] = deque()
        self._line: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._part: Part | None = None
        self._part_ends = 0.0
        self._sent = 0
        self._throttled = 0
        self._moved = 0
        self._starved = False
        self._starved_bytes = False
        self._since = now
        self._call = asyncio.Event()
        self.users = 0
        """Activities that work on the share now."""

    @property
    def rates(self) -> Rates:
        """What this process may use now."""
        return Rates(self._requests.rate, self._bytes.rate)

    @property
    def outlook(self) -> Rates:
        """What it may use in the next minute or so, as far as can be told."""
        if self._part is None:
            return self.rates
        rates, equal = self._part.rates, self._part.equal
        return Rates(max(rates.requests, equal.requests), max(rates.bytes, equal.bytes))

    # what is asked for every request

    def admit(self, size_bytes: int, *, again: bool) -> Awaitable[None] | None:
        """Charge a request and ``size_bytes``; what to await before sending it, if it has to wait."""
        if self._open:
            if not self._sent:  # time in which nothing was asked for is no measure of what the share takes
                self._since = self._clock.monotonic()
            self._sent += 1
            self._moved += size_bytes
            return None
        if not self._again and not self._line and self._wait_s(size_bytes, self._clock.monotonic()) <= 0:
            self._take(size_bytes)
            return None
        waiting = _Waiting(size_bytes, asyncio.get_running_loop().create_future())
        (self._again if again else self._line).append(waiting)
        self._pump()
        return waiting.turn

    def moved(self, size_bytes: int) -> None:
        """Charge bytes that were not known before."""
        self._moved += size_bytes
        if not self._open:
            self._bytes.take(size_bytes)

    def throttled(self, retry_after_s: float | None) -> None:
        """Slow down: at once by our own measure, and soon by everybody's."""
        now = self._clock.monotonic()
        self._throttled += 1
        if self._requests.rate == inf:
            self._limit(Rates(first_brake(self._report(now), now).limit(now), self._bytes.rate), now)
            self._call.set()
        if retry_after_s:
            self._paused_until = max(self._paused_until, now + min(retry_after_s, PAUSE_MAX_S))
            self._open = False

    # waiting in line

    def _wait_s(self, size_bytes: int, now: float) -> float:
        requests_s, bytes_s = self._requests.wait_s(1, now), self._bytes.wait_s(size_bytes, now)
        self._starved = self._starved or requests_s > 0
        self._starved_bytes = self._starved_bytes or bytes_s > 0
        return max(requests_s, bytes_s, self._paused_until - now)

    def _take(self, size_bytes: int) -> None:
        self._requests.take(1)
        self._bytes.take(size_bytes)
        self._sent += 1
        self._moved += size_bytes

    def _pump(self) -> None:
        """Let go whoever's turn it is, and come back when it is the next one's."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock.monotonic()
        while line := self._again or self._line:
            waiting = line[0]
            if waiting.turn.done():  # whoever waited was cancelled
                line.popleft()
                continue
            wait_s = self._wait_s(waiting.size_bytes, now)
            if wait_s > 0:
                if wait_s < inf:
                    self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
                return
            line.popleft()
            self._take(waiting.size_bytes)
            waiting.turn.set_result(None)
        self._open = self._requests.rate == inf and self._bytes.rate == inf and self._paused_until <= now

    def _limit(self, rates: Rates, now: float) -> None:
        self._requests.set_rate(rates.requests, now)
        self._bytes.set_rate(rates.bytes, now)
        self._open = False
        self._pump()

    # reporting, beside the activities

    def _report(self, now: float) -> Report:
        limited = self._part is not None
        elapsed_s = max(now - self._since, 1e-3 if limited else 0.5)  # the first moments of a run are no measure
        waits = bool(self._again or self._line)
        return Report(
            elapsed_s=elapsed_s,
            requests=self._sent,
            throttled=self._throttled,
            bytes=self._moved,
            # Who comes anew wants as much as the others, or it would begin with nothing and wait for its next report.
            starved=not limited
            or (self._starved and (waits or self._sent >= USED_UP * self._requests.rate * elapsed_s)),
            starved_bytes=not limited
            or (self._starved_bytes and (waits or self._moved >= USED_UP * self._bytes.rate * elapsed_s)),
            was_limited=limited,
        )

    def _begin_anew(self, now: float) -> None:
        self._sent = self._throttled = self._moved = 0
        self._starved = self._starved_bytes = False
        self._since = now

    async def look(self) -> None:
        """See whether anything limits the share, and have a part before the first request if so."""
        if self._part is None and await self._book.look(self._subject):
            await self._settle()

    async def _settle(self) -> None:
        asked_at = self._clock.monotonic()
        report = self._report(asked_at)
        self._begin_anew(asked_at)
        try:
            part = await self._book.settle(self._subject, self._worker, report)
        except Retryable:
            self._throttled += report.throttled  # to be told the next time
            raise
        now = self._clock.monotonic()
        self._part = part
        if part is None:
            self._limit(Rates(), now)
            return
        self._part_ends = asked_at + PART_S
        self._limit(part.rates, now)

    async def keep(self) -> None:
        """Look, or report and ask, until :meth:`leave`."""
        looked_at = self._clock.monotonic()
        wait_s = ASK_S
        while True:
            # Called when the first refusal comes: the limit of our own that it set is not to stand longer than needed.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._call.wait()
            self._call.clear()
            if not self.users:
                return
            wait_s = ASK_S
            now = self._clock.monotonic()
            try:
                if self._part is not None or self._throttled or self._requests.rate < inf:
                    await self._settle()
                    wait_s = self._part.ask_in_s if self._part is not None else ASK_S
                elif now - looked_at >= LOOK_S:
                    looked_at = now
                    await self.look()
                else:
                    self._begin_anew(now)  # so that the rate of the last seconds is known when a refusal comes
            except Retryable:
                self._go_on_alone(self._clock.monotonic())
                wait_s = RETRY_S

    def leave(self) -> None:
        """Nobody works on the share any more."""
        self._call.set()

    def _go_on_alone(self, now: float) -> None:
        if self._part is None:
            return
        overdue_s = now - self._part_ends
        rates = self._part.rates
        self._limit(Rates(kept(rates.requests, overdue_s), kept(rates.bytes, overdue_s)), now)


class Paces:
    """The paces of all shares this process works on."""

    def __init__(self, book: PaceBook, worker: str, clock: Clock) -> None:
        """``worker`` names this process; no two have the same name."""
        self._book = book
        self._worker = worker
        self._clock = clock
        self._paces: dict[str, tuple[SharePace, asyncio.Task[None]]] = {}

    @asynccontextmanager
    async def of(self, subject: str) -> AsyncIterator[SharePace]:
        """The pace of a share, kept up to date for as long as somebody works on it. Raises ``Retryable``."""
        if subject not in self._paces:
            pace = SharePace(subject, self._worker, self._book, self._clock)
            self._paces[subject] = pace, asyncio.create_task(pace.keep())
        pace, task = self._paces[subject]
        pace.users += 1
        try:
            if pace.users == 1:
                await pace.look()
            yield pace
        finally:
            pace.users -= 1
            if not pace.users:
                del self._paces[subject]
                pace.leave()
                with suppress(TimeoutError):  # then it was cancelled; else this raises what it raised: a bug of ours
                    await asyncio.wait_for(task, LEAVE_S)
