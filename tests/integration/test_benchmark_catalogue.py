"""The catalogue's benchmark runs, whatever the profile, and its trees are what they say they are."""

import json
import subprocess
import sys

import pytest

from benchmarks.catalogue.loading import rows
from benchmarks.catalogue.trees import PROFILES
from shared.db.loading import load
from tests.support.files_emulator import REPOSITORY

EXPECTED = {
    "bytes_per_file", "load_files_per_s", "children_p99_ms", "path_p99_ms", "rename_p99_ms", "commit_p99_ms",
    "churn_ratio", "view_rows_per_s", "client_rss_mib", "bytes_names", "bytes_packed", "bytes_by_id",
}  # fmt: skip


@pytest.mark.parametrize("profile", ["office", "flat"])
def test_a_small_run_writes_every_number(profile, tmp_path):
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "catalogue", "--files", "3000", "--profile", profile]
    done = subprocess.run(
        [*command, "--rounds", "1", "--picks", "30", "--json", results],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert found.keys() >= EXPECTED
    assert all(isinstance(value, int | float) and value >= 0 for value in found.values())
    assert found["files"] >= 3000
    assert "bytes_per_file" in done.stdout


def test_the_office_tree_has_the_statistics_of_the_target():
    directories = list(PROFILES["office"](500_000, 7))
    names = [name for d in directories for name in d.files.names]
    sizes = sorted(size for d in directories for size in d.files.sizes.tolist())
    # The mean of a tail this heavy settles slowly: 10.9 at 20 million files.
    assert 10.0 <= len(names) / len(directories) <= 13.5
    assert 20.0 <= sum(map(len, names)) / len(names) <= 20.8
    assert 20_000 <= sizes[len(sizes) // 2] <= 24_000
    assert all(d.parent_no < d.number for d in directories)
    assert all(d.files.names == sorted(set(d.files.names)) for d in directories)


@pytest.mark.parametrize("profile", sorted(PROFILES))
async def test_a_loaded_tree_is_the_one_that_was_generated(shelf, profile):
    generated = list(rows(PROFILES[profile](9_000, 3)))
    async with shelf.catalogue.transaction() as conn:
        await conn.execute(b"TRUNCATE page_1")
        assert await load(conn, shelf.share_id, iter(generated)) == len(generated)
    ids = sorted({page.directory_id for page in generated})
    found = await shelf.catalogue.pages(shelf.share_id, ids)
    assert [page for node_id in ids for page in found[node_id]] == generated
