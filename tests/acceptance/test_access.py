"""Who gets in, what they may do, and what is written down about it: the app as it runs in Azure, over HTTP."""

import datetime as dt
import itertools
import json
import re
import time
from collections.abc import Iterator

import psycopg
import pytest

import function_app
from http_api.endpoint import all_endpoints
from shared.core.access import may, sees
from shared.core.api_key import make_key
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role
from tests.acceptance.access import ENTRA, FIRST_ADMIN, SETTINGS, World, azure_host, build, new_key
from tests.support.caller import Caller, principal

assert function_app.app, "every endpoint is declared when it is imported"

SOMEBODY = "bbbbbbbb-0000-0000-0000-000000000001"
GROUP = "cccccccc-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def world(product) -> Iterator[World]:
    with azure_host(product, "azure") as host:
        yield build(host, product)


# ---------------------------------------------------------------------------------------------------------------------
# Every route, every role, own and other


CALLERS = {
    "platform_admin": Grant(Role.PLATFORM_ADMIN),
    "tenant_admin": Grant(Role.TENANT_ADMIN, "wall-a"),
    "operator": Grant(Role.OPERATOR, "wall-a"),
    "viewer": Grant(Role.VIEWER, "wall-a"),
    "operator of share": Grant(Role.OPERATOR, "wall-a", 1),
    "viewer of share": Grant(Role.VIEWER, "wall-a", 1),
}
ENDPOINTS = [e for e in all_endpoints() if e.action is not None]


def places(endpoint, world: World) -> Iterator[tuple[str, str, str | None, int | None]]:
    """Paths of an endpoint: of their own tenant and share, of another share of it, of another tenant's, with the share told twice:
    by its number here, and by its number where grants are compared, in which 1 is their own.
    """
    names = set(endpoint.parameters)
    if "share_id" in names:
        found = [("wall-a", "a1"), ("wall-a", "a2"), ("wall-b", "b1")]
    elif "tenant_id" in names:
        found = [("wall-a", None), ("wall-b", None)]
    else:
        found = [(None, None)]
    for tenant_id, share in found:
        values = {name: "999999" if number else "nothing" for name, number in endpoint.parameters.items()}
        if tenant_id is not None:
            values["tenant_id"] = tenant_id
        if share is not None:
            values["share_id"] = str(world.shares[share])
        path = endpoint.path
        for name, value in values.items():
            path = re.sub(rf"\{{{name}(:int)?\}}", value, path)
        yield path, share or tenant_id or "platform", tenant_id, {"a1": 1, "a2": 2, "b1": 3, None: None}[share]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_is_for_those_whom_the_table_names(world, caller):
    """A parameter that no route knows is refused after everything about access and before anything is done: 400 says "may"."""
    grant = CALLERS[caller]
    one = Principal(kind=PrincipalKind.KEY, id="k", name="k", grants=frozenset({grant}))
    call, wrong, asked = world.callers[caller], [], 0
    for endpoint in ENDPOINTS:
        for path, where, tenant_id, share_id in places(endpoint, world):
            expected = 400
            if not sees(one, tenant_id, share_id):
                expected = 404
            elif not may(one, endpoint.action, tenant_id, share_id):
                expected = 403
            got = call(endpoint.method, path + "?no_such_parameter=1")
            asked += 1
            if got.status != expected:
                wrong.append(
                    f"{endpoint.method} {path} ({where}): {got.status}, expected {expected}: {got.raw[:200]!r}"
                )
    assert not wrong, "\n".join(wrong)
    assert asked > 60


def test_every_route_is_closed_to_nobody(world):
    for endpoint in ENDPOINTS:
        for path, *_ in places(endpoint, world):
            got = world.anybody(endpoint.method, path + "?no_such_parameter=1")
            assert got.status == 401, (endpoint.method, path, got.raw)
            assert got.headers["www-authenticate"].startswith("Bearer")
            assert got.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("caller", ["tenant_admin", "operator", "viewer", "operator of share"])
