"""What is told of a run that has ended, and how."""

import datetime as dt
import hashlib
import hmac
import json

import pytest

from shared.core import alert_message, alerts, delivering
from shared.core.unusual import Sign
from shared.model.alert import Alert, AlertEvent, Channel, ChannelKind, Condition, Delivery, DeliveryState, Parcel
from shared.model.run import Counters, Run, RunKind, RunState
from shared.model.verify_order import VerifyLevel, VerifyOrder

NOW = dt.datetime(2026, 11, 29, 6, 0, tzinfo=dt.UTC)


def run(state, kind=RunKind.BACKUP, **more):
    return Run(
        run_id=1, tenant_id="t", share_id=1, run_no=12, kind=kind, state=state, requested_at=NOW,
        **({"counters": Counters(files=100, errors=3)} | more),
    )  # fmt: skip


def verify(level, damaged=0, all_points=False, state=None):
    ended = state or (RunState.COMPLETED_WITH_ERRORS if damaged else RunState.SUCCEEDED)
    order = VerifyOrder(level=level, restore_point=5, all_points=all_points)
    return run(
        ended, RunKind.VERIFY, verify=order, report={"damaged_objects": damaged}, counters=Counters(errors=damaged)
    )


def seen(found):
    return [(sighting.condition, sighting.about) for sighting in found.holds]


def test_a_failed_run_is_told_with_its_reason():
    found = alerts.of_run(run(RunState.FAILED, error="the share was deleted"))
    assert seen(found) == [(Condition.RUN_FAILED, "backup")]
    assert found.holds[0].title == "backup run 12 failed"
    assert "the share was deleted" in found.holds[0].detail
    assert found.over == ()


def test_a_run_that_goes_well_ends_what_was_told_of_those_before():
    found = alerts.of_run(run(RunState.SUCCEEDED))
    assert found.holds == ()
    assert set(found.over) == {(Condition.RUN_FAILED, "backup"), (Condition.COMPLETED_WITH_ERRORS, "backup")}


def test_errors_are_told_and_a_failure_before_is_over():
    found = alerts.of_run(run(RunState.COMPLETED_WITH_ERRORS))
    assert seen(found) == [(Condition.COMPLETED_WITH_ERRORS, "backup")]
    assert "3 errors" in found.holds[0].title
    assert found.over == ((Condition.RUN_FAILED, "backup"),)


@pytest.mark.parametrize("state", [RunState.CANCELLED, RunState.RUNNING, RunState.PAUSED])
def test_what_people_ended_themselves_tells_nothing(state):
    assert alerts.of_run(run(state)) == alerts.Judgement()


def test_damage_is_told_as_damage_and_not_as_errors_too():
    found = alerts.of_run(verify(VerifyLevel.FULL, damaged=4))
    assert seen(found) == [(Condition.DAMAGE, "full")]


@pytest.mark.parametrize(
    ("level", "all_points", "ends"),
    [
        (VerifyLevel.QUICK, False, {"quick"}),
        (VerifyLevel.SAMPLE, False, {"quick"}),
        (VerifyLevel.FULL, False, {"quick", "sample", "full"}),
        (VerifyLevel.QUICK, True, {"quick", "quick of all restore points"}),
        (VerifyLevel.DRILL, False, {"drill"}),
    ],
)
def test_damage_is_over_when_as_much_was_looked_at_again(level, all_points, ends):
    found = alerts.of_run(verify(level, all_points=all_points))
    assert {about for condition, about in found.over if condition is Condition.DAMAGE} == ends


def test_a_failed_verify_disproves_nothing():
    assert alerts.of_run(verify(VerifyLevel.FULL, state=RunState.FAILED)).over == ()


def test_an_unusual_change_names_the_restore_point_to_go_back_to():
    sign = Sign(
        name="mass_deletion",
        count=6000,
        part=0.6,
        usual=5,
        most=9,
        text="6,000 of 10,000 files were deleted; usually 5",
    )
    told = alerts.of_changes(12, [sign], 11)
    assert "restore point before it is 11." in told.detail
    assert told.details["clean_restore_point"] == 11
    assert "6,000 of 10,000 files" in told.title


def test_a_late_share_is_told_how_late_it_is():
    late = alerts.Late(
        tenant_id="t", share_id=1, objective_s=86_400, taken_at=NOW - dt.timedelta(hours=30), since=NOW - dt.timedelta(hours=30),
        last_run="Its last backup, run 4, is failed: no access.",
    )  # fmt: skip
    told = alerts.of_late(late, NOW)
    assert told.title == "no restore point for longer than 24 hours"
    assert "is 30 hours old" in told.detail
    assert "no access" in told.detail


# ------------------------------------------------------------------------------------------------------------- messages


def parcel(number=1, event=AlertEvent.OPENED, **alert):
    fields = {"title": "backup run 12 failed", "detail": "It failed.\nSo it goes.", "closed_at": None} | alert
    return Parcel(
        delivery=Delivery(
            delivery_id=number, tenant_id="t", channel_id=7, event=event, state=DeliveryState.PENDING, created_at=NOW,
            next_at=NOW, attempts=1, alert_id=number,
        ),
        channel=Channel(
            channel_id=7, tenant_id="t", name="ops", kind=ChannelKind.EMAIL, recipients=("a@example.com",), created_at=NOW
        ),
        alert=None if event is AlertEvent.TEST else Alert(
            alert_id=number, tenant_id="t", share_id=3, condition=Condition.RUN_FAILED, about="backup", opened_at=NOW, seen_at=NOW,
            times=1, closed_by=None, acknowledged_at=None, acknowledged_by=None, run_no=12, details={"errors": 3}, **fields,
        ),
        tenant_name="Contoso",
        share_name="Finance",
    )  # fmt: skip


def test_a_signature_is_what_anybody_with_the_secret_reckons():
    body = alert_message.webhook_body(parcel(), NOW)
    told = json.loads(body)
    assert (told["event"], told["share"]["name"], told["alert"]["run_no"]) == ("opened", "Finance", 12)
    header = alert_message.signature("s3cret-s3cret-s3", body, NOW)
    at, code = header.removeprefix("t=").split(",v1=")
    assert at == str(int(NOW.timestamp()))
    assert code == hmac.new(b"s3cret-s3cret-s3", at.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_one_alert_is_its_own_subject_and_many_are_counted():
    assert alert_message.mail([parcel()]).subject == "Finance: backup run 12 failed"
    many = alert_message.mail([parcel(1), parcel(2), parcel(3, AlertEvent.CLOSED, closed_at=NOW)])
    assert many.subject == "Contoso: 2 alerts, 1 over"
    assert many.text.count("Finance (Contoso)") == 3


def test_nothing_in_an_alert_can_add_a_header():
    mail = alert_message.mail([parcel(title="failed\r\nBcc: everybody@example.com")])
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


def test_a_test_says_that_nothing_happened():
    assert "Nothing has happened" in alert_message.mail([parcel(event=AlertEvent.TEST)]).text


def test_pauses_grow_and_end_after_a_day():
    now, attempts, pauses = NOW, 1, []
    while (again := delivering.again_at(attempts, NOW, now)) is not None:
        pauses.append((again - now).total_seconds())
        now, attempts = again, attempts + 1
    assert pauses[:4] == [30, 60, 120, 240]
    assert max(pauses) == 7200
    assert dt.timedelta(hours=21) < now - NOW < dt.timedelta(days=1)
