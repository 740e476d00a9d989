"""What one episode does, decided in plain values.

``take`` chooses which arrived events the episode may see; ``request_body`` writes the question to
the SDK; ``parse_answer`` reads what came back; ``advance`` turns both into an ``Outcome``.  The
orchestrator worker carries the outcome out in the transaction that removes the taken events, so
an episode happens once or not at all.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localdev.functions_host import events
from localdev.functions_host.events import Event, Kind
from localdev.functions_host.replay import (
    ActionRefusedError,
    CreateTimer,
    Decision,
    NonDeterminismError,
    ScheduleActivity,
    Sim,
    StartChild,
)

OUT_OF_PROC_LABEL = "$OutOfProcData$:"

#: Events that give an orchestrator's code something new to see.
_NEWS = frozenset(
    {
        Kind.EXECUTION_STARTED,
        Kind.TASK_COMPLETED,
        Kind.TASK_FAILED,
        Kind.CHILD_COMPLETED,
        Kind.CHILD_FAILED,
        Kind.TIMER_FIRED,
        Kind.EVENT_RAISED,
        Kind.GENERIC,
    }
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One inbox row.  ``execution_id`` None means "whichever execution is current" (raised events)."""

    seq: int
    execution_id: str | None
    event: Event


@dataclass(frozen=True, slots=True)
class Taken:
    """``used``: events the episode applies; ``removed``: rows to delete (stale ones included)."""

    used: tuple[Event, ...]
    removed: tuple[int, ...]
    suspended: bool
    terminated: Event | None

    @property
    def has_news(self) -> bool:
        """Whether the orchestrator's code has to run at all."""
        return any(event["EventType"] in _NEWS for event in self.used)


def take(arrived: Sequence[Arrived], *, execution_id: str, suspended: bool) -> Taken:
    """Choose from ``arrived`` (in arrival order) what this episode applies.

    A suspended instance sees nothing but its resumption and its termination; everything else
    waits in the inbox, in order.  Events of an earlier execution are removed unseen.
    """
    used: list[Event] = []
    removed: list[int] = []
    for row in arrived:
        kind = row.event["EventType"]
        if row.execution_id not in (None, execution_id):
            removed.append(row.seq)
            continue
        if suspended and kind not in (Kind.RESUMED, Kind.EXECUTION_TERMINATED):
            continue
        removed.append(row.seq)
        used.append(row.event)
        if kind == Kind.EXECUTION_TERMINATED:
            return Taken(tuple(used), tuple(removed), suspended, row.event)
        if kind in (Kind.SUSPENDED, Kind.RESUMED):
            suspended = kind == Kind.SUSPENDED
    return Taken(tuple(used), tuple(removed), suspended, None)


def episode_time(history: Sequence[Event], now: datetime) -> datetime:
    """Return ``now``, or just after the previous episode if this machine's clock stepped back."""
    for event in reversed(history):
        if event["EventType"] == Kind.ORCHESTRATOR_STARTED:
            return max(now, events.parse_stamp(event["Timestamp"]) + timedelta(microseconds=1))
    return now


def request_body(history: Sequence[Event], *, instance_id: str, parent_id: str | None, input_text: str | None) -> str:
    """Write the orchestrator's input.

    The two long-timer settings are left out on purpose: the SDK then makes plain timers, as on
    the storage providers that have no limit.
    """
    return json.dumps(
        {
            "history": history,
            "input": None if input_text is None else json.loads(input_text),
            "instanceId": instance_id,
            "isReplaying": any(event["EventType"] == Kind.ORCHESTRATOR_COMPLETED for event in history),
            "parentInstanceId": parent_id,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
        }
    )


