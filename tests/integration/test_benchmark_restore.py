"""The benchmark of restores runs, whatever the size, and writes every number it promises. No speed is asserted."""

import json

import pytest

from tests.integration.test_benchmark_backup import run
from tests.support.clients import need_rclone

PROMISED = {
    "requests_per_file", "files_per_s", "speedup_vs_rclone", "rss_mib_100k", "rss_mib_1m", "browse_vault_reads_max",
    "quick_verify_files_per_s", "rebuild_files_per_s",
}  # fmt: skip


def test_a_small_run_writes_numbers_and_null_for_what_was_not_asked_for(tmp_path):
    results = tmp_path / "results.json"
    done = run("restore", "--files", 240, "--points", 5, "--only", "verify,browse", "--json", results)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() == PROMISED
    measured = {name: value for name, value in found.items() if value is not None}
    assert measured.keys() == {"browse_vault_reads_max", "quick_verify_files_per_s"}
    assert all(value > 0 for value in measured.values())


@pytest.mark.torture
@pytest.mark.timeout(400)
def test_a_small_run_of_everything_writes_every_number(tmp_path):
    need_rclone()
    results, details = tmp_path / "results.json", tmp_path / "details.json"
    done = run("restore", "--files", 240, "--many", 300, "--points", 5, "--json", results, "--details", details)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() == PROMISED
    assert all(value > 0 for value in found.values())
    # These do not depend on the machine.
    assert found["browse_vault_reads_max"] <= 12
    assert json.loads(details.read_text())["rebuild_bytes_per_file"] > 0
    for name in PROMISED:
        assert name in done.stdout


def test_a_phase_that_does_not_exist_is_refused():
    done = run("restore", "--only", "restore,second")
    assert done.returncode == 2
    assert "second" in done.stderr
