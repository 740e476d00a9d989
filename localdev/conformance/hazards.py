"""What is done to the app in ``apps/hazards``: the plain patterns, and each hazard by its letter (docs/CONFORMANCE.md).

Scenarios are played side by side, because most of them only wait; one that keeps a host busy is played by itself.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from localdev.conformance import seen
from localdev.conformance.management import HostError, Management, is_over
from localdev.conformance.seen import Seen

AT_ONCE = 10
"""Scenarios at a time: most of them wait."""

PATIENCE_S = 60.0
"""Beyond the units that a scenario takes: what a slow host may need for all its messages."""

STUCK_S = 15.0
"""Beyond the units that a scenario takes: after so long it is taken to be stuck."""

BURST = 101
"""One more than the page of the list of instances."""

Play = Callable[["Stage"], Seen]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one scenario is played: a host, and the instance that is the scenario's own."""

    host: Management
    instance_id: str
    unit_s: float

    def start(self, orchestrator: str, given: Any = None) -> None:
        """Start the instance through the app's client."""
        self.host.accepted("POST", f"/start/{orchestrator}?id={self.instance_id}", given)

    def waiting(self, status: str = "waiting") -> None:
        """Wait for the orchestrator to say that it waits."""
        self._until(lambda shown: shown["customStatus"] == status, f"say {status!r}")

    def status(self, wanted: str) -> None:
        """Wait for a runtime status."""
        self._until(lambda shown: shown["runtimeStatus"] == wanted, f"be {wanted}")

    def _until(self, reached: Callable[[dict[str, Any]], bool], what: str) -> None:
        shown, did = self.host.until(self.instance_id, reached, seconds=PATIENCE_S)
        if not did:
            raise HostError(f"{self.instance_id} did not {what} in {PATIENCE_S:.0f} s; it is {shown['runtimeStatus']}")

    def event(self, name: str, data: Any) -> None:
        """Raise an event through the app's client."""
        self.host.accepted("POST", f"/raise/{self.instance_id}/{name}", data)

    def end(self, *, units: float = 0, any_order: bool = False) -> Seen:
        """Wait until the instance is over, and look at it."""
        seconds = units * self.unit_s + PATIENCE_S
        shown, did = self.host.until(self.instance_id, is_over, seconds=seconds)
        if not did:
            raise HostError(f"{self.instance_id} is {shown['runtimeStatus']} after {seconds:.0f} s")
        return seen.instance(shown, any_order=any_order)

    def after(self, *, units: float) -> Seen:
        """Look at the instance when it is over or after so long, in which it may have got stuck; then end it."""
        shown, did = self.host.until(self.instance_id, is_over, seconds=units * self.unit_s + STUCK_S)
        if not did:
            self.host.command(self.instance_id, "terminate")
        return seen.instance(shown, any_order=True)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing done to the app.  ``name`` is also the id of the instance."""

    name: str
    about: str
    play: Play
    on_purpose: str = ""
    """Why localdev's host differs from the real one here, when it does so on purpose."""
    alone: bool = False
    """Whether it keeps the host too busy for others."""


def _plain(orchestrator: str, given: Any = None, *, units: float = 0, any_order: bool = False) -> Play:
    def play(stage: Stage) -> Seen:
        stage.start(orchestrator, given)
        return stage.end(units=units, any_order=any_order)

    return play


def _parent(stage: Stage) -> Seen:
    stage.start("parent")
    parent = stage.end()
    child = Stage(stage.host, f"{stage.instance_id}-child", stage.unit_s).end()
    return {**parent, "child": child}


def _race_won(stage: Stage) -> Seen:
    stage.start("race", 3_600)
    stage.waiting()
    stage.event("approval", {"by": "bob"})
    return stage.end()


def _counts(stage: Stage) -> Seen:
    stage.start("counts")
    stage.waiting("waiting 0")
    for step in (2, 1, 0):  # the later ones must be kept until somebody waits for them
        stage.event(f"step{step}", step)
    return stage.end()


def _terminated(stage: Stage) -> Seen:
    stage.start("waits")
    stage.waiting()
    stage.host.command(stage.instance_id, "terminate")
    return stage.end()


def _suspended(stage: Stage) -> Seen:
    stage.start("waits")
    stage.waiting()
    stage.host.command(stage.instance_id, "suspend")
    stage.status("Suspended")
    stage.event("go", 1)
    time.sleep(stage.unit_s)
    shown = stage.host.shown(stage.instance_id) or {}
    stage.host.command(stage.instance_id, "resume")
    return {**stage.end(), "while suspended": shown.get("runtimeStatus")}


def _unknown_activity(stage: Stage) -> Seen:
    stage.start("calls_unknown")
    return stage.after(units=1)


def _same_event_twice(stage: Stage) -> Seen:
    stage.start("same_event_twice")
    stage.waiting()
    for name, data in (("message", "one"), ("message", "two"), ("go", True)):
        stage.event(name, data)
    return stage.end()


def _retry_against_a_deadline(stage: Stage) -> Seen:
    stage.start("retry_against_a_deadline")
    return stage.after(units=8)


def _event_of_the_client(stage: Stage) -> Seen:
    stage.start("event_data")
    stage.waiting()
    stage.event("data", {"by": "bob"})
    return stage.end()