def test_of_anothers_share_nothing_is_there_under_ones_own_tenant_either(world, caller):
    """The id exists; the tenant in front of it is one's own. Whoever has a role for the whole tenant passes the first wall."""
    call, theirs = world.callers[caller], world.shares["b1"]
    for endpoint in ENDPOINTS:
        if "share_id" in endpoint.parameters and endpoint.method == "GET":
            values = {name: "1" if number else "nothing" for name, number in endpoint.parameters.items()}
            path = endpoint.path
            for name, value in {**values, "tenant_id": "wall-a", "share_id": str(theirs)}.items():
                path = re.sub(rf"\{{{name}(:int)?\}}", value, path)
            got, nowhere = call("GET", path), call("GET", path.replace(f"/shares/{theirs}", "/shares/999999"))
            if got.status == 403:
                assert endpoint.action is Action.CONTENT_READ or "share" in caller or "viewer" in caller
                continue
            assert got.status == nowhere.status, path
            assert got.status in (400, 404), (path, got.raw)
            told = re.sub(rf"\b{theirs}\b", "999999", got.raw.decode())
            assert told == nowhere.raw.decode(), "told apart by its answer"


def test_lists_show_what_one_sees(world):
    def listed(caller: str, path: str, name: str, key: str) -> set:
        return {one[key] for one in world.callers[caller]("GET", path).body[name]}

    assert {"wall-a", "wall-b"} <= listed("platform_admin", "/api/tenants?limit=1000", "tenants", "tenant_id")
    a1, a2 = world.shares["a1"], world.shares["a2"]
    for caller in CALLERS:
        if caller != "platform_admin":
            own = {a1} if "share" in caller else {a1, a2}
            assert listed(caller, "/api/tenants", "tenants", "tenant_id") == {"wall-a"}
            assert listed(caller, "/api/tenants/wall-a/shares", "shares", "share_id") == own
            assert listed(caller, "/api/overview", "shares", "share_id") == own


# ---------------------------------------------------------------------------------------------------------------------
# Being somebody


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer afb_nonsense"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": f"Bearer {make_key('0123456789ab', bytes(32))}"},
        {"Authorization": "Bearer " + "afb_" * 1_000},
        {
            "X-MS-CLIENT-PRINCIPAL-ID": FIRST_ADMIN,
            "X-MS-CLIENT-PRINCIPAL-NAME": "First Admin",
            "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
        },
        {"X-MS-CLIENT-PRINCIPAL": "nonsense"},
        {"X-MS-CLIENT-PRINCIPAL": principal(FIRST_ADMIN, "99999999-2222-3333-4444-555555555555")},
        {"Cookie": "AppServiceAuthSession=something"},
        {"x-functions-key": "master"},
        {"Host": "localhost"},
    ],
)
def test_what_is_not_valid_makes_nobody_of_one(world, headers):
    got = Caller(world.host.url, headers)("GET", "/api/tenants")
    assert got.status == 401
    assert got.body["type"] == "/problems/unauthenticated"


def test_the_platforms_header_is_nothing_where_the_platform_does_not_stand_before_the_app(product):
    """Whoever can reach the app may send it."""
    for name, settings in {
        "no_auth": {"WEBSITE_AUTH_ENABLED": "False"},
        "not_azure": {"WEBSITE_SITE_NAME": ""},
        "not_wanted": {"AFB_ENTRA_SIGN_IN": "false"},
    }.items():
        with azure_host(product, name, **settings) as host:
            got = Caller(host.url).signed_in(FIRST_ADMIN, ENTRA)("GET", "/api/tenants")
            assert got.status == 401, name


def test_a_key_that_was_tampered_with_is_no_key(world):
    key = new_key(world.admin, "viewer")["key"]
    assert world.anybody.with_key(key)("GET", "/api/tenants").status == 200
    for at in (4, 15, 20, 40, 60, len(key) - 1):
        wrong = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :]
        assert world.anybody.with_key(wrong)("GET", "/api/tenants").status == 401
    # With a check that fits: the id of one key and the secret of another.
    other = make_key(key[4:16], b"x" * 32)
    assert world.anybody.with_key(other)("GET", "/api/tenants").status == 401


