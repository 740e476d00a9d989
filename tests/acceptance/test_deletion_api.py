"""Deleting, bringing back and purging over the whole app: who may, who sees what, and what comes of it."""

import time
from collections.abc import Iterator

import pytest

from tests.acceptance.access import ENTRA, World, azure_host, build, new_key
from tests.support.share_tree import put, service

SOMEBODY = "eeeeeeee-0000-0000-0000-000000000001"
OWN = "/api/tenants/gone-a"


@pytest.fixture(scope="module")
def world(product) -> Iterator[World]:
    with azure_host(product, "gone", AFB_PURGE_GRACE_DAYS="0") as host:
        made = build(host, product, "gone")
        for name in made.shares:
            service(product.files).create_share(f"gone-{name}")
            put(service(product.files).get_share_client(f"gone-{name}"), "a.txt", b"a" * 100)
        yield made


def path_of(world: World, name: str) -> str:
    return f"/api/tenants/gone-{name[0]}/shares/{world.shares[name]}"


def until(ask, wanted: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while (got := ask()).status != wanted:
        assert time.monotonic() < deadline, got.raw
        time.sleep(0.2)


def test_a_deleted_share_is_shown_to_who_asks_for_it_and_refuses_what_is_new(world):
    admin, operator = world.callers["tenant_admin"], world.callers["operator"]
    path, listed = path_of(world, "a1"), f"{OWN}/shares"
    assert operator("POST", f"{path}/delete", {}).status == 403
    gone = admin("POST", f"{path}/delete", {"reason": "moved to the archive"})
    assert (gone.status, gone.body["deletion"]["reason"]) == (200, "moved to the archive"), gone.raw
    assert "tenant_admin key" in gone.body["deletion"]["by"]
    assert gone.body["deletion"]["purge_after"] >= gone.body["deletion"]["at"]
    assert [share["name"] for share in operator("GET", listed).body["shares"]] == ["a2"]
    assert [share["name"] for share in operator("GET", f"{listed}?deleted=true").body["shares"]] == ["a1", "a2"]
    assert operator("GET", path).body["deletion"] == gone.body["deletion"]
    assert [share["share_name"] for share in operator("GET", "/api/overview").body["shares"]] == ["a2"]
    for what in ("backups", "scans"):
        refused = operator("POST", f"{path}/{what}")
        assert (refused.status, refused.body["code"]) == (409, "deleted"), refused.raw
        assert f"hint: bring it back with POST {path}/undelete" in refused.body["detail"]
    assert operator("POST", f"{path}/undelete").status == 403
    back = admin("POST", f"{path}/undelete")
    assert (back.status, back.body["deletion"]) == (200, None)
    assert operator("GET", listed).body["shares"] == operator("GET", f"{listed}?deleted=true").body["shares"]


def test_a_purge_wants_the_name_typed_and_is_not_for_operators(world):
    admin, operator, path = world.callers["tenant_admin"], world.callers["operator"], path_of(world, "a2")
    assert operator("POST", f"{path}/purge", {"confirm": "a2"}).status == 403
    for typed in ("A2", "a2 ", "", "a1"):
        wrong = admin("POST", f"{path}/purge", {"confirm": typed})
        assert (wrong.status, wrong.body["errors"][0]["field"]) == (422, "confirm")
        assert "'a2'" in wrong.body["errors"][0]["expected"]
    assert admin("POST", f"{path}/purge", {}).body["errors"][0]["field"] == "confirm"
    refused = admin("POST", f"{path}/purge", {"confirm": "a2"})
    assert (refused.status, refused.body["code"]) == (409, "not_deleted")


def test_of_a_deleted_tenant_only_the_platform_knows(world):
    admin, key, person = world.admin, world.callers["tenant_admin"], world.anybody.signed_in(SOMEBODY, ENTRA)
    body = {"object_id": SOMEBODY, "name": "Some Body", "role": "tenant_admin"}
    assert admin("POST", f"{OWN}/members", body).status == 201
    assert key("POST", f"{OWN}/delete", {}).status == 403
    assert person("GET", OWN).status == 200
    assert admin("POST", f"{OWN}/delete", {"reason": "contract ended"}).status == 200
    assert key("GET", OWN).status == 401
    assert person("GET", OWN).status == 404
    assert person("GET", path_of(world, "a1")).status == 404
    assert person("GET", "/api/me").status == 403, "known, and without a role"
    ids = [one["tenant_id"] for one in admin("GET", "/api/tenants?limit=1000").body["tenants"]]
    assert "gone-a" not in ids
    [shown] = [
        one
        for one in admin("GET", "/api/tenants?limit=1000&deleted=true").body["tenants"]
        if one["tenant_id"] == "gone-a"
    ]
    assert shown["deletion"]["reason"] == "contract ended"
    assert admin("GET", path_of(world, "a1")).status == 200
    refused = admin("POST", f"{path_of(world, 'a1')}/backups")
    assert (refused.status, refused.body["code"]) == (409, "deleted")
    assert f"POST {OWN}/undelete" in refused.body["detail"]
    new = {"name": "n", "account_url": "https://a.file.core.windows.net", "share_name": "nnn", "credential": "devstore"}
    assert admin("POST", f"{OWN}/shares", new).status == 409
    assert admin("POST", f"{OWN}/undelete").body["deletion"] is None
    assert key("GET", OWN).status == 200
    assert person("GET", OWN).status == 200


def test_a_share_and_then_its_tenant_are_purged(world):
    admin, keeper = world.admin, world.callers["tenant_admin"]
    path, other = path_of(world, "a1"), path_of(world, "a2")
    of_share = world.callers["viewer of share"]
    for one in (path, other, path_of(world, "b1")):
        started = admin("POST", f"{one}/backups")
        assert started.status == 202, started.raw
        busy = admin("POST", f"{one}/delete", {})
        assert (busy.status, busy.body["code"]) == (409, "run_active")
    for one in (path, other, path_of(world, "b1")):
        run = f"{one}/runs/1"
        until(lambda run=run: admin("GET", run), 200)
        deadline = time.monotonic() + 60
        while (found := admin("GET", run).body)["active"]:
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        assert found["state"] == "succeeded", found
    assert keeper("POST", f"{path}/delete", {}).status == 200
    begun = keeper("POST", f"{path}/purge", {"confirm": "a1"})
    assert (begun.status, begun.body["kind"]) == (202, "purge"), begun.raw
    shown = keeper("GET", path)
    if shown.status == 200:
        assert shown.body["deletion"]["purging_at"] is not None
        assert keeper("GET", f"{path}/restore-points").status in (404, 409)
    until(lambda: keeper("GET", path), 404)
    assert keeper("GET", f"{path}/runs/2").status == 404
    assert of_share("GET", "/api/tenants").status == 401, "its keys went with it"
    assert [one["name"] for one in keeper("GET", f"{OWN}/shares?deleted=true").body["shares"]] == ["a2"]
    assert len(keeper("GET", f"{other}/restore-points").body["restore_points"]) == 1
    told = [
        line for line in keeper("GET", f"{OWN}/audit?action=shares.purge").body["entries"] if line["method"] == "PURGED"
    ]
    assert [(line["share_id"], line["actor_name"]) for line in told] == [(world.shares["a1"], "tenant_admin key")]

    assert admin("POST", f"{OWN}/delete", {}).status == 200
    assert admin("POST", f"{OWN}/purge", {"confirm": "Gone"}).body["errors"][0]["field"] == "confirm"
    begun = admin("POST", f"{OWN}/purge", {"confirm": "gone-a"})
    assert (begun.status, len(begun.body["runs"]), begun.body["shares_left"]) == (202, 1, 1), begun.raw
    until(lambda: admin("GET", OWN), 404, seconds=150)
    assert admin("GET", "/api/tenants/gone-b").status == 200
    lines = admin("GET", "/api/audit?action=tenant.purge").body["entries"]
    assert OWN in [line["path"] for line in lines if line["method"] == "PURGED"]
    assert admin("GET", f"{OWN}/audit").body["entries"], "what was done about it can be read for good"
    assert len(admin("GET", f"{path_of(world, 'b1')}/restore-points").body["restore_points"]) == 1
    assert world.callers["viewer"]("GET", "/api/tenants").status == 401
    assert new_key(admin, "viewer", tenant_id="gone-b")["role"] == "viewer"
