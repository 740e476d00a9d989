"""When a comparison counts as conformance, and when it does not."""

import json

import pytest

from localdev.conformance import programs, report
from localdev.conformance.__main__ import main
from localdev.conformance.expected import Expected
from localdev.conformance.hazards import SCENARIOS

SEQUENCE = {"sequence": {"status": "Completed", "output": 1}}
OTHER = {"sequence": {"status": "Completed", "output": 2}}
STUCK = {"unknown-activity": {"status": "Running"}}
FAILED = {"unknown-activity": {"status": "Failed"}}


def compared(ours, theirs, *, real=True):
    return report.compared("hazards", ours, theirs, reference="core-tools", version="4", real=real)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (compared(SEQUENCE, SEQUENCE), report.ALIKE),
        (compared(SEQUENCE, OTHER), report.DIFFERS),
        (compared(SEQUENCE, {}), report.DIFFERS),  # theirs did not play it
        (compared(SEQUENCE, SEQUENCE, real=False), report.UNKNOWN),
        (compared(SEQUENCE, OTHER, real=False), report.DIFFERS),
        (compared(SEQUENCE, None, real=False), report.UNKNOWN),
        (compared(FAILED, STUCK), report.ALIKE),  # on purpose
        (compared({"sequence": {"problem": "late"}}, {"sequence": {"problem": "late"}}), report.DIFFERS),
    ],
)
def test_only_a_real_host_that_gives_the_same_is_conformance(one, code):
    assert report.code([one]) == code


def test_one_app_that_differs_is_enough():
    assert report.code([compared(SEQUENCE, SEQUENCE), compared(SEQUENCE, OTHER)]) == report.DIFFERS
    assert report.code([compared(SEQUENCE, SEQUENCE), compared(SEQUENCE, SEQUENCE, real=False)]) == report.UNKNOWN


def test_people_are_told_each_scenario_by_name():
    told = report.lines(compared({**SEQUENCE, **FAILED}, {**OTHER, **STUCK}))
    assert "  sequence          DIFFERS" in told
    assert "      localdev    1" in told
    assert "      core-tools  2" in told
    assert any(line.startswith("  unknown-activity  differs on purpose: ") for line in told)
    assert told[-1] == "  0 of 2 alike"


def test_programs_are_told_all_of_it(tmp_path):
    report.write([compared(SEQUENCE, OTHER)], tmp_path / "deep" / "report.json", ours="1.7.0")
    wire = json.loads((tmp_path / "deep" / "report.json").read_text())
    assert wire["apps"][0]["differences"] == {"sequence": [{"where": "output", "ours": "1", "theirs": "2"}]}
    assert wire["apps"][0]["reference_gave"] == OTHER


def test_what_is_written_down_comes_back(tmp_path):
    program = programs.Program(name="core-tools", version="4", template="", real=True)
    given = Expected.of(program, "4.1", "2031-02-28", SEQUENCE)
    given.write("hazards", tmp_path)
    assert Expected.read("hazards", tmp_path) == given
    assert Expected.read("product", tmp_path) is None
    assert given.name == "what the real host gave on 2031-02-28"


def test_scenarios_have_names_of_their_own_and_every_hazard_has_one():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    assert {scenario.about[0] for scenario in SCENARIOS if scenario.name.startswith("hazard-")} == set("ABCDEFGH")


def fake(directory, name, script):
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_core_tools_are_found_by_asking_them(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("FUNCTIONS_IMAGE", raising=False)
    assert programs.find("auto", image="") is None
    fake(tmp_path, "func", "exit 1")
    assert programs.find("auto", image="") is None
    fake(tmp_path, "func", "echo 4.9.9")
    found = programs.find("auto", image="")
    assert (found.name, found.version, found.real) == ("core-tools", "Core Tools 4.9.9", True)
    assert programs.find("none", image="") is None


def test_a_container_engine_counts_when_it_answers_and_the_image_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "docker", "exit 1")  # installed, and its daemon does not run
    assert programs.find("container", image="functions:4") is None
    fake(tmp_path, "podman", 'test "$1" = info')
    assert programs.find("container", image="") is None
    found = programs.find("auto", image="functions:4")
    assert (found.name, found.version, found.engine, found.real) == ("container", "functions:4", "podman", True)


def test_a_command_is_not_called_the_real_host():
    assert not programs.command("func start --port {port}").real


def test_a_host_that_is_asked_for_and_not_there_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--host", "core-tools"]) == report.FAILED
    assert "core-tools is not here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--only", "nothing"], ["--update", "--only", "fan"], ["--update", "--host-command", "x"]]
)
def test_wrong_options_are_refused(arguments):
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == report.FAILED
