"""What the demo writes: real files, and made-up ones that are the same every time."""

from itertools import pairwise

import pytest

from localdev.demo.content import MIB, Made
from localdev.demo.library_tree import library_tree
from localdev.demo.made_up import CROWD_FILES, LARGE, LARGE_BYTES, SDDLS, made_up
from localdev.demo.plan import Plan, time_text


@pytest.mark.parametrize(
    ("unix_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.0000000Z"),
        (1_234_567_899, "1970-01-01T00:00:01.2345678Z"),
        (-1, "1969-12-31T23:59:59.9999999Z"),
        (4_102_444_800 * 10**9 + 100, "2100-01-01T00:00:00.0000001Z"),
    ],
)
def test_times_are_spelled_with_seven_digits(unix_ns, text):
    assert time_text(unix_ns) == text


def test_parts_of_made_content_fit_together():
    content = Made(7, 5 * MIB + 11, zeros_at=2 * MIB, zeros_bytes=MIB, edited_at=4 * MIB - 3)
    whole = content.read(0, content.size_bytes)
    assert len(whole) == content.size_bytes
    cuts = [0, 1, MIB - 1, 2 * MIB, 3 * MIB + 5, 4 * MIB - 1, 5 * MIB, content.size_bytes]
    assert b"".join(content.read(a, b) for a, b in pairwise(cuts)) == whole
    assert not any(whole[2 * MIB : 3 * MIB])
    unedited = Made(7, 5 * MIB + 11, zeros_at=2 * MIB, zeros_bytes=MIB)
    differing = [i for i, (a, b) in enumerate(zip(whole, unedited.read(0, len(whole)), strict=True)) if a != b]
    assert differing == [4 * MIB - 3]


def assert_can_be_written(plan: Plan):
    """Every directory stands after the one it is in, every file in a directory, no name twice whatever its case."""
    made = {""}
    for directory in plan.directories:
        assert directory.path.rpartition("/")[0] in made, directory.path
        assert not directory.path or directory.path not in made
        made.add(directory.path)
    paths = [*made, *(file.path for file in plan.files)]
    assert len({path.upper() for path in paths}) == len(paths)
    assert {file.path.rpartition("/")[0] for file in plan.files} <= made


def test_the_libraries_are_copied_up_to_a_cap():
    plan = library_tree("a/b", cap=700)
    assert len(plan.files) == 700
    assert_can_be_written(Plan.joined([Plan((type(plan.directories[0])("a"),), ()), plan]))
    assert all(file.facts.written for file in plan.files)
    assert plan.files[0].content.read(0, plan.files[0].content.size_bytes)


def test_there_are_ten_thousand_library_files():
    assert len(library_tree("python", cap=10_000).files) == 10_000


def test_what_is_made_up_has_all_that_issues_ask_for():
    plan = made_up()
    assert_can_be_written(plan)
    sizes = {file.path: file.content.size_bytes for file in plan.files}
    assert sizes[LARGE] == LARGE_BYTES > 200 * MIB
    crowd = [path for path in sizes if path.startswith("measurements/")]
    assert len(crowd) == CROWD_FILES == 20_000
    assert {file.facts.sddl for file in plan.files} >= set(SDDLS)
    assert {directory.facts.sddl for directory in plan.directories} >= set(SDDLS)
    attributes = " ".join(file.facts.attributes for file in plan.files)
    assert "ReadOnly" in attributes
    assert "Hidden" in attributes
    assert sum(size == 0 for size in sizes.values()) > 10
    parents = {path.rpartition("/")[0] for path in (*sizes, *(d.path for d in plan.directories))}
    assert sum(directory.path not in parents for directory in plan.directories) > 10
    assert sum(MIB < size <= 64 * MIB for size in sizes.values()) > 3


def test_what_is_made_up_is_the_same_every_time():
    first, second = made_up(crowd=50), made_up(crowd=50)
    assert first == second
