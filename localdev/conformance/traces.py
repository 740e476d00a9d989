"""Compare what two hosts recorded (:mod:`localdev.functions_host.recording`), for two versions of our own.

How events were gathered into episodes is chance, and so is who was first among many.  So for each execution all that its SDK was told is put
together, with its last answer; answers that stand side by side and activities are sorted; of calls to the management API it counts which there were, not how often.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from localdev.conformance.seen import Seen, side_by_side, text, without_drawn
from localdev.functions_host.events import Kind

#: Of an event: what two runs never have in common.
_TIMES = frozenset({"Timestamp", "FireAt", "IsPlayed", "Details", "OrchestrationInstance"})

#: Answers to what was asked side by side.
_ANSWERS = frozenset(
    kind.name for kind in (Kind.TASK_COMPLETED, Kind.TASK_FAILED, Kind.CHILD_COMPLETED, Kind.CHILD_FAILED)
)


class NotATrace(Exception):
    """A directory has no recording."""


def read(directory: Path) -> Iterator[dict[str, Any]]:
    """Every line of every host that recorded into ``directory``.

    :raises NotATrace: there is none.
    """
    files = sorted(directory.glob("host-*.jsonl"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise NotATrace(f"{directory} has no host-*.jsonl; hint: start the host with --record {directory}")
    for file in files:
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def summary(lines: Iterable[Mapping[str, Any]]) -> dict[str, Seen]:
    """Reduce recorded lines to what can be compared, by what they are about."""
    executions: dict[str, Seen] = {}
    activities: defaultdict[str, list[Any]] = defaultdict(list)
    calls: set[str] = set()
    timers: set[str] = set()
    for line in lines:
        match line["what"]:
            case "episode":
                execution = executions.setdefault(
                    line["execution"], {"instance": line["instance"], "name": line["name"], "told": []}
                )
                news = (event for event in line["given"] if event["EventType"] != Kind.ORCHESTRATOR_STARTED)
                execution["told"] += [_event(event) for event in news]
                execution |= {"answered": _without_times(line["answered"]), "status": line["status"]}
            case "activity":
                ended = _event(line["ended"])
                activities[line["execution"]].append(
                    {"name": line["name"], "task": line["task"], "input": line["input"], "ended": ended}
                )
            case "management":
                calls.add(text(without_drawn([line["method"], line["path"], line["code"]])))
            case "timer":
                timers.add(line["name"])
    found: dict[str, Seen] = {}
    for number, execution in executions.items():
        execution["told"] = side_by_side(execution["told"], lambda event: event["EventType"] in _ANSWERS)
        whole = without_drawn({**execution, "activities": sorted(activities[number], key=text)})
        found[_free(found, str(whole["instance"]))] = whole
    return {**found, "management API": {"calls": sorted(calls)}, "timers": {"fired": sorted(timers)}}


def _free(taken: Mapping[str, Seen], instance: str) -> str:
    """A name for the next execution of an instance."""
    number = 1
    while (name := f"{instance} ({number})") in taken:
        number += 1
    return name


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    reduced = {name: value for name, value in event.items() if name not in _TIMES and value is not None}
    return {**reduced, "EventType": Kind(event["EventType"]).name}


def _without_times(value: Any) -> Any:
    """The SDK's state; its timers have times."""
    if isinstance(value, dict):
        return {name: _without_times(part) for name, part in value.items() if name != "fireAt"}
    return [_without_times(part) for part in value] if isinstance(value, list) else value
