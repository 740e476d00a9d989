"""What browsers may not do, how often somebody may ask, what is written down about them, and what never is: over HTTP."""

import datetime as dt
import itertools
import json
import re
from collections.abc import Iterator

import pytest

from shared.core.api_key import make_key
from tests.acceptance.access import ENTRA, FIRST_ADMIN, World, azure_host, build, new_key
from tests.support.caller import Caller, principal


@pytest.fixture(scope="module")
def world(product) -> Iterator[World]:
    with azure_host(product, "azure_kept") as host:
        yield build(host, product, "kept")


# ---------------------------------------------------------------------------------------------------------------------
# Browsers


def test_another_site_cannot_have_a_browser_change_anything(world):
    session = {"X-MS-CLIENT-PRINCIPAL": principal(FIRST_ADMIN, ENTRA)}
    body = {"name": "Forged"}
    for headers in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"https://{world.host.url.removeprefix('http://')}"},
    ):
        got = Caller(world.host.url, session | headers)("POST", "/api/tenants", body)
        assert got.status == 403, headers
        assert "another site" in got.body["detail"]
        assert Caller(world.host.url, session | headers)("GET", "/api/tenants").status == 200
    names = {tenant["name"] for tenant in world.admin("GET", "/api/tenants?limit=1000").body["tenants"]}
    assert "Forged" not in names
    # A token was put there by a program, not by a browser on its own.
    assert Caller(world.host.url, session | {"Authorization": "Bearer eyJ0.a.b"})("GET", "/api/me").status == 200


def test_every_answer_tells_browsers_what_not_to_do(world):
    for path in (
        "/",
        "/static/style.css",
        "/api/health",
        "/api/tenants",
        "/api/tenants/nothing",
        "/api/nothing/at/all",
    ):
        headers = world.admin("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "cookie" not in "".join(headers).lower()
    assert "no-store" in world.admin("GET", "/api/tenants").headers["cache-control"]
    assert world.anybody("GET", "/api/health").status == 200


def test_the_page_works_under_its_own_policy(world):
    page = world.admin("GET", "/")
    assert page.status == 200
    text = page.raw.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=\"/)|\bon[a-z]+=|style=|javascript:|<base", text)
    for source in re.findall(r"(?:src|href)=\"([^\"]+)\"", text):
        assert source.startswith(("/", "#", "?")), source


# ---------------------------------------------------------------------------------------------------------------------
# How often


def test_who_asks_too_often_is_told_when_to_come_back(world, product):
    with azure_host(product, "rates", AFB_REQUESTS_PER_S="2", AFB_TENANT_REQUESTS_PER_S="4") as host:
        key = new_key(world.admin, "viewer", tenant_id="kept-a")["key"]
        caller = Caller(host.url).with_key(key)
        answers = [caller("GET", "/api/tenants") for _ in range(40)]
        refused = [one for one in answers if one.status == 429]
        assert 20 <= [one.status for one in answers].count(200) <= 30
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].body["type"] == "/problems/too-many-requests"
        others = [
            Caller(host.url).with_key(new_key(world.admin, "viewer", tenant_id="kept-a")["key"]) for _ in range(4)
        ]
        assert others[0]("GET", "/api/tenants").status == 200, "another key has its own"
        statuses = [one("GET", "/api/tenants/kept-a").status for _ in range(16) for one in others]
        assert statuses.count(429) > 5, "all of a tenant together"
        assert Caller(host.url).signed_in(FIRST_ADMIN, ENTRA)("GET", "/api/tenants/kept-b").status == 200


# ---------------------------------------------------------------------------------------------------------------------
# What is written down


def audited(world: World, path: str = "/api/tenants/kept-a/audit", **query: object) -> list[dict]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found, after = [], ""
    while True:
        got = world.admin("GET", f"{path}?limit=200&{asked}" + (f"&after={after}" if after else ""))
        assert got.status == 200, got.raw
        found += got.body["entries"]
        after = got.body["next"]
        if not after:
            return found


