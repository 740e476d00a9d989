"""Limits: how many requests and bytes a second get through, by a clock of the test's own."""

import pytest

from localdev.files_emulator.control import Control
from localdev.files_emulator.control_fields import limits_from, rule_from
from localdev.files_emulator.fields import Fields, Unexpected
from localdev.files_emulator.limits import Limits
from localdev.files_emulator.messages import Request
from tests.support.files_emulator import InProcess


class Time:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def emulator(time):
    emulator = InProcess(control=Control(time))
    emulator.create_share("share")
    emulator.create_share("other")
    emulator.put("share/f", b"x" * 1024)
    emulator.put("other/f", b"x" * 1024)
    return emulator


def settings(**fields):
    return limits_from(Fields(fields))


def limit(emulator, share=None, **fields):
    emulator.control.limit(settings(**fields), share)


def passed(emulator, times, ask=lambda emulator: emulator.get("share/f")):
    answers = [ask(emulator) for _ in range(times)]
    assert {answer.code for answer in answers} <= {"", "ServerBusy"}
    return sum(not answer.code for answer in answers)


def test_operations_beyond_the_limit_are_refused_until_time_has_passed(emulator, time):
    limit(emulator, iops=10)
    assert passed(emulator, 15) == 10
    refused = emulator.get("share/f")
    assert (refused.status, refused.code) == (503, "ServerBusy")
    assert refused.reason == "Operations per second is over the account limit."
    assert "retry-after" not in refused.headers
    time.now_s += 0.25
    assert passed(emulator, 15) == 2
    time.now_s += 100
    assert passed(emulator, 15) == 10, "no more than one second's worth is saved up"


def test_a_burst_is_as_long_as_it_is_said(emulator, time):
    limit(emulator, iops=10, burst_s=2.5)
    assert passed(emulator, 40) == 25
    limit(emulator, iops=0.5, burst_s=0)
    assert passed(emulator, 3) == 1, "at least one request, or none would ever pass"
    time.now_s += 2
    assert passed(emulator, 3) == 1


def test_metadata_has_a_limit_within_the_limit(emulator):
    limit(emulator, iops=10, metadata_iops=2)
    assert passed(emulator, 5, lambda e: e.send("HEAD", "share/f")) == 2
    assert passed(emulator, 15) == 8, "what was refused took nothing"


def test_egress_is_paid_afterwards(emulator, time):
    limit(emulator, egress_mib_s=1 / 1024)
    assert passed(emulator, 1) == 1, "exactly a second's worth"
    assert passed(emulator, 1) == 1, "nothing left, but no debt"
    refused = emulator.get("share/f")
    assert refused.reason == "Egress is over the account limit."
    assert emulator.put("share/g", b"x").status == 201, "the other direction is free"
    time.now_s += 0.99
    assert passed(emulator, 1) == 0
    time.now_s += 0.02
    assert passed(emulator, 2) == 1


def test_ingress_is_paid_by_what_is_sent(emulator, time):
    limit(emulator, ingress_mib_s=1 / 1024)
    assert passed(emulator, 3, lambda e: e.put("share/g", bytes(2048))) == 1
    assert emulator.put("share/g", b"x").reason == "Ingress is over the account limit."
    assert passed(emulator, 3) == 3
    time.now_s += 1.001
    assert passed(emulator, 3, lambda e: e.put("share/g", bytes(2048))) == 1


def test_throughput_is_both_directions_together(emulator):
    limit(emulator, throughput_mib_s=1 / 1024)
    assert emulator.put("share/g", bytes(600)).status == 201
    assert emulator.get("share/f").status == 200
    assert emulator.get("share/f").reason == "Egress is over the account limit."
    assert emulator.put("share/g", b"x").reason == "Ingress is over the account limit."
    assert emulator.send("HEAD", "share/g").status == 200, "moves nothing"


