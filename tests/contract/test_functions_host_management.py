"""The management API as the real client and a plain HTTP caller see it."""

import json

import pytest

from tests.support.functions_host import APPS, KEY, RunningHost, running_host

BASE = "/runtime/webhooks/durabletask"


@pytest.fixture(scope="module")
def host(postgres_url_module, tmp_path_factory):
    with running_host(APPS / "patterns", postgres_url_module, tmp_path_factory.mktemp("host")) as host:
        yield host


def do(host: RunningHost, verb: str, instance_id: str):
    answer = host.post(f"/do/{verb}/{instance_id}")
    assert answer.status == 200, answer.text
    return answer.json["result"]


def test_starting_an_unknown_orchestrator_raises_in_the_app(host: RunningHost):
    answer = host.post("/start/no_such_orchestrator")
    assert answer.status == 400
    assert "'no_such_orchestrator' doesn't exist" in answer.json["error"]


def test_an_id_that_is_alive_is_refused_and_one_that_is_over_may_start_again(host: RunningHost):
    host.start("race", 60, id="taken")
    answer = host.post("/start/fan?id=taken", [1])
    assert answer.status == 400
    assert "'taken' is already running" in answer.json["error"]
    assert host.status("taken")["runtimeStatus"] in ("Pending", "Running")
    host.post("/do/event/taken?name=Approval", 1)
    host.finish("taken")
    host.start("fan", [1], id="taken")
    status = host.finish("taken")
    assert status["output"] == 2
    assert [event["EventType"] for event in status["history"]].count("ExecutionStarted") == 1


def test_a_status_address_works_with_its_key_and_not_without(host: RunningHost):
    links = host.post("/start/race", 60).json
    answer = host.get(links["statusQueryGetUri"].removeprefix(host.url))
    assert answer.status == 202
    assert answer.headers["Retry-After"] == "5"
    assert links["id"] in answer.headers["Location"]
    assert answer.json["runtimeStatus"] in ("Pending", "Running")
    assert host.get(f"{BASE}/instances/{links['id']}").status == 401
    assert host.get(f"{BASE}/instances/{links['id']}?code=wrong").status == 401
    assert host.get(f"{BASE}/instances/{links['id']}", **{"x-functions-key": KEY}).status == 202
    event = links["sendEventPostUri"].replace("{eventName}", "Approval").removeprefix(host.url)
    assert host.post(event, {"by": "bob"}).status == 202
    assert host.finish(links["id"])["output"] == {"approved": {"by": "bob"}}  # posted raw, it arrives decoded
    assert host.get(links["statusQueryGetUri"].removeprefix(host.url)).status == 200


def test_a_failure_is_shown_with_200_unless_500_is_asked_for(host: RunningHost):
    instance_id = host.start("fails")
    host.finish(instance_id)
    path = f"{BASE}/instances/{instance_id}"
    key = {"x-functions-key": KEY}
    assert host.get(path, **key).status == 200
    assert host.get(f"{path}?returnInternalServerErrorOnFailure=true", **key).status == 500
    assert host.get(f"{path}?showInput=false", **key).json["input"] is None


def test_what_does_not_exist_is_404_and_what_is_over_is_410(host: RunningHost):
    key = {"x-functions-key": KEY}
    assert host.get("/status/nobody").status == 404
    assert "No instance with ID" in host.post("/do/terminate/nobody").json["error"]
    instance_id = host.start("fan", [1])
    host.finish(instance_id)
    for verb in ("raiseEvent/x", "terminate", "suspend", "resume", "rewind"):
        assert host.call("POST", f"{BASE}/instances/{instance_id}/{verb}", b"1", key).status == 410, verb
    assert "is gone" in host.post(f"/do/event/{instance_id}?name=x", 1).json["error"]


def test_malformed_requests_are_400_and_change_nothing(host: RunningHost):
    key = {"x-functions-key": KEY}
    assert host.call("POST", f"{BASE}/orchestrators/fan/bad", b"{not json", key).status == 400
    assert host.call("POST", f"{BASE}/orchestrators/fan/bad%23id", b"[]", key).status == 400
    assert host.get(f"{BASE}/instances?runtimeStatus=Sleeping", **key).status == 400
    assert host.get(f"{BASE}/instances?createdTimeFrom=yesterday", **key).status == 400
    assert host.call("DELETE", f"{BASE}/instances?runtimeStatus=Completed", headers=key).status == 400
    assert host.get("/status/bad").status == 404


def test_termination_ends_an_instance_with_its_reason(host: RunningHost):
    instance_id = host.start("race", 60)
    do(host, "terminate", instance_id)
    status = host.finish(instance_id)
    assert status["runtimeStatus"] == "Terminated"
    assert status["output"] == "because"


def test_a_terminated_child_fails_its_parent(host: RunningHost):
    instance_id = host.start("waits_for_child")
    child_id = f"{instance_id}-child"
    host.until(instance_id, lambda _: host.get(f"/status/{child_id}").status == 200)
    do(host, "terminate", child_id)
    status = host.finish(instance_id)
    assert status["runtimeStatus"] == "Failed"
    assert "because" in status["output"]


def test_a_suspended_instance_holds_its_events_until_it_is_resumed(host: RunningHost):
    instance_id = host.start("holds_on", 0)
    host.until(instance_id, lambda status: status["customStatus"] == "half way")
    do(host, "suspend", instance_id)
    host.until(instance_id, lambda status: status["runtimeStatus"] == "Suspended")
    host.post(f"/do/event/{instance_id}?name=go", 1)
    assert host.run("fan", [1])["output"] == 2  # the host has looked at its inboxes meanwhile
    assert host.status(instance_id)["runtimeStatus"] == "Suspended"
    do(host, "resume", instance_id)
    assert host.finish(instance_id)["output"] == 8


