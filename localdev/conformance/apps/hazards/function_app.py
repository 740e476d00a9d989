"""Small orchestrators, each of which shows one thing that host and SDK do together: the plain patterns, and where they go wrong.

What takes time takes a number of units; ``CONFORMANCE_UNIT_S`` says how long one is.  The order in which things happen depends on
units only as long as one is much longer than the host needs to hand a message on.
"""

import asyncio
import json
import os
from collections.abc import Generator
from datetime import timedelta
from typing import Any, TypeAlias

import azure.durable_functions as df
import azure.functions as func

UNIT_S = float(os.environ.get("CONFORMANCE_UNIT_S", "1"))

Context: TypeAlias = df.DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

_calls: dict[str, int] = {}


def _retry(units: float, attempts: int) -> df.RetryOptions:
    return df.RetryOptions(max(1, round(units * UNIT_S * 1000)), attempts)


def _in(context: Context, units: float) -> Any:
    return context.create_timer(context.current_utc_datetime + timedelta(seconds=units * UNIT_S))


def _told(error: Exception) -> str:
    """The first line: what follows it is the host's own way of writing down an exception."""
    return " ".join(str(error).partition("\n")[0].split())


# --- doors: what only the SDK's client inside the app can do -----------------------------------------------------------


@app.route(route="ping", methods=["GET"])
def ping(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
    """Say that the app is loaded."""
    return func.HttpResponse("here")


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start an instance under the id that is asked for."""
    body = req.get_body()
    try:
        await client.start_new(req.route_params["name"], req.params["id"], json.loads(body) if body else None)
    except Exception as error:
        return func.HttpResponse(str(error), status_code=400)
    return func.HttpResponse(status_code=202)


@app.route(route="raise/{id}/{event}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def raise_event(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Raise an event as apps do."""
    await client.raise_event(req.route_params["id"], req.route_params["event"], req.get_json())
    return func.HttpResponse(status_code=202)


@app.route(route="burst/{prefix}/{count:int}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def burst(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start many instances that do nothing."""
    prefix, count = req.route_params["prefix"], int(req.route_params["count"])
    for first in range(0, count, 20):
        numbers = range(first, min(first + 20, count))
        await asyncio.gather(*(client.start_new("no_yield", f"{prefix}-{number:03}", number) for number in numbers))
    return func.HttpResponse(status_code=202)


@app.route(route="listed/{prefix}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def listed(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Count instances as apps do."""
    found = await client.get_status_by(None, None, None, req.route_params["prefix"])
    return func.HttpResponse(str(len(found)))


# --- activities --------------------------------------------------------------------------------------------------------


@app.activity_trigger(input_name="payload")
def double(payload: int) -> int:
    """Twice the number."""
    return payload * 2


@app.activity_trigger(input_name="payload")
def nothing(payload: Any) -> None:
    """No result."""


@app.activity_trigger(input_name="payload")
def explode(payload: str) -> None:
    """Fail."""
    raise ValueError(f"boom {payload}")


@app.activity_trigger(input_name="payload")
def flaky(payload: Any) -> int:
    """Fail the first ``fails`` times that it is called for ``key``."""
    seen = _calls[payload["key"]] = _calls.get(payload["key"], 0) + 1
    if seen <= payload["fails"]:
        raise RuntimeError(f"attempt {seen}")
    return seen


@app.activity_trigger(input_name="payload")
async def slow(payload: Any) -> Any:
    """Take ``units``, then give ``value`` or fail with it."""
    await asyncio.sleep(payload.get("units", 0) * UNIT_S)
    if payload.get("fails"):
        raise RuntimeError(payload["value"])
    return payload["value"]


# --- plain patterns ----------------------------------------------------------------------------------------------------


@app.orchestration_trigger(context_name="context")
def no_yield(context: Context) -> Any:
    """No step at all."""
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def sequence(context: Context) -> Orchestration:
    """Each step takes the result of the one before."""
    first = yield context.call_activity("double", context.get_input())
    context.set_custom_status({"first": first})
    second = yield context.call_activity("double", first)
    third = yield context.call_activity("nothing", second)
    return [first, second, third]


@app.orchestration_trigger(context_name="context")
def fan(context: Context) -> Orchestration:
    """Any number of activities side by side."""
    results = yield context.task_all([context.call_activity("double", number) for number in context.get_input()])
    return results


@app.orchestration_trigger(context_name="context")
def windows(context: Context) -> Orchestration:
    """A window of activities, then a new execution: how the product works through anything large."""
    state = context.get_input()
    results = yield context.task_all([context.call_activity("double", 1) for _ in range(min(state["left"], 3))])
    state = {"left": state["left"] - len(results), "done": state["done"] + len(results)}
    context.set_custom_status({"done": state["done"]})
    if state["left"]:
        context.continue_as_new(state)
        return None
    return state


@app.orchestration_trigger(context_name="context")
def retried(context: Context) -> Orchestration:
    """Up to two attempts, then one more activity, whose result must be its own."""
    try:
        result = yield context.call_activity_with_retry("flaky", _retry(0.5, 2), context.get_input())
    except Exception as error:
        result = _told(error)
    after = yield context.call_activity("double", 21)
    return [result, after]


@app.orchestration_trigger(context_name="context")
def parent(context: Context) -> Orchestration:
    """Children under an id that is made for them, and under one that is given."""
    made = yield context.call_sub_orchestrator("fan", [1])
    given = yield context.call_sub_orchestrator("fan", [2], f"{context.instance_id}-child")
    return [made, given]


@app.orchestration_trigger(context_name="context")
def fails(context: Context) -> Orchestration:
    """Raise."""
    yield context.call_activity("double", 1)
    raise ValueError("kaput")


@app.orchestration_trigger(context_name="context")
def activity_fails(context: Context) -> Orchestration:
    """Let an activity's failure pass."""
    yield context.call_activity("explode", context.get_input())


@app.orchestration_trigger(context_name="context")
def catches_child(context: Context) -> Orchestration:
    """Go on after a child's failure."""
    try:
        yield context.call_sub_orchestrator("fails", None, f"{context.instance_id}-child")
    except Exception as error:
        caught = _told(error)
    after = yield context.call_activity("double", 2)
    return [caught, after]


@app.orchestration_trigger(context_name="context")
def retries_child(context: Context) -> Orchestration:
    """Two children, one after the other, that both fail."""
    try:
        yield context.call_sub_orchestrator_with_retry("fails", _retry(0.5, 2), None)
    except Exception as error:
        return _told(error)


@app.orchestration_trigger(context_name="context")
def race(context: Context) -> Orchestration:
    """An event against a deadline of ``get_input()`` units."""
    deadline, approval = _in(context, context.get_input()), context.wait_for_external_event("approval")
    context.set_custom_status("waiting")
    winner = yield context.task_any([deadline, approval])
    if winner == deadline:
        return "too late"
    deadline.cancel()
    return json.loads(approval.result)


@app.orchestration_trigger(context_name="context")
def counts(context: Context) -> Orchestration:
    """One event per execution; those that nobody has waited for yet go on to the next one."""
    state = context.get_input() or {"n": 0, "heard": []}
    context.set_custom_status(f"waiting {state['n']}")
    if state["n"] == 3:
        return state["heard"]
    heard = yield context.wait_for_external_event(f"step{state['n']}")
    context.continue_as_new({"n": state["n"] + 1, "heard": [*state["heard"], json.loads(heard)]})
    return None


@app.orchestration_trigger(context_name="context")
def waits(context: Context) -> Orchestration:
    """Wait for ``go``, and do something."""
    context.set_custom_status("waiting")
    yield context.wait_for_external_event("go")
    return (yield context.call_activity("double", 4))


@app.orchestration_trigger(context_name="context")
def calls_unknown(context: Context) -> Orchestration:
    """Call what is not there."""
    yield context.call_activity("no_such_activity", 1)


# --- hazards: docs/CONFORMANCE.md says what the product does about each ------------------------------------------------


@app.orchestration_trigger(context_name="context")
def goes_on_after_failed_retries(context: Context) -> Orchestration:
    """A: go on after a failed ``task_all`` of retried activities while another one is still being retried.

    The SDK has gone on and counts its next activity; the host is still waiting and gives that number to something else.
    """
    gives_up, goes_on = context.get_input()
    tasks = [
        context.call_activity_with_retry("slow", _retry(1, 1), gives_up),
        context.call_activity_with_retry("slow", _retry(goes_on.pop("pause"), 2), goes_on),
    ]
    try:
        yield context.task_all(tasks)
    except Exception:
        context.set_custom_status("caught")
    result = yield context.call_activity("double", 21)
    return {"of double": result}


@app.orchestration_trigger(context_name="context")
def same_event_twice(context: Context) -> Orchestration:
    """B: wait twice for events of one name that were both there before."""
    context.set_custom_status("waiting")
    yield context.wait_for_external_event("go")
    first = yield context.wait_for_external_event("message")
    second = yield context.wait_for_external_event("message")
    return [json.loads(first), json.loads(second)]


@app.orchestration_trigger(context_name="context")
def sliding_window(context: Context) -> Orchestration:
    """C: whenever one is done, add one, and wait for any. The host waits for the one added last."""
    waiting, finished = [{"value": "C", "units": 6}, {"value": "D"}], []
    pending = [context.call_activity("slow", payload) for payload in ({"value": "A", "units": 3}, {"value": "B"})]
    while pending:
        winner = yield context.task_any(pending)
        pending.remove(winner)
        finished.append(winner.result)
        if waiting:
            pending.append(context.call_activity("slow", waiting.pop(0)))
    return finished


@app.orchestration_trigger(context_name="context")
def goes_on_after_one_failure(context: Context) -> Orchestration:
    """D: go on after a failed ``task_all``. What is next is held up until the slowest sibling is done."""
    tasks = [
        context.call_activity("slow", {"value": "at once", "fails": True}),
        context.call_activity("slow", {"value": "late", "units": 3}),
    ]
    try:
        yield context.task_all(tasks)
    except Exception as error:
        caught = _told(error)
    after = yield context.call_activity("double", 21)
    return [caught, after]


@app.orchestration_trigger(context_name="context")
def retry_against_a_deadline(context: Context) -> Orchestration:
    """E: a retried activity in a ``task_any``, then a fan-out."""
    attempt = context.call_activity_with_retry("slow", _retry(1, 2), {"value": "no", "fails": True})
    deadline = _in(context, 1_000)
    winner = yield context.task_any([attempt, deadline])
    first = "deadline" if winner == deadline else "attempt"
    results = yield context.task_all([context.call_activity("double", number) for number in (1, 2, 3)])
    return [first, results]


@app.orchestration_trigger(context_name="context")
def event_data(context: Context) -> Orchestration:
    """F: what data comes as depends on who raised the event."""
    context.set_custom_status("waiting")
    data = yield context.wait_for_external_event("data")
    return {"is": type(data).__name__, "data": data}