def test_a_key_is_shown_once_and_works_until_it_is_revoked(world):
    made = new_key(world.admin, "operator", days=3)
    listed = world.admin("GET", "/api/tenants/wall-a/keys?limit=1000")
    assert made["key"].encode() not in listed.raw
    assert made["key_id"] in {key["key_id"] for key in listed.body["keys"]}
    left = dt.datetime.fromisoformat(made["expires_at"]) - dt.datetime.fromisoformat(made["created_at"])
    assert left == dt.timedelta(days=3)
    caller, path = world.anybody.with_key(made["key"]), f"/api/tenants/wall-a/keys/{made['key_id']}"
    assert caller("GET", "/api/tenants/wall-a").status == 200
    revoked = world.admin("DELETE", path)
    assert (revoked.status, revoked.body["valid"]) == (200, False)
    assert caller("GET", "/api/tenants/wall-a").status == 401
    again = world.admin("DELETE", path)
    assert again.body["revoked_at"] == revoked.body["revoked_at"]
    assert world.callers["viewer"]("GET", path).status == 403
    assert world.admin("GET", path.replace("wall-a", "wall-b")).status == 404


def test_an_expired_key_is_no_key(world, product):
    made = new_key(world.admin, "viewer")
    caller = world.anybody.with_key(made["key"])
    assert caller("GET", "/api/tenants").status == 200
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute("UPDATE api_key SET expires_at = now() WHERE key_id = %s", [made["key_id"]])
    assert caller("GET", "/api/tenants").status == 401
    shown = world.admin("GET", f"/api/tenants/wall-a/keys/{made['key_id']}").body
    assert (shown["valid"], shown["revoked_at"]) == (False, None)


def test_the_secret_of_a_key_is_nowhere_in_the_catalogue(world, product):
    made = new_key(world.admin, "viewer")
    secret = made["key"][17:]
    with psycopg.connect(product.postgres_url) as conn:
        tables = conn.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            found = conn.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{secret}%"]).fetchone()
            assert found == (0,), table


def test_when_a_key_was_last_used_is_shown_and_written_once_a_minute(world):
    made = new_key(world.admin, "viewer")
    path = f"/api/tenants/wall-a/keys/{made['key_id']}"
    assert world.admin("GET", path).body["last_used_at"] is None
    caller = world.anybody.with_key(made["key"])
    used: set[str | None] = set()
    for _ in range(20):
        assert caller("GET", "/api/tenants").status == 200
        used.add(world.admin("GET", path).body["last_used_at"])
        time.sleep(0.05)
    assert len(used - {None}) == 1


def test_a_key_made_by_a_key_does_not_outlive_it(world):
    short = new_key(world.admin, "tenant_admin", days=2)
    child = new_key(world.anybody.with_key(short["key"]), "viewer", days=700)
    assert child["expires_at"] == short["expires_at"]
    assert short["key_id"] in child["created_by"]


def test_a_member_is_who_they_are_and_so_is_a_group(world):
    person = world.anybody.signed_in(SOMEBODY, ENTRA)
    of_group = world.anybody.signed_in("dddddddd-0000-0000-0000-000000000001", ENTRA, groups=(GROUP,))
    assert person("GET", "/api/tenants").status == 403, "known, and without a role"
    assert person("GET", "/api/tenants/wall-a").status == 404
    added = []
    for object_id, kind in ((SOMEBODY.upper(), "person"), (GROUP, "group")):
        body = {"object_id": object_id, "kind": kind, "name": kind, "role": "viewer"}
        made = world.admin("POST", "/api/tenants/wall-a/members", body)
        assert made.status == 201, made.raw
        added.append(made)
        assert world.admin("POST", "/api/tenants/wall-a/members", body).status == 409
    for caller in (person, of_group):
        assert caller("GET", "/api/tenants/wall-a").status == 200
        assert caller("GET", "/api/tenants/wall-b").status == 404
        assert caller("GET", "/api/me").body["grants"] == [{"role": "viewer", "tenant_id": "wall-a", "share_id": None}]
    member = added[0].headers["location"]
    changed = world.admin("PATCH", member, {"role": "tenant_admin"})
    assert (changed.status, changed.body["role"], changed.body["name"]) == (200, "tenant_admin", "person")
    assert person("GET", "/api/tenants/wall-a/members").status == 200
    assert world.admin("DELETE", member.replace("wall-a", "wall-b")).status == 404
    for made in added:
        world.admin("PATCH", made.headers["location"], {"role": "viewer"})
        assert world.admin("DELETE", made.headers["location"]).status in (204, 409)


