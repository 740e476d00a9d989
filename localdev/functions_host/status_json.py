"""Write instances and histories the way the management API shows them.  Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from localdev.functions_host.events import WIRE_NAMES, Event, Kind
from localdev.functions_host.store_instances import Instance

#: Events that only frame an episode.
_FRAMES = frozenset({Kind.ORCHESTRATOR_STARTED, Kind.ORCHESTRATOR_COMPLETED})

#: Which question each answer is to; once answered, the question is shown with its answer only.
_ANSWERS = {
    Kind.TASK_COMPLETED: Kind.TASK_SCHEDULED,
    Kind.TASK_FAILED: Kind.TASK_SCHEDULED,
    Kind.CHILD_COMPLETED: Kind.CHILD_CREATED,
    Kind.CHILD_FAILED: Kind.CHILD_CREATED,
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
        shown["historyEvents"] = history_events(history, show_input=show_input, show_output=show_history_output)
    return shown


def history_events(history: Sequence[Event], *, show_input: bool, show_output: bool) -> list[dict[str, Any]]:
    """Events for people, as the extension shows them: names instead of numbers, frames left out, each answer with its question.

    An input is the text that the event has, a result is the JSON that its text holds.
    """
    questions = {
        (event["EventType"], event["EventId"]): event for event in history if event["EventType"] in _ANSWERS.values()
    }
    answered = {
        (_ANSWERS[event["EventType"]], event["TaskScheduledId"]) for event in history if event["EventType"] in _ANSWERS
    }
    shown: list[dict[str, Any]] = []
    for event in history:
        kind = Kind(event["EventType"])
        if kind in _FRAMES or (kind, event["EventId"]) in answered:
            continue
        entry: dict[str, Any] = {"EventType": WIRE_NAMES[kind], "Timestamp": event["Timestamp"]}
        asked = questions.get((_ANSWERS[kind], event["TaskScheduledId"])) if kind in _ANSWERS else None
        if asked:
            entry |= {"ScheduledTime": asked["Timestamp"], "FunctionName": asked["Name"]}
        elif "Name" in event:
            entry["FunctionName" if kind == Kind.EXECUTION_STARTED else "Name"] = event["Name"]
        for name in ("Reason", "Details", "FireAt", "OrchestrationStatus", "InstanceId"):
            if event.get(name) is not None:
                entry[name] = event[name]
        if show_input and (given := (asked or event).get("Input")) is not None:
            entry["Input"] = given
        if show_output and event.get("Result") is not None:
            entry["Result"] = _parsed(event["Result"])
        shown.append(entry)
    return shown


def _parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
