"""The HTTP API as a program meets it: the whole story once, and every wrong thing answered with what was expected."""

import secrets

import pytest

from tests.support.caller import Caller
from tests.support.share_tree import differences, fill, put, read_tree, service


@pytest.fixture
def files(product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    return service(product.files).get_share_client(name)


@pytest.fixture
def share(api, product, files):
    return api.new_share(product.files_url, files.share_name)


def test_a_share_is_backed_up_and_restored_over_http(api, product, share, files):
    fill(files)
    status, run = api("POST", f"{share}/backups")
    assert (status, run["kind"], run["state"], run["run_no"]) == (202, "backup", "queued", 1)
    done = api.finished(f"{share}/runs/1")
    assert (done["state"], done["errors"], done["restore_point"]) == ("succeeded", 0, 1)
    assert done["counters"]["files"] == len([n for n in read_tree(files).values() if n.kind == "file"])

    status, points = api("GET", f"{share}/restore-points")
    assert [p["restore_point"] for p in points["restore_points"]] == [1]

    target = f"target-{secrets.token_hex(5)}"
    status, run = api("POST", f"{share}/restores", {"restore_point": 1, "target": {"share_name": target}})
    assert (status, run["run_no"]) == (202, 2)
    assert api.finished(f"{share}/runs/2")["state"] == "succeeded"
    restored = service(product.files).get_share_client(target)
    assert differences(read_tree(files), read_tree(restored)) == []
    told = api("GET", f"{share}/runs/2/journal")[1]
    assert [(line["kind"], line["details"]["event"]) for line in told["lines"]] == [
        ("event", "opened"),
        ("event", "committed"),
    ]
    assert (told["more"], told["next"]) == (False, None)


def test_a_directory_is_restored_below_another_one(api, product, share, files):
    fill(files)
    api("POST", f"{share}/backups")
    api.finished(f"{share}/runs/1")
    target = f"target-{secrets.token_hex(5)}"
    body = {"restore_point": 1, "path": "/docs/reports", "target": {"share_name": target, "path": "back/again"}}
    assert api("POST", f"{share}/restores", body)[0] == 202
    assert api.finished(f"{share}/runs/2")["state"] == "succeeded"
    restored = read_tree(service(product.files).get_share_client(target))
    expected = {
        path.replace("docs/reports", "back/again", 1): node
        for path, node in read_tree(files).items()
        if path.startswith("docs/reports")
    }
    restored.pop("back")
    assert differences(expected, restored) == []


def test_a_second_run_of_a_share_waits_for_the_first_to_end(api, share, files):
    for n in range(300):
        put(files, f"{n % 7}/{n}.txt", b"%d" % n)
    assert api("POST", f"{share}/backups")[0] == 202
    status, problem = api("POST", f"{share}/backups")
    assert (status, problem["status"]) == (409, 409)
    assert "backup run 1" in problem["detail"]
    assert api.finished(f"{share}/runs/1")["state"] == "succeeded"
    assert len(api("GET", f"{share}/runs")[1]["runs"]) == 1


def restore_with(**fields):
    return {"restore_point": 1, "target": {"share_name": "abc"}, **fields}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/tenants", {}, "name"),
        ("POST", "/api/tenants", {"name": ""}, "name"),
        ("POST", "/api/tenants", {"name": 7}, "name"),
        ("POST", "/api/tenants", {"name": "x", "nmae": "x"}, "nmae"),
        ("POST", "/api/tenants", {"name": "x", "tenant_id": "Not A Container"}, "tenant_id"),
        ("POST", "{tenant}/shares", {"name": "x", "share_name": "abc"}, "account_url"),
        ("POST", "{tenant}/shares", {"name": "x", "account_url": "ftp://x", "share_name": "abc"}, "account_url"),
        (
            "POST",
            "{tenant}/shares",
            {"name": "x", "account_url": "http://a.example", "share_name": "abc"},
            "account_url",
        ),
        ("POST", "{tenant}/shares", {"name": "x", "account_url": "https://a.example", "share_name": "A"}, "share_name"),
        (
            "POST",
            "{tenant}/shares",
            {"name": "x", "account_url": "https://a.example", "share_name": "abc", "credential": "nobody"},
            "credential",
        ),
        (
            "POST",
            "{tenant}/shares",
            {
                "name": "x",
                "account_url": "https://a.example",
                "share_name": "abc",
                "settings": {"bundle_file_max_bytes": -1},
            },
            "settings.bundle_file_max_bytes",
        ),
        (
            "POST",
            "{tenant}/shares",
            {
                "name": "x",
                "account_url": "https://a.example",
                "share_name": "abc",
                "settings": {"requests_per_s": 1},
            },
            "settings.requests_per_s",
        ),
        (
            "POST",
            "{tenant}/shares",
            {
                "name": "x",
                "account_url": "https://a.example",
                "share_name": "abc",
                "settings": {"bytes_per_s": 1000},
            },
            "settings.bytes_per_s",
        ),
        (
            "POST",
            "{tenant}/shares",
            {"name": "x", "account_url": "https://a.example", "share_name": "abc", "settings": {"exclude": ["a[b"]}},
            "settings.exclude",
        ),
        ("PATCH", "{share}", {}, "settings"),
        ("PATCH", "{share}", {"settings": {"exclude": ["*.tmp", "!"]}}, "settings.exclude"),
        ("PATCH", "{share}", {"settings": {"include": ["!a"]}}, "settings.include"),
        ("PATCH", "{share}", {"settings": {"exclude": "*.tmp"}}, "settings.exclude"),
        ("PATCH", "{share}", {"settings": {"exclude": ["a"] * 1001}}, "settings.exclude"),
        ("PATCH", "{share}", {"settings": {"large_file_bytes": 1}}, "settings.large_file_bytes"),
        ("PATCH", "{share}", {"name": "another"}, "name"),
        ("POST", "{share}/scans", {"fast": True}, "fast"),
        ("POST", "{share}/backups", {"fast": True}, "fast"),
        ("POST", "{share}/restores", {"target": {"share_name": "abc"}}, "restore_point"),
        ("POST", "{share}/restores", {"restore_point": 1}, "target"),
        ("POST", "{share}/restores", {"restore_point": 1, "target": {"share_name": "no/pe"}}, "target.share_name"),
        ("POST", "{share}/restores", restore_with(conflicts="replace"), "conflicts"),
        ("POST", "{share}/restores", restore_with(conflicts="mirror"), "delete_at_most"),
        ("POST", "{share}/restores", restore_with(delete_at_most=3), "delete_at_most"),
        (
            "POST",
            "{share}/restores",
            restore_with(conflicts="mirror", delete_at_most=1, selection={"extensions": [".doc"]}),
            "conflicts",
        ),
        ("POST", "{share}/restores", restore_with(part="acl"), "part"),
        ("POST", "{share}/restores", restore_with(part="permissions", conflicts="skip"), "conflicts"),
        ("POST", "{share}/restores", restore_with(selection={"extensions": ["doc"]}), "selection.extensions"),
        ("POST", "{share}/restores", restore_with(selection={"include": ["!a"]}), "selection.include"),
        ("POST", "{share}/restores", restore_with(selection={"paths": ["a/../b"]}), "selection.paths"),
        ("POST", "{share}/restores", restore_with(selection={"written_from": "yesterday"}), "selection.written_from"),
        ("POST", "{share}/restores", restore_with(selection={"compared_with": 1}), "selection.changes"),
        (
            "POST",
            "{share}/restores",
            restore_with(selection={"written_from": "2026-01-02T00:00:00Z", "written_before": "2026-01-01T00:00:00Z"}),
            "selection.written_before",
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(api, share, method, path, body, field):
    tenants = api.pages("/api/tenants", "tenants", 1_000)
    before = api("GET", share)
    status, problem = api(method, path.format(share=share, tenant=share.rpartition("/shares")[0]), body)
    assert status == 400, problem
    assert field in [e["field"] for e in problem["errors"]], problem
    assert all(e["expected"] for e in problem["errors"])
    assert api.pages("/api/tenants", "tenants", 1_000) == tenants
    assert api("GET", f"{share}/runs")[1]["runs"] == []
    assert api("GET", share) == before


def test_a_wrong_rule_is_named_by_its_line(api, share):
    _, problem = api("PATCH", share, {"settings": {"exclude": ["*.tmp", "# fine", "a[b"]}})
    assert problem["errors"] == [
        {"field": "settings.exclude", "expected": "line 3, 'a[b': expected a ']' for each '['"},
    ]


def test_a_share_is_scanned_and_its_rules_are_changed(api, share, files):
    fill(files)
    status, run = api("POST", f"{share}/scans")
    assert (status, run["kind"], run["run_no"], run["report"]) == (202, "scan", 1, None)
    done = api.finished(f"{share}/runs/1")
    assert (done["state"], done["restore_point"]) == ("succeeded", None)
    count = len([n for n in read_tree(files).values() if n.kind == "file"])
    assert done["report"]["changes"]["new_files"] == count
    assert done["report"]["backup"]["cost"]["prices"]["as_of"]
    assert done["cost"]["total"] > 0

    settings = {"exclude": ["*.csv"], "large_file_bytes": 8 * 1024 * 1024}
    status, changed = api("PATCH", share, {"settings": settings})
    assert status == 200
    assert changed["settings"] | settings == changed["settings"]
    status, changed = api("PATCH", share, {"settings": {"include": ["/docs/"]}})
    assert changed["settings"]["exclude"] == ["*.csv"]
    assert api("GET", share)[1] == changed
    api("POST", f"{share}/scans")
    kept = [
        p for p in read_tree(files) if p.startswith("docs/") and not p.endswith(".csv") and "." in p.rpartition("/")[2]
    ]
    assert api.finished(f"{share}/runs/2")["report"]["to_transfer"]["files"] == len(kept) - 1  # "docs/trailing."


def test_a_body_that_is_not_json_is_said_so(api):
    status, problem = api("POST", "/api/tenants", raw=b"{nope")
    assert status == 400
    assert "json" in problem["detail"].lower()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/tenants/nobody", None),
        ("GET", "/api/tenants/nobody/shares", None),
        ("GET", "{tenant}/shares/999999", None),
        ("GET", "/api/tenants/nobody/shares/{share_id}", None),
        ("POST", "{tenant}/shares/999999/backups", {}),
        ("POST", "{tenant}/shares/999999/scans", {}),
        ("PATCH", "{tenant}/shares/999999", {"settings": {}}),
        ("PATCH", "/api/tenants/nobody/shares/{share_id}", {"settings": {}}),
        ("GET", "{share}/runs/77", None),
        ("POST", "{share}/restores", {"restore_point": 9, "target": {"share_name": "abc"}}),
    ],
)
def test_unknown_ids_are_not_found(api, share, method, path, body):
    tenant, _, share_id = share.rpartition("/shares/")
    status, problem = api(method, path.format(share=share, tenant=tenant, share_id=share_id), body)
    assert (status, problem["status"], problem["title"]) == (404, 404, "not found")


