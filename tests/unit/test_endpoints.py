"""The declarations of all endpoints, and the document made of them."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

import function_app
from http_api.endpoint import all_endpoints
from http_api.fallback import zzz_no_such_endpoint, zzz_no_such_page
from http_api.models.base import NoBody, NoQuery
from http_api.openapi import document, problems_of
from http_api.problems import KINDS

assert function_app
ENDPOINTS = all_endpoints()
DOCS = Path(__file__).resolve().parents[2] / "docs"


def ids(endpoint):
    return endpoint.name


@pytest.fixture(scope="module")
def described():
    return document([endpoint for endpoint in ENDPOINTS if endpoint.shown])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=ids)
def test_every_endpoint_says_what_it_is(endpoint):
    assert endpoint.description
    assert re.match(r"[A-Z].*\.$", " ".join(endpoint.description.split("\n\n")[0].split())), endpoint.description
    assert endpoint.answers
    assert endpoint.path.startswith("/api/") or not endpoint.shown


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.action is None], ids=ids)
def test_what_anybody_may_ask_changes_nothing(endpoint):
    assert endpoint.method == "GET"
    assert not endpoint.transaction


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.method != "GET"], ids=ids)
def test_what_changes_something_has_an_action(endpoint):
    assert endpoint.action is not None
    assert endpoint.query is NoQuery or endpoint.page  # whose address says which page it is on
    assert endpoint.audited == endpoint.changes


def test_what_is_posted_and_changes_nothing_is_what_people_may_read():
    asking = [e for e in ENDPOINTS if not e.changes]
    assert "preview_retention" in [e.name for e in asking]
    for endpoint in asking:
        assert (endpoint.method, endpoint.idempotent, endpoint.starts) == ("POST", False, False)
        assert endpoint.action.endswith(".read")


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.method == "POST" and 202 in e.answers], ids=ids)
def test_what_starts_work_takes_an_idempotency_key(endpoint):
    assert endpoint.idempotent
    assert {409, 422} <= problems_of(endpoint)


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.shown and "limit" in e.query.model_fields], ids=ids)
def test_lists_tell_whether_there_is_more(endpoint, described):
    schema = described["paths"][endpoint.path.replace(":int", "")]["get"]["responses"]["200"]["content"]
    name = schema["application/json"]["schema"]["$ref"].rpartition("/")[2]
    found = described["components"]["schemas"][name]
    for one in found.get("anyOf", [found]):
        properties = (
            one.get("properties") or described["components"]["schemas"][one["$ref"].rpartition("/")[2]]["properties"]
        )
        assert {"more", "next"} <= properties.keys()
    assert "after" in endpoint.query.model_fields


def test_two_endpoints_are_not_called_alike():
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def overlap(one, other):
    """Whether some address is one of both."""
    parts = [endpoint.path.strip("/").split("/") for endpoint in (one, other)]

    def alike(a, b):
        if "{" in a and "{" in b:
            return True
        literal, parameter = (a, b) if "{" in b else (b, a)
        if "{" not in parameter:
            return literal == parameter
        return ":int}" not in parameter or literal.isdigit()

    return len(parts[0]) == len(parts[1]) and all(map(alike, *parts))


def test_no_address_is_that_of_two_endpoints():
    """Azure's host takes the first that matches by the order of names, not the more specific one."""
    pairs = [(one, other) for one, other in combinations(ENDPOINTS, 2) if one.method == other.method]
    assert [(one.path, other.path) for one, other in pairs if overlap(one, other)] == []


def test_what_catches_all_other_addresses_has_the_last_name():
    names = [function.get_function_name() for function in function_app.app.get_functions()]
    last = sorted(names, key=str.lower)[-2:]
    assert last == [zzz_no_such_endpoint.__name__, zzz_no_such_page.__name__]


def test_the_document_has_every_endpoint_and_no_reference_into_nothing(described):
    text = json.dumps(described)
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in described["components"]["schemas"]
    for endpoint in ENDPOINTS:
        if not endpoint.shown:
            continue
        operation = described["paths"][endpoint.path.replace(":int", "")][endpoint.method.lower()]
        assert operation["operationId"] == endpoint.name
        assert {int(status) for status in operation["responses"]} >= set(endpoint.answers) | problems_of(endpoint)
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == set(endpoint.parameters)
        assert ("requestBody" in operation) == (endpoint.body is not NoBody)


def test_kinds_of_problems_have_names_of_their_own_and_are_documented():
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    text = (DOCS / "API.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"`/problems/{kind.name}`" in text
        assert re.search(rf"`/problems/{kind.name}` \| {kind.status} \|", text), kind


def test_a_path_parameter_that_nothing_can_have_is_not_found():
    (endpoint,) = [e for e in ENDPOINTS if e.name == "get_share"]
    from shared.errors import NotFound

    assert endpoint.route_of({"tenant_id": "acme", "share_id": "7"}) == {"tenant_id": "acme", "share_id": 7}
    for wrong in ("0", "-1", "+7", "7.0", "9999999999", "\u0667", ""):
        with pytest.raises(NotFound):
            endpoint.route_of({"tenant_id": "acme", "share_id": wrong})
    for wrong in ("", "a\0b", "a b", "..", "ä", "x" * 101):
        with pytest.raises(NotFound):
            endpoint.route_of({"tenant_id": wrong, "share_id": "7"})


def test_other_methods_of_a_path_are_known_by_its_endpoints():
    found = {e.method for e in ENDPOINTS if e.matches("/api/tenants/acme/shares/7")}
    assert found == {"GET", "PATCH"} or {"GET", "PATCH"} < found
    assert {e.method for e in ENDPOINTS if e.matches("/api/nothing/at/all")} == set()