def test_the_last_admin_of_a_tenant_stays_until_there_is_another(world):
    admin = world.admin
    assert admin("POST", "/api/tenants", {"name": "Alone", "tenant_id": "wall-alone"}).status == 201
    members = "/api/tenants/wall-alone/members"
    one = admin("POST", members, {"object_id": SOMEBODY, "name": "One", "role": "tenant_admin"}).headers["location"]
    for refused in (admin("DELETE", one), admin("PATCH", one, {"role": "viewer"})):
        assert (refused.status, refused.body["code"]) == (409, "last_admin")
        assert "hint: make somebody else one first" in refused.body["detail"]
    assert admin("PATCH", one, {"name": "Still one"}).status == 200
    admin("POST", members, {"object_id": GROUP, "kind": "group", "name": "Two", "role": "tenant_admin"})
    assert admin("DELETE", one).status == 204


def test_nobody_gives_more_than_they_have(world):
    tenant_admin, share = world.callers["tenant_admin"], world.shares["a1"]
    for path, body in (
        ("/api/tenants/wall-a/keys", {"name": "x"}),
        ("/api/tenants/wall-a/members", {"name": "x", "object_id": SOMEBODY}),
    ):
        got = tenant_admin("POST", path, body | {"role": "platform_admin"})
        assert (got.status, got.body["errors"][0]["field"]) == (400, "role")
        assert tenant_admin("POST", path, body | {"role": "tenant_admin", "share_id": share}).status == 400
        assert tenant_admin("POST", path, body | {"role": "viewer", "share_id": world.shares["b1"]}).status == 404
    assert tenant_admin("POST", "/api/keys", {"name": "x", "role": "viewer"}).status == 403
    assert tenant_admin("POST", "/api/members", {"name": "x", "object_id": SOMEBODY}).status == 403
    assert new_key(tenant_admin, "tenant_admin")["role"] == "tenant_admin"


def test_what_a_tenant_protects_or_writes_to_is_in_an_account_of_its_own(world, product):
    """The app's credentials reach the storage of all tenants."""
    tenant_admin, accounts = world.callers["tenant_admin"], "/api/tenants/wall-a/accounts"
    theirs = {"name": "theirs", "account_url": product.files_url, "share_name": "wall-b1", "credential": "devstore"}
    got = tenant_admin("POST", "/api/tenants/wall-a/shares", theirs)
    assert (got.status, got.body["errors"][0]["field"]) == (403, "account_url")
    unknown = theirs | {"credential": "no-such-credential"}
    assert tenant_admin("POST", "/api/tenants/wall-a/shares", unknown).status == 403, "which there are is not told"
    assert tenant_admin("POST", accounts, {"account_url": product.files_url, "credential": "devstore"}).status == 403
    given = world.admin("POST", accounts, {"account_url": product.files_url + "/", "credential": "devstore"})
    assert given.status == 201
    assert world.admin("POST", accounts, {"account_url": product.files_url, "credential": "devstore"}).status == 409
    assert len(tenant_admin("GET", accounts).body["accounts"]) == 1
    new = theirs | {"name": "new", "share_name": "wall-new"}
    assert tenant_admin("POST", "/api/tenants/wall-a/shares", new).status == 201
    where = given.headers["location"]
    assert tenant_admin("DELETE", where).status == 403
    assert world.admin("DELETE", where.replace("wall-a", "wall-b")).status == 404
    assert world.admin("DELETE", where).status == 204
    assert world.admin("DELETE", where).status == 404
    assert (
        tenant_admin("POST", "/api/tenants/wall-a/shares", theirs | {"name": "x", "share_name": "wall-x"}).status == 403
    )


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
        assert source.startswith("/"), source


# ---------------------------------------------------------------------------------------------------------------------
# How often


def test_who_asks_too_often_is_told_when_to_come_back(world, product):
    with azure_host(product, "rates", AFB_REQUESTS_PER_S="2", AFB_TENANT_REQUESTS_PER_S="4") as host:
        key = new_key(world.admin, "viewer")["key"]
        caller = Caller(host.url).with_key(key)
        answers = [caller("GET", "/api/tenants") for _ in range(40)]
        refused = [one for one in answers if one.status == 429]
        assert 20 <= [one.status for one in answers].count(200) <= 30
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert refused[0].body["type"] == "/problems/too-many-requests"
        others = [Caller(host.url).with_key(new_key(world.admin, "viewer")["key"]) for _ in range(4)]
        assert others[0]("GET", "/api/tenants").status == 200, "another key has its own"
        statuses = [one("GET", "/api/tenants/wall-a").status for _ in range(16) for one in others]
        assert statuses.count(429) > 5, "all of a tenant together"
        assert Caller(host.url).signed_in(FIRST_ADMIN, ENTRA)("GET", "/api/tenants/wall-b").status == 200


