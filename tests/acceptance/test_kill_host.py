"""The host is killed with -9 at ten random moments of a backup and of a restore; the result is the same as if it had not been."""

import random
import secrets
import time

import pytest

from tests.support.share_tree import differences, put, read_tree, service

KILLS = 10


@pytest.fixture
def files(product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    share = service(product.files).get_share_client(name)
    rng = random.Random(20261123)
    for n in range(700):
        put(share, f"d{n % 40:02d}/e{n % 3}/f{n}.bin", rng.randbytes(rng.choice((0, 300, 5_000, 60_000))))
    put(share, "large/video.bin", rng.randbytes(9 * 1024 * 1024))
    return share


def kill_often(product, api, run_path):
    """Kill the host at random moments while the run is active; returns the ended run and how often it was hit."""
    rng = random.Random(run_path)
    hit = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 1.2))
        status, run = api("GET", run_path)
        assert status == 200
        if not run["active"]:
            return run, hit
        product.kill_host()
        hit += 1
        product.start_host()
    return api.finished(run_path, patient=True), hit


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_killed_host_loses_nothing_of_a_backup_or_a_restore(product, api, files):
    share = api.new_share(product.files_url, files.share_name)
    expected = read_tree(files)
    api("POST", f"{share}/backups")
    run, hit = kill_often(product, api, f"{share}/runs/1")
    assert (run["state"], run["errors"]) == ("succeeded", 0), run
    assert hit >= 3, "the run was over before it could be killed"

    target = f"target-{secrets.token_hex(5)}"
    api("POST", f"{share}/restores", {"restore_point": 1, "target": {"share_name": target}})
    restore, hit = kill_often(product, api, f"{share}/runs/2")
    assert (restore["state"], restore["errors"]) == ("succeeded", 0), restore
    assert hit >= 3, "the run was over before it could be killed"
    assert differences(expected, read_tree(service(product.files).get_share_client(target))) == []
    listed = service(product.files).list_shares(name_starts_with=files.share_name, include_snapshots=True)
    assert [s for s in listed if s.snapshot] == [], "a share snapshot was left behind"
