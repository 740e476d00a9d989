"""The benchmark of the API runs, whatever the size, and writes every number it promises. No speed is asserted."""

import json

import pytest

from tests.integration.test_benchmark_backup import run

PROMISED = {"list_p99_ms", "overview_p99_ms", "usage_p99_ms", "retention_preview_ms"}


@pytest.mark.timeout(200)
def test_a_small_run_writes_every_number(tmp_path):
    results, details = tmp_path / "results.json", tmp_path / "details.json"
    sizes = ("--tenants", 3, "--shares", 2, "--days", 40, "--requests", 12)
    done = run("api", *sizes, "--json", results, "--details", details)
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() == PROMISED
    assert all(found[name] > 0 for name in PROMISED)
    more = json.loads(details.read_text())
    assert more["restore_points"] == 3 * 2 * 40
    assert more["empty_endpoint_p99_ms"] > 0
    assert more["usage_4_host_cpu_ms"] > 0
    assert more["preview_1_p50_ms"] <= more["preview_1_p99_ms"] <= found["retention_preview_ms"]
    for name in PROMISED:
        assert name in done.stdout
