"""The host is killed with -9 at random moments of a backup and of a restore, ten of each when there is time; the result is the same as if it had not been."""

import random
import secrets
import time

import psycopg
import pytest

from tests.support.share_tree import differences, put, read_tree, service
from tests.support.vault_check import references, stored_objects


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


class Killer:
    """Kills the host at random moments of runs, ``most`` times in all."""

    def __init__(self, product, api, most):
        self.product, self.api, self.rng, self.kills, self.most = product, api, random.Random(7), 0, most

    @property
    def done(self):
        return self.kills >= self.most

    def follow(self, run_path):
        """The run once it has ended, in spite of everything."""
        while not self.done:
            time.sleep(self.rng.uniform(0, 0.7))
            status, run = self.api("GET", run_path)
            assert status == 200
            if not run["active"]:
                return run
            self.product.kill_host()
            self.kills += 1
            self.product.start_host()
        return self.api.finished(run_path)


@pytest.mark.slow
@pytest.mark.timeout(290)
@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.torture)])
def test_a_killed_host_loses_nothing_of_a_backup_or_a_restore(product, api, files, kills):
    share = api.new_share(product.files_url, files.share_name)
    killer, run_no = Killer(product, api, kills), 0
    while not killer.done:  # a run may end before it was hit so often: change something and start another
        run_no += 1
        assert api("POST", f"{share}/backups")[0] == 202
        run = killer.follow(f"{share}/runs/{run_no}")
        assert (run["state"], run["errors"]) == ("succeeded", 0), run
        for n in range(40):
            put(files, f"d{n:02d}/e{n % 3}/again.bin", secrets.token_bytes(50_000))
    api("POST", f"{share}/backups")
    run_no += 1
    assert api.finished(f"{share}/runs/{run_no}")["state"] == "succeeded"
    point, expected = run_no, read_tree(files)

    killer = Killer(product, api, kills)
    while not killer.done:
        target = f"target-{secrets.token_hex(5)}"
        body = {"restore_point": point, "target": {"share_name": target}}
        assert api("POST", f"{share}/restores", body)[0] == 202
        run_no += 1
        restore = killer.follow(f"{share}/runs/{run_no}")
        assert (restore["state"], restore["errors"]) == ("succeeded", 0), restore
        assert differences(expected, read_tree(service(product.files).get_share_client(target))) == []

    listed = service(product.files).list_shares(name_starts_with=files.share_name, include_snapshots=True)
    assert [s for s in listed if s.snapshot] == [], "a share snapshot was left behind"
    check_what_is_left(product, share, point)


def check_what_is_left(product, share, point):
    """Everything a restore point refers to is there; what nothing refers to is what the sweeper takes; no work is left over."""
    tenant_id, _, share_id = share.removeprefix("/api/tenants/").partition("/shares/")
    stored = stored_objects(product.blob_connection_string, tenant_id, int(share_id))
    reached = references(int(share_id), stored, point)
    assert reached <= stored.keys(), sorted(reached - stored.keys())
    kinds = {name.split("/")[1] for name in stored.keys() - reached}
    assert {kind for kind in kinds if not kind.isdigit()} <= {"bundle", "segment", "chunk", "restore"}, kinds
    with psycopg.connect(product.postgres_url) as conn:
        for table in ("frontier", "missing", "large_file", "span", "restore_frontier", "restore_link"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        assert conn.execute("SELECT count(*) FROM run WHERE state IN ('queued', 'running')").fetchone() == (0,)
