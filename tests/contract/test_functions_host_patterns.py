"""Every orchestration pattern, through the real client and the real replay, in a real host process."""

import json

import pytest

from tests.support.functions_host import APPS, RunningHost, running_host


@pytest.fixture(scope="module")
def host(postgres_url_module, tmp_path_factory):
    with running_host(APPS / "patterns", postgres_url_module, tmp_path_factory.mktemp("host")) as host:
        yield host


def test_a_sequence_hands_each_result_to_the_next_activity(host: RunningHost):
    status = host.run("sequence", 3)
    assert status["runtimeStatus"] == "Completed"
    assert status["output"] == [6, 12, None]
    assert status["input"] == "3"  # what start_new encodes twice is decoded once


def test_a_fan_out_collects_results_in_order(host: RunningHost):
    assert host.run("fan", list(range(50)))["output"] == sum(2 * n for n in range(50))


def test_an_empty_fan_out_goes_on_at_once(host: RunningHost):
    assert host.run("fan", [])["output"] == 0


def test_an_orchestrator_without_a_yield_completes(host: RunningHost):
    assert host.run("no_yield", "hi")["output"] == {"echo": "hi", "parent": None}


def test_a_retry_succeeds_after_its_delay(host: RunningHost):
    status = host.run("retried", {"key": "succeeds", "fails": 1, "attempts": 3, "pause": 300})
    assert status["output"] == [2, 42]
    (timer,) = [event for event in status["history"] if event["EventType"] == "TimerCreated"]
    assert timer["FireAt"] > timer["Timestamp"]


def test_an_exhausted_retry_raises_after_the_dummy_timer_and_the_next_activity_gets_its_own_result(host: RunningHost):
    status = host.run("retried", {"key": "exhausts", "fails": 9, "attempts": 2, "pause": 50})
    gave_up, after = status["output"]
    assert gave_up.startswith("gave up: Activity function 'flaky' failed: RuntimeError: attempt 2 \n ")
    assert "functions_host" not in gave_up.replace("functions_apps", "")  # the app's frames, not the host's
    assert after == 42
    assert sum(event["EventType"] == "TimerFired" for event in status["history"]) == 2


def test_sub_orchestrations_run_under_a_made_or_a_given_id(host: RunningHost):
    instance_id = host.start("parent")
    status = host.finish(instance_id)
    assert status["output"] == [6, 6]
    assert host.status(f"{instance_id}-child")["output"] == 6
    children = [event for event in status["history"] if event["EventType"] == "SubOrchestrationInstanceCompleted"]
    assert [child["FunctionName"] for child in children] == ["fan", "fan"]


def test_a_failing_orchestrator_fails_with_its_message(host: RunningHost):
    status = host.run("fails")
    assert status["runtimeStatus"] == "Failed"
    assert status["output"] == "Orchestrator function 'fails' failed: kaput"


def test_a_failing_activity_names_the_activity_and_the_exception(host: RunningHost):
    status = host.run("activity_fails", "loud")
    assert status["runtimeStatus"] == "Failed"
    assert "Activity function 'explode' failed: ValueError: boom loud" in status["output"]


def test_a_childs_failure_can_be_caught(host: RunningHost):
    caught, after = host.run("catches_child")["output"]
    assert caught.startswith("Orchestrator function 'fails' failed: kaput")
    assert after == 4


def test_a_failing_child_is_retried_as_a_new_instance(host: RunningHost):
    status = host.run("retries_child")
    assert status["output"].startswith("Orchestrator function 'fails' failed: kaput")
    assert sum(event["EventType"] == "SubOrchestrationInstanceFailed" for event in status["history"]) == 2


def test_an_event_wins_against_a_timer(host: RunningHost):
    instance_id = host.start("race", 60)
    assert host.post(f"/do/event/{instance_id}?name=Approval", {"by": "bob"}).status == 200
    output = host.finish(instance_id)["output"]
    assert json.loads(output["approved"]) == {"by": "bob"}  # the SDK encodes event data twice: hazard F


def test_a_timer_wins_when_no_event_comes(host: RunningHost):
    status = host.run("race", 0.3)
    assert status["output"] == "too late"


def test_continue_as_new_loops_under_one_id_and_keeps_events_for_later_executions(host: RunningHost):
    instance_id = host.start("counts")
    for step in (2, 1, 0):  # the later ones must survive until somebody waits for them
        host.post(f"/do/event/{instance_id}?name=step{step}", step)
    status = host.finish(instance_id)
    assert status["output"] == ["0", "1", "2"]
    assert status["customStatus"] == {"n": 3}
    assert len([event for event in status["history"] if event["EventType"] == "ExecutionStarted"]) == 1


def test_windows_of_activities_run_in_bounded_histories(host: RunningHost):
    status = host.run("windows", {"left": 250, "window": 100})
    assert status["output"] == 250
    assert status["customStatus"] == {"done": 250}
    assert len([event for event in status["history"] if event["EventType"] == "TaskCompleted"]) == 50


def test_an_unknown_activity_fails_the_orchestration_by_name(host: RunningHost):
    status = host.run("calls_unknown")
    assert status["runtimeStatus"] == "Failed"
    assert "'no_such_activity' doesn't exist" in status["output"]


def test_entities_are_refused_in_a_sentence(host: RunningHost):
    status = host.run("signals_entity")
    assert status["runtimeStatus"] == "Failed"
    assert "entities are not supported by this host" in status["output"]


@pytest.mark.parametrize("activity", ["slow", "slow_async"])
def test_an_activity_beyond_the_function_timeout_fails(host: RunningHost, activity):
    status = host.run("too_slow", activity)
    assert status["runtimeStatus"] == "Failed"
    assert f"was exceeded by function: Functions.{activity}" in status["output"]


def test_hazard_a_a_timer_of_a_sibling_answers_the_next_activity(host: RunningHost):
    """DURABLE 1.12 A, the silent one: the activity ran, and its caller got None."""
    assert host.run("hazard_a", 0.3)["output"] == {"C result": None}


def test_hazard_a_a_failure_of_a_sibling_fails_the_next_activity(host: RunningHost):
    """DURABLE 1.12 A, the loud one: an error that was caught comes back."""
    status = host.run("hazard_a", 0)
    assert status["runtimeStatus"] == "Failed"
    assert "RuntimeError: attempt 2" in status["output"]


def test_hazard_b_of_two_buffered_events_the_first_is_lost(host: RunningHost):
    instance_id = host.start("hazard_b")
    for text in ("one", "two"):
        host.post(f"/do/event/{instance_id}?name=message", text)
    assert host.finish(instance_id)["output"] == ["two", "two"]
