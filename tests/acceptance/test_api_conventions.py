"""What all of the API has in common: problems, pages of lists, conditions, idempotency keys, the document."""

import json
import secrets
import threading

import pytest

from tests.support.api import Api
from tests.support.share_tree import put, service


@pytest.fixture(scope="module")
def share(product):
    """A share with three restore points."""
    api = Api(product.host_url, product.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    path = api.new_share(product.files_url, name)
    for n in (1, 2, 3):
        put(files, f"{n}.txt", b"%d" % n)
        assert api("POST", f"{path}/backups")[0] == 202
        assert api.finished(f"{path}/runs/{n}")["state"] == "succeeded"
    return path


@pytest.fixture
def tenant(api):
    return f"/api/tenants/{api('POST', '/api/tenants', {'name': 'Contoso'})[1]['tenant_id']}"


# ---------------------------------------------------------------------------------------------------------------------
# Problems


def test_what_is_not_there_is_a_problem_too(api):
    said = api.ask("GET", "/api/nothing/here")
    assert said.status == 404
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.json["type"] == "/problems/not-found"
    said = api.ask("GET", "/api/tenants/acme/shares/seven")
    assert (said.status, said.json["type"]) == (404, "/problems/not-found")


def test_a_wrong_method_is_told_which_there_are(api):
    said = api.ask("DELETE", "/api/tenants")
    assert said.status == 405
    assert said.headers["Allow"] == "GET, POST"
    assert said.json["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize("parameter", ["limti=5", "limit=5&limit=6", "limit=+5", "limit=5.0", "limit=", "limit=1001"])
def test_a_parameter_that_is_not_known_or_wrong_is_named(api, parameter):
    said = api.ask("GET", f"/api/tenants?{parameter}")
    assert said.status == 400
    assert said.json["type"] == "/problems/invalid-request"
    assert [error["field"] for error in said.json["errors"]] == [parameter.partition("=")[0]]


def test_text_that_the_catalogue_cannot_hold_is_refused(api):
    said = api.ask("POST", "/api/tenants", {"name": "a\0b"})
    assert (said.status, said.json["errors"][0]["field"]) == (400, "name")
    assert api.ask("GET", "/api/tenants/a%00b").status == 404


def test_a_conflict_says_which_by_a_code(api, tenant):
    said = api.ask("POST", "/api/tenants", {"name": "again", "tenant_id": tenant.rpartition("/")[2]})
    assert (said.status, said.json["type"], said.json["code"]) == (409, "/problems/conflict", "tenant_pk")


# ---------------------------------------------------------------------------------------------------------------------
# Lists


@pytest.mark.parametrize(
    ("what", "key", "name"),
    [("runs", "runs", "run_no"), ("restore-points", "restore_points", "restore_point")],
)
def test_a_list_is_had_part_by_part(api, share, what, key, name):
    whole = api("GET", f"{share}/{what}")[1]
    assert [one[name] for one in whole[key]] == [3, 2, 1]
    assert (whole["more"], whole["next"]) == (False, None)
    for limit in (1, 2, 3):
        assert api.pages(f"{share}/{what}", key, limit) == whole[key]


def test_shares_and_tenants_are_had_part_by_part(api, product, tenant):
    for name in ("b", "a", "C", "ä"):
        body = {
            "name": name,
            "account_url": product.files_url,
            "share_name": f"s-{secrets.token_hex(4)}",
            "credential": "devstore",
        }
        assert api("POST", f"{tenant}/shares", body)[0] == 201
    assert [one["name"] for one in api.pages(f"{tenant}/shares", "shares", 1)] == ["C", "a", "b", "ä"]
    found = [one["tenant_id"] for one in api.pages("/api/tenants", "tenants", 2)]
    assert found == sorted(set(found))
    assert tenant.rpartition("/")[2] in found
    shares = api.pages("/api/overview", "shares", 3)
    assert len({one["share_id"] for one in shares}) == len(shares)
    assert {one["share_name"] for one in shares if one["tenant_id"] == tenant.rpartition("/")[2]} == {
        "b",
        "a",
        "C",
        "ä",
    }


def test_runs_are_chosen_by_kind_and_state(api, share):
    assert [one["run_no"] for one in api("GET", f"{share}/runs?kind=backup&state=succeeded&limit=2")[1]["runs"]] == [
        3,
        2,
    ]
    assert api("GET", f"{share}/runs?kind=restore")[1]["runs"] == []
    assert api("GET", f"{share}/runs?kind=coffee")[1]["errors"][0]["field"] == "kind"


def test_a_cursor_is_good_for_its_own_list_only(api, share):
    after = api("GET", f"{share}/runs?limit=1")[1]["next"]
    assert api("GET", f"{share}/runs?limit=2&after={after}")[0] == 200
    for other in (f"{share}/restore-points", f"{share}/runs/1/journal", "/api/tenants", "/api/overview", "/api/usage"):
        said = api.ask("GET", f"{other}?after={after}")
        assert (said.status, said.json["errors"][0]["field"]) == (400, "after"), other
    said = api.ask("GET", f"{share}/runs?kind=backup&after={after}")
    assert said.status == 400


def test_a_journal_is_had_part_by_part(api, share):
    whole = api("GET", f"{share}/runs/1/journal")[1]["lines"]
    assert api.pages(f"{share}/runs/1/journal", "lines", 1) == whole
    assert len(whole) >= 2


def test_one_restore_point(api, share):
    listed = api("GET", f"{share}/restore-points")[1]["restore_points"]
    assert api("GET", f"{share}/restore-points/2") == (200, listed[1])
    assert api("GET", f"{share}/restore-points/9")[0] == 404


# ---------------------------------------------------------------------------------------------------------------------
# Conditions


def test_who_has_it_is_not_told_again(api, tenant):
    first = api.ask("GET", tenant)
    etag = first.headers["ETag"]
    again = api.ask("GET", tenant, If_None_Match=etag)
    assert (again.status, again.raw, again.headers["ETag"]) == (304, b"", etag)
    assert api.ask("GET", tenant, If_None_Match=f'"x", W/{etag}').status == 304
    assert api.ask("GET", tenant, If_None_Match='"x"').status == 200


def test_a_change_of_what_was_changed_meanwhile_is_refused(api, tenant):
    etag = api.ask("GET", tenant).headers["ETag"]
    changed = api.ask("PATCH", tenant, {"name": "Fabrikam"}, If_Match=etag)
    assert (changed.status, changed.json["name"]) == (200, "Fabrikam")
    late = api.ask("PATCH", tenant, {"name": "Northwind"}, If_Match=etag)
    assert (late.status, late.json["type"]) == (412, "/problems/changed-meanwhile")
    assert late.headers["ETag"] == changed.headers["ETag"] == api.ask("GET", tenant).headers["ETag"]
    assert api("GET", tenant)[1]["name"] == "Fabrikam"
    assert api.ask("PATCH", tenant, {"name": "Northwind"}, If_Match=late.headers["ETag"]).status == 200
    assert api.ask("PATCH", tenant, {"name": "Contoso"}, If_Match="*").status == 200


def test_of_two_changes_of_the_same_state_one_is_made(api, share):
    etag = api.ask("GET", share).headers["ETag"]
    found = together(
        6, lambda n: api.ask("PATCH", share, {"settings": {"requests_per_s": 100 + n}}, If_Match=etag).status
    )
    assert sorted(found) == [200, 412, 412, 412, 412, 412]


# ---------------------------------------------------------------------------------------------------------------------
# Idempotency keys


def together(count, work):
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(work(n))) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_request_sent_twice_is_answered_twice_and_done_once(api):
    key = secrets.token_hex(8)
    first = api.ask("POST", "/api/tenants", {"name": "Once"}, Idempotency_Key=key)
    again = api.ask("POST", "/api/tenants", {"name": "Once"}, Idempotency_Key=key)
    assert first.status == again.status == 201
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers["Idempotency-Replayed"], again.headers["Idempotency-Replayed"]) == (None, "true")
    assert api.ask("POST", "/api/tenants", {"name": "Once"}).json["tenant_id"] != first.json["tenant_id"]


