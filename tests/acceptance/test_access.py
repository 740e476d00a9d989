"""Who gets in, and what they may do: the app as it runs in Azure, over HTTP."""

import datetime as dt
import re
import time
from collections.abc import Iterator

import psycopg
import pytest

import function_app
from http_api.endpoint import all_endpoints
from shared.core.access import may, sees
from shared.core.api_key import make_key
from shared.model.access import Grant, Principal, PrincipalKind, Role
from tests.acceptance.access import ENTRA, FIRST_ADMIN, World, azure_host, build, new_key
from tests.support.caller import Caller, principal

assert function_app.app, "every endpoint is declared when it is imported"

SOMEBODY = "bbbbbbbb-0000-0000-0000-000000000001"
GROUP = "cccccccc-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def world(product) -> Iterator[World]:
    with azure_host(product, "azure") as host:
        yield build(host, product, "wall")


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
            # A page that its address fills in is shown whatever else that says, and a form that is refused is shown on its page, if
            # that is there.
            expected = {400}
            if endpoint.page:
                expected = {200, 400, 404} if endpoint.method == "GET" else {400, 404}
            if not sees(one, tenant_id, share_id):
                expected = {404}
            elif not may(one, endpoint.plan or endpoint.action, tenant_id, share_id):
                expected = {403}
            got = call(endpoint.method, path + "?no_such_parameter=1")
            asked += 1
            if got.status not in expected:
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
            kind = "text/html; charset=utf-8" if endpoint.page else "application/problem+json"
            assert got.headers["content-type"] == kind


@pytest.mark.parametrize("caller", ["tenant_admin", "operator", "viewer", "operator of share"])
def test_of_anothers_share_nothing_is_there_under_ones_own_tenant_either(world, caller):
    """The id exists; the tenant in front of it is one's own. Whoever has a role for the whole tenant passes the first wall."""
    call, theirs = world.callers[caller], world.shares["b1"]
    one = Principal(kind=PrincipalKind.KEY, id="k", name="k", grants=frozenset({CALLERS[caller]}))
    for endpoint in ENDPOINTS:
        if "share_id" in endpoint.parameters and endpoint.method == "GET":
            values = {name: "1" if number else "nothing" for name, number in endpoint.parameters.items()}
            path = endpoint.path
            for name, value in {**values, "tenant_id": "wall-a", "share_id": str(theirs)}.items():
                path = re.sub(rf"\{{{name}(:int)?\}}", value, path)
            got, nowhere = call("GET", path), call("GET", path.replace(f"/shares/{theirs}", "/shares/999999"))
            if got.status == 403:
                assert not may(one, endpoint.action, "wall-a")
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
    key = new_key(world.admin, "viewer", tenant_id="wall-a")["key"]
    assert world.anybody.with_key(key)("GET", "/api/tenants").status == 200
    for at in (4, 15, 20, 40, 60, len(key) - 1):
        wrong = key[:at] + ("a" if key[at] != "a" else "b") + key[at + 1 :]
        assert world.anybody.with_key(wrong)("GET", "/api/tenants").status == 401
    # With a check that fits: the id of one key and the secret of another.
    other = make_key(key[4:16], b"x" * 32)
    assert world.anybody.with_key(other)("GET", "/api/tenants").status == 401


def test_a_key_is_shown_once_and_works_until_it_is_revoked(world):
    made = new_key(world.admin, "operator", tenant_id="wall-a", days=3)
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
    made = new_key(world.admin, "viewer", tenant_id="wall-a")
    caller = world.anybody.with_key(made["key"])
    assert caller("GET", "/api/tenants").status == 200
    with psycopg.connect(product.postgres_url) as conn:
        conn.execute("UPDATE api_key SET expires_at = now() WHERE key_id = %s", [made["key_id"]])
    assert caller("GET", "/api/tenants").status == 401
    shown = world.admin("GET", f"/api/tenants/wall-a/keys/{made['key_id']}").body
    assert (shown["valid"], shown["revoked_at"]) == (False, None)


def test_the_secret_of_a_key_is_nowhere_in_the_catalogue(world, product):
    made = new_key(world.admin, "viewer", tenant_id="wall-a")
    secret = made["key"][17:]
    with psycopg.connect(product.postgres_url) as conn:
        tables = conn.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            found = conn.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE %s", [f"%{secret}%"]).fetchone()
            assert found == (0,), table


def test_when_a_key_was_last_used_is_shown_and_written_once_a_minute(world):
    made = new_key(world.admin, "viewer", tenant_id="wall-a")
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
    short = new_key(world.admin, "tenant_admin", tenant_id="wall-a", days=2)
    child = new_key(world.anybody.with_key(short["key"]), "viewer", tenant_id="wall-a", days=700)
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
    assert new_key(tenant_admin, "tenant_admin", tenant_id="wall-a")["role"] == "tenant_admin"


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
