"""What is compared between hosts, and how a difference is told."""

from localdev.conformance import seen
from localdev.conformance.differences import Difference, compare

EXECUTION = "a9bd1747e3a044059433843663ea0f05"


def shown(*events, status="Completed", **more):
    return {"runtimeStatus": status, "instanceId": "i", "historyEvents": list(events), **more}


def done(result, **more):
    return {"EventType": "TaskCompleted", "FunctionName": "double", "Result": result, **more}


def test_times_numbers_and_traces_are_not_compared():
    one = done(2, Timestamp="2031-01-01T00:00:00Z", ScheduledTime="2031-01-01T00:00:00Z", Correlation=None)
    other = done(2, Timestamp="2032-01-01T00:00:00Z", ScheduledTime="2032-01-01T00:00:00Z", Details="trace")
    assert seen.instance(shown(one)) == seen.instance(shown(other))


def test_results_inputs_names_and_order_are():
    first, second = done(2), done(4)
    assert seen.instance(shown(first, second)) != seen.instance(shown(second, first))
    assert seen.instance(shown(first)) != seen.instance(shown(done("2")))
    assert seen.instance(shown(done(2, Input="[1]"))) != seen.instance(shown(done(2, Input="[2]")))
    assert seen.instance(shown(first, customStatus="a")) != seen.instance(shown(first))


def test_answers_side_by_side_may_come_in_any_order_and_nothing_else_may():
    raised = {"EventType": "EventRaised", "Name": "go", "Input": "1"}
    one = seen.instance(shown(done(4), done(2), raised, done(6)), any_order=True)
    assert one == seen.instance(shown(done(2), done(4), raised, done(6)), any_order=True)
    assert one != seen.instance(shown(done(2), done(4), done(6), raised), any_order=True)


def test_inputs_are_compared_as_json_and_results_as_they_are():
    assert seen.history([done(1, Input='["1"]')]) == seen.history([done(1, Input='[ "1" ]')])
    assert seen.history([done('["1"]')]) != seen.history([done('[ "1" ]')])  # a string is not what it holds


def test_of_a_failure_the_first_line_counts_whatever_its_blanks():
    real = "Activity function 'a' failed:  ValueError: boom \n {a .NET exception}"
    ours = "Activity function 'a' failed: ValueError: boom\nTraceback"
    assert seen.instance(shown(status="Failed", output=real)) == seen.instance(shown(status="Failed", output=ours))
    assert seen.instance(shown(output="a  b")) != seen.instance(shown(output="a b"))  # of a success all of it does
    failed = {"EventType": "TaskFailed", "Reason": real}
    assert seen.history([failed]) == seen.history([{"EventType": "TaskFailed", "Reason": ours}])


def test_drawn_ids_are_told_apart_but_not_by_what_they_are():
    other = EXECUTION[::-1]
    value = {"a": f"{EXECUTION}:0", "b": [other, EXECUTION]}
    assert seen.without_drawn(value) == {"a": "<id 1>:0", "b": ["<id 2>", "<id 1>"]}
    assert seen.without_drawn("0f8fad5b-d9cb-469f-a165-70867728950e") == "<id 1>"
    assert seen.without_drawn("f" * 64) == "f" * 64  # a digest


def test_equal_values_have_no_difference():
    value = {"output": [1, {"a": None}], "history": [{"event": "TaskCompleted"}]}
    assert compare(value, dict(value)) == []


def test_a_difference_is_named_by_its_place():
    found = compare({"output": {"of double": None}, "status": "Completed"}, {"output": {"of double": 42}})
    assert found == [Difference("output.of double", "null", "42"), Difference("status", '"Completed"', None)]
    assert found[0].lines("localdev", "real") == ["output.of double", "  localdev  null", "  real      42"]
    assert found[1].lines("localdev", "real")[2] == "  real      (nothing)"


def test_one_event_too_many_is_one_difference():
    ours = [{"event": "ExecutionStarted"}, {"event": "TimerFired"}, {"event": "ExecutionCompleted"}]
    assert compare({"history": ours}, {"history": [ours[0], ours[2]]}) == [
        Difference("history[1]", '{"event": "TimerFired"}', None)
    ]


def test_an_event_that_differs_in_part_is_told_in_part():
    ours, theirs = [{"event": "TaskCompleted", "Result": 1}], [{"event": "TaskCompleted", "Result": 2}]
    assert compare(ours, theirs, "history") == [Difference("history[0].Result", "1", "2")]


def test_a_number_is_not_a_flag_or_a_text():
    assert compare({"a": 1}, {"a": True})
    assert compare({"a": 1}, {"a": "1"})
    assert compare([1], [True], "a")


def test_long_values_are_cut_for_people_only():
    (difference,) = compare("x" * 1_000, "y", "output")
    assert len(difference.ours) == 1_002
    assert len(difference.lines("a", "b")[1]) < 400
