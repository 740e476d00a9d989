"""What an episode takes from the inbox and what it makes of the SDK's answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from localdev.functions_host import episode, events
from localdev.functions_host.episode import Arrived, advance, parse_answer, take
from localdev.functions_host.rewind import CannotRewindError, rewound

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def arrived(*kinds_and_executions):
    makers = {
        "start": lambda: events.execution_started(
            NOW, name="o", version=None, input_text=None, instance_id="i", execution_id="now"
        ),
        "done": lambda: events.task_completed(NOW, 0, "1"),
        "raise": lambda: events.event_raised(NOW, name="e", input_text="1"),
        "stop": lambda: events.suspended(NOW, "r"),
        "go": lambda: events.resumed(NOW, "r"),
        "end": lambda: events.execution_terminated(NOW, "r"),
    }
    return [
        Arrived(seq, None if kind in ("raise", "stop", "go", "end") else execution, makers[kind]())
        for seq, (kind, execution) in enumerate(kinds_and_executions)
    ]


def now(*kinds):
    return arrived(*[(kind, "now") for kind in kinds])


def test_results_of_an_earlier_execution_are_removed_unseen():
    taken = take(arrived(("done", "before"), ("done", "now")), execution_id="now", suspended=False)
    assert taken.removed == (0, 1)
    assert len(taken.used) == 1


def test_a_suspended_instance_takes_only_what_resumes_or_ends_it():
    assert take(now("done", "raise"), execution_id="now", suspended=True).removed == ()
    taken = take(now("done", "go", "raise"), execution_id="now", suspended=True)
    assert taken.removed == (1, 2)  # what came before the resumption waits for the next episode
    assert not taken.suspended
    ended = take(now("done", "end"), execution_id="now", suspended=True)
    assert ended.removed == (1,)
    assert ended.terminated is not None


def test_a_suspension_holds_back_what_came_after_it():
    taken = take(now("start", "done", "stop", "done"), execution_id="now", suspended=False)
    assert taken.removed == (0, 1, 2)
    assert taken.suspended
    assert taken.has_news
    assert not take(now("stop"), execution_id="now", suspended=False).has_news


def test_nothing_is_taken_after_a_termination():
    assert take(now("end", "done"), execution_id="now", suspended=False).removed == (0,)


def test_time_never_goes_back_between_episodes():
    history = [events.orchestrator_started(NOW), events.orchestrator_completed(NOW)]
    assert episode.episode_time(history, NOW - timedelta(hours=1)) == NOW + timedelta(microseconds=1)
    assert episode.episode_time(history, NOW + timedelta(hours=1)) == NOW + timedelta(hours=1)
    assert episode.episode_time([], NOW) == NOW


def test_a_stamp_survives_the_way_there_and_back():
    moment = NOW + timedelta(microseconds=30)
    assert events.stamp(moment) == "2026-11-23T12:00:00.0000300Z"
    assert events.parse_stamp(events.stamp(moment)) == moment
    assert events.parse_stamp("2026-11-23T12:00:00.000030Z") == moment


def test_the_state_is_found_behind_a_message_that_holds_the_label_itself():
    state = {"isDone": False, "actions": [[]], "error": 'odd $OutOfProcData$:{"x": 1} text'}
    error = Exception(f"{state['error']}\n\n$OutOfProcData$:{json.dumps(state)}")
    assert parse_answer(error) == state


def test_an_exception_without_a_state_fails_the_orchestration_with_its_text():
    assert parse_answer(ValueError("plain"))["error"] == "plain"
    assert parse_answer(KeyError())["error"] == "KeyError"


def test_the_input_reaches_the_sdk_decoded_once():
    body = json.loads(episode.request_body([], instance_id="i", parent_id=None, input_text='"{\\"a\\": 1}"'))
    assert body["input"] == '{"a": 1}'
    assert json.loads(episode.request_body([], instance_id="i", parent_id=None, input_text=None))["input"] is None


def began(*more):
    return [events.orchestrator_started(NOW), now("start")[0].event, *more]


def decide(state, history=None, refusal=lambda _: None):
    return advance(state, history or began(), name="o", execution_id="now", moment=NOW, refusal=refusal)


ONE = {"actionType": 0, "functionName": "a", "input": "1"}


def test_an_answer_that_is_done_completes_only_when_every_action_has_run_out():
    assert decide({"isDone": True, "actions": [[]], "output": 5}).status == "Completed"
    waiting = decide({"isDone": True, "actions": [[ONE]], "output": 5})
    assert waiting.status is None
    assert len(waiting.decisions) == 1


def test_an_error_takes_effect_only_when_every_action_has_run_out():
    assert decide({"isDone": False, "actions": [[ONE]], "error": "kaput"}).status is None  # hazard D
    history = began(
        events.task_scheduled(NOW, 0, name="a", input_text="[]"), events.task_failed(NOW, 0, reason="r", details="d")
    )
    assert decide({"isDone": False, "actions": [[ONE]], "error": "kaput"}, history).status == "Failed"


def test_a_refused_decision_fails_the_orchestration_and_schedules_nothing():
    outcome = decide({"isDone": False, "actions": [[ONE]]}, refusal=lambda decision: f"no {decision.name}")
    assert (outcome.status, outcome.failure) == ("Failed", "Orchestrator function 'o' failed: no a")
    assert outcome.decisions == ()


def test_a_changed_orchestrator_fails_instead_of_mixing_up_results():
    history = began(events.task_scheduled(NOW, 0, name="b", input_text="[]"))
    outcome = decide({"isDone": False, "actions": [[ONE]]}, history)
    assert outcome.status == "Failed"
    assert "Non-Deterministic workflow detected" in outcome.failure


def test_an_unknown_schema_fails_the_orchestration():
    assert decide({"isDone": False, "actions": [[], []]}).status == "Failed"


@pytest.mark.parametrize(("value", "kept"), [({"n": 1}, '{"n": 1}'), (None, None)])
def test_a_custom_status_is_kept_unless_a_new_one_is_set(value, kept):
    state = {"isDone": False, "actions": [[]]} | ({} if value is None else {"customStatus": value})
    assert decide(state).custom_status == kept


def test_a_rewind_drops_failures_with_their_scheduling_and_keeps_the_rest():
    history = began(
        events.task_scheduled(NOW, 0, name="a", input_text="[]"),
        events.task_completed(NOW, 0, "1"),
        events.task_scheduled(NOW, 1, name="b", input_text="[]"),
        events.child_created(NOW, 2, name="c", instance_id="child", input_text="null"),
        events.task_failed(NOW, 1, reason="r", details="d"),
        events.child_failed(NOW, 2, reason="r", details="d"),
        events.execution_completed(NOW, status="Failed", result=None),
    )
    kept, children = rewound(history)
    assert kept == history[:4] + history[5:6]
    assert children == ["child"]
    with pytest.raises(CannotRewindError, match="timers"):
        rewound([*history, events.timer_created(NOW, 3, NOW)])
