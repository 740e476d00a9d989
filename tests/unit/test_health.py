"""How a share stands, and why."""

import datetime as dt
from itertools import product

import pytest

from shared.core.health import Level, OpenAlert, Standing, health
from shared.core.spans import span
from shared.model.alert import Condition
from shared.model.run import RunState

NOW = dt.datetime(2026, 11, 29, 6, 0, tzinfo=dt.UTC)
DAY = 86_400


def ago(**passed):
    return NOW - dt.timedelta(**passed)


def standing(**known):
    return Standing(**({"since": ago(days=90), "taken_at": ago(hours=5), "objective_s": 26 * 3600} | known))


def told(**known):
    found = health(standing(**known), NOW)
    return found.level, found.reasons[0]


def alert(condition, about="", acknowledged=False, title=""):
    return OpenAlert(condition, about, acknowledged, title)


def test_a_share_with_a_new_restore_point_is_good():
    assert told(backup_no=7, backup_state=RunState.SUCCEEDED) == (Level.GOOD, "within its objective of 26 hours")


def test_without_an_objective_it_is_said_that_nobody_watches():
    level, why = told(objective_s=None)
    assert (level, "no objective is set" in why) == (Level.GOOD, True)
    assert told(objective_s=None, taken_at=ago(days=40)) == (
        Level.ATTENTION,
        "the newest restore point is 40 days old, and no objective is set",
    )


def test_a_restore_point_older_than_the_objective_is_bad():
    assert told(taken_at=ago(hours=26)) == (Level.GOOD, "within its objective of 26 hours")
    assert told(taken_at=ago(hours=26, seconds=1))[0] is Level.BAD
    assert told(taken_at=ago(days=3)) == (
        Level.BAD,
        "the newest restore point is 3 days old; the objective is one every 26 hours",
    )


def test_a_new_share_has_until_its_objective_for_the_first_restore_point():
    new = {"taken_at": None, "since": ago(hours=2)}
    assert told(**new) == (Level.NONE, "there is none yet; the first backup makes it")
    assert told(**new, active="backup") == (Level.NONE, "the first backup is on its way")
    assert told(taken_at=None, since=ago(days=4)) == (
        Level.BAD,
        "no restore point in 4 days under protection; the objective is one every 26 hours",
    )
    assert told(taken_at=None, since=ago(days=4), objective_s=None)[0] is Level.NONE


def test_a_failed_backup_is_bad_unless_the_objective_is_still_met():
    failed = {"backup_no": 9, "backup_state": RunState.FAILED, "backup_error": "the share is gone; hint: look for it"}
    assert told(**failed) == (
        Level.ATTENTION,
        "backup 9 failed, and the objective is still met: the share is gone",
    )
    assert told(**failed, objective_s=None) == (Level.BAD, "backup 9 failed: the share is gone")
    assert told(**failed, taken_at=None, since=ago(hours=1))[0] is Level.BAD
    both = health(standing(**failed, taken_at=ago(days=3)), NOW)
    assert [both.level, *both.reasons] == [
        Level.BAD,
        "the newest restore point is 3 days old; the objective is one every 26 hours",
        "backup 9 failed: the share is gone",
    ]


def test_errors_of_the_last_backup_want_attention_until_they_are_acknowledged():
    errors = {"backup_no": 9, "backup_state": RunState.COMPLETED_WITH_ERRORS}
    open_alert = alert(Condition.COMPLETED_WITH_ERRORS, "backup")
    assert told(**errors)[0] is Level.ATTENTION
    assert told(**errors, alerts=[open_alert])[0] is Level.ATTENTION
    assert told(**errors, alerts=[open_alert._replace(acknowledged=True)])[0] is Level.GOOD


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (alert(Condition.DAMAGE, "full", title="found damage: 3 objects"), Level.BAD),
        (alert(Condition.DAMAGE, "full", acknowledged=True), Level.BAD),
        (alert(Condition.UNUSUAL_CHANGE), Level.BAD),
        (alert(Condition.UNUSUAL_CHANGE, acknowledged=True), Level.GOOD),
        (alert(Condition.RUN_FAILED, "restore"), Level.ATTENTION),
        (alert(Condition.RUN_FAILED, "restore", acknowledged=True), Level.GOOD),
        (alert(Condition.COMPLETED_WITH_ERRORS, "sweep"), Level.ATTENTION),
        # Told of by the last backup and by the restore point's age themselves, which have changed since it was opened.
        (alert(Condition.RUN_FAILED, "backup"), Level.GOOD),
        (alert(Condition.NO_RESTORE_POINT), Level.GOOD),
    ],
)
def test_what_open_alerts_say(found, level):
    seen = health(standing(alerts=[found]), NOW)
    assert seen.level is level
    if found.title:
        assert seen.reasons == [found.title]


def test_the_gravest_comes_first_and_nothing_twice():
    failed = alert(Condition.RUN_FAILED, "restore", title="restore run 4 failed")
    damage = alert(Condition.DAMAGE, "quick", title="damage")
    found = health(standing(alerts=[failed, damage, damage]), NOW)
    assert (found.level, found.reasons) == (Level.BAD, ["damage", "restore run 4 failed"])


def test_a_deleted_share_is_none_of_these_whatever_else_is_wrong():
    deleted = {"deleted_at": ago(days=1), "taken_at": ago(days=30), "backup_state": RunState.FAILED}
    assert told(**deleted)[0] is Level.OFF
    assert told(**deleted, purging=True) == (Level.OFF, "it is being purged")


def test_every_standing_has_a_reason_in_words():
    states = (None, RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS, RunState.FAILED)
    alerts = ([], [alert(Condition.DAMAGE)], [alert(Condition.UNUSUAL_CHANGE)], [alert(Condition.RUN_FAILED, "verify")])
    for taken, objective, state, open_alerts in product(
        (None, ago(hours=1), ago(days=50)), (None, DAY), states, alerts
    ):
        found = health(
            standing(taken_at=taken, objective_s=objective, backup_no=1, backup_state=state, alerts=open_alerts), NOW
        )
        assert all(found.reasons)
        assert found.reasons
        assert not any("None" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "0 minutes"), (60, "1 minute"), (5400, "90 minutes"), (7200, "2 hours"), (26 * 3600, "26 hours"),
     (3 * DAY, "3 days"), (3.5 * DAY, "3.5 days"), (59.96 * DAY, "60 days")],
)  # fmt: skip
def test_lengths_of_time_are_told_as_people_say_them(seconds, words):
    assert span(seconds) == words
