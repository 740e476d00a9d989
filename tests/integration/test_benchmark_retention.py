"""The benchmark of prunes and sweeps runs, whatever the size, and writes every number it promises. No speed is asserted."""

import json

import pytest

from tests.integration.test_benchmark_backup import run

PROMISED = {"prune_seconds", "prune_rss_mib", "sweep_seconds", "prune_linearity"}


@pytest.mark.timeout(200)
def test_a_small_run_writes_every_number(tmp_path):
    results, details = tmp_path / "results.json", tmp_path / "details.json"
    done = run("retention", "--files", 2_400, "--points", 40, "--json", results, "--details", details)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() == PROMISED
    assert all(found[name] > 0 for name in PROMISED)
    more = json.loads(details.read_text())
    assert more["large_deleted_objects"] > 0
    assert more["large_records"] > more["small_records"] > 0
    for name in PROMISED:
        assert name in done.stdout
