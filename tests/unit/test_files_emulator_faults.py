"""Fault rules: which requests they strike, and that chance can be repeated."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localdev.files_emulator.control_fields import rule_from, rule_shown
from localdev.files_emulator.fields import Fields, Unexpected
from tests.support.files_emulator import InProcess
from tests.support.files_wire import request_bytes


def rule(**fields):
    return rule_from(Fields(fields), lambda: "an-id")


def stocked(*rules):
    emulator = InProcess()
    emulator.create_share("share")
    for name in ("a", "b"):
        assert emulator.put(f"share/{name}", b"x" * 10).status == 201
    emulator.control.set_rules(list(rules))
    return emulator


def struck(emulator, path="share/a", times=10):
    """Which of so many reads, counted from 1, are refused."""
    return [n for n in range(1, times + 1) if emulator.get(path).status == 503]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"nth": 3, "count": 2}, [3, 4]),
        ({"nth": 9, "count": 0}, [9, 10]),
        ({"every": 4}, [1, 5, 9]),
        ({"every": 4, "nth": 2, "count": 2}, [2, 6]),
        ({"probability": 0}, []),
        ({"probability": 1, "count": 3}, [1, 2, 3]),
    ],
)
def test_a_rule_strikes_the_requests_it_says(fields, expected):
    assert struck(stocked(rule(status=503, **fields))) == expected


@pytest.mark.parametrize(
    ("fields", "strikes"),
    [
        ({"operation": "file_.*"}, True),
        ({"operation": "file"}, False),
        ({"path": "re/a$"}, True),
        ({"path": "^/share"}, False),
        ({"method": "GET"}, True),
        ({"method": "PUT"}, False),
        ({"share": "share"}, True),
        ({"share": "shar"}, False),
        ({"max_body_bytes": 0}, True),
        ({"min_body_bytes": 1}, False),
        ({"query": "x=1"}, True),
        ({"query": "x=2"}, False),
    ],
)
def test_a_rule_looks_only_at_what_it_matches(fields, strikes):
    if fields == {"operation": "file"}:
        with pytest.raises(Unexpected, match="to match one of directory_create, "):
            rule(status=503, **fields)
        return
    emulator = stocked(rule(status=503, **fields))
    assert (emulator.get("share/a", {"x": "1"}).status == 503) is strikes
    assert emulator.control.rules[0].seen == emulator.control.rules[0].hits == strikes


def test_a_body_s_size_selects_uploads():
    emulator = stocked(rule(status=500, operation="file_create", min_body_bytes=5, max_body_bytes=7, count=0))
    assert [emulator.put("share/c", bytes(size)).status for size in (4, 5, 7, 8)] == [201, 500, 500, 201]


def test_a_path_that_is_not_ascii_is_matched_decoded():
    emulator = stocked(rule(status=503, path="/größe 1$"))
    assert emulator.put("share/gr%C3%B6%C3%9Fe%201", b"x").status == 503


def test_the_first_rule_that_strikes_hides_the_request_from_the_rest():
    emulator = stocked(rule(code="ServerBusy"), rule(code="InternalError"))
    assert [emulator.get("share/a").code for _ in range(3)] == ["ServerBusy", "InternalError", ""]


def test_a_struck_request_did_nothing():
    emulator = stocked(rule(code="ServerBusy", operation="file_create"))
    assert emulator.put("share/c", b"x").code == "ServerBusy"
    assert emulator.get("share/c").status == 404


def test_a_request_that_is_not_authorised_is_not_struck():
    emulator = stocked(rule(code="InternalError"))
    assert emulator.send("GET", "share/a", sign=False).status in (401, 403, 404)
    assert emulator.control.rules[0].seen == 0


def test_a_code_brings_its_status_and_text_unless_others_are_given():
    emulator = stocked(
        rule(code="ResourceNotFound"), rule(code="ResourceNotFound", status=410, message="Gone fishing.")
    )
    first, second = emulator.get("share/a"), emulator.get("share/a")
    assert (first.status, first.reason) == (404, "The specified resource does not exist.")
    assert (second.status, second.code, second.reason) == (410, "ResourceNotFound", "Gone fishing.")
    assert b"<Message>Gone fishing." in second.body


def test_retry_after_is_sent_if_asked_for():
    emulator = stocked(rule(status=503, retry_after_s=7, retry_after_ms=6500), rule(status=503))
    first, second = emulator.get("share/a"), emulator.get("share/a")
    assert (first.headers["retry-after"], first.headers["x-ms-retry-after-ms"]) == ("7", "6500")
    assert "retry-after" not in second.headers


def test_the_same_seed_strikes_the_same_requests_and_another_seed_others():
    def strikes(seed):
        return struck(stocked(rule(status=503, probability=0.25, seed=seed)), times=400)

    assert strikes(7) == strikes(7)
    assert strikes(7) != strikes(8)
    assert 60 <= len(strikes(7)) <= 140


def test_chance_does_not_change_between_versions():
    """What somebody wrote down about a seed stays true."""
    assert struck(stocked(rule(status=503, probability=0.2, seed=1)), times=40) == FROM_SEED_1


FROM_SEED_1 = [5, 9, 10, 30]


def test_a_rule_by_request_strikes_the_same_ones_in_any_order():
    def failures(seed_of_order):
        """For each of 60 files, how many tries it takes."""
        emulator = stocked(rule(status=503, probability=0.4, seed=3, by="request", operation="file_get_properties"))
        for n in range(60):
            emulator.put(f"share/f{n}", b"x")
        left, tries = [f"f{n}" for n in range(60)], dict.fromkeys((f"f{n}" for n in range(60)), 0)
        order = random.Random(seed_of_order)
        while left:
            name = order.choice(left)
            tries[name] += 1
            if emulator.send("HEAD", f"share/{name}").status == 200:
                left.remove(name)
        return tries

    first = failures(1)
    assert first == failures(2)
    assert {1, 2, 3} <= set(first.values())


def test_one_bit_of_an_answer_is_wrong_and_the_seed_says_which():
    def read(seed):
        emulator = stocked(rule(corrupt="answer", operation="file_download", seed=seed))
        return emulator.get("share/a").body

    assert read(1) == read(1)
    assert len({read(seed) for seed in range(20)}) > 10
    assert sum((a ^ b).bit_count() for a, b in zip(read(1), b"x" * 10, strict=True)) == 1


def test_one_bit_of_a_request_is_wrong():
    emulator = stocked(rule(corrupt="request", operation="file_create"))
    assert emulator.put("share/c", b"hello").status == 201
    kept = emulator.get("share/c").body
    assert sum((a ^ b).bit_count() for a, b in zip(kept, b"hello", strict=True)) == 1


def test_a_wrong_bit_does_not_get_past_a_checksum():
    emulator = stocked(rule(corrupt="request", operation="file_create"))
    answer = emulator.put("share/c", b"hello", {"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="})
    assert (answer.status, answer.code) == (400, "Md5Mismatch")
    assert emulator.get("share/c").status == 404


@pytest.mark.parametrize(("which", "expected"), [("first", (201, "")), ("second", (409, "ResourceAlreadyExists"))])
def test_a_duplicate_is_carried_out_twice(which, expected):
    emulator = stocked(rule(duplicate=which, operation="directory_create"))
    answer = emulator.send("PUT", "share/d", {"restype": "directory"})
    assert (answer.status, answer.code) == expected
    counts = emulator.control.counters.operations()["directory_create"]
    assert (counts.requests, counts.faults, counts.by_class[2], counts.by_class[4]) == (2, 2, 1, 1)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "body: expected an effect: status or code, reset, "),
        ({"status": 200}, "status: expected a whole number from 400 to 599, got 200"),
        ({"status": 409}, "code: expected an error code, since status 409 has many"),
        ({"code": "NoSuchCode"}, "status: expected from 400 to 599, since NoSuchCode"),
        ({"code": "a b", "status": 400}, "code: expected letters and digits"),
        ({"status": 503, "message": "a\r\nb: c"}, "message: expected one line"),
        ({"status": 503, "reset": "before"}, "body: expected one effect and delays, got 'reset and status'"),
        ({"reset": True}, "reset: expected one of after, before, got True"),
        ({"retry_after_s": 1, "delay_s": 1}, "retry_after_s: expected a rule with status or code"),
        ({"truncate_bytes": 1, "truncate_fraction": 0.5}, "truncate_fraction: expected not both"),
        ({"truncate_fraction": 1.5}, "truncate_fraction: expected a number from 0 to 1"),
        ({"stall_fraction": 0.5, "delay_s": 1}, "stall_fraction: expected stall_s beside it"),
        ({"status": 503, "operation": "file_dowload"}, "operation: expected to match one of directory_create"),
        ({"status": 503, "path": "("}, "path: expected a regular expression"),
        ({"status": 503, "probability": 2}, "probability: expected a number from 0 to 1"),
        ({"status": 503, "nth": 0}, "nth: expected a whole number from 1"),
        ({"status": 503, "count": True}, "count: expected a whole number from 0"),
        ({"status": 503, "method": "get"}, "method: expected one of DELETE, GET"),
        ({"status": 503, "by": "chance"}, "by: expected one of order, request"),
        ({"delay_s": float("nan")}, "delay_s: expected a number from 0 to 3600"),
        ({"status": 503, "nonsense": 1}, "nonsense: expected no such field; there are by, code"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(fields, complaint):
    with pytest.raises(Unexpected, match=f"^{re.escape(complaint)}"):
        rule(**fields)


def test_a_rule_shows_what_it_was_given_and_did():
    emulator = stocked(rule(id="mine", status=503, path="/a$", every=2))
    struck(emulator, times=3)
    assert rule_shown(emulator.control.rules[0]) == {
        "id": "mine",
        "operation": ".*",
        "path": "/a$",
        "nth": 1,
        "every": 2,
        "probability": 1.0,
        "count": 0,
        "seed": 0,
        "by": "order",
        "status": 503,
        "code": "ServerBusy",
        "seen": 3,
        "hits": 2,
    }


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 700),
    st.floats(),
    st.sampled_from(
        ["", "before", "after", "answer", "request", "first", "order", "GET", ".*", "(", "file_.*", "x\ny"]
    ),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=1),
)
FIELDS = {
    *("id", "operation", "path", "query", "method", "share", "min_body_bytes", "max_body_bytes", "nth", "every"),
    *("probability", "count", "seed", "by", "status", "code", "message", "retry_after_s", "retry_after_ms", "reset"),
    *("truncate_bytes", "truncate_fraction", "corrupt", "duplicate"),
}
EFFECTS = (
    *({"status": 503}, {"code": "ResourceNotFound"}, {"reset": "before"}, {"reset": "after"}, {"truncate_bytes": 3}),
    *({"truncate_fraction": 0.3}, {"corrupt": "answer"}, {"corrupt": "request"}, {"duplicate": "first"}),
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EFFECTS), st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON_VALUES, max_size=3))
def test_a_rule_of_any_fields_is_refused_or_works(effect, fields):
    try:
        made = rule(**effect | fields)
    except Unexpected:
        return
    emulator = stocked(made)
    for method, path in (("GET", "share/a"), ("HEAD", "share/b"), ("PUT", "share/a"), ("GET", "share/nothing")):
        emulator.bytes(request_bytes(method, path))
    assert emulator.control.counters.total().by_class[5] == 0 or made.effects.status >= 500
    assert made.hits <= made.seen <= 4
