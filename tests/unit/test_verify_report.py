"""What a verify reports, and what it advises."""

import datetime as dt
import re
from dataclasses import replace

import pytest

from shared.core import sampling
from shared.core.selection import Selector
from shared.core.verify_report import advice, cycle_of, details, finding_of, next_part, report
from shared.model.content import Content, ContentKind
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.restore import RestoreOrder
from shared.model.run import Counters, Run, RunKind, RunState
from shared.model.verify import Finding, FindingKind
from shared.model.verify_order import VerifyLevel, VerifyOrder, scratch_order

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


def order(part=0, parts=4, level=VerifyLevel.SAMPLE):
    return VerifyOrder(level=level, restore_point=3, parts=parts, part=part)


def run(part, parts=4, **counters):
    return Run(
        run_id=10 + part,
        tenant_id="acme",
        share_id=1,
        run_no=10 + part,
        kind=RunKind.VERIFY,
        state=RunState.SUCCEEDED,
        requested_at=NOW,
        started_at=NOW + dt.timedelta(days=part),
        verify=order(part, parts),
        counters=Counters(**counters),
    )


def test_an_order_survives_the_wire():
    for wanted in (order(2), order(0, 1, VerifyLevel.FULL)):
        assert VerifyOrder.from_wire(wanted.to_wire()) == wanted


def test_parts_are_taken_in_turn():
    assert [next_part(4, None), next_part(4, order(0)), next_part(4, order(3)), next_part(4, order(2, 5))] == [
        0,
        1,
        0,
        0,
    ]


def test_a_cycle_is_what_was_read_since_its_first_part():
    earlier = [run(1), run(0), run(3), run(2)]
    assert [r.verify.part for r in cycle_of(order(2), earlier)] == [1, 0]
    assert cycle_of(order(0), earlier) == []
    assert cycle_of(order(3), [run(1), run(0)]) == []  # part 2 was never read


def test_a_sample_tells_what_was_read_so_far_and_since_when():
    counters = Counters(reread_files=100, reread_bytes=1_000)
    found = report(run(1), counters, {}, [3], [run(0, reread_files=50, reread_bytes=300)])
    assert found["sample"] | {"statement": ""} == {
        "part": 1,
        "parts": 4,
        "percent": 25.0,
        "since": "2026-11-28T00:00:00+00:00",
        "parts_read": 2,
        "files_read": 150,
        "bytes_read": 1_300,
        "coverage_percent": 50.0,
        "statement": "",
    }
    assert found["statement"] == "99.9 % sure that fewer than 6.7 % of the files are unreadable"
    assert found["sample"]["statement"] == "99.9 % sure that fewer than 4.6 % of the files are unreadable"


def test_orphans_are_no_damage():
    found = report(run(0), Counters(), {"orphans": 2, "object_lost": 3}, [1, 2, 3], [])
    assert found["damaged_objects"] == 3
    assert found["restore_points"] == {"newest": 3, "oldest": 1, "count": 3}


@pytest.mark.parametrize("kind", list(FindingKind))
@pytest.mark.parametrize(
    "name", ["1/chunk/ab/abcd", "1/bundle/1/1.tar.zst", "1/point/1.fb", "1/permission/1-2", "row 5"]
)
@pytest.mark.parametrize("current", [True, False])
def test_every_finding_says_what_to_do(kind, name, current):
    for points in (set(), {1, 2}):
        told = advice(Finding(kind=kind, object=name, reason="", current=current, files=len(points), points=points))
        assert told
        assert told[0].islower()


def test_what_only_old_restore_points_have_is_not_promised_again():
    lost = Finding(kind=FindingKind.LOST, object="1/5/1", reason="", files=1, points={1})
    assert "nothing brings these versions back" in advice(lost)
    lost.current = True
    assert "the next backup saves it again" in advice(lost)


def test_a_damaged_chunk_is_in_the_way_of_a_good_one():
    chunk = Finding(kind=FindingKind.DAMAGED, object="1/chunk/ab/abcd", reason="", files=1, points={1}, current=True)
    assert "delete this object" in advice(chunk)
    chunk.kind = FindingKind.LOST
    assert "delete" not in advice(chunk)


def test_restore_points_are_told_in_stretches():
    told = details(Finding(kind=FindingKind.LOST, object="x", reason="", points={7, 1, 2, 3, 9, 10}))
    assert told["restore_points"] == "1-3, 7, 9-10"


def saved(node_id):
    entry = Entry(f"f{node_id}", False, 0, 10, 0, 0, 0, 0, 0, 0, "")
    return SavedEntry(entry, node_id, 7, Content(ContentKind.NONE))


def test_what_only_drills_have_is_not_told_of_others():
    """A release before drills reads the orders of all other verifies."""
    assert {*order().to_wire()} == {"level", "restore_point", "all_points", "parts", "part"}
    wanted = replace(order(1, 4, VerifyLevel.DRILL), account_url="https://a", credential="", scratch="0123456789ab")
    assert VerifyOrder.from_wire(wanted.to_wire()) == wanted


def test_a_drill_restores_the_same_files_that_it_compares_into_a_share_of_its_own():
    wanted = replace(order(1, 4, VerifyLevel.DRILL), account_url="https://a", credential="key", scratch="0123456789ab")
    restore = scratch_order(123456789, wanted)
    assert RestoreOrder.from_wire(restore.to_wire()) == restore
    assert (restore.restore_point, restore.account_url, restore.credential) == (3, "https://a", "key")
    assert re.fullmatch("[a-z0-9-]{3,63}", restore.share_name)
    assert (restore.create_share, restore.keeps_undo, restore.selection.by_file) == (False, False, True)
    files = [saved(node_id) for node_id in range(1, 400)]
    chosen = [one.node_id for one in Selector(restore.selection).files("any", files)]
    assert chosen == [n for n in range(1, 400) if sampling.part_of(n, 7, 4) == 1]
    assert 50 < len(chosen) < 150


def test_a_line_of_the_journal_tells_what_was_found():
    found = Finding(
        kind=FindingKind.LOST, object="1/chunk/ab/abcd", reason="it is gone", current=True, files=25, bytes=700,
        paths=["a/b.txt", "c.txt"], points={7, 1, 2, 3}, node_id=4711,
    )  # fmt: skip
    assert finding_of("object_lost", f"{found.object}: it is gone", 4711, details(found)) == found
    assert finding_of("event", "opened", 0, {"event": "opened"}) is None
    assert finding_of("damaged", "of a restore", 0, {}) is None
