"""History events as the SDK reads them: constructors, and nothing that decides.

An event is a plain JSON object.  Every one has ``EventType``, ``EventId``, ``IsPlayed`` and
``Timestamp``; the SDK indexes these four, so they are never absent.  ``IsPlayed`` stays false:
1.7.0 derives replaying from the last ``OrchestratorStarted``.
"""

import json
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

Event = dict[str, Any]


class Kind(IntEnum):
    """``EventType`` on the wire; the numbers are the protocol's."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    CHILD_CREATED = 7
    CHILD_COMPLETED = 8
    CHILD_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC = 17
    SUSPENDED = 19
    RESUMED = 20


#: What is shown to people where the wire has numbers (``showHistory``).
WIRE_NAMES = {
    Kind.EXECUTION_STARTED: "ExecutionStarted",
    Kind.EXECUTION_COMPLETED: "ExecutionCompleted",
    Kind.EXECUTION_TERMINATED: "ExecutionTerminated",
    Kind.TASK_SCHEDULED: "TaskScheduled",
    Kind.TASK_COMPLETED: "TaskCompleted",
    Kind.TASK_FAILED: "TaskFailed",
    Kind.CHILD_CREATED: "SubOrchestrationInstanceCreated",
    Kind.CHILD_COMPLETED: "SubOrchestrationInstanceCompleted",
    Kind.CHILD_FAILED: "SubOrchestrationInstanceFailed",
    Kind.TIMER_CREATED: "TimerCreated",
    Kind.TIMER_FIRED: "TimerFired",
    Kind.ORCHESTRATOR_STARTED: "OrchestratorStarted",
    Kind.ORCHESTRATOR_COMPLETED: "OrchestratorCompleted",
    Kind.EVENT_RAISED: "EventRaised",
    Kind.CONTINUE_AS_NEW: "ContinueAsNew",
    Kind.GENERIC: "GenericEvent",
    Kind.SUSPENDED: "ExecutionSuspended",
    Kind.RESUMED: "ExecutionResumed",
}


def utc_now() -> datetime:
    """Read the wall clock, aware, in UTC: the one place this package does."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Write ``moment`` as .NET does: seven fractional digits and ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def parse_stamp(text: str) -> datetime:
    """Read what :func:`stamp` or the SDK wrote (six or seven fractional digits)."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{(fraction + '000000')[:6]}+00:00")


def _event(kind: Kind, event_id: int, moment: datetime, **fields: object) -> Event:
    return {"EventType": int(kind), "EventId": event_id, "IsPlayed": False, "Timestamp": stamp(moment), **fields}


def execution_started(
    moment: datetime, *, name: str, version: str | None, input_text: str | None, instance_id: str, execution_id: str
) -> Event:
    """``input_text`` is JSON text, as posted; the SDK requires the ``Version`` key even when null."""
    return _event(
        Kind.EXECUTION_STARTED,
        -1,
        moment,
        Name=name,
        Version=version,
        Input=input_text,
        Tags=None,
        ParentInstance=None,
        OrchestrationInstance={"InstanceId": instance_id, "ExecutionId": execution_id},
    )


def execution_completed(moment: datetime, *, status: str, result: str | None) -> Event:
    """End a history; ``result`` is JSON text."""
    return _event(Kind.EXECUTION_COMPLETED, -1, moment, OrchestrationStatus=status, Result=result)


def execution_terminated(moment: datetime, reason: str | None) -> Event:
    """Ask the instance to stop without running its code again."""
    return _event(Kind.EXECUTION_TERMINATED, -1, moment, Input=json.dumps(reason))


def task_scheduled(moment: datetime, task_id: int, *, name: str, input_text: str) -> Event:
    """``input_text`` is the argument array: a JSON array with one string."""
    return _event(Kind.TASK_SCHEDULED, task_id, moment, Name=name, Version="", Input=input_text)


def task_completed(moment: datetime, task_id: int, result: str | None) -> Event:
    """Answer an activity; ``result`` is JSON text, or None for an activity that returned None."""
    return _event(Kind.TASK_COMPLETED, -1, moment, TaskScheduledId=task_id, Result=result)


def task_failed(moment: datetime, task_id: int, *, reason: str, details: str) -> Event:
    """Fail an activity; the SDK raises an exception whose text is ``reason``, a line break and ``details``."""
    return _event(Kind.TASK_FAILED, -1, moment, TaskScheduledId=task_id, Reason=reason, Details=details)


def child_created(moment: datetime, task_id: int, *, name: str, instance_id: str, input_text: str) -> Event:
    """Record that a sub-orchestration was started under ``instance_id``."""
    return _event(Kind.CHILD_CREATED, task_id, moment, Name=name, InstanceId=instance_id, Input=input_text, Version="")


def child_completed(moment: datetime, task_id: int, result: str | None) -> Event:
    """Answer a sub-orchestration; ``result`` is the child's output as JSON text."""
    return _event(Kind.CHILD_COMPLETED, -1, moment, TaskScheduledId=task_id, Result=result)


def child_failed(moment: datetime, task_id: int, *, reason: str, details: str) -> Event:
    """Fail a sub-orchestration: it failed, was terminated or could not start."""
    return _event(Kind.CHILD_FAILED, -1, moment, TaskScheduledId=task_id, Reason=reason, Details=details)


def timer_created(moment: datetime, task_id: int, fire_at: datetime) -> Event:
    """Record a timer; it stays in the history even when the timer is cancelled at once."""
    return _event(Kind.TIMER_CREATED, task_id, moment, FireAt=stamp(fire_at))


def timer_fired(task_id: int, fire_at: datetime) -> Event:
    """Fire a timer; the event waits in the inbox until ``fire_at``."""
    return _event(Kind.TIMER_FIRED, -1, fire_at, TimerId=task_id, FireAt=stamp(fire_at))


def event_raised(moment: datetime, *, name: str, input_text: str) -> Event:
    """``input_text`` is the posted JSON text, verbatim."""
    return _event(Kind.EVENT_RAISED, -1, moment, Name=name, Input=input_text)


def orchestrator_started(moment: datetime) -> Event:
    """Open an episode; its timestamp is the orchestrator's ``current_utc_datetime``."""
    return _event(Kind.ORCHESTRATOR_STARTED, -1, moment)


def orchestrator_completed(moment: datetime) -> Event:
    """Close an episode."""
    return _event(Kind.ORCHESTRATOR_COMPLETED, -1, moment)


def suspended(moment: datetime, reason: str | None) -> Event:
    """Ask the instance to hold its other events until resumed."""
    return _event(Kind.SUSPENDED, -1, moment, Reason=reason)


def resumed(moment: datetime, reason: str | None) -> Event:
    """Ask the instance to go on."""
    return _event(Kind.RESUMED, -1, moment, Reason=reason)


def generic(moment: datetime, data: str) -> Event:
    """Wake an instance without telling its code anything (rewind)."""
    return _event(Kind.GENERIC, -1, moment, Data=data)
