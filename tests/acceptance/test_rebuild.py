"""Rebuilding a catalogue over HTTP, driven by Durable."""

import secrets

import pytest

from tests.support.share_tree import differences, fill, put, read_tree, service


@pytest.fixture
def files(product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    return service(product.files).get_share_client(name)


def test_a_catalogue_is_replaced_by_what_the_vault_says(api, product, files):
    share = api.new_share(product.files_url, files.share_name)
    tenant_id, share_id = share.split("/")[3], int(share.split("/")[5])
    fill(files)
    api("POST", f"{share}/backups")
    assert api.finished(f"{share}/runs/1")["state"] == "succeeded"
    points = api("GET", f"{share}/restore-points")
    status, answer = api("POST", "/api/rebuilds", {"tenant_id": tenant_id})
    assert (status, answer["runs"]) == (409, [])
    assert [(one["tenant_id"], one["share_id"]) for one in answer["left_out"]] == [(tenant_id, share_id)]
    assert "may be replaced" in answer["left_out"][0]["reason"]

    body = {"tenant_id": tenant_id, "share_id": share_id, "replace": True}
    status, answer = api("POST", "/api/rebuilds", body)
    assert (status, answer["left_out"]) == (202, [])
    [run] = answer["runs"]
    assert (run["kind"], run["share_id"], run["order"]) == (
        "rebuild",
        share_id,
        {"restore_point": None, "replace": True},
    )
    done = api.finished(f"{share}/runs/{run['run_no']}")
    assert (done["state"], done["report"]["lost"], done["restore_point"]) == ("succeeded", [], None)
    assert api("GET", f"{share}/restore-points") == points

    put(files, "new", b"new")
    status, backup = api("POST", f"{share}/backups")
    done = api.finished(f"{share}/runs/{backup['run_no']}")
    assert (done["state"], done["counters"]["changed_files"]) == ("succeeded", 1)
    target = f"target-{secrets.token_hex(5)}"
    order = {"restore_point": backup["run_no"], "target": {"share_name": target}}
    status, run = api("POST", f"{share}/restores", order)
    assert api.finished(f"{share}/runs/{run['run_no']}")["state"] == "succeeded"
    assert differences(read_tree(files), read_tree(service(product.files).get_share_client(target))) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"share_id": 1}, "share_id needs tenant_id"),
        ({"replace": True}, "replace is about one share: expected tenant_id and share_id"),
        ({"tenant_id": "contoso", "restore_point": 3}, "restore_point is about one share"),
        ({"tenant_id": "contoso", "share_id": 1, "restore_point": 0}, "restore_point"),
        ({"tenant_id": "No Container"}, "tenant_id"),
        ({"everything": True}, "everything"),
    ],
)
def test_what_is_wrong_with_an_order_is_said(api, body, told):
    status, problem = api("POST", "/api/rebuilds", body)
    assert status == 400
    assert told in str(problem)


def test_a_vault_without_restore_points_says_so(api):
    status, problem = api("POST", "/api/rebuilds", {"tenant_id": f"t{secrets.token_hex(6)}"})
    assert status == 404
    assert "hint" in problem["detail"]
