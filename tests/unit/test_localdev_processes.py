"""Processes are known by id and start time, and nobody else's is ever signalled."""

import dataclasses
import signal
import subprocess
import sys

import pytest

from localdev.services.processes import Child, Identity, last_lines, myself, wait_until


@pytest.fixture
def sleeper(tmp_path):
    child = Child([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log", environ={}, cwd=tmp_path)
    yield child
    child.kill()


def stubborn(tmp_path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = Child([sys.executable, "-c", code], log=tmp_path / "log", environ={}, cwd=tmp_path)
    assert wait_until(lambda: "deaf" in last_lines(tmp_path / "log"), 10)
    return child


def test_a_process_is_alive_until_it_ends(sleeper):
    assert sleeper.identity.alive
    sleeper.kill()
    assert not sleeper.identity.alive
    assert sleeper.exit_code == -signal.SIGKILL


def test_a_zombie_is_not_alive():
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert wait_until(lambda: Identity.of(process.pid) is None, 10)  # ended, not yet waited for
    process.wait()


def test_a_reused_pid_is_somebody_else_and_is_left_alone(sleeper):
    former_owner = dataclasses.replace(sleeper.identity, started="another-boot/1")
    assert not former_owner.alive
    assert former_owner.stop(0.1)
    former_owner.send(signal.SIGKILL)
    assert sleeper.exit_code is None


def test_stopping_insists_when_asking_is_not_enough(tmp_path):
    child = stubborn(tmp_path)
    child.stop(0.1)
    assert child.exit_code == -signal.SIGKILL


def test_stopping_by_identity_says_whether_asking_was_enough(tmp_path, sleeper):
    assert sleeper.identity.stop(10)
    deaf = stubborn(tmp_path)
    assert not deaf.identity.stop(0.1)
    deaf.stop(10)


def test_a_process_sees_only_the_environment_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("PGHOST", "production")
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"
    child = Child([sys.executable, "-c", code], log=tmp_path / "log", environ={"ONLY": "this"}, cwd=tmp_path)
    assert wait_until(lambda: child.exit_code is not None, 10)
    assert last_lines(tmp_path / "log") == "['ONLY']"


def test_this_process_knows_itself():
    assert myself().alive


def test_the_last_lines_of_a_long_log_are_found_without_reading_it_all(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert last_lines(log, 2) == "line 49998\nline 49999"
    assert last_lines(tmp_path / "missing") == ""
