"""What a demo leaves behind: the JSON that other tools read, the list of differences, and the tables."""

import io
import json

from rich.console import Console

from localdev.demo import report
from localdev.demo.api import Run
from localdev.demo.checks import Check
from localdev.demo.compare import Difference
from localdev.demo.progress import Steps
from localdev.demo.scenario import BackedUp, Outcome, Restored

COUNTERS = {
    "files": 3,
    "changed_files": 2,
    "bytes": 30,
    "files_requests": 9,
    "vault_writes": 4,
    "vault_chunk_writes": 1,
}


def run(number):
    return Run({"run_no": number, "seconds": 1.5, "counters": COUNTERS})


def outcome(differences=()):
    return Outcome(
        files=3,
        directories=2,
        size_bytes=30,
        backups=[BackedUp(run=run(n), service_requests=10, state="") for n in (1, 2)],
        after_rename=BackedUp(run=run(5), service_requests=10, state=""),
        restores=[
            Restored(restore_point=1, share="r1", run=run(3), differences=tuple(differences)),
            Restored(restore_point=2, share="r2", run=run(4), differences=()),
        ],
        checks=[Check("all is well", "it is", holds=True)],
        catalogue_bytes=100,
        catalogue_files=3,
    )


def test_the_json_has_the_agreed_fields():
    wire = report.wire(outcome(), {"a step": 2.0})
    assert (wire["files"], wire["directories"], wire["bytes"]) == (3, 2, 30)
    for name in ("first_backup", "second_backup"):
        assert wire[name].items() >= {"seconds": 1.5, "vault_writes": 4, "files_requests": 9}.items()
    assert [r.items() >= {"seconds": 1.5, "differences": 0}.items() for r in wire["restores"]] == [True, True]
    assert [r["restore_point"] for r in wire["restores"]] == [1, 2]
    assert wire["catalogue"].items() >= {"bytes": 100, "bytes_per_file": 33.3}.items()
    assert wire["holds"] is True


def test_differences_and_broken_checks_count_as_failure():
    assert outcome().holds
    assert not outcome([Difference("a", "size_bytes", "1", "2")]).holds
    broken = outcome()
    broken.checks.append(Check("no", "none", holds=False))
    assert not broken.holds
    assert not Outcome().holds


def test_all_differences_are_written_and_the_first_are_printed(tmp_path):
    found = outcome([Difference(f"d/{n:03d} [x]", "size_bytes", "1", "2") for n in range(60)])
    result, list_of = tmp_path / "demo.json", tmp_path / "demo-differences.txt"
    report.write(found, {}, result=result, differences=list_of)
    assert json.loads(result.read_text())["restores"][0]["differences"] == 60
    lines = list_of.read_text().splitlines()
    assert lines[59] == "restore point 1: d/059 [x]: size_bytes: expected 1, found 2"
    shown = io.StringIO()
    report.show(Console(file=shown, width=120), found, {"a step": 2.0}, list_of)
    text = shown.getvalue()
    assert lines[49] in text
    assert lines[50] not in text
    assert "60 in all" in text
    assert "holds  all is well" in text


def test_steps_are_timed_in_order_and_told_in_plain_lines_without_a_terminal():
    shown = io.StringIO()
    steps = Steps(Console(file=shown, width=120))
    for name in ("one", "two"):
        with steps.step(name, 10) as bar:
            bar.add(1, 100)
            bar.show(5, 100)
    assert list(steps.took) == ["one", "two"]
    assert [line.split(" s  ")[1] for line in shown.getvalue().splitlines()] == ["one", "two"]


def test_a_terminal_gets_a_bar():
    shown = io.StringIO()
    steps = Steps(Console(file=shown, width=120, force_terminal=True))
    with steps.step("fill", 10) as bar:
        bar.add(4, 3 * 1024 * 1024)
        bar.add(1, 0)
    assert "5 files, 3 MiB" in shown.getvalue()