def test_the_same_azure_share_is_not_protected_twice(api, product, share, files):
    body = {"name": "again", "account_url": product.files_url, "share_name": files.share_name, "credential": "devstore"}
    status, problem = api("POST", share.rpartition("/")[0], body)
    assert status == 409
    assert "already protected" in problem["detail"]


def test_a_share_that_is_gone_fails_the_run_with_a_reason(api, share, files):
    files.delete_share()
    api("POST", f"{share}/backups")
    run = api.finished(f"{share}/runs/1")
    assert run["state"] == "failed"
    assert "share" in run["error"].lower()
    assert api("GET", f"{share}/restore-points")[1]["restore_points"] == []


def test_nobody_gets_in_but_from_this_machine_or_with_a_key(product):
    """More of it is in test_access.py."""
    assert Caller(product.host_url)("GET", "/api/tenants").status == 200
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "10.0.0.1"}, {"Authorization": "Bearer afb_wrong"}):
        caller = Caller(product.host_url, headers)
        assert caller("GET", "/api/tenants").status == 401, headers
        assert caller("GET", "/api/health").status == 200
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        assert Caller(product.host_url, headers)("POST", "/api/tenants", {"name": "Forged"}).status == 403, headers


def test_the_first_page_shows_every_share_with_its_newest_restore_point(api, share, files):
    fill(files)
    api("POST", f"{share}/backups")
    api.finished(f"{share}/runs/1")
    tenant_id = share.split("/")[3]
    status, page = api("GET", f"/?tenant={tenant_id}")
    assert status == 200
    assert "Contoso" in page
    assert f'href="{share.removeprefix("/api")}"' in page
    assert api("GET", "/static/style.css")[0] == 200
    assert api("GET", "/static/nothing.css")[0] == 404
