"""``python -m localdev up | down | status`` with real processes, and with some of them killed."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from localdev.launcher.state import State
from localdev.services import ports
from localdev.services.processes import wait_until
from localdev.services.service import ROOT
from tests.support.launcher import APP, CommandLine, ping

NOTHING_RUNS = 3


@pytest.fixture
def command_line(tmp_path):
    command_line = CommandLine(tmp_path / "stack")
    yield command_line
    command_line.run("down")


def settle(process):
    assert wait_until(lambda: not process.alive, 20)


def test_up_status_down_round_trip(command_line):
    state = command_line.up()
    code, seen = command_line.status()
    assert code == 0
    assert {service["service"]: service["health"] for service in seen["services"]} == dict.fromkeys(
        ("postgres", "azurite", "files", "host"), "well"
    )
    assert ping(f"http://127.0.0.1:{state.addresses.host}")["postgres"] == seen["settings"]["AFB_POSTGRES_URL"]

    again = command_line.run("up")
    assert (again.returncode, command_line.state()) == (0, state)
    assert "already running" in again.stdout
    for service in seen["services"]:
        assert service["address"] in again.stdout

    refused = command_line.run("up", "--fresh")
    assert refused.returncode == 1
    assert "would delete the data of a running stack" in refused.stderr

    assert command_line.run("down").returncode == 0
    assert not any(member.process.alive for member in state.members)
    assert all(ports.is_free(port) for port in state.addresses.to_wire().values())
    assert command_line.status() == (NOTHING_RUNS, {"running": False, "services": []})
    assert command_line.run("down").returncode == 0


def test_where_nothing_runs_it_is_said_where_something_does(tmp_path):
    place = Path(tempfile.mkdtemp(prefix="test-", dir=ROOT / "build"))
    running = CommandLine(place / "stack")
    try:
        running.up()
        other = running.data.relative_to(ROOT)
        for command in ("status", "down"):
            first, *hints = CommandLine(tmp_path).run(command).stdout.splitlines()
            assert first == f"nothing runs on {tmp_path}"
            assert f"hint: a stack runs on {other}: add --data {other}" in hints
    finally:
        running.run("down")
        shutil.rmtree(place)


def test_when_a_service_dies_the_launcher_names_it_stops_the_rest_and_fails(command_line):
    command = command_line.words("up", "--app", str(APP))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as launcher:
        while launcher.stdout.readline() != "running\n":
            assert launcher.poll() is None
        state = command_line.state()
        victim = next(member for member in state.members if member.name == "azurite")
        os.kill(victim.process.pid, signal.SIGKILL)
        _, complained = launcher.communicate(timeout=60)
    assert launcher.returncode == 1
    assert "azurite: ended by itself with -9" in complained
    assert "Azurite Blob service is successfully listening" in complained  # the last lines of its log
    assert not any(member.process.alive for member in state.members)


def test_the_next_up_stops_the_orphans_of_a_killed_launcher_and_finds_their_data(command_line):
    first = command_line.up()
    with psycopg.connect(first.settings["AFB_POSTGRES_URL"]) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    os.kill(first.launcher.pid, signal.SIGKILL)
    settle(first.launcher)
    assert all(member.process.alive for member in first.members)
    code, seen = command_line.status()
    assert (code, seen["running"]) == (1, False)

    second = command_line.up()
    assert not any(member.process.alive for member in first.members)
    assert all(member.process.alive for member in second.members)
    with psycopg.connect(second.settings["AFB_POSTGRES_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)

    os.kill(second.launcher.pid, signal.SIGKILL)
    settle(second.launcher)
    stopped = command_line.run("down", "--erase")
    assert "stopped what a killed launcher had left running: host, files, azurite, postgres" in stopped.stdout
    assert not any(member.process.alive for member in second.members)
    assert not (command_line.data / "postgres").exists()


def test_a_stale_state_file_whose_pids_belong_to_others_by_now_harms_nobody(command_line):
    with subprocess.Popen(["sleep", "60"]) as bystander:
        state = command_line.up("--no-host")
        os.kill(state.launcher.pid, signal.SIGKILL)
        settle(state.launcher)
        state.stop_members()
        text = (command_line.data / "state.json").read_text()
        for member in state.members:
            text = text.replace(f'"pid": {member.process.pid},', f'"pid": {bystander.pid},')
        (command_line.data / "state.json").write_text(text)
        assert command_line.run("down").returncode == 0
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_launcher_told_to_stop_while_it_starts_leaves_nothing(command_line, number):
    command = command_line.words("up", "--app", str(APP))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        assert wait_until(lambda: State.read(command_line.data) is not None, 20)
        state = command_line.state()
        launcher.send_signal(number)
        launcher.communicate(timeout=60)
    assert launcher.returncode == 0
    assert not any(member.process.alive for member in state.members)
    assert State.read(command_line.data) is None