def parse_answer(answer: str | BaseException) -> dict[str, Any]:
    """Read an orchestrator's answer: its JSON text, or the exception it raised.

    An exception carries the state after ``$OutOfProcData$:``; one that does not was raised by
    the SDK or the host and fails the orchestration with its own text.
    """
    if isinstance(answer, str):
        state: dict[str, Any] = json.loads(answer)
        return state
    text = str(answer)
    at = text.find(OUT_OF_PROC_LABEL)
    while at >= 0:  # the user's own message may hold the label: believe the first that is a whole state
        try:
            found = json.loads(text[at + len(OUT_OF_PROC_LABEL) :])
        except ValueError:
            at = text.find(OUT_OF_PROC_LABEL, at + 1)
            continue
        return dict(found)
    return {"isDone": False, "actions": [[]], "error": text or type(answer).__name__}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write down.

    ``status`` None means the instance goes on waiting.  ``output`` and ``custom_status`` are JSON
    text; ``custom_status`` None means "as it was".  ``continued_input`` set means a new execution
    begins with it, and ``carried`` are raised events that move over.
    """

    decisions: tuple[Decision, ...] = ()
    new_events: tuple[Event, ...] = ()
    status: str | None = None
    output: str | None = None
    failure: str | None = None
    details: str = ""
    custom_status: str | None = None
    continued_input: str | None = None
    carried: tuple[Event, ...] = field(default=())


def failed(moment: datetime, reason: str, details: str = "", *, custom_status: str | None = None) -> Outcome:
    """Build the outcome of an orchestration that cannot go on."""
    output = json.dumps(reason)
    return Outcome(
        new_events=(events.execution_completed(moment, status="Failed", result=output),),
        status="Failed",
        output=output,
        failure=reason,
        details=details,
        custom_status=custom_status,
    )


def terminated(moment: datetime, request: Event) -> Outcome:
    """Build the outcome of a termination; its output is the reason given."""
    reason = json.loads(request["Input"]) or ""
    return Outcome(
        new_events=(events.execution_completed(moment, status="Terminated", result=json.dumps(reason)),),
        status="Terminated",
        output=json.dumps(reason),
        failure=reason,
    )


def advance(
    state: dict[str, Any],
    history: Sequence[Event],
    *,
    name: str,
    execution_id: str,
    moment: datetime,
    refusal: Callable[[Decision], str | None],
) -> Outcome:
    """Decide what an episode comes to.

    :param state: the SDK's answer, see :func:`parse_answer`.
    :param history: everything up to and including this episode's new events.
    :param refusal: why a decision cannot be carried out (an unknown function), or None.
    """
    status = state.get("customStatus")
    custom_status = None if status is None else json.dumps(status)

    def fail(reason: str, details: str = "") -> Outcome:
        return failed(moment, f"Orchestrator function '{name}' failed: {reason}", details, custom_status=custom_status)

    actions = state.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        return fail("the orchestrator answered in an unknown schema: expected one list of actions")
    try:
        replayed = Sim(actions[0], execution_id=execution_id).run(history)
    except (NonDeterminismError, ActionRefusedError) as error:
        return fail(str(error))
    for decision in replayed.decisions:
        if reason := refusal(decision):
            return fail(reason)

    recorded = tuple(_record(moment, decision) for decision in replayed.decisions)
    if replayed.ran_out and state.get("error"):
        over = fail(state["error"], f"Message: {state['error']}")
        return Outcome(
            decisions=replayed.decisions,
            new_events=recorded + over.new_events,
            status=over.status,
            output=over.output,
            failure=over.failure,
            details=over.details,
            custom_status=custom_status,
        )
    if replayed.ran_out and state.get("isDone"):
        if replayed.continued_input is not None:
            return Outcome(
                decisions=replayed.decisions,
                custom_status=custom_status,
                continued_input=json.dumps(replayed.continued_input),
                carried=replayed.unconsumed,
            )
        output = json.dumps(state.get("output"))
        completed = events.execution_completed(moment, status="Completed", result=output)
        return Outcome(
            decisions=replayed.decisions,
            new_events=(*recorded, completed),
            status="Completed",
            output=output,
            custom_status=custom_status,
        )
    return Outcome(decisions=replayed.decisions, new_events=recorded, custom_status=custom_status)


def _record(moment: datetime, decision: Decision) -> Event:
    match decision:
        case ScheduleActivity(task_id, name, input_text):
            return events.task_scheduled(moment, task_id, name=name, input_text=json.dumps([input_text]))
        case StartChild(task_id, name, instance_id, input_text, _):
            return events.child_created(
                moment, task_id, name=name, instance_id=instance_id, input_text=json.dumps(input_text)
            )
        case CreateTimer(task_id, fire_at):
            return events.timer_created(moment, task_id, fire_at)
