"""What has become of damage."""

import datetime as dt

import pytest

from shared.core.healing import Standing, standing
from shared.model.verified import Found, Verified
from shared.model.verify import Finding, FindingKind
from shared.model.verify_order import VerifyLevel

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
QUICK, SAMPLE, FULL, DRILL = VerifyLevel.QUICK, VerifyLevel.SAMPLE, VerifyLevel.FULL, VerifyLevel.DRILL


def verified(run_no, level, oldest=1, newest=5, **more):
    return Verified(run_no=run_no, level=level, began_at=NOW, ended_at=NOW, oldest=oldest, newest=newest, **more)


def found(kind=FindingKind.DAMAGED, by=None, points=(2, 3), there=(2, 3), waits=False, backed_up=False, **more):
    finding = Finding(kind=kind, object="1/chunk/ab/abcd", reason="other bytes", points=set(points))
    for name, value in more.items():
        setattr(finding, name, value)
    by = by or verified(10, FULL)
    return Found(finding=finding, by=by, points_there=tuple(there), waits=waits, backed_up=backed_up)


def how(one, *later):
    return standing(one, later).standing


def test_damage_of_today_waits_for_the_next_backup_and_is_then_saved_again():
    assert how(found(current=True, waits=True)) is Standing.WAITS
    assert how(found(current=True, backed_up=True)) is Standing.SAVED_AGAIN
    assert how(found(current=True)) is Standing.OPEN


def test_damage_of_the_past_stays_until_its_restore_points_are_gone():
    assert how(found(waits=True, backed_up=True)) is Standing.OPEN
    assert how(found(there=())) is Standing.NOBODY_NEEDS_IT


def test_a_permission_is_not_saved_again():
    assert how(found(current=True, backed_up=True, object="1/permission/4711-1")) is Standing.OPEN


@pytest.mark.parametrize(
    ("kind", "by", "later", "heals"),
    [
        (FindingKind.DAMAGED, FULL, FULL, True),
        (FindingKind.DAMAGED, FULL, QUICK, False),
        (FindingKind.DAMAGED, QUICK, QUICK, True),
        (FindingKind.DAMAGED, QUICK, DRILL, False),
        (FindingKind.LOST, FULL, QUICK, True),
        (FindingKind.LOST, FULL, DRILL, False),
        (FindingKind.NOT_RESTORED, DRILL, FULL, False),
        (FindingKind.NOT_RESTORED, DRILL, DRILL, True),
    ],
)
def test_a_later_verify_disproves_what_it_would_have_found(kind, by, later, heals):
    one = found(kind, verified(10, by))
    assert (how(one, verified(11, later)) is Standing.NOT_FOUND_AGAIN) == heals
    assert how(one, verified(9, later)) is Standing.OPEN


def test_another_part_of_the_files_disproves_nothing():
    one = found(by=verified(10, SAMPLE, parts=50, part=3))
    assert how(one, verified(11, SAMPLE, parts=50, part=4)) is Standing.OPEN
    assert how(one, verified(60, SAMPLE, parts=50, part=3)) is Standing.NOT_FOUND_AGAIN


def test_who_looked_at_other_restore_points_disproves_nothing():
    assert how(found(), verified(11, FULL, oldest=5)) is Standing.OPEN
    assert how(found(there=(2,)), verified(11, FULL, oldest=2, newest=2)) is Standing.NOT_FOUND_AGAIN
