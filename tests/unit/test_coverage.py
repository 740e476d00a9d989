"""What was read again and when."""

import datetime as dt

from shared.core.coverage import coverage
from shared.model.verified import Verified
from shared.model.verify_order import VerifyLevel

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)


def sample(run_no, part, parts=4, level=VerifyLevel.SAMPLE, **more):
    at = NOW + dt.timedelta(hours=run_no)
    more = {"files": 1_000} | more
    return Verified(
        run_no=run_no, level=level, began_at=at, ended_at=at, oldest=1, newest=1, parts=parts, part=part, **more
    )


def test_a_share_without_samples_has_no_coverage():
    assert coverage([sample(3, 0, level=VerifyLevel.DRILL)], VerifyLevel.SAMPLE) is None


def test_of_each_part_the_last_reading_counts():
    found = coverage([sample(9, 1), sample(8, 0), sample(7, 3), sample(4, 1, unreadable=5)], VerifyLevel.SAMPLE)
    assert (found.part, found.files, found.unreadable) == (0.75, 3_000, 0)
    assert (found.newest.run_no, found.oldest.run_no) == (9, 7)
    assert found.statement == "99.9 % sure that fewer than 0.23 % of the files are unreadable"


def test_parts_of_another_number_are_other_files():
    found = coverage([sample(9, 0, parts=8), sample(8, 1), sample(7, 0)], VerifyLevel.SAMPLE)
    assert (found.part, set(found.read)) == (0.125, {0})


def test_drills_say_what_they_prove():
    found = coverage([sample(9, 0, level=VerifyLevel.DRILL, files=10)], VerifyLevel.DRILL)
    assert found.statement.endswith("of the files cannot be restored as they were saved")
