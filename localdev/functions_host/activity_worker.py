"""Run activities: lease, call, report.

Why running one twice is safe is the activity's business; that it runs at least once is ours: a
task leaves the table only in the transaction that posts its result.  Results of several
activities that finish close together are reported together, which is what keeps the cost of a
small activity near that of the function itself.
"""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum
from psycopg import Error
from psycopg_pool import AsyncConnectionPool

from localdev.functions_host import events, store_instances, store_tasks
from localdev.functions_host.events import Event
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.leases import Presence
from localdev.functions_host.loading import AppFunction
from localdev.functions_host.recording import Recorder
from localdev.functions_host.store_tasks import Answer, Task
from localdev.functions_host.wake import Bell

log = logging.getLogger(__name__)

#: Longest silence between two looks for work when no notice comes.
POLL_SECONDS = 1.0

#: A task that was lost this often (its host died or fell silent each time) is given up: it probably kills its host.
MAX_LOSSES = 10

#: Time a cancelled coroutine gets to clean up.
CANCEL_SECONDS = 1.0

#: Keeps a failure's details readable, and small in every later replay.
MAX_DETAILS = 8_000


_PACKAGE = str(Path(__file__).parent)


class ActivityWorker:
    """One host process's share of the hub's activities."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        *,
        hub: str,
        presence: Presence,
        activities: Mapping[str, AppFunction],
        invoker: Invoker,
        limit: int,
        lease_seconds: float,
        bell: Bell,
        episodes: Bell,
        recorder: Recorder,
    ) -> None:
        self._pool = pool
        self._hub = hub
        self._presence = presence
        self._activities = activities
        self._invoker = invoker
        self._limit = limit
        self._lease_seconds = lease_seconds
        self._bell = bell
        self._episodes = episodes
        self._recorder = recorder
        self._running: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []
        self._answered = Bell()
        self._claiming = asyncio.Lock()
        self._reporting = asyncio.Lock()
        self._stopping = False

    @property
    def running(self) -> int:
        """How many activities this process is executing."""
        return len(self._running)

    async def claim_forever(self) -> None:
        """Lease waiting tasks whenever there is room, until :meth:`stop`."""
        while not self._stopping:
            self._bell.clear()
            try:
                await self._claim(self._limit - len(self._running))
            except Error as error:
                log.warning("activity_claim_failed", extra={"error": str(error)})
            await self._bell.wait(POLL_SECONDS)

    async def _claim(self, free: int) -> None:
        async with self._claiming:  # stop() takes this lock too: nothing is leased after the release
            if free <= 0 or self._stopping:
                return
            async with self._pool.connection() as connection:
                tasks = await store_tasks.claim(
                    connection, self._hub, owner=self._presence.owner, lease_seconds=self._lease_seconds, limit=free
                )
            for task in tasks:
                running = asyncio.create_task(self._execute(task), name=f"activity {task.name}")
                self._running.add(running)
                running.add_done_callback(self._finished)

    async def report_forever(self) -> None:
        """Write finished activities down, as many at a time as have gathered."""
        while True:
            await self._answered.wait(POLL_SECONDS)
            self._answered.clear()
            await self.report()

    async def report(self) -> None:
        """Write down what is finished; on a database error it stays for the next time."""
        async with self._reporting:  # stop() gives back what is left: not before a report that is under way is through
            await self._report()

    async def _report(self) -> None:
        answers, self._answers = self._answers, []
        if not answers:
            return
        try:
            async with self._pool.connection() as connection, connection.transaction():
                held = await store_tasks.complete(connection, answers, owner=self._presence.owner)
                await store_instances.announce(connection, self._hub, store_instances.EPISODES)
        except Error as error:
            log.warning("activity_report_failed", extra={"error": str(error), "results": len(answers)})
            self._answers = answers + self._answers
            await asyncio.sleep(POLL_SECONDS)
            self._answered.ring()
            return
        self._episodes.ring()
        for answer in answers:
            if answer.task.seq not in held:
                log.warning("activity_result_discarded", extra=_ids(answer.task) | {"why": "its lease was lost"})

    async def stop(self, grace_seconds: float) -> None:
        """Claim no more, wait up to ``grace_seconds`` for what runs, report it, give the rest back."""
        async with self._claiming:
            self._stopping = True
        self._bell.ring()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for running in self._running:
            running.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CANCEL_SECONDS)
        await self.report()
        async with self._pool.connection() as connection, connection.transaction():
            released = await store_tasks.release(connection, owner=self._presence.owner)
            await store_instances.announce(connection, self._hub, store_instances.TASKS)
        if released:
            log.info("activities_released", extra={"count": released})

    async def renew(self) -> None:
        """Heartbeat: extend the leases of everything this process holds."""
        if self._running or self._answers:
            async with self._pool.connection() as connection:
                await store_tasks.renew(connection, owner=self._presence.owner, lease_seconds=self._lease_seconds)

    async def take_back(self) -> None:
        """Free what dead or silent hosts hold, and give up on tasks that were lost too often."""
        async with self._pool.connection() as connection, connection.transaction():
            lost = await store_tasks.take_back(connection, self._hub, owner=self._presence.owner)
            hopeless = [task for task, losses in lost if losses >= MAX_LOSSES]
            for task in hopeless:
                await store_tasks.seize(connection, task, owner=self._presence.owner)
            if hopeless:
                answers = [_answer(task, _poisoned(task)) for task in hopeless]
                await store_tasks.complete(connection, answers, owner=self._presence.owner)
                await store_instances.announce(connection, self._hub, store_instances.EPISODES)
            if lost:
                await store_instances.announce(connection, self._hub, store_instances.TASKS)
        for task, losses in lost:
            log.warning("activity_taken_back", extra=_ids(task) | {"losses": losses})
        if lost:
            self._bell.ring()
            self._episodes.ring()

    def _finished(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._bell.ring()
        self._answered.ring()

    async def _execute(self, task: Task) -> None:
        function = self._activities.get(task.name)
        began = time.monotonic()
        if function is None:
            event = _failure(task, f"The function '{task.name}' doesn't exist or is not an activity function.", "")
        else:
            try:
                value = ActivityTriggerConverter.decode(Datum(task.input, "json"), trigger_metadata=None)
                returned = await self._invoker.invoke(function, value)
                result = ActivityTriggerConverter.encode(returned, expected_type=None).value
                event = events.task_completed(events.utc_now(), task.task_id, None if returned is None else result)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("activity_failed", extra=_ids(task), exc_info=error)
                event = _failure(task, f"{type(error).__name__}: {error}", _details(error))
        self._answers.append(_answer(task, event))
        if self._recorder.on:
            self._recorder.write(
                "activity",
                name=task.name,
                instance=task.instance_id,
                execution=task.execution_id,
                task=task.task_id,
                attempt=task.attempt,
                seconds=round(time.monotonic() - began, 3),
                input=task.input,
                ended=event,
            )


def _answer(task: Task, event: Event) -> Answer:
    return Answer(task, event["EventType"], json.dumps(event))


def _failure(task: Task, message: str, details: str) -> Event:
    reason = f"Activity function '{task.name}' failed: {message}"
    return events.task_failed(events.utc_now(), task.task_id, reason=reason, details=details)


def _poisoned(task: Task) -> Event:
    return _failure(
        task,
        f"given up after {MAX_LOSSES} attempts, each of which ended with its host process dead or silent",
        "the activity probably exhausts memory, kills its process or blocks it; look for what it was doing",
    )


def _details(error: Exception) -> str:
    """Return the traceback as the app's author knows it: without the host's own frames on top."""
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))[-MAX_DETAILS:]


def _ids(task: Task) -> dict[str, object]:
    return {
        "activity": task.name,
        "instance_id": task.instance_id,
        "task_id": task.task_id,
        "attempt": task.attempt,
    }
