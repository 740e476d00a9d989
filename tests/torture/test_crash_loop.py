"""Workers killed with -9 at random moments: whatever they were doing, what is true at every instant stays true.

The short form is in the test suite, with the same seed each time; ``make torture`` runs the long one, whose seed AFB_SEED sets.
"""

import os
import secrets

import pytest

from tests.support.crash_loop import CrashLoop
from tests.support.world import world


async def crash_loop(postgres_url, azurite, files_emulator, logs, *, files, kills, seed, seconds, **options):
    small = {"bundle_file_max_bytes": 64 * 1024, "large_file_bytes": 5 << 20}
    async with world(postgres_url, azurite, files_emulator, **small) as made:
        name = made.share.share_name
        made.client().delete_share()
        shape = {"profile": "office", "files": files, "seed": seed, "median_bytes": 3000, "sigma": 1.5, "large": 0.0}
        made.control.ask("POST", f"/shares/{name}/synthetic", {**shape, "max_bytes": 1 << 20, "depth": 5, "tail": 0})
        report = await CrashLoop(made, logs, seed=seed, kills=kills, **options).run(seconds=seconds)
        print(report)
        return report


async def test_workers_killed_at_a_few_moments_of_a_small_backup(postgres_url, azurite, files_emulator, tmp_path):
    report = await crash_loop(
        postgres_url, azurite, files_emulator, tmp_path,
        files=300, kills=8, seed=1, seconds=120, workers=3, first_span=60, first_kills=5, span=25,
    )  # fmt: skip
    assert report.kills >= 8
    assert report.torn
    assert len(report.runs) >= 2


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_workers_killed_at_a_hundred_moments_of_a_backup_of_5000_files(
    postgres_url, azurite, files_emulator, tmp_path
):
    seed = int(os.environ.get("AFB_SEED") or secrets.randbelow(1 << 30))
    kills, files = int(os.environ.get("AFB_KILLS", "100")), int(os.environ.get("AFB_FILES", "5000"))
    print(f"AFB_SEED={seed}", flush=True)
    report = await crash_loop(
        postgres_url, azurite, files_emulator, tmp_path,
        files=files, kills=kills, seed=seed, seconds=3000, workers=4, first_span=300, first_kills=25, span=100,
    )  # fmt: skip
    assert report.kills >= kills
    assert report.torn > kills // 5
