"""docs/COMPLAINTS.md names what holds each of its answers; what it names is there."""

import re

from tests.support.nested import REPOSITORY

TEXT = (REPOSITORY / "docs" / "COMPLAINTS.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in TEXT.splitlines() if re.match(r"\| \d+ \|", line)]


def test_every_complaint_has_an_answer():
    assert [int(row[0].removeprefix("| ")) for row in ROWS] == list(range(1, 26))
    assert all(row[2].strip() for row in ROWS)


def test_every_test_that_is_named_is_there():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    there = {path.stem for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert named
    assert named <= there


def test_what_nothing_holds_says_so():
    for row in ROWS:
        if not row[3].strip(" |"):
            assert "not there yet" in row[2] or "comes with" in row[2], row
