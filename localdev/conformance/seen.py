"""What is compared: instances as the management API shows them, without what no two runs have in common.  Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Seen = dict[str, Any]
"""What came of one scenario, as JSON."""

#: What an event of a history is compared by; times, numbers and the host's own way to write an exception (``Details``) are not.
FIELDS = ("FunctionName", "Name", "InstanceId", "OrchestrationStatus", "Reason", "Input", "Result")

#: Execution ids, and what is made of them: 32 hexadecimal digits or a GUID.
_DRAWN = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

#: Answers to what was asked side by side: they arrive in any order.
_ANSWERS = frozenset(
    {"TaskCompleted", "TaskFailed", "SubOrchestrationInstanceCompleted", "SubOrchestrationInstanceFailed"}
)


def instance(shown: Mapping[str, Any], *, any_order: bool = False) -> Seen:
    """Reduce what ``GET .../instances/{id}?showHistory=true&showHistoryOutput=true`` gave.

    :param any_order: answers that stand next to one another are sorted.
    """
    failed = shown["runtimeStatus"] == "Failed"
    seen: Seen = {
        "status": shown["runtimeStatus"],
        "input": shown.get("input"),
        "output": _first_line(shown.get("output")) if failed else shown.get("output"),
        "customStatus": shown.get("customStatus"),
        "history": history(shown.get("historyEvents") or [], any_order=any_order),
    }
    reduced: Seen = without_drawn(seen)
    return reduced


def history(events: Sequence[Mapping[str, Any]], *, any_order: bool = False) -> list[dict[str, Any]]:
    """Reduce the events of a history, in their order."""
    reduced = [_event(event) for event in events]
    return side_by_side(reduced, lambda event: event["event"] in _ANSWERS) if any_order else reduced


def side_by_side(events: Iterable[Seen], is_answer: Callable[[Seen], bool]) -> list[Seen]:
    """With answers that stand next to one another sorted: which of several activities ended first is chance."""
    ordered: list[Seen] = []
    together: list[Seen] = []
    for event in events:
        if is_answer(event):
            together.append(event)
            continue
        ordered += [*sorted(together, key=text), event]
        together = []
    return ordered + sorted(together, key=text)


def without_drawn(value: Any) -> Any:
    """Replace ids that somebody drew by their order of appearance, however deep."""
    names: dict[str, str] = {}
    written = _DRAWN.sub(lambda found: names.setdefault(found[0], f"<id {len(names) + 1}>"), json.dumps(value))
    return json.loads(written)


def text(value: Any) -> str:
    """Write ``value`` on one line, equal values alike."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    reduced: dict[str, Any] = {"event": event["EventType"]}
    failed = event.get("OrchestrationStatus") == "Failed"
    for name in FIELDS:
        value = event.get(name)
        if value is None:
            continue
        if name == "Input":
            value = _parsed(value)
        elif name == "Reason" or (name == "Result" and failed):
            value = _first_line(value)
        reduced[name] = value
    return reduced


def _parsed(value: Any) -> Any:
    """An input is JSON text; hosts write it with other blanks."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _first_line(value: Any) -> Any:
    """Of a failure, what happened: what follows is a stack trace in the host's own form.  The real host doubles some blanks."""
    return " ".join(value.partition("\n")[0].split()) if isinstance(value, str) else value
