"""The demo's checks of numbers: each holds up to its bound and breaks one beyond."""

import dataclasses

import pytest

from localdev.demo import checks
from localdev.demo.checks import Backup, Touched
from localdev.demo.reading import Content, Node, Reading

FILE = Node("file", 10, "", "", "", "", "", Content("", (), ()))
DIRECTORY = FILE._replace(kind="directory", size_bytes=0)


def reading(versions, list_pages=0):
    """A reading of paths with their versions; a path that ends with a slash is a directory."""
    nodes = {path.rstrip("/"): DIRECTORY if path.endswith("/") else FILE for path in versions}
    return Reading(nodes, {path.rstrip("/"): v for path, v in versions.items()}, list_pages, {})


BEFORE = reading({"/": ("0", "a"), "d/": ("1", "a"), "d/x": ("2", "a"), "d/y": ("3", "a"), "z": ("4", "a")}, 2)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, Touched(0, 0, 0, 0)),
        ({"d/x": ("2", "b")}, Touched(1, 0, 1, 0)),
        ({"d/": ("1", "b")}, Touched(0, 1, 1, 0)),
        ({"d/x": None}, Touched(0, 0, 1, 0)),
        ({"new": ("5", "b")}, Touched(1, 0, 1, 0)),
        ({"z": None, "d/z": ("4", "b")}, Touched(1, 0, 2, 0)),
        ({"e/": ("5", "b")}, Touched(0, 1, 2, 0)),
    ],
    ids=["nothing", "file", "directory", "deleted", "added", "moved", "new directory"],
)
def test_a_node_is_touched_by_what_happens_to_itself(after, expected):
    versions = {path + "/" * (node.kind == "directory"): BEFORE.versions[path] for path, node in BEFORE.nodes.items()}
    versions = {path: version for path, version in (versions | after).items() if version}
    assert checks.touched(BEFORE, reading(versions)) == expected


def test_a_renamed_directory_carries_its_files_untouched():
    after = reading({"/": ("0", "a"), "e/": ("1", "b"), "e/x": ("2", "a"), "e/y": ("3", "a"), "z": ("4", "a")})
    assert checks.touched(BEFORE, after) == Touched(0, 1, 1, 2)


COUNTERS = {
    "files": 3,
    "directories": 2,
    "bytes": 30,
    "files_requests": 100,
    "vault_writes": 10,
    "vault_chunk_writes": 10,
    "changed_files": 4,
    "pages_written": 5,
}
CHANGE = Touched(4, 2, 3, 1)


def broken(found):
    return [check.promise for check in found if not check.holds]


def counted(service_requests=100, **counters):
    return Backup(counters=COUNTERS | counters, service_requests=service_requests)


def test_a_run_counts_what_is_there_and_what_it_asked():
    assert broken(checks.check_backup(counted(), BEFORE)) == []
    assert broken(checks.check_backup(counted(service_requests=120), BEFORE)) == []
    assert len(broken(checks.check_backup(counted(service_requests=121), BEFORE))) == 1
    for name in ("files", "directories", "bytes"):
        assert len(broken(checks.check_backup(counted(**{name: COUNTERS[name] + 1}), BEFORE))) == 1


def test_the_first_backup_may_write_once_per_300_files():
    assert broken(checks.check_first(counted(files=900, vault_writes=13))) == []
    assert len(broken(checks.check_first(counted(files=899, vault_writes=13)))) == 1


@pytest.mark.parametrize(
    ("name", "most"),
    [("vault_writes", 26), ("files_requests", 2 + 1 + 6 + 20), ("changed_files", 4), ("pages_written", 8)],
)
def test_the_second_backup_may_cost_what_changed(name, most):
    after = dataclasses.replace(BEFORE, list_pages=3)
    within = COUNTERS | {"files_requests": 29}
    assert broken(checks.check_second(counted(**(within | {name: most})), CHANGE, after)) == []
    assert len(broken(checks.check_second(counted(**(within | {name: most + 1})), CHANGE, after))) == 1


def test_a_rename_costs_two_rows_and_no_file():
    within = {"moved_directories": 1, "pages_written": 2, "changed_files": 0}
    assert broken(checks.check_rename(counted(**within))) == []
    for name in within:
        assert len(broken(checks.check_rename(counted(**(within | {name: within[name] + 1}))))) == 1


def test_reading_too_little_again_is_wrong_too():
    after = dataclasses.replace(BEFORE, list_pages=3)
    found = broken(checks.check_second(counted(files_requests=29, changed_files=3), CHANGE, after))
    assert len(found) == 1


def test_a_check_says_what_was_promised_and_found():
    check = next(checks.check_first(counted(files=300, vault_writes=12)))
    assert str(check) == (
        "BROKEN: the first backup writes the vault at most once per 300 files, chunks aside (2 writes, 1 allowed)"
    )