def test_a_share_s_limit_is_its_own_and_the_account_s_is_everybody_s(emulator):
    limit(emulator, "share", iops=3)
    assert passed(emulator, 5) == 3
    assert passed(emulator, 5, lambda e: e.get("other/f")) == 5
    limit(emulator, iops=4)
    limit(emulator, "share", iops=3)
    assert passed(emulator, 5) == 3
    assert passed(emulator, 5, lambda e: e.get("other/f")) == 1
    emulator.control.limit(None)
    emulator.control.limit(None, "share")
    assert passed(emulator, 20) == 20
    assert not emulator.control.watches


def test_retry_after_says_when_the_next_one_passes(emulator, time):
    limit(emulator, iops=0.4, burst_s=0, retry_after=True)
    assert passed(emulator, 1) == 1
    refused = emulator.get("share/f")
    assert (refused.headers["retry-after"], refused.headers["x-ms-retry-after-ms"]) == ("3", "2500")
    time.now_s += 2.5
    assert passed(emulator, 1) == 1


def test_what_is_refused_is_counted_and_does_nothing(emulator):
    limit(emulator, iops=0.1, burst_s=0)
    answers = [emulator.put("share/new", b"x").status, emulator.send("DELETE", "share/new").status]
    assert answers == [201, 503]
    emulator.control.limit(None)
    assert emulator.get("share/new").status == 200
    counts = emulator.control.counters.operations()["file_delete"]
    assert (counts.requests, counts.throttled, counts.by_class[5], counts.faults) == (1, 1, 1, 0)


def test_a_limit_comes_before_the_faults():
    emulator = InProcess(control=Control(lambda: 0.0))
    emulator.create_share("share")
    limit(emulator, iops=0.1, burst_s=0)
    emulator.control.set_rules([rule_from(Fields({"code": "InternalError", "nth": 2}), lambda: "x")])
    assert [emulator.get("share/f").code for _ in range(3)] == ["ResourceNotFound", "ServerBusy", "ServerBusy"]
    assert emulator.control.rules[0].seen == 1


def test_an_answer_waits_by_kind_and_size_and_a_seeded_jitter():
    def waits(operation, count=50, **fields):
        limits = Limits(settings(**fields), lambda: 0.0)
        request = Request("GET", "/", "", {}, [], operation=operation)
        return [limits.answered(request, 2 * 1024 * 1024) for _ in range(count)]

    plain = {"metadata_ms": 3, "data_ms": 8}
    assert set(waits("directory_list", **plain)) == {0.003}
    assert set(waits("file_download", **plain)) == {0.008}
    assert set(waits("file_download", **plain, per_mib_ms=10)) == {0.028}
    with_jitter = waits("file_download", **plain, jitter_ms=4, seed=5)
    assert all(0.008 <= wait < 0.012 for wait in with_jitter)
    assert len(set(with_jitter)) > 40
    assert with_jitter == waits("file_download", **plain, jitter_ms=4, seed=5)
    assert with_jitter != waits("file_download", **plain, jitter_ms=4, seed=6)


def test_a_preset_is_a_documented_share_type_and_can_be_scaled():
    full = settings(preset="hdd-pay-as-you-go")
    assert (full.iops, full.metadata_iops, full.ingress_mib_s, full.egress_mib_s) == (20_000, 12_000, 3_200, 6_400)
    small = settings(preset="ssd-provisioned-v2", scale=0.01, metadata_iops=7)
    assert (small.iops, small.metadata_iops, small.throughput_mib_s) == (1_024, 7, 103.4)
    with pytest.raises(Unexpected, match=r"preset: expected one of hdd-pay-as-you-go, .* got 'premium'"):
        settings(preset="premium")
    with pytest.raises(Unexpected, match="scale: expected a preset beside it"):
        settings(iops=5, scale=2)
    with pytest.raises(Unexpected, match="iops: expected a number from 1e-06"):
        settings(iops=0)
