"""Run episodes: hold an instance, replay it, write down what it decided; one transaction each.

A host that dies in an episode leaves nothing behind: its transaction never happened, the events
are still in the inbox, and the next host finds the instance ready.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from azure.functions import OrchestrationContext
from psycopg import AsyncConnection, Error
from psycopg_pool import AsyncConnectionPool

from localdev.functions_host import episode, events, store_episodes, store_instances
from localdev.functions_host.episode import Outcome
from localdev.functions_host.events import Event
from localdev.functions_host.invocation import Invoker
from localdev.functions_host.loading import AppFunction
from localdev.functions_host.recording import Recorder
from localdev.functions_host.replay import CreateTimer, Decision, ScheduleActivity, StartChild
from localdev.functions_host.store_instances import Instance, Start
from localdev.functions_host.wake import Bell

log = logging.getLogger(__name__)

#: Longest silence between two looks for work when no notice comes.
POLL_SECONDS = 1.0

#: Candidates looked at beyond the free places: some will turn out to be held by other hosts.
SPARE_CANDIDATES = 16


class OrchestratorWorker:
    """One host process's share of the hub's orchestrations."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        *,
        hub: str,
        orchestrators: Mapping[str, AppFunction],
        activities: Mapping[str, AppFunction],
        invoker: Invoker,
        limit: int,
        bell: Bell,
        tasks: Bell,
        recorder: Recorder,
    ) -> None:
        self._pool = pool
        self._hub = hub
        self._orchestrators = orchestrators
        self._activities = activities
        self._invoker = invoker
        self._places = asyncio.Semaphore(limit)
        self._limit = limit
        self._bell = bell
        self._tasks = tasks
        self._recorder = recorder
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def run_forever(self) -> None:
        """Begin an episode of every instance that is ready, until :meth:`stop`."""
        while not self._stopping:
            self._bell.clear()
            pause = POLL_SECONDS
            try:
                room = self._limit + SPARE_CANDIDATES - len(self._busy)
                if room > 0:
                    async with self._pool.connection() as connection:
                        found = await store_episodes.ready(connection, self._hub, busy=list(self._busy), limit=room)
                        due = await store_episodes.seconds_to_next(connection, self._hub)
                    pause = POLL_SECONDS if due is None else max(0.0, min(POLL_SECONDS, due))
                    for instance_id in found:
                        self._begin(instance_id)
            except Error as error:
                log.warning("episode_search_failed", extra={"error": str(error)})
            await self._bell.wait(pause)

    async def stop(self) -> None:
        """Begin no more episodes and wait for those under way: they are short."""
        self._stopping = True
        self._bell.ring()
        if self._busy:
            await asyncio.wait(self._busy.values())

    def _begin(self, instance_id: str) -> None:
        running = asyncio.create_task(self._run(instance_id), name=f"episode {instance_id}")
        self._busy[instance_id] = running
        running.add_done_callback(lambda _: self._busy.pop(instance_id, None))

    async def _run(self, instance_id: str) -> None:
        async with self._places:
            if self._stopping:
                return
            try:
                async with self._pool.connection() as connection, connection.transaction():
                    worked = await self._episode(connection, instance_id)
            except Exception:
                # Nothing was written.  The next poll tries again: without a ring, so a defect shows as one
                # error a second and not as a busy loop.
                log.exception("episode_failed", extra={"instance_id": instance_id})
                return
        if worked:
            asyncio.get_running_loop().call_soon(self._bell.ring)  # after _busy has forgotten this instance
            self._tasks.ring()

    async def _episode(self, connection: AsyncConnection, instance_id: str) -> bool:
        """Run one episode; False if there was nothing to do or another host has the instance."""
        instance = await store_episodes.hold(connection, self._hub, instance_id)
        if instance is None:
            return False
        arrived = await store_episodes.arrived(connection, self._hub, instance_id)
        taken = episode.take(arrived, execution_id=instance.execution_id, suspended=instance.status == "Suspended")
        if not taken.removed:
            return False
        await store_episodes.remove(connection, taken.removed)
        if not taken.used:
            return True

        past = await store_instances.history(connection, self._hub, instance_id)
        moment = episode.episode_time(past, events.utc_now())
        batch = [events.orchestrator_started(moment), *taken.used]
        if taken.terminated:
            outcome = episode.terminated(moment, taken.terminated)
        elif taken.has_news:
            outcome = await self._replay(instance, past, batch)
        else:
            outcome = Outcome()
        await self._write(connection, instance, len(past), batch, outcome, suspended=taken.suspended)
        return True

    async def _replay(self, instance: Instance, past: list[Event], batch: list[Event]) -> Outcome:
        history = [*past, *batch]
        moment = events.parse_stamp(
            next(event for event in reversed(history) if event["EventType"] == events.Kind.ORCHESTRATOR_STARTED)[
                "Timestamp"
            ]
        )
        function = self._orchestrators.get(instance.name)
        if function is None:
            return episode.failed(moment, missing_orchestrator(instance.name))
        body = episode.request_body(
            history, instance_id=instance.id, parent_id=instance.parent_id, input_text=instance.input
        )
        answer: str | BaseException
        try:
            answer = str(await self._invoker.invoke(function, OrchestrationContext(body)))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            answer = error
        state = episode.parse_answer(answer)
        outcome = episode.advance(
            state,
            history,
            name=instance.name,
            execution_id=instance.execution_id,
            moment=moment,
            refusal=self._refusal,
        )
        if self._recorder.on:
            self._recorder.write(
                "episode",
                name=instance.name,
                instance=instance.id,
                execution=instance.execution_id,
                after=len(past),
                given=batch,
                answered=state,
                raised=not isinstance(answer, str),
                status="ContinuedAsNew" if outcome.continued_input is not None else outcome.status,
                decided=list(outcome.new_events),
            )
        return outcome

    def _refusal(self, decision: Decision) -> str | None:
        match decision:
            case ScheduleActivity(name=name) if name not in self._activities:
                return f"The function '{name}' doesn't exist, is disabled, or is not an activity function."
            case StartChild(name=name) if name not in self._orchestrators:
                return missing_orchestrator(name)
        return None

    async def _write(
        self,
        connection: AsyncConnection,
        instance: Instance,
        at: int,
        batch: list[Event],
        outcome: Outcome,
        *,
        suspended: bool,
    ) -> None:
        moment = events.utc_now()
        await self._carry_out(connection, instance, outcome.decisions)
        if outcome.continued_input is not None:
            await self._continue_as_new(connection, instance, outcome)
        else:
            added = [*batch, *outcome.new_events, events.orchestrator_completed(moment)]
            await store_episodes.append(connection, self._hub, instance.id, at, added)
            if outcome.status is None:
                await store_episodes.goes_on(
                    connection,
                    self._hub,
                    instance.id,
                    status="Suspended" if suspended else "Running",
                    custom_status=outcome.custom_status,
                    moment=moment,
                )
            else:
                await self._finish(connection, instance, outcome)
        await store_instances.announce(connection, self._hub, store_instances.EPISODES)

    async def _carry_out(
        self, connection: AsyncConnection, instance: Instance, decisions: tuple[Decision, ...]
    ) -> None:
        activities = [decision for decision in decisions if isinstance(decision, ScheduleActivity)]
        timers = [decision for decision in decisions if isinstance(decision, CreateTimer)]
        children = [decision for decision in decisions if isinstance(decision, StartChild)]
        if activities:
            await store_episodes.schedule(connection, self._hub, instance.id, instance.execution_id, activities)
            await store_instances.announce(connection, self._hub, store_instances.TASKS)
        if timers:
            fired = [events.timer_fired(timer.task_id, timer.fire_at) for timer in timers]
            await store_episodes.set_timers(connection, self._hub, instance.id, instance.execution_id, timers, fired)
        for child in children:
            await self._start_child(connection, instance, child)

    async def _start_child(self, connection: AsyncConnection, parent: Instance, child: StartChild) -> None:
        request = Start(
            instance_id=child.instance_id,
            execution_id=new_execution_id(),
            name=child.name,
            version=child.version,
            input_text=json.dumps(child.input_text),
            parent_id=parent.id,
            parent_execution=parent.execution_id,
            parent_task=child.task_id,
        )
        if not await begin(connection, self._hub, request):
            reason = f"An Orchestration instance with the id '{child.instance_id}' is already running."
            event = events.child_failed(events.utc_now(), child.task_id, reason=reason, details="")
            await store_instances.post(connection, self._hub, parent.id, event, execution_id=parent.execution_id)

    async def _continue_as_new(self, connection: AsyncConnection, instance: Instance, outcome: Outcome) -> None:
        execution_id, input_text = new_execution_id(), outcome.continued_input or "null"
        await store_episodes.renew(
            connection,
            self._hub,
            instance,
            execution_id=execution_id,
            input_text=input_text,
            custom_status=outcome.custom_status,
            moment=events.utc_now(),
        )
        started = events.execution_started(
            events.utc_now(),
            name=instance.name,
            version=instance.version,
            input_text=input_text,
            instance_id=instance.id,
            execution_id=execution_id,
        )
        await store_instances.post(connection, self._hub, instance.id, started, execution_id=execution_id)
        for event in outcome.carried:
            arrived_at = events.parse_stamp(event["Timestamp"])
            await store_instances.post(
                connection, self._hub, instance.id, event, execution_id=execution_id, arrived_at=arrived_at
            )

    async def _finish(self, connection: AsyncConnection, instance: Instance, outcome: Outcome) -> None:
        moment = events.utc_now()
        await store_episodes.finish(
            connection,
            self._hub,
            instance.id,
            status=str(outcome.status),
            output=outcome.output,
            custom_status=outcome.custom_status,
            moment=moment,
        )
        log.info(
            "instance_over",
            extra={"instance_id": instance.id, "orchestrator": instance.name, "status": outcome.status},
        )
        if instance.parent_id is None or instance.parent_task is None:
            return
        if outcome.status == "Completed":
            event = events.child_completed(moment, instance.parent_task, outcome.output)
        else:
            event = events.child_failed(
                moment, instance.parent_task, reason=outcome.failure or "", details=outcome.details
            )
        await store_instances.post(
            connection, self._hub, instance.parent_id, event, execution_id=instance.parent_execution
        )


def missing_orchestrator(name: str) -> str:
    """Say that there is no orchestrator ``name``, in the words of the real host."""
    return f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function."


def new_execution_id() -> str:
    """Return an id no execution had before."""
    return uuid.uuid4().hex


async def begin(connection: AsyncConnection, hub: str, request: Start) -> bool:
    """Create an instance with its first event; False when one of that id is alive."""
    if not await store_instances.start(connection, hub, request):
        return False
    started: dict[str, Any] = events.execution_started(
        events.utc_now(),
        name=request.name,
        version=request.version,
        input_text=request.input_text,
        instance_id=request.instance_id,
        execution_id=request.execution_id,
    )
    await store_instances.post(connection, hub, request.instance_id, started, execution_id=request.execution_id)
    return True