# ---------------------------------------------------------------------------------------------------------------------
# What is written down


def audited(world: World, path: str = "/api/tenants/wall-a/audit", **query: object) -> list[dict]:
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
    made = new_key(world.admin, "operator")
    caller = Caller(
        world.host.url, {"Authorization": f"Bearer {made['key']}", "X-Forwarded-For": "10.1.1.1, 203.0.113.7"}
    )
    share = f"/api/tenants/wall-a/shares/{world.shares['a1']}"
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
    made = new_key(world.admin, "operator")
    caller = world.anybody.with_key(made["key"])
    share = f"/api/tenants/wall-a/shares/{world.shares['a1']}"
    assert caller("GET", f"{share}/runs").status == 200
    assert caller("GET", f"{share}/restore-points/1/content?path=secret/plan.txt").status == 404
    found = audited(world, actor=made["key_id"])
    assert [(one["action"], one["outcome"]) for one in found] == [("content.read", "refused")]
    assert "path=secret/plan.txt" in found[0]["query"]


def test_the_audit_is_for_admins_and_a_tenant_sees_its_own(world):
    assert world.callers["tenant_admin"]("GET", "/api/tenants/wall-a/audit").status == 200
    assert world.callers["operator"]("GET", "/api/tenants/wall-a/audit").status == 403
    assert world.callers["tenant_admin"]("GET", "/api/tenants/wall-b/audit").status == 404
    assert world.callers["tenant_admin"]("GET", "/api/audit").status == 403
    next_of_b = world.admin("GET", "/api/tenants/wall-b/audit?limit=1").body["next"]
    if next_of_b:
        assert world.admin("GET", f"/api/tenants/wall-a/audit?limit=1&after={next_of_b}").status == 400


def test_what_cannot_be_written_down_is_not_done(world, product):
    broken = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=aaaa;TableEndpoint=http://127.0.0.1:1/devstoreaccount1"
    with azure_host(product, "no_audit", AFB_JOURNAL_CONNECTION=broken) as host:
        admin = Caller(host.url).signed_in(FIRST_ADMIN, ENTRA)
        assert admin("GET", "/api/tenants").status == 200
        got = admin("POST", "/api/tenants", {"name": "Unheard", "tenant_id": "wall-unheard"})
        assert got.status == 503
        assert "nothing was done" in got.body["detail"]
    assert world.admin("GET", "/api/tenants/wall-unheard").status == 404


# ---------------------------------------------------------------------------------------------------------------------
# Logs


def test_no_secret_is_in_any_log(product, world):
    """Many requests with secrets in them, also such that fail; then all that any process wrote is looked through."""
    settings = {"AFB_DOWNLOADS_URL": "http://127.0.0.1:9", "AFB_DOWNLOADS_KEY": "downloads-key-" + "d" * 30}
    database = "postgresql://somebody:Pg-Pass-w0rd@127.0.0.1:1/none"
    with (
        azure_host(product, "logs", **settings) as host,
        azure_host(product, "logs_broken", AFB_POSTGRES_URL=database, AFB_MIGRATE="false") as broken,
    ):
        key = new_key(world.admin, "tenant_admin")["key"]
        wrong = make_key("feedfeedfeed", b"w" * 32)
        token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
        signature = "Zm9yZ2VkLXNpZ25hdHVyZS1vZi1hLXNhcw%3D%3D"
        for one, method in itertools.product((key, wrong, token), ("GET", "POST")):
            caller = Caller(
                host.url, {"Authorization": f"Bearer {one}", "Cookie": "AppServiceAuthSession=session-cookie-secret"}
            )
            for path in (
                "/api/tenants",
                f"/api/tenants/wall-a/shares?after=sig={signature}",
                f"/api/tenants/wall-a?code=function-key-secret&sig={signature}",
                f"/api/tenants/wall-a/shares/{world.shares['a1']}/restore-points/1/content?path=a",
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
    assert SETTINGS
