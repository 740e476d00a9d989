"""Task numbering against the real SDK: the documented examples, event by event.

The SDK is called directly with hand-made histories; its answers are compared with the recorded
ones, and the simulation must decide from them what the real extension decides.
"""

import json
from datetime import UTC, datetime, timedelta

import azure.durable_functions as df
import pytest
from azure.functions import OrchestrationContext

from localdev.functions_host import episode, events
from localdev.functions_host.replay import (
    ActionRefusedError,
    CreateTimer,
    NonDeterminismError,
    ScheduleActivity,
    Sim,
    StartChild,
)

# The SDK's own: it decodes untyped JSON (said once per process), and an event came before its wait.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*df_loads was called without expected_type:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Potential duplicate Task completion:UserWarning"),
]

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Story:
    """A history told episode by episode, one second apart."""

    def __init__(self, function, value=None):
        self.handle = df.Orchestrator.create(function)
        self.value = value
        self.episodes = 0
        self.history = []
        self.arrives(
            events.execution_started(
                BEGAN, name="o", version=None, input_text=self.input_text, instance_id="i", execution_id="exec"
            )
        )

    @property
    def input_text(self):
        return None if self.value is None else json.dumps(json.dumps(self.value))

    @property
    def now(self):
        return BEGAN + timedelta(seconds=self.episodes)

    def arrives(self, *new):
        """One more episode: its new events, what the SDK answers, and the decisions written down."""
        self.episodes += 1
        self.history += [events.orchestrator_started(self.now), *new]
        body = episode.request_body(self.history, instance_id="i", parent_id=None, input_text=self.input_text)
        try:
            self.answer = self.handle(OrchestrationContext(body))
        except Exception as error:
            self.answer = error
        self.state = episode.parse_answer(self.answer)
        self.replayed = Sim(self.state["actions"][0], execution_id="exec").run(self.history)
        self.decided = list(self.replayed.decisions)
        self.history += [episode._record(self.now, decision) for decision in self.decided]
        self.history.append(events.orchestrator_completed(self.now))
        return self

    @property
    def actions(self):
        (actions,) = self.state["actions"]
        return actions

    def completes(self, *results):
        """Activities ``(task id, value)`` succeed together."""
        return self.arrives(
            *[events.task_completed(self.now, task_id, json.dumps(value)) for task_id, value in results]
        )

    def fails(self, task_id, text="r"):
        return self.arrives(events.task_failed(self.now, task_id, reason=text, details="d"))

    def fires(self, task_id):
        return self.arrives(events.timer_fired(task_id, self.now))

    def hears(self, name, value):
        return self.arrives(events.event_raised(self.now, name=name, input_text=json.dumps(value)))


def names(decisions):
    return [(type(decision).__name__, decision.task_id) for decision in decisions]


def activity(name, text):
    return {"actionType": 0, "functionName": name, "input": text}


# --- the documented examples --------------------------------------------------------------------


def test_a_sequence_is_numbered_in_order():
    def seq(context):
        listed = yield context.call_activity("list_dir", {"path": "/a"})
        hashed = yield context.call_activity("hash_file", listed)
        return hashed

    story = Story(seq)
    assert story.decided == [ScheduleActivity(0, "list_dir", '{"path": "/a"}')]
    story.completes((0, ["x"]))
    assert story.state == {
        "isDone": False,
        "schemaVersion": 2,
        "actions": [[activity("list_dir", '{"path": "/a"}'), activity("hash_file", '["x"]')]],
    }
    assert story.decided == [ScheduleActivity(1, "hash_file", '["x"]')]
    story.completes((1, "done"))
    assert story.state["isDone"]
    assert story.replayed.ran_out
    assert story.decided == []


def test_a_fan_out_waits_for_all_and_answers_the_same_until_then():
    def fan(context):
        results = yield context.task_all([context.call_activity("hash_file", n) for n in context.get_input()])
        return sum(results)

    story = Story(fan, [1, 2, 3])
    first = story.state
    assert first["actions"] == [
        [{"actionType": 12, "compoundActions": [activity("hash_file", text) for text in ("1", "2", "3")]}]
    ]
    assert names(story.decided) == [("ScheduleActivity", n) for n in range(3)]
    story.completes((2, 30), (0, 10))
    assert story.state == first
    assert not story.replayed.ran_out
    story.completes((1, 20))
    assert (story.state["isDone"], story.state["output"]) == (True, 60)
    assert story.replayed.ran_out


def retrying(context):
    try:
        result = yield context.call_activity_with_retry("flaky", df.RetryOptions(5000, 2), "x")
    except Exception as error:
        result = f"gave up: {error}"
    return result


