"""Re-execute the SDK's action list against a history, as the .NET shim does.

Theory of operation.  The SDK answers every episode with *all* actions since the execution began
and says nothing about task ids.  The host must find the ids by doing what the shim does: run
the list in order, one action awaited after the other, drawing an id for each durable call at
the moment it is made, while the history's events are applied one at a time and continuations
run synchronously in between.  A call whose decision event is in the history is confirmed by it;
calls left over at the end are new decisions.

Ids read out of the SDK's own objects would be simpler and free of the protocol's hazards, and
that is why it is not done: an orchestrator that goes wrong in Azure must go wrong here.

Pure: no clock, no I/O.  The time of a retry's timer is that of the last ``OrchestratorStarted``
applied, so it is the same in every replay.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from localdev.functions_host.events import Event, Kind, parse_stamp

Action = dict[str, Any]


class NonDeterminismError(Exception):
    """The history holds a decision that the action list does not make: the orchestrator changed."""


class ActionRefusedError(Exception):
    """An action the host cannot carry out; the orchestration fails with this sentence."""


@dataclass(frozen=True, slots=True)
class ScheduleActivity:
    """Decision: run activity ``name``; ``input_text`` is the action's JSON text."""

    task_id: int
    name: str
    input_text: str


@dataclass(frozen=True, slots=True)
class StartChild:
    """Decision: start a sub-orchestration."""

    task_id: int
    name: str
    instance_id: str
    input_text: str
    version: str | None


@dataclass(frozen=True, slots=True)
class CreateTimer:
    """Decision: fire once at ``fire_at``."""

    task_id: int
    fire_at: datetime


Decision = ScheduleActivity | StartChild | CreateTimer

