"""Fire timer triggers: each at its times, one run at a time across all hosts of the hub.

A run that was missed because no host was there fires once, as past due, when one starts.  A run
that takes longer than the interval swallows the times it covered.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from azure.functions.timer import TimerRequest
from psycopg import Error
from psycopg_pool import AsyncConnectionPool

from localdev.functions_host import events, schedule, store_timers
from localdev.functions_host.host_json import AppError
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.leases import Presence
from localdev.functions_host.loading import TimerFunction
from localdev.functions_host.recording import Recorder
from localdev.functions_host.schedule import Schedule, ScheduleError

log = logging.getLogger(__name__)

#: Pause before looking again at a timer that is due but held by another host.
HELD_SECONDS = 1.0

#: Longest sleep; bounds how late a changed clock or a deleted row is noticed.
MAX_SLEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Timer:
    trigger: TimerFunction
    schedule: Schedule

    @property
    def name(self) -> str:
        return self.trigger.function.name


class TimerTriggers:
    """One host process's watch over the hub's timers."""

    def __init__(
        self,
        functions: Iterable[TimerFunction],
        pool: AsyncConnectionPool,
        *,
        hub: str,
        presence: Presence,
        lease_seconds: float,
        invoker: Invoker,
        recorder: Recorder,
    ) -> None:
        """Read all schedules.

        :raises AppError: one cannot be read; names the function.
        """
        self._timers = [_timer(function) for function in functions]
        self._pool = pool
        self._hub = hub
        self._presence = presence
        self._lease_seconds = lease_seconds
        self._invoker = invoker
        self._recorder = recorder
        self._started_at = events.utc_now()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    async def run_forever(self) -> None:
        """Watch every timer until cancelled."""
        async with asyncio.TaskGroup() as watches:
            for timer in self._timers:
                watches.create_task(self._watch(timer), name=f"timer {timer.name}")

    async def stop(self, grace_seconds: float) -> None:
        """Start no more runs and wait up to ``grace_seconds`` for those under way."""
        self._stopping = True
        try:
            async with asyncio.timeout(grace_seconds):
                await self._idle.wait()
        except TimeoutError:
            log.warning("timers_interrupted", extra={"running": self._running})

    async def release(self) -> None:
        """Give back what is still held; call when :meth:`run_forever` has ended."""
        if self._timers:
            async with self._pool.connection() as connection:
                await store_timers.release(connection, owner=self._presence.owner)

    async def renew(self) -> None:
        """Heartbeat: extend the leases of running timers."""
        if self._running:
            async with self._pool.connection() as connection:
                await store_timers.renew(connection, owner=self._presence.owner, lease_seconds=self._lease_seconds)

    async def take_back(self) -> None:
        """Free the timers of dead or silent hosts."""
        if self._timers:
            async with self._pool.connection() as connection:
                for name in await store_timers.take_back(connection, self._hub, owner=self._presence.owner):
                    log.warning("timer_taken_back", extra={"function": name})

    async def _watch(self, timer: _Timer) -> None:
        early = timer.trigger.run_on_startup
        registered = False
        while not self._stopping:
            try:
                if not registered:
                    await self._register(timer)
                    registered = True
                if await self._fire(timer, early=early):
                    early = False
                    continue
                early = False
                async with self._pool.connection() as connection:
                    due_at, _ = await store_timers.due(connection, self._hub, timer.name)
            except (Error, LookupError) as error:
                log.warning("timer_watch_failed", extra={"function": timer.name, "error": str(error)})
                registered = False
                await asyncio.sleep(HELD_SECONDS)
                continue
            seconds = (due_at - events.utc_now()).total_seconds()
            await asyncio.sleep(min(seconds, MAX_SLEEP_SECONDS) if seconds > 0 else HELD_SECONDS)

    async def _register(self, timer: _Timer) -> None:
        async with self._pool.connection() as connection:
            await store_timers.register(
                connection,
                self._hub,
                timer.name,
                schedule=timer.schedule.expression,
                next_due_at=timer.schedule.next_after(events.utc_now()),
                monitor=timer.trigger.use_monitor,
            )

    async def _fire(self, timer: _Timer, *, early: bool) -> bool:
        """Run the timer if it is due (or ``early``) and free; False otherwise."""
        async with self._pool.connection() as connection:
            due_at, last_ran_at = await store_timers.due(connection, self._hub, timer.name)
            if not early and due_at > events.utc_now():
                return False
            attempt = await store_timers.claim(
                connection,
                self._hub,
                timer.name,
                owner=self._presence.owner,
                lease_seconds=self._lease_seconds,
                early=early,
            )
        if attempt is None:
            return False
        self._running += 1
        self._idle.clear()
        try:
            await self._call(timer, due_at, last_ran_at)
            now = events.utc_now()
            async with self._pool.connection() as connection:
                held = await store_timers.finish(
                    connection,
                    self._hub,
                    timer.name,
                    owner=self._presence.owner,
                    attempt=attempt,
                    ran_at=now,
                    next_due_at=timer.schedule.next_after(now),
                )
            if not held:
                log.warning("timer_lease_lost", extra={"function": timer.name, "attempt": attempt})
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
        return True

    async def _call(self, timer: _Timer, due_at: datetime, last_ran_at: datetime | None) -> None:
        past_due = due_at < self._started_at
        following = timer.schedule.next_after(events.utc_now())
        last = last_ran_at.isoformat() if last_ran_at else ""
        request = TimerRequest(
            past_due=past_due,
            schedule_status={"Last": last, "Next": following.isoformat(), "LastUpdated": last},
            schedule={"AdjustForDST": True},
        )
        log.info("timer_fired", extra={"function": timer.name, "due_at": due_at, "past_due": past_due})
        failed: str | None = None
        try:
            await self._invoker.invoke(timer.trigger.function, request)
        except Exception as error:
            # As in Azure: the run is over, the schedule goes on.
            log.exception("timer_function_failed", extra={"function": timer.name})
            failed = f"{type(error).__name__}: {error}"
        self._recorder.write("timer", name=timer.name, due_at=due_at, past_due=past_due, failed=failed)


def _timer(function: TimerFunction) -> _Timer:
    try:
        return _Timer(function, schedule.parse(function.schedule))
    except ScheduleError as error:
        raise AppError(f"function {function.function.name!r}: {error}") from error