def test_a_retry_draws_ids_for_its_timer_and_its_attempt_as_events_arrive():
    story = Story(retrying)
    wrapped = {
        "actionType": 1,
        "functionName": "flaky",
        "input": '"x"',
        "retryOptions": {"firstRetryIntervalInMilliseconds": 5000, "maxNumberOfAttempts": 2},
    }
    assert story.actions == [{"actionType": 12, "compoundActions": [wrapped]}]
    assert names(story.decided) == [("ScheduleActivity", 0)]
    story.fails(0)
    assert story.decided == [CreateTimer(1, story.now + timedelta(seconds=5))]
    story.fires(1)
    assert names(story.decided) == [("ScheduleActivity", 2)]
    story.completes((2, "second time lucky"))
    assert (story.state["isDone"], story.state["output"]) == (True, "second time lucky")
    assert story.replayed.ran_out


def test_an_exhausted_retry_waits_for_one_more_timer_that_is_due_at_once():
    story = Story(retrying)
    story.fails(0, "r0").fires(1).fails(2, "r2")
    assert not story.state["isDone"]
    assert story.decided == [CreateTimer(3, story.now)]
    story.fires(3)
    assert (story.state["isDone"], story.state["output"]) == (True, "gave up: r2 \n d")
    assert story.replayed.ran_out


def test_even_a_single_attempt_ends_with_the_dummy_timer():
    def once(context):
        yield context.call_activity_with_retry("flaky", df.RetryOptions(5000, 1))

    story = Story(once)
    story.fails(0)
    assert story.decided == [CreateTimer(1, story.now)]


def test_children_get_an_id_from_the_execution_unless_they_are_given_one():
    def parent(context):
        yield context.task_all(
            [context.call_sub_orchestrator("fan", [1, 2]), context.call_sub_orchestrator("fan", [3], "child-7")]
        )

    story = Story(parent)
    assert story.decided == [
        StartChild(0, "fan", "exec:0", "[1, 2]", None),
        StartChild(1, "fan", "child-7", "[3]", None),
    ]


def test_a_race_numbers_the_timer_but_not_the_event_and_survives_the_cancel_flag():
    def race(context):
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        approval = context.wait_for_external_event("Approval")
        winner = yield context.task_any([timer, approval])
        if winner == approval:
            timer.cancel()
        result = yield context.call_activity("double", 1)
        return [approval.result, result]

    story = Story(race)
    assert story.decided == [CreateTimer(0, story.now + timedelta(hours=1))]
    assert [child["actionType"] for child in story.actions[0]["compoundActions"]] == [5, 6]
    story.hears("Approval", {"by": "bob"})
    assert story.actions[0]["compoundActions"][0]["isCanceled"] is True  # changed in an answer already given
    assert names(story.decided) == [("ScheduleActivity", 1)]
    story.completes((1, 2))
    assert story.state["output"] == [{"by": "bob"}, 2]
    assert story.replayed.ran_out


def test_continue_as_new_ends_the_list_and_keeps_unheard_events():
    def loop(context):
        yield context.call_activity("tick", 1)
        context.set_custom_status({"n": 1})
        context.continue_as_new(2)

    story = Story(loop)
    story.hears("later", "kept").completes((0, None))
    assert story.state == {
        "isDone": True,
        "schemaVersion": 2,
        "actions": [[activity("tick", "1"), {"actionType": 4, "input": "2"}]],
        "customStatus": {"n": 1},
    }
    assert story.replayed.continued_input == "2"
    assert [event["Name"] for event in story.replayed.unconsumed] == ["later"]


def test_a_raised_exception_carries_the_actions_and_waits_for_them():
    def fails(context):
        yield context.task_all([context.call_activity("good", 1), context.call_activity("bad", 2)])

    story = Story(fails)
    story.fails(1, "kaput")
    assert isinstance(story.answer, Exception)
    assert story.state["error"] == "kaput \n d"
    assert not story.replayed.ran_out  # hazard D: the extension waits for the slowest sibling
    story.completes((0, 1))
    assert story.replayed.ran_out


def test_task_all_of_nothing_costs_no_action_and_yields_none():
    def empty(context):
        nothing = yield context.task_all([])
        result = yield context.call_activity("double", 1)
        return [nothing, result]

    story = Story(empty)
    assert story.actions == [activity("double", "1")]
    assert names(story.decided) == [("ScheduleActivity", 0)]
    assert story.completes((0, 2)).state["output"] == [None, 2]


def test_events_match_waiters_without_regard_to_case_and_before_or_after_the_wait():
    def waits(context):
        yield context.call_activity("first", None)
        yield context.wait_for_external_event("Go")
        yield context.call_activity("second", None)

    early = Story(waits)
    early.hears("Go", 1)
    assert early.decided == []
    assert names(early.completes((0, None)).decided) == [("ScheduleActivity", 1)]
    late = Story(waits)
    assert late.completes((0, None)).decided == []
    assert names(late.hears("Go", 1).decided) == [("ScheduleActivity", 1)]
    wait, go = {"actionType": 6, "externalEventName": "Go"}, events.event_raised(BEGAN, name="gO", input_text="1")
    assert Sim([wait], execution_id="e").run([started(), go]).ran_out