_CONFIRMS: dict[int, type] = {
    Kind.TASK_SCHEDULED: ScheduleActivity,
    Kind.CHILD_CREATED: StartChild,
    Kind.TIMER_CREATED: CreateTimer,
}
_SUCCEEDS = {
    Kind.TASK_COMPLETED: "TaskScheduledId",
    Kind.CHILD_COMPLETED: "TaskScheduledId",
    Kind.TIMER_FIRED: "TimerId",
}
_FAILS = {Kind.TASK_FAILED: "TaskScheduledId", Kind.CHILD_FAILED: "TaskScheduledId"}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What running the action list came to.

    ``ran_out``: every action was awaited to its end, so ``isDone`` or ``error`` may take effect.
    ``continued_input``: set when ``continue_as_new`` was reached.  ``unconsumed``: raised events
    nobody waited for; they survive ``continue_as_new``.
    """

    decisions: tuple[Decision, ...]
    ran_out: bool
    continued_input: str | None
    unconsumed: tuple[Event, ...]


class _Future:
    """Settles once, then runs whoever waited, synchronously and in order."""

    __slots__ = ("_waiting", "done", "failed")

    def __init__(self, *, done: bool = False) -> None:
        self.done = done
        self.failed = False
        self._waiting: list[Callable[[], None]] = []

    def settle(self, *, failed: bool = False) -> None:
        if self.done:
            return
        self.done, self.failed = True, failed
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()

    def then(self, resume: Callable[[], None]) -> None:
        if self.done:
            resume()
        else:
            self._waiting.append(resume)


_Steps = Generator[_Future, None, None]


class Sim:
    """One simulation of one action list; use it once."""

    def __init__(self, actions: Sequence[Action], *, execution_id: str) -> None:
        self._actions = actions
        self._execution_id = execution_id
        self._now = datetime.fromtimestamp(0, UTC)
        self._next_id = 0
        self._open: dict[int, _Future] = {}
        self._undecided: dict[int, Decision] = {}
        self._buffered: defaultdict[str, deque[Event]] = defaultdict(deque)
        self._awaited: defaultdict[str, list[_Future]] = defaultdict(list)
        self._ran_out = False
        self._continued_input: str | None = None

    def run(self, history: Iterable[Event]) -> Replayed:
        """Apply ``history`` (new events included) and return what is left to do.

        :raises NonDeterminismError: a decision in the history was not made by the actions.
        :raises ActionRefusedError: an action is unknown or unsupported.
        """
        for event in history:
            self._apply(event)
        return Replayed(
            decisions=tuple(self._undecided[task_id] for task_id in sorted(self._undecided)),
            ran_out=self._ran_out,
            continued_input=self._continued_input,
            unconsumed=tuple(event for queue in self._buffered.values() for event in queue),
        )

    def _apply(self, event: Event) -> None:
        kind = event["EventType"]
        if kind == Kind.ORCHESTRATOR_STARTED:
            self._now = parse_stamp(event["Timestamp"])
        elif kind == Kind.EXECUTION_STARTED:
            self._drive(self._main())
        elif kind in _CONFIRMS:
            self._confirm(event, _CONFIRMS[kind])
        elif kind in _SUCCEEDS:
            self._settle(event[_SUCCEEDS[kind]], failed=False)
        elif kind in _FAILS:
            self._settle(event[_FAILS[kind]], failed=True)
        elif kind == Kind.EVENT_RAISED:
            self._raise(event)

    def _main(self) -> _Steps:
        for action in self._actions:
            yield self._invoke(action)
        self._ran_out = True

    def _drive(self, steps: _Steps) -> None:
        """Run ``steps`` until it waits for something unsettled; a loop, so long lists do not recurse."""
        for future in steps:
            if not future.done:
                future.then(lambda: self._drive(steps))
                return

    def _confirm(self, event: Event, expected: type) -> None:
        task_id = event["EventId"]
        decision = self._undecided.pop(task_id, None)
        name = event.get("Name")
        if type(decision) is not expected or (name and name != getattr(decision, "name", name)):
            raise NonDeterminismError(
                f"Non-Deterministic workflow detected: the history holds {Kind(event['EventType']).name} "
                f"with sequence id {task_id} and name {name!r}, but the replay decided {decision!r}. "
                "Was the orchestrator changed after this instance started?"
            )

    def _settle(self, task_id: int, *, failed: bool) -> None:
        # Unknown ids are ignored, as the framework ignores them: a duplicate, or hazard A.
        if future := self._open.pop(task_id, None):
            future.settle(failed=failed)

    def _raise(self, event: Event) -> None:
        key = str(event["Name"]).lower()
        if waiting := self._awaited[key]:
            waiting.pop().settle()  # last waiter first: the extension keeps them on a stack, the SDK too
        else:
            self._buffered[key].append(event)

    def _draw_id(self) -> int:
        task_id, self._next_id = self._next_id, self._next_id + 1
        return task_id

    def _decide(self, decision: Decision) -> _Future:
        self._undecided[decision.task_id] = decision
        return self._open.setdefault(decision.task_id, _Future())

    def _invoke(self, action: Action) -> _Future:
        match action["actionType"]:
            case 0:
                return self._activity(action)
            case 1:
                return self._retry(action, self._activity)
            case 2:
                return self._child(action)
            case 3:
                return self._retry(action, self._child)
            case 4:
                self._draw_id()
                self._continued_input = _text(action.get("input"))
                return _Future(done=True)
            case 5:
                future = self._timer(parse_stamp(action["fireAt"]))
                if action.get("isCanceled"):
                    future.settle(failed=True)
                return future
            case 6:
                return self._event(action["externalEventName"])
            case 7 | 9 | 10:
                raise ActionRefusedError("durable entities are not supported by this host; keep state in the database")
            case 8:
                raise ActionRefusedError("call_http is not supported by this host; make the request in an activity")
            case 11:
                return self._any([self._invoke(child) for child in action["compoundActions"]])
            case 12:
                return self._all([self._invoke(child) for child in action["compoundActions"]])
            case unknown:
                raise ActionRefusedError(f"unknown action type {unknown!r}; this host speaks schema versions 1 and 2")

    def _activity(self, action: Action) -> _Future:
        return self._decide(ScheduleActivity(self._draw_id(), action["functionName"], _text(action.get("input"))))

    def _child(self, action: Action) -> _Future:
        task_id = self._draw_id()
        return self._decide(
            StartChild(
                task_id,
                action["functionName"],
                action.get("instanceId") or f"{self._execution_id}:{task_id}",
                _text(action.get("input")),
                action.get("version"),
            )
        )

    def _timer(self, fire_at: datetime) -> _Future:
        return self._decide(CreateTimer(self._draw_id(), fire_at))

    def _event(self, name: str) -> _Future:
        key = name.lower()
        if self._buffered[key]:
            self._buffered[key].popleft()
            return _Future(done=True)
        future = _Future()
        self._awaited[key].append(future)
        return future

    def _retry(self, action: Action, call: Callable[[Action], _Future]) -> _Future:
        options = action["retryOptions"]
        attempts = int(options["maxNumberOfAttempts"])
        interval = timedelta(milliseconds=int(options["firstRetryIntervalInMilliseconds"]))
        outcome = _Future()

        def steps() -> _Steps:
            for attempt in range(1, attempts + 1):
                result = call(action)
                yield result
                if not result.failed:
                    outcome.settle()
                    return
                # After the last attempt the framework still creates one "dummy timer for back-compat" at the
                # current time, and the SDK waits for it before it raises.
                yield self._timer(self._now + (interval if attempt < attempts else timedelta()))
            outcome.settle(failed=True)

        self._drive(steps())
        return outcome

    @staticmethod
    def _all(futures: Sequence[_Future]) -> _Future:
        outcome = _Future(done=not futures)
        left = len(futures)

        def one_less() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                outcome.settle()

        for future in futures:
            future.then(one_less)
        return outcome

    @staticmethod
    def _any(futures: Sequence[_Future]) -> _Future:
        if not futures:
            raise ActionRefusedError("task_any needs at least one task that no earlier yield has scheduled")
        outcome = _Future()
        for future in futures:
            future.then(outcome.settle)
        return outcome


def _text(value: object) -> str:
    """Return an action's input, which is JSON text already; write anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
