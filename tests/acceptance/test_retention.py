"""Retention over the whole app: a policy, its preview, pins, holds, a prune and a sweep by the API, orchestrations and activities."""

import secrets

import pytest

from tests.support.api import Api
from tests.support.share_tree import put, service


@pytest.fixture(scope="module")
def path(product):
    """A share with three restore points."""
    api = Api(product.host_url, product.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    found = api.new_share(product.files_url, name)
    for run_no in (1, 2, 3):
        put(files, "a.txt", b"%d" % run_no)
        assert api("POST", f"{found}/backups")[0] == 202
        assert api.finished(f"{found}/runs/{run_no}")["state"] == "succeeded"
    return found


def test_a_policy_is_previewed_given_and_carried_out(api, path):
    tenant = path.rpartition("/shares")[0]
    status, preview = api("POST", f"{path}/retention/preview", {"keep_last": 1})
    assert (status, preview["kept"], preview["expiring"]) == (200, 1, 2)
    status, policy = api("POST", f"{tenant}/policies", {"name": "Only the newest", "rules": {"keep_last": 1}})
    assert status == 201
    assert api("POST", f"{path}/prunes", {})[0] == 404
    status, given = api("PUT", f"{path}/retention", {"policy_id": policy["policy_id"]})
    assert (status, given["policy"]["name"], given["expiring"]) == (200, "Only the newest", 2)
    # From now on it is pruned and swept by itself; a policy in place of another changes nothing of that.
    _, listed = api("GET", f"{path}/schedules")
    by_itself = {one["what"]: one for one in listed["schedules"]}
    assert by_itself.keys() == {"prune", "sweep"}
    assert (given["next_prune_at"], given["next_sweep_at"]) == tuple(one["next_at"] for one in by_itself.values())
    assert api("DELETE", f"{path}/schedules/{by_itself['sweep']['schedule_id']}")[0] == 204
    status, given = api("PUT", f"{path}/retention", {"policy_id": policy["policy_id"]})
    assert (given["next_prune_at"], given["next_sweep_at"]) == (by_itself["prune"]["next_at"], None)
    assert api("DELETE", f"{tenant}/policies/{policy['policy_id']}")[0] == 409
    status, said = api("PUT", f"{path}/restore-points/1/hold", {"reason": "case 7"})
    assert (status, said["hold"]["reason"]) == (200, "case 7")
    assert api("PUT", f"{path}/restore-points/1/pin", {"reason": "mine"})[0] == 200
    assert api("POST", f"{path}/restore-points/1/unpin", {"reason": "not any more"})[1]["pin"] is None
    status, run = api("POST", f"{path}/prunes", {})
    assert status == 202
    pruned = api.finished(f"{path}/runs/{run['run_no']}")
    assert (pruned["state"], pruned["report"]["expired_count"]) == ("succeeded", 1)
    assert api("GET", f"{path}/restore-points/2")[0] == 404
    [gone] = api("GET", f"{path}/expired-points")[1]["expired_points"]
    assert (gone["restore_point"], gone["reason"][:16]) == (2, "no rule keeps it")
    status, run = api("DELETE", f"{path}/restore-points/1")
    assert status == 202
    assert api.finished(f"{path}/runs/{run['run_no']}")["state"] == "completed_with_errors"
    status, run = api("POST", f"{path}/sweeps", {})
    assert status == 202
    swept = api.finished(f"{path}/runs/{run['run_no']}")
    assert (swept["state"], swept["report"]["deleted_objects"]) == ("succeeded", 0), "the margin"
    assert [p["restore_point"] for p in api("GET", f"{path}/restore-points")[1]["restore_points"]] == [3, 1]


@pytest.mark.parametrize(
    ("method", "where", "body", "field"),
    [
        ("POST", "/retention/preview", {"keep_last": 0}, "keep_last"),
        ("POST", "/retention/preview", {"time_zone": "Mars/Olympus"}, "time_zone"),
        ("PUT", "/restore-points/3/pin", {"reason": ""}, "reason"),
        ("PUT", "/restore-points/3/pin", {"reason": "x", "until": "2001-01-01T00:00:00Z"}, "until"),
        ("POST", "/sweeps", {"margin_days": 0}, "margin_days"),
        ("POST", "/prunes", {"restore_points": []}, "restore_points"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(api, path, method, where, body, field):
    status, problem = api(method, f"{path}{where}", body)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, [field])
