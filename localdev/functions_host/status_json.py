"""Write instances and histories the way the management API shows them.  Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from localdev.functions_host.events import WIRE_NAMES, Event, Kind
from localdev.functions_host.store_instances import Instance

#: Events that only frame an episode, or whose content is folded into the event that answers them.
_HIDDEN = frozenset(
    {
        Kind.ORCHESTRATOR_STARTED,
        Kind.ORCHESTRATOR_COMPLETED,
        Kind.TASK_SCHEDULED,
        Kind.CHILD_CREATED,
        Kind.TIMER_CREATED,
    }
)

_ANSWERS = {
    Kind.TASK_COMPLETED: "TaskScheduledId",
    Kind.TASK_FAILED: "TaskScheduledId",
    Kind.CHILD_COMPLETED: "TaskScheduledId",
    Kind.CHILD_FAILED: "TaskScheduledId",
    Kind.TIMER_FIRED: "TimerId",
}


def status(
    instance: Instance,
    *,
    show_input: bool,
    history: Sequence[Event] | None,
    show_history_output: bool,
) -> dict[str, Any]:
    """One instance; with ``historyEvents`` when ``history`` is given."""
    shown: dict[str, Any] = {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status,
        "input": _parsed(instance.input) if show_input else None,
        "customStatus": _parsed(instance.custom_status),
        "output": _parsed(instance.output),
        "createdTime": _time(instance.created_at),
        "lastUpdatedTime": _time(instance.updated_at),
    }
    if history is not None:
        shown["historyEvents"] = history_events(history, show_output=show_history_output)
    return shown


def history_events(history: Sequence[Event], *, show_output: bool) -> list[dict[str, Any]]:
    """Events for people: names instead of numbers, each answer with what it answers, frames left out."""
    scheduled = {
        event["EventId"]: event
        for event in history
        if event["EventType"] in (Kind.TASK_SCHEDULED, Kind.CHILD_CREATED, Kind.TIMER_CREATED)
    }
    shown: list[dict[str, Any]] = []
    for event in history:
        kind = Kind(event["EventType"])
        if kind in _HIDDEN:
            continue
        entry: dict[str, Any] = {"EventType": WIRE_NAMES[kind], "Timestamp": event["Timestamp"]}
        if kind in _ANSWERS and (asked := scheduled.get(event[_ANSWERS[kind]])):
            entry["ScheduledTime"] = asked["Timestamp"]
            if asked.get("Name"):
                entry["FunctionName"] = asked["Name"]
        if kind == Kind.EXECUTION_STARTED:
            entry["FunctionName"] = event["Name"]
        for name in ("Reason", "Details", "FireAt", "OrchestrationStatus"):
            if event.get(name) is not None:
                entry[name] = event[name]
        if kind == Kind.EVENT_RAISED:
            entry["Name"] = event["Name"]
        for name in ("Result", "Input"):
            if show_output and event.get(name) is not None:
                entry[name] = _parsed(event[name])
        shown.append(entry)
    return shown


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
