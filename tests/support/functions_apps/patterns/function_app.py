"""Every orchestration pattern the host claims to run, and HTTP doors to drive them through the real client."""

import asyncio
import contextlib
import json
import os
import time
from datetime import UTC, datetime, timedelta

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

_calls: dict[str, int] = {}


def _json(value, status=200):
    return func.HttpResponse(json.dumps(value, default=str), status_code=status, mimetype="application/json")


# --- doors -------------------------------------------------------------------------------------


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client):
    body = req.get_body()
    try:
        instance_id = await client.start_new(
            req.route_params["name"],
            req.params.get("id"),
            json.loads(body) if body else None,
            req.params.get("version"),
        )
    except Exception as error:
        return _json({"error": str(error)}, 400)
    return client.create_check_status_response(req, instance_id)


@app.route(route="status/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def status(req: func.HttpRequest, client):
    shown = await client.get_status(
        req.route_params["id"], show_history=True, show_history_output=True, show_input=True
    )
    if not shown:
        return _json({"found": False}, 404)
    return _json(
        {
            "runtimeStatus": shown.runtime_status.value,
            "input": shown.input_,
            "output": shown.output,
            "customStatus": shown.custom_status,
            "history": shown.historyEvents,
        }
    )


@app.route(route="list", methods=["GET"])
@app.durable_client_input(client_name="client")
async def list_instances(req: func.HttpRequest, client):
    wanted = [OrchestrationRuntimeStatus(name) for name in req.params.get("status", "").split(",") if name]
    since = req.params.get("since")
    found = await client.get_status_by(
        datetime.fromisoformat(since) if since else None, None, wanted or None, req.params.get("prefix")
    )
    return _json([shown.instance_id for shown in found])


@app.route(route="list_all", methods=["GET"])
@app.durable_client_input(client_name="client")
async def list_all(req: func.HttpRequest, client):
    return _json([shown.instance_id for shown in await client.get_status_all()])


@app.route(route="do/{verb}/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def do(req: func.HttpRequest, client):
    verb, instance_id = req.route_params["verb"], req.route_params["id"]
    try:
        match verb:
            case "event":
                data = req.get_json() if req.get_body() else None
                result = await client.raise_event(instance_id, req.params["name"], data)
            case "restart_same":
                result = await client.restart(instance_id, restart_with_new_instance_id=False)
            case "restart":
                result = await client.restart(instance_id)
            case "purge":
                result = (await client.purge_instance_history(instance_id)).instances_deleted
            case "purge_by":
                found = await client.purge_instance_history_by(
                    datetime(2020, 1, 1, tzinfo=UTC), None, [OrchestrationRuntimeStatus(req.params["status"])]
                )
                result = found.instances_deleted
            case _:
                result = await getattr(client, verb)(instance_id, "because")
    except Exception as error:
        return _json({"error": str(error)}, 400)
    return _json({"result": result})


# --- activities --------------------------------------------------------------------------------


@app.activity_trigger(input_name="payload")
def double(payload):
    return payload * 2


@app.activity_trigger(input_name="payload")
async def double_async(payload):
    await asyncio.sleep(0.01)
    return payload * 2


@app.activity_trigger(input_name="payload")
def nothing(payload):
    return None


@app.activity_trigger(input_name="payload")
def explode(payload):
    raise ValueError(f"boom {payload}")


@app.activity_trigger(input_name="payload")
def flaky(payload):
    """Fails until it was called ``payload["fails"]`` times under ``payload["key"]`` in this process."""
    time.sleep(payload.get("seconds", 0))
    seen = _calls[payload["key"]] = _calls.get(payload["key"], 0) + 1
    if seen <= payload["fails"]:
        raise RuntimeError(f"attempt {seen}")
    return seen


@app.activity_trigger(input_name="payload")
def slow(payload):
    time.sleep(payload["seconds"])
    if path := payload.get("record"):
        with open(path, "a") as record:
            record.write(f"{payload['n']} {os.getpid()}\n")
    return payload.get("n")


@app.activity_trigger(input_name="payload")
async def slow_async(payload):
    await asyncio.sleep(payload["seconds"])
    return payload.get("n")


# --- orchestrators -----------------------------------------------------------------------------


@app.orchestration_trigger(context_name="context")
def sequence(context):
    first = yield context.call_activity("double", context.get_input())
    second = yield context.call_activity("double_async", first)
    third = yield context.call_activity("nothing", second)
    return [first, second, third]


@app.orchestration_trigger(context_name="context")
def fan(context):
    results = yield context.task_all([context.call_activity("double", n) for n in context.get_input()])
    return sum(results or [])  # of no tasks at all, task_all makes None


@app.orchestration_trigger(context_name="context")
def windows(context):
    """The bounded-window loop of the design: a window of activities, then a new execution."""
    state = context.get_input()
    count = min(state["left"], state["window"])
    results = yield context.task_all([context.call_activity("double", 1) for _ in range(count)])
    state = {**state, "left": state["left"] - count, "done": state.get("done", 0) + len(results)}
    context.set_custom_status({"done": state["done"]})
    if state["left"]:
        context.continue_as_new(state)
        return None
    return state["done"]


@app.orchestration_trigger(context_name="context")
def retried(context):
    """Calls flaky up to ``attempts`` times, ``pause`` milliseconds apart, then one more activity."""
    asked = context.get_input()
    options = df.RetryOptions(asked["pause"], asked["attempts"])
    try:
        result = yield context.call_activity_with_retry("flaky", options, asked)
    except Exception as error:
        result = f"gave up: {error}"
    after = yield context.call_activity("double", 21)
    return [result, after]


@app.orchestration_trigger(context_name="context")
def parent(context):
    made = yield context.call_sub_orchestrator("fan", [1, 2])
    named = yield context.call_sub_orchestrator("fan", [3], f"{context.instance_id}-child")
    return [made, named]


@app.orchestration_trigger(context_name="context")
def fails(context):
    yield context.call_activity("double", 1)
    raise ValueError("kaput")


@app.orchestration_trigger(context_name="context")
def activity_fails(context):
    yield context.call_activity("explode", context.get_input())


@app.orchestration_trigger(context_name="context")
def catches_child(context):
    try:
        yield context.call_sub_orchestrator("fails", None)
    except Exception as error:
        caught = str(error)
    after = yield context.call_activity("double", 2)
    return [caught, after]


@app.orchestration_trigger(context_name="context")
def retries_child(context):
    try:
        yield context.call_sub_orchestrator_with_retry("fails", df.RetryOptions(50, 2), None)
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def race(context):
    """An approval against a deadline of ``get_input()`` seconds."""
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    approval = context.wait_for_external_event("Approval")
    winner = yield context.task_any([deadline, approval])
    if winner == deadline:
        return "too late"
    deadline.cancel()
    return {"approved": approval.result}


@app.orchestration_trigger(context_name="context")
def counts(context):
    """A continue_as_new loop that collects one event per execution."""
    state = context.get_input() or {"n": 0, "seen": []}
    context.set_custom_status({"n": state["n"]})
    if state["n"] == 3:
        return state["seen"]
    heard = yield context.wait_for_external_event(f"step{state['n']}")
    context.continue_as_new({"n": state["n"] + 1, "seen": [*state["seen"], heard]})


@app.orchestration_trigger(context_name="context")
def holds_on(context):
    """Slow activity, then another: something to suspend and terminate."""
    yield context.call_activity("slow_async", {"seconds": context.get_input()})
    context.set_custom_status("half way")
    yield context.wait_for_external_event("go")
    result = yield context.call_activity("double", 4)
    return result


@app.orchestration_trigger(context_name="context")
def spread(context):
    """Fan out ``count`` slow activities that record where they ran."""
    asked = context.get_input()
    results = yield context.task_all([context.call_activity("slow", {**asked, "n": n}) for n in range(asked["count"])])
    return sorted(results)


@app.orchestration_trigger(context_name="context")
def calls_unknown(context):
    yield context.call_activity("no_such_activity", 1)


@app.orchestration_trigger(context_name="context")
def signals_entity(context):
    yield context.call_entity(df.EntityId("Counter", "k"), "get")


@app.orchestration_trigger(context_name="context")
def too_slow(context):
    yield context.call_activity(context.get_input(), {"seconds": 30})


@app.orchestration_trigger(context_name="context")
def no_yield(context):
    return {"echo": context.get_input(), "parent": context.parent_instance_id}


@app.orchestration_trigger(context_name="context")
def hazard_a(context):
    """Goes on after a failed ``task_all`` of retried activities: what DURABLE 1.12 A warns of.

    The first activity gives up while the second has not failed yet (``get_input()`` seconds), or waits for its retry.
    """
    key, seconds = context.instance_id, context.get_input()
    with contextlib.suppress(Exception):
        yield context.task_all(
            [
                context.call_activity_with_retry("flaky", df.RetryOptions(50, 1), {"key": f"{key}-a", "fails": 9}),
                context.call_activity_with_retry(
                    "flaky", df.RetryOptions(400, 3), {"key": f"{key}-b", "fails": 9, "seconds": seconds}
                ),
            ]
        )
    result = yield context.call_activity("double", 21)
    return {"C result": result}


@app.orchestration_trigger(context_name="context")
def hazard_b(context):
    """Waits twice for one event name; both were raised before the first wait."""
    yield context.call_activity("slow_async", {"seconds": 0.6})
    first = yield context.wait_for_external_event("message")
    second = yield context.wait_for_external_event("message")
    return [json.loads(first), json.loads(second)]


@app.orchestration_trigger(context_name="context")
def waits_for_child(context):
    yield context.call_sub_orchestrator("race", 60, f"{context.instance_id}-child")


@app.orchestration_trigger(context_name="context")
def flaky_once(context):
    first = yield context.call_activity("double", 1)
    second = yield context.call_activity("flaky", context.get_input())
    return [first, second]


@app.orchestration_trigger(context_name="context")
def parent_of_flaky(context):
    result = yield context.call_sub_orchestrator("flaky_once", context.get_input())
    return result


@app.orchestration_trigger(context_name="context")
def retries_then_fails(context):
    yield context.call_activity_with_retry("explode", df.RetryOptions(10, 1), 1)
