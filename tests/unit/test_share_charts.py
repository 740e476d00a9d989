"""What the analytics page draws."""

import datetime as dt
from dataclasses import replace

import pytest

from http_api.models.analytics import Measure
from http_api.pages.charts import BOX
from http_api.pages.months import month_before, months_up_to
from http_api.pages.share_charts import (
    AGE_NAMES,
    POINTS_DRAWN,
    SIZE_NAMES,
    cells_of,
    churn_of,
    classes_of,
    endings_of,
    folder_bars,
    growth_of,
)
from shared.db.backup_history import Backup
from shared.db.file_statistics import AGES_S, SIZES, Group, Statistics
from shared.db.folder_changes import FolderChanges
from shared.db.folder_sizes import Folder, Sizes
from shared.model.run import Counters, RestorePoint

NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
FOLDERS = (Folder(1, "big", 4, 10, 700), Folder(2, "", 0, 3, 200), Folder(3, "empty", 1, 0, 0))


def test_a_treemap_has_folders_files_right_here_and_all_others_together():
    found = cells_of(Sizes(FOLDERS, 9, 20, 1_000, complete=True), "a", Measure.BYTES)
    assert [(cell.label, cell.path, cell.bytes, cell.part) for cell in found.cells] == [
        ("big", "a/big", 700, 0.7),
        ("files right here", "", 200, 0.2),
        ("smaller folders", "", 100, 0.1),
    ]
    assert found.cells[-1].files == 20 - 13
    assert sum(cell.rect.width * cell.rect.height for cell in found.cells) == pytest.approx(BOX * BOX, rel=0.01)


def test_a_treemap_by_files_is_in_proportion_to_those():
    found = cells_of(Sizes(FOLDERS[:2], 4, 13, 900, complete=True), "", Measure.FILES)
    assert [(cell.label, cell.path, round(cell.part, 2)) for cell in found.cells] == [
        ("big", "big", 0.77),
        ("files right here", "", 0.23),
    ]


def test_a_treemap_of_nothing_is_empty():
    assert cells_of(Sizes(FOLDERS[2:], 1, 0, 0, complete=True), "", Measure.BYTES).cells == []


def point(number: int) -> RestorePoint:
    at = NOW + dt.timedelta(days=number)
    return RestorePoint(
        run_no=number, taken_at=at, committed_at=at, directories=1, files=10 * number, bytes=1_000 * number, errors=0, share_snapshot=None
    )  # fmt: skip


def test_growth_goes_from_the_oldest_to_the_newest():
    found = growth_of([point(3), point(2), point(1)])
    assert [one.run_no for one in found.points] == [1, 2, 3]
    assert found.files_scale.marks == (0, 10, 20, 30)
    assert found.files.line == "0,66.67 50,33.33 100,0"
    assert growth_of([point(1)]).files.line == "0,0 100,0"


def test_growth_of_many_restore_points_is_drawn_with_some_of_them():
    found = growth_of([point(number) for number in range(999, 0, -1)])
    assert (len(found.points), found.of) == (POINTS_DRAWN, 999)
    assert (found.points[0].run_no, found.points[-1].run_no) == (1, 999)


def backup(run_no: int, **counters: int) -> Backup:
    return Backup(run_no, NOW, Counters(**counters))


def test_changes_tell_new_files_from_changed_ones_and_leave_the_first_backup_out():
    first = backup(1, files=9_000, new_files=9_000, changed_files=9_000)
    second = backup(4, files=9_001, new_files=2, changed_files=5, deleted_files=1, changed_bytes=77)
    found = churn_of([second, first])
    assert [(c.backup.run_no, c.new, c.changed, c.deleted, c.bytes) for c in found.changes] == [(4, 2, 3, 1, 77)]
    assert found.first is not None
    assert found.first.new == 9_000
    assert found.scale.top == 6
    # When the first one is long ago, nothing is left out.
    later = churn_of([replace(second, run_no=7), second])
    assert (len(later.changes), later.first) == (2, None)
    assert [len(rects) for rects in later.columns] == [3, 3, 0, 0, 0, 0, 0, 0]
    assert churn_of([]).changes == []


def test_folders_that_change_are_drawn_in_proportion_to_the_one_that_changes_most():
    found = folder_bars([FolderChanges("a", False, 50, 25, 25), FolderChanges("", True, 0, 20, 0)])
    assert [[(rect.x, rect.width) for rect in rects] for _, rects in found] == [
        [(0, 50), (50, 25), (75, 25)],
        [(0, 0), (0, 20), (20, 0)],
    ]
    assert folder_bars([]) == []


def test_classes_have_a_name_each_and_empty_ones_at_the_ends_are_left_out():
    assert (len(AGE_NAMES), len(SIZE_NAMES)) == (len(AGES_S) + 1, len(SIZES) + 1)
    groups = [Group(0, 0)] * len(SIZE_NAMES)
    groups[2], groups[4] = Group(30, 100), Group(10, 300)
    found = classes_of(groups, SIZE_NAMES)
    assert [(bar.label, bar.files_part, bar.bytes_part) for bar in found] == [
        ("4 to 64 KiB", 0.75, 0.25),
        ("64 KiB to 1 MiB", 0, 0),
        ("1 to 16 MiB", 0.25, 0.75),
    ]
    assert [bar.files_bar for bar in found] == [100, 0, pytest.approx(33.33)]
    assert classes_of([Group(0, 0)] * len(AGE_NAMES), AGE_NAMES) == []


def test_endings_that_are_not_told_are_told_together():
    found = endings_of(Statistics(Group(10, 100), {"pdf": Group(6, 70), "": Group(1, 20)}, [], []))
    assert [(bar.label, bar.group) for bar in found] == [
        (".pdf", Group(6, 70)),
        ("without an ending", Group(1, 20)),
        ("all others", Group(3, 10)),
    ]


def test_twelve_months_end_with_the_one_that_was_asked_for():
    found = months_up_to(dt.date(2026, 2, 1))
    assert (found[0], found[-2], found[-1]) == (dt.date(2025, 3, 1), dt.date(2026, 1, 1), dt.date(2026, 2, 1))
    assert len(found) == 12
    assert month_before(dt.date(2026, 12, 1), -1) == dt.date(2027, 1, 1)
