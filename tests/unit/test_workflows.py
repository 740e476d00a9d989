"""What hosted runners do: only what this checkout knows, with what was looked at, and with no right to change anything."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.nested import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def steps(workflow: Path) -> list[dict]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_there_are_workflows():
    assert {"ci", "conformance"} <= {workflow.stem for workflow in WORKFLOWS}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_actions_are_pinned_to_a_commit_and_say_which_version_that_is(workflow):
    used = re.findall(r"uses: (\S+)(.*)", workflow.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_a_workflow_may_read_and_nothing_else(workflow):
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in document["jobs"].values())
    for step in steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_a_workflow_ends_by_itself_and_runs_what_is_there(workflow):
    document = yaml.safe_load(workflow.read_text())
    assert all(job["timeout-minutes"] for job in document["jobs"].values())
    for command in (step["run"] for step in steps(workflow) if "run" in step):
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert target in TARGETS
        for path in re.findall(r"^\.\S+", command):
            assert (REPOSITORY / path).stat().st_mode & 0o100, path


def test_the_nightly_comparison_insists_on_a_real_host():
    commands = [step["run"] for step in steps(REPOSITORY / ".github/workflows/conformance.yml") if "run" in step]
    assert any("make conformance" in command and "--host core-tools" in command for command in commands)
    assert any("npm install" in command and "azure-functions-core-tools@4" in command for command in commands)