def test_every_change_is_written_down_with_who_and_from_where_and_what_became_of_it(world):
    made = new_key(world.admin, "operator", tenant_id="kept-a")
    caller = Caller(
        world.host.url, {"Authorization": f"Bearer {made['key']}", "X-Forwarded-For": "10.1.1.1, 203.0.113.7"}
    )
    share = f"/api/tenants/kept-a/shares/{world.shares['a1']}"
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    assert caller("POST", f"{share}/restores", {"restore_point": 77, "target": {"share_name": "abc"}}).status == 404
    assert caller("PATCH", share, {"settings": {"exclude": ["*.tmp"]}}).status == 403
    assert world.callers["tenant_admin"]("PATCH", share, {"settings": {"exclude": ["*.tmp"]}}).status == 200
    mine = audited(world, actor=made["key_id"], since=before.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert [(one["action"], one["outcome"], one["status"]) for one in mine] == [
        ("shares.change", "refused", 403),
        ("restores.start", "refused", 404),
    ]
    one = mine[1]
    assert (one["method"], one["path"], one["share_id"]) == ("POST", f"{share}/restores", world.shares["a1"])
    assert (one["actor_kind"], one["actor_name"], one["source"]) == ("key", "operator key", "203.0.113.7")
    assert json.loads(one["body"])["restore_point"] == 77
    done = audited(world, action="shares.change")[0]
    assert (done["outcome"], done["status"]) == ("done", 200)
    made_keys = audited(world, action="keys.change")
    assert any(one["actor"] == FIRST_ADMIN and one["actor_name"] == "First Admin" for one in made_keys)
    assert made["key"] not in json.dumps(made_keys)
    assert any(one["action"] == "tenants.create" for one in audited(world, "/api/audit"))


def test_reading_is_not_written_down_and_reading_files_is(world):
    made = new_key(world.admin, "operator", tenant_id="kept-a")
    caller = world.anybody.with_key(made["key"])
    share = f"/api/tenants/kept-a/shares/{world.shares['a1']}"
    assert caller("GET", f"{share}/runs").status == 200
    assert caller("GET", f"{share}/restore-points/1/content?path=secret/plan.txt").status == 404
    found = audited(world, actor=made["key_id"])
    assert [(one["action"], one["outcome"]) for one in found] == [("content.read", "refused")]
    assert "path=secret/plan.txt" in found[0]["query"]


def test_the_audit_is_for_admins_and_a_tenant_sees_its_own(world):
    assert world.callers["tenant_admin"]("GET", "/api/tenants/kept-a/audit").status == 200
    assert world.callers["operator"]("GET", "/api/tenants/kept-a/audit").status == 403
    assert world.callers["tenant_admin"]("GET", "/api/tenants/kept-b/audit").status == 404
    assert world.callers["tenant_admin"]("GET", "/api/audit").status == 403
    next_of_b = world.admin("GET", "/api/tenants/kept-b/audit?limit=1").body["next"]
    if next_of_b:
        assert world.admin("GET", f"/api/tenants/kept-a/audit?limit=1&after={next_of_b}").status == 400


def test_what_cannot_be_written_down_is_not_done(world, product):
    broken = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=aaaa;TableEndpoint=http://127.0.0.1:1/devstoreaccount1"
    with azure_host(product, "no_audit", AFB_JOURNAL_CONNECTION=broken) as host:
        admin = Caller(host.url).signed_in(FIRST_ADMIN, ENTRA)
        assert admin("GET", "/api/tenants").status == 200
        got = admin("POST", "/api/tenants", {"name": "Unheard", "tenant_id": "kept-unheard"})
        assert got.status == 503
        assert "nothing was done" in got.body["detail"]
    assert world.admin("GET", "/api/tenants/kept-unheard").status == 404


# ---------------------------------------------------------------------------------------------------------------------
# Logs


def test_no_secret_is_in_any_log(product, world):
    """Many requests with secrets in them, also such that fail; then all that any process wrote is looked through."""
    settings = {"AFB_DOWNLOADS_URL": "http://127.0.0.1:9", "AFB_DOWNLOADS_KEY": "downloads-key-" + "d" * 30}
    database = "postgresql://somebody:Pg-Pass-w0rd@127.0.0.1:1/none"
    with (
        azure_host(product, "kept_logs", **settings) as host,
        azure_host(product, "kept_logs_broken", AFB_POSTGRES_URL=database, AFB_MIGRATE="false") as broken,
    ):
        key = new_key(world.admin, "tenant_admin", tenant_id="kept-a")["key"]
        wrong = make_key("feedfeedfeed", b"w" * 32)
        token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
        signature = "Zm9yZ2VkLXNpZ25hdHVyZS1vZi1hLXNhcw%3D%3D"
        for one, method in itertools.product((key, wrong, token), ("GET", "POST")):
            caller = Caller(
                host.url, {"Authorization": f"Bearer {one}", "Cookie": "AppServiceAuthSession=session-cookie-secret"}
            )
            for path in (
                "/api/tenants",
                f"/api/tenants/kept-a/shares?after=sig={signature}",
                f"/api/tenants/kept-a?code=function-key-secret&sig={signature}",
                f"/api/tenants/kept-a/shares/{world.shares['a1']}/restore-points/1/content?path=a",
            ):
                body = {
                    "name": "x",
                    "account_url": f"https://a.example/?sig={signature}",
                    "credential": f"AccountKey={product.files.key}",
                }
                assert caller(method, path, body if method == "POST" else None).status >= 200
        assert Caller(broken.url).with_key(key)("GET", "/api/tenants").status == 503
    secrets = {
        "API key": key[17:],
        "unknown key": wrong[17:],
        "token": token,
        "signature": signature,
        "cookie": "session-cookie-secret",
        "function key": "function-key-secret",
        "downloads key": settings["AFB_DOWNLOADS_KEY"],
        "database password": "Pg-Pass-w0rd",
        "account key": product.files.key,
        "vault key": re.search("AccountKey=([^;]+)", product.blob_connection_string)[1],
    }
    looked = 0
    for log in product.logs.iterdir():
        if log.name.startswith(("azurite", "postgres", "files")):
            continue  # theirs, not ours
        text = log.read_text(errors="replace")
        looked += len(text)
        for what, secret in secrets.items():
            assert secret not in text, f"{what} in {log.name}"
    assert looked > 1_000