def _event_of_others(stage: Stage) -> Seen:
    stage.start("event_data")
    stage.waiting()
    stage.host.raise_event(stage.instance_id, "data", {"by": "bob"})
    return stage.end()


def _slash(stage: Stage) -> Seen:
    answer = stage.host.call("POST", f"/start/no_yield?id={stage.instance_id}/1", 1)
    whole, part = stage.host.shown(f"{stage.instance_id}%2F1"), stage.host.shown(stage.instance_id)
    return {"refused": answer.code == 400, "instances": [name for name, it in (("whole", whole), ("part", part)) if it]}


def _burst(stage: Stage) -> Seen:
    stage.host.accepted("POST", f"/burst/{stage.instance_id}/{BURST}")
    for number in range(BURST):
        Stage(stage.host, f"{stage.instance_id}-{number:03}", stage.unit_s).end()
    return {"started": BURST, "listed": int(stage.host.call("GET", f"/listed/{stage.instance_id}-").text)}


_GIVES_UP_AT_ONCE = [
    {"value": "first", "fails": True},
    {"value": "second", "fails": True, "units": 2, "pause": 1},
]
_GIVES_UP_DURING_A_PAUSE = [
    {"value": "first", "fails": True, "units": 2},
    {"value": "second", "fails": True, "pause": 5},
]

_STUCK = "an activity that is not there leaves an instance of the real host running for ever; here it fails, by name"

SCENARIOS: Sequence[Scenario] = (
    Scenario("no-yield", "an orchestrator without a step", _plain("no_yield", {"echo": [1, "ä"]})),
    Scenario("sequence", "each step takes the result of the one before", _plain("sequence", 3)),
    Scenario("fan", "activities side by side", _plain("fan", [1, 2, 3], any_order=True)),
    Scenario("fan-empty", "task_all of nothing", _plain("fan", [])),
    Scenario("windows", "bounded windows and continue_as_new", _plain("windows", {"left": 7, "done": 0})),
    Scenario("retry-succeeds", "a retry that succeeds", _plain("retried", {"key": "succeeds", "fails": 1}, units=1)),
    Scenario("retry-exhausted", "a retry that gives up", _plain("retried", {"key": "exhausted", "fails": 9}, units=1)),
    Scenario("parent", "children under a made and a given id", _parent),
    Scenario("fails", "an orchestrator that raises", _plain("fails")),
    Scenario("activity-fails", "an activity that raises", _plain("activity_fails", "loud")),
    Scenario("catches-child", "a child's failure, caught", _plain("catches_child")),
    Scenario("retries-child", "a child that is retried", _plain("retries_child", units=1)),
    Scenario("race-won", "an event before a deadline", _race_won),
    Scenario("race-lost", "a deadline before an event", _plain("race", 1, units=1)),
    Scenario("counts", "events kept across continue_as_new", _counts),
    Scenario("terminated", "terminate", _terminated),
    Scenario("suspended", "suspend and resume", _suspended),
    Scenario("unknown-activity", "an activity that is not there", _unknown_activity, on_purpose=_STUCK),
    Scenario(
        "hazard-a-silent",
        "A: a failed task_all of retried activities, caught: the next activity gets None",
        _plain("goes_on_after_failed_retries", _GIVES_UP_AT_ONCE, units=6),
    ),
    Scenario(
        "hazard-a-loud",
        "A: the same, a moment later: an error that was caught comes back",
        _plain("goes_on_after_failed_retries", _GIVES_UP_DURING_A_PAUSE, units=8),
    ),
    Scenario("hazard-b", "B: two events of one name before the wait: the first is lost", _same_event_twice),
    Scenario("hazard-c", "C: a sliding window of task_any: held up by its newest", _plain("sliding_window", units=8)),
    Scenario(
        "hazard-d",
        "D: one failure in a task_all: what is next is held up",
        _plain("goes_on_after_one_failure", units=4),
    ),
    Scenario("hazard-e", "E: a retry in a task_any, then a fan-out", _retry_against_a_deadline),
    Scenario("hazard-f-client", "F: the data of an event that the SDK raised is text", _event_of_the_client),
    Scenario("hazard-f-others", "F: the data of an event that anybody else raised is what it is", _event_of_others),
    Scenario("hazard-g", "G: an instance id with a slash", _slash),
    Scenario("hazard-h", f"H: a list of {BURST} instances", _burst, alone=True),
)


def play(host: Management, scenarios: Iterable[Scenario], *, unit_s: float) -> dict[str, Seen]:
    """Play ``scenarios`` on a running host; what went wrong with one is what was seen of it.

    :returns: what was seen of each, in their order.
    """

    def one(scenario: Scenario) -> Seen:
        try:
            return scenario.play(Stage(host, scenario.name, unit_s))
        except HostError as problem:
            return {"problem": str(problem)}

    chosen = list(scenarios)
    together = [scenario for scenario in chosen if not scenario.alone]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        found = dict(zip((scenario.name for scenario in together), threads.map(one, together), strict=True))
    found |= {scenario.name: one(scenario) for scenario in chosen if scenario.alone}
    return {scenario.name: found[scenario.name] for scenario in chosen}
