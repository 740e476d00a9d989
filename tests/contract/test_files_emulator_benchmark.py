"""``python -m benchmarks emulator`` measures what it says, and does not take a wrong answer for a fast one."""

import json
import subprocess
import sys

import pytest

from benchmarks import report
from benchmarks.emulator.command import TARGETS
from benchmarks.emulator.process import Server
from benchmarks.emulator.requests import Requests, small_path
from benchmarks.emulator.small import creates, gets, pages
from benchmarks.emulator.wire import Wire
from benchmarks.report import BenchmarkFailed
from tests.support.files_emulator import REPOSITORY, running


def test_a_quick_run_writes_every_metric_as_a_number(tmp_path):
    written = tmp_path / "new" / "results.json"
    command = [sys.executable, "-m", "benchmarks", "emulator", "--quick", "--json", str(written)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    found = json.loads(written.read_text())
    assert TARGETS.keys() <= found.keys()
    assert all(type(value) in (int, float) and value >= 0 for value in found.values())
    assert all(found[name] > 0 for name in TARGETS)
    assert all(name in run.stdout for name in found)


def test_a_wrong_answer_ends_a_measurement():
    with running() as emulator:
        requests = Requests.to(emulator.port, "share")
        with Wire(emulator.port) as wire:
            wire.exchange(requests.create_share())
        server = Server(emulator.process.pid, emulator.port, 0)
        assert creates(server, requests, 10).count == 10
        with pytest.raises(BenchmarkFailed, match="10 entries, not 11"):
            pages(server, requests.list_page("d0000"), 11, 1)
        emulator.raw.put(f"share/{small_path(4)}", b"another content" * 100)
        with pytest.raises(BenchmarkFailed, match="other content"):
            gets(server, requests.get_small, 10)
        emulator.raw.send("DELETE", f"share/{small_path(4)}")
        with pytest.raises(BenchmarkFailed, match="answered 404, not 200"):
            gets(server, requests.get_small_by_key, 10)


def test_a_table_says_which_target_was_missed():
    shown = report.table({"a_ms": 30.0, "b_per_s": 30.0}, {"a_ms": ("<=", 25.0), "b_per_s": (">=", 25.0)})
    assert "MISSED" in shown.splitlines()[1]
    assert "reached" in shown.splitlines()[2]