def test_a_suspended_instance_can_be_terminated(host: RunningHost):
    instance_id = host.start("holds_on", 0)
    do(host, "suspend", instance_id)
    host.until(instance_id, lambda status: status["runtimeStatus"] == "Suspended")
    do(host, "terminate", instance_id)
    assert host.finish(instance_id)["runtimeStatus"] == "Terminated"


def test_a_rewound_instance_tries_its_failed_activity_again(host: RunningHost):
    instance_id = host.start("flaky_once", {"key": "rewound", "fails": 1})
    assert host.finish(instance_id)["runtimeStatus"] == "Failed"
    do(host, "rewind", instance_id)
    status = host.finish(instance_id)
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == [2, 2]  # the first activity's result was kept, the second ran again


def test_a_rewound_parent_rewinds_its_failed_child(host: RunningHost):
    instance_id = host.start("parent_of_flaky", {"key": "rewound-child", "fails": 1})
    assert host.finish(instance_id)["runtimeStatus"] == "Failed"
    do(host, "rewind", instance_id)
    assert host.finish(instance_id)["output"] == [2, 2]


def test_an_instance_with_timers_cannot_be_rewound_and_is_left_as_it_was(host: RunningHost):
    instance_id = host.start("retries_then_fails")
    before = host.finish(instance_id)
    answer = host.post(f"/do/rewind/{instance_id}")
    assert "cannot rewind an orchestration that used durable timers" in answer.json["error"]
    assert host.status(instance_id) == before


def test_a_restart_takes_the_first_input_under_a_new_or_the_same_id(host: RunningHost):
    instance_id = host.start("fan", [1, 2])
    host.finish(instance_id)
    renamed = do(host, "restart", instance_id)["id"]
    assert renamed != instance_id
    assert host.finish(renamed)["output"] == 6
    do(host, "restart_same", instance_id)
    assert host.finish(instance_id)["output"] == 6


def test_purging_removes_what_is_over_and_refuses_what_is_alive(host: RunningHost):
    instance_id = host.start("fan", [1])
    host.finish(instance_id)
    assert do(host, "purge", instance_id) == 1
    assert host.get(f"/status/{instance_id}").status == 404
    assert do(host, "purge", instance_id) == 0
    alive = host.start("race", 60)
    assert host.post(f"/do/purge/{alive}").status == 400
    assert host.status(alive)["runtimeStatus"] in ("Pending", "Running")


def test_lists_filter_by_status_prefix_and_time_and_purge_by_filter_uses_the_same(host: RunningHost):
    for n in range(3):
        host.start("fails", id=f"listed-{n}")
        host.finish(f"listed-{n}")
    host.start("race", 60, id="listed-alive")
    assert host.get("/list?prefix=listed-&status=Failed").json == ["listed-0", "listed-1", "listed-2"]
    assert "listed-alive" in host.get("/list?prefix=listed-&status=Running,Pending").json
    assert host.get("/list?prefix=listed-&since=2999-01-01T00:00:00").json == []
    assert set(host.get("/list?prefix=listed-").json) <= set(host.get("/list_all").json)
    assert host.post("/do/purge_by/-?status=Failed").json["result"] >= 3
    assert host.get("/list?prefix=listed-").json == ["listed-alive"]


def test_a_long_list_is_cut_at_a_page_with_a_token_to_go_on(host: RunningHost):
    """DURABLE 1.12 H: the client never sends the token back, so it sees one page."""
    key = {"x-functions-key": KEY}
    for n in range(4):
        host.start("no_yield", id=f"paged-{n}")
    path = f"{BASE}/instances?instanceIdPrefix=paged-&top=3"
    first = host.get(path, **key)
    assert [shown["instanceId"] for shown in first.json] == ["paged-0", "paged-1", "paged-2"]
    rest = host.get(path, **key, **{"x-ms-continuation-token": first.headers["x-ms-continuation-token"]})
    assert [shown["instanceId"] for shown in rest.json] == ["paged-3"]
    assert "x-ms-continuation-token" not in rest.headers


def test_the_history_shows_names_and_hides_results_unless_asked(host: RunningHost):
    key = {"x-functions-key": KEY}
    instance_id = host.start("sequence", 1)
    host.finish(instance_id)
    path = f"{BASE}/instances/{instance_id}?showHistory=true"
    events = host.get(path, **key).json["historyEvents"]
    assert [event["EventType"] for event in events] == [
        "ExecutionStarted",
        *["TaskCompleted"] * 3,
        "ExecutionCompleted",
    ]
    assert [event.get("FunctionName") for event in events] == ["sequence", "double", "double_async", "nothing", None]
    assert not any("Result" in event for event in events)
    shown = host.get(f"{path}&showHistoryOutput=true", **key).json["historyEvents"]
    assert [event.get("Result") for event in shown][1:3] == [2, 4]


def test_entities_are_refused(host: RunningHost):
    assert host.get(f"{BASE}/entities/Counter/k", **{"x-functions-key": KEY}).status == 501


def test_the_health_address_says_what_runs(host: RunningHost):
    status = host.get("/admin/host/status").json
    assert status["state"] == "Running"
    assert status["hub"] == "Patterns"
    assert status["processId"] == host.process.pid
    assert json.dumps(status).find(KEY) == -1
