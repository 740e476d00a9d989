"""What a launcher leaves on disk is understood by the next one, or refused."""

import json
import subprocess
import sys

import pytest

from localdev.launcher.addresses import Addresses
from localdev.launcher.state import Lock, Member, State, forget
from localdev.services.processes import Identity, myself
from localdev.services.service import ROOT


def state(process):
    member = Member(name="files", address="http://here", log="/log", stop_signal="SIGINT", process=process)
    return State(launcher=myself(), ready=True, addresses=Addresses(blob=1), settings={"AFB_X": "y"}, members=(member,))


def test_state_survives_the_disk(tmp_path):
    written = state(Identity(1, "boot/2"))
    written.write(tmp_path)
    assert State.read(tmp_path) == written
    forget(tmp_path)
    assert State.read(tmp_path) is None


def test_state_of_another_version_is_refused(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(ValueError, match="has version 99, expected 1"):
        State.read(tmp_path)


def test_only_members_that_still_run_are_stopped():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        identity = Identity.of(process.pid)
        assert state(Identity(process.pid, "another-boot/1")).stop_members() == []
        assert process.poll() is None
        assert state(identity).stop_members() == ["files"]


def test_the_lock_is_free_again_when_its_holder_dies(tmp_path):
    code = (
        "import pathlib, sys, time\n"
        "from localdev.launcher.state import Lock\n"
        "lock = Lock(pathlib.Path(sys.argv[1]))\n"
        "print(lock.acquire(), flush=True)\n"
        "time.sleep(60)"
    )
    ours = Lock(tmp_path)
    command = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout.readline() == "True\n"
        assert not ours.acquire()
        holder.kill()
    assert ours.acquire()
    ours.release()
