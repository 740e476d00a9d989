"""The benchmarks of backups and of peers run, whatever the size, and write every number they promise. No speed is asserted."""

import json
import subprocess
import sys

import pytest

from benchmarks.backup.command import TARGETS
from tests.support.clients import need_azcopy, need_rclone
from tests.support.files_emulator import REPOSITORY

PROMISED = {
    "nochange_cpu_us_per_file", "nochange_requests_per_directory", "nochange_vault_writes", "nochange_speedup_vs_rclone",
    "first_files_per_vault_write", "first_cpu_us_per_file", "first_speedup_vs_rclone", "changed_requests",
    "rss_mib_100k", "rss_mib_1m", "rss_mib_flat_1m", "rss_mib_sparse_100g", "scaling_1_2", "scaling_2_4",
}  # fmt: skip


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, words)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_a_small_run_writes_every_number_and_null_for_what_was_not_asked_for(tmp_path):
    results, details = tmp_path / "results.json", tmp_path / "details.json"
    sizes = ["--files", 200, "--many", 300, "--only", "changed,flat"]
    done = run("backup", *sizes, "--json", results, "--details", details)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() == PROMISED
    measured = {name for name, value in found.items() if value is not None}
    needed = {name for name in PROMISED if name.startswith(("first_", "nochange_")) and "rclone" not in name}
    assert measured == needed | {"changed_requests", "rss_mib_100k", "rss_mib_flat_1m"}
    assert all(found[name] > 0 for name in measured)
    # These do not depend on the machine.
    assert found["nochange_vault_writes"] == 1
    assert found["nochange_requests_per_directory"] < 1.5
    assert json.loads(details.read_text())["changed_3_percent_directories"] > 0
    for name in TARGETS:
        assert name in done.stdout


@pytest.mark.parametrize("words", [["--only", "first,second"], ["--files", "none"]])
def test_a_wrong_option_is_refused(words):
    done = run("backup", *words)
    assert done.returncode == 2
    assert words[1].split(",")[-1] in done.stderr


@pytest.mark.torture
def test_peers_are_measured(tmp_path):
    need_rclone()
    need_azcopy()
    results = tmp_path / "results.json"
    done = run("peers", "--files", 200, "--json", results)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found["azcopy_sync_requests_per_file"] >= 1
    assert found["rclone_copy_requests_per_file"] >= 1
    assert found["rclone_sync_rss_mib"] > 0