def test_a_key_is_not_used_for_another_request(api, share):
    key = secrets.token_hex(8)
    assert api.ask("POST", "/api/tenants", {"name": "One"}, Idempotency_Key=key).status == 201
    other = api.ask("POST", "/api/tenants", {"name": "Other"}, Idempotency_Key=key)
    assert (other.status, other.json["type"]) == (422, "/problems/idempotency-key-reused")
    assert other.json["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["x" * 256, " ", "a\tb", "ä"])
def test_a_key_that_is_none_is_refused(api, key):
    said = api.ask("POST", "/api/tenants", {"name": "One"}, Idempotency_Key=key.encode().decode("latin-1"))
    assert (said.status, said.json["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_a_request_that_failed_may_be_tried_again_with_its_key(api, tenant):
    key, tenant_id = secrets.token_hex(8), f"t-{secrets.token_hex(6)}"
    taken = {"name": "Mine", "tenant_id": tenant.rpartition("/")[2]}
    assert api.ask("POST", "/api/tenants", taken, Idempotency_Key=key).status == 409
    free = {"name": "Mine", "tenant_id": tenant_id}
    assert api.ask("POST", "/api/tenants", free, Idempotency_Key=key).status == 201


def test_one_backup_is_started_however_often_it_is_asked_for_at_once(api, product):
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    path = api.new_share(product.files_url, name)
    key = secrets.token_hex(8)
    found = together(8, lambda n: api.ask("POST", f"{path}/backups", {}, Idempotency_Key=key))
    assert {said.status for said in found} <= {202, 409}
    for said in found:
        if said.status == 409:
            assert said.json["type"] == "/problems/still-in-progress"
            assert int(said.headers["Retry-After"]) > 0
        else:
            assert said.json["run_no"] == 1
    assert api.ask("POST", f"{path}/backups", {}, Idempotency_Key=key).json["run_no"] == 1
    assert api.finished(f"{path}/runs/1")["state"] == "succeeded"
    assert [one["run_no"] for one in api("GET", f"{path}/runs")[1]["runs"]] == [1]


# ---------------------------------------------------------------------------------------------------------------------
# The document


def test_the_document_is_served_and_cached(api):
    said = api.ask("GET", "/api/openapi.json")
    assert said.status == 200
    assert said.headers["Content-Type"] == "application/json"
    document = json.loads(said.raw)
    assert document["openapi"] == "3.1.0"
    assert {"/api/tenants", "/api/usage", "/api/overview"} <= document["paths"].keys()
    assert api.ask("GET", "/api/openapi.json", If_None_Match=said.headers["ETag"]).status == 304