def test_of_two_waits_for_one_event_the_later_hears_it():
    wait = {"actionType": 6, "externalEventName": "Go"}

    def race(hours):
        timer = {"actionType": 5, "fireAt": f"2026-11-23T{12 + hours}:00:00.000000Z", "isCanceled": False}
        return {"actionType": 11, "compoundActions": [wait, timer]}

    history = [
        started(),
        events.timer_created(BEGAN, 0, BEGAN),
        events.timer_fired(0, BEGAN),  # the first wait is given up, but still stands
        events.timer_created(BEGAN, 1, BEGAN),
        events.event_raised(BEGAN, name="Go", input_text="1"),
    ]
    replayed = Sim([race(0), race(1), activity("a", "1")], execution_id="exec").run(history)
    assert names(replayed.decisions) == [("ScheduleActivity", 2)]


# --- hazards: the two numberings disagree, and must -----------------------------------------------


def test_hazard_a_the_sdk_and_the_extension_give_one_id_to_two_things():
    def careless(context):
        try:
            yield context.task_all(
                [
                    context.call_activity_with_retry("a", df.RetryOptions(50, 1)),
                    context.call_activity_with_retry("b", df.RetryOptions(400, 2)),
                ]
            )
        except Exception:
            context.set_custom_status("careless")
        result = yield context.call_activity("c", 21)
        return {"C result": result}

    story = Story(careless)
    story.fails(0).fires(2)  # a has given up; the SDK goes on and numbers c 3
    assert story.actions[-1] == activity("c", "21")
    assert story.decided == []  # the extension is still inside task_all
    story.fails(1)
    assert story.decided == [CreateTimer(3, story.now + timedelta(seconds=0.4))]
    story.fires(3)  # b's retry timer answers c
    assert story.state["output"] == {"C result": None}
    assert not story.replayed.ran_out


def test_hazard_c_a_sliding_window_blocks_on_its_newest_task():
    def window(context):
        pending = [context.call_activity("a", n) for n in range(2)]
        winner = yield context.task_any(pending)
        pending.remove(winner)
        pending.append(context.call_activity("a", 2))
        winner = yield context.task_any(pending)
        pending.remove(winner)
        pending.append(context.call_activity("a", 3))
        yield context.task_any(pending)

    story = Story(window)
    story.completes((0, 0))
    assert names(story.decided) == [("ScheduleActivity", 2)]
    story.completes((1, 1))
    assert len(story.actions) == 3
    assert story.decided == []  # the SDK has a free place, but the list names only task 2, which still runs
    assert names(story.completes((2, 2)).decided) == [("ScheduleActivity", 3)]


# --- what must not be carried out -----------------------------------------------------------------


def started():
    return events.execution_started(
        BEGAN, name="o", version=None, input_text=None, instance_id="i", execution_id="exec"
    )


@pytest.mark.parametrize(
    "recorded",
    [
        events.task_scheduled(BEGAN, 0, name="other", input_text="[]"),
        events.task_scheduled(BEGAN, 1, name="list_dir", input_text="[]"),
        events.timer_created(BEGAN, 0, BEGAN),
        events.child_created(BEGAN, 0, name="list_dir", instance_id="c", input_text="null"),
    ],
)
def test_a_history_that_the_actions_do_not_explain_is_refused(recorded):
    with pytest.raises(NonDeterminismError, match="Non-Deterministic workflow detected"):
        Sim([activity("list_dir", "1")], execution_id="exec").run([started(), recorded])


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ({"actionType": 7}, "entities are not supported"),
        ({"actionType": 9}, "entities are not supported"),
        ({"actionType": 8}, "call_http is not supported"),
        ({"actionType": 99}, "unknown action type 99"),
        ({"actionType": 11, "compoundActions": []}, "task_any needs at least one task"),
    ],
)
def test_actions_the_host_does_not_have_are_refused_in_a_sentence(action, sentence):
    with pytest.raises(ActionRefusedError, match=sentence):
        Sim([action], execution_id="exec").run([started()])


def test_a_duplicate_completion_is_ignored():
    actions = [activity("a", "1"), activity("b", "2")]
    history = [
        started(),
        events.task_scheduled(BEGAN, 0, name="a", input_text="[]"),
        events.task_completed(BEGAN, 0, "1"),
        events.task_completed(BEGAN, 0, "1"),
        events.task_completed(BEGAN, 7, "1"),
    ]
    replayed = Sim(actions, execution_id="exec").run(history)
    assert names(replayed.decisions) == [("ScheduleActivity", 1)]


def test_a_long_list_does_not_recurse():
    actions = [activity("a", "1") for _ in range(5000)]
    history = [started()]
    for n in range(5000):
        history.append(events.task_scheduled(BEGAN, n, name="a", input_text="[]"))
        history.append(events.task_completed(BEGAN, n, "1"))
    assert Sim(actions, execution_id="exec").run(history).ran_out
