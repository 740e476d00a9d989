"""Who asks: what App Service authentication writes, this machine, and browsers that were sent by somebody."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api.auditing import source_of
from http_api.identity import check_same_origin, is_local, signed_in
from shared.errors import Denied, InvalidInput, Unauthenticated
from shared.settings import Settings

OID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
TID = "11111111-2222-3333-4444-555555555555"
GROUP = "99999999-2222-3333-4444-555555555555"
GIVEN = {"AFB_POSTGRES_URL": "postgresql://p", "AFB_VAULT_CONNECTION": "v"}
AZURE = {"WEBSITE_SITE_NAME": "backup"}


def settings(**env: str) -> Settings:
    return Settings.from_env(GIVEN | env)


def header(*claims: tuple[str, str], kind: str = "aad") -> str:
    told = {
        "auth_typ": kind,
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
        "name_typ": "n",
        "role_typ": "r",
    }
    return base64.b64encode(json.dumps(told).encode()).decode()


SCHEMA = "http://schemas.microsoft.com/identity/claims/"
CLAIMS = [
    (SCHEMA + "objectidentifier", OID.upper()),
    (SCHEMA + "tenantid", TID),
    ("name", "Ada"),
    ("groups", GROUP),
    ("groups", "not an id"),
]


def test_the_platform_says_who_signed_in():
    person = signed_in(header(*CLAIMS))
    assert (person.object_id, person.tenant_id, person.name, person.groups) == (OID, TID, "Ada", (GROUP,))


def test_short_names_of_claims_are_the_same():
    assert signed_in(header(("oid", OID), ("tid", TID))).object_id == OID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!!!",
        "bm90IGpzb24=",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"auth_typ": "aad", "claims": 7}').decode(),
        base64.b64encode(b'{"auth_typ": "aad", "claims": [{"typ": "oid"}]}').decode(),
        header(*CLAIMS, kind="github"),
        header(("oid", "me"), ("tid", TID)),
        header(("oid", OID)),
        "QQ" * 50_000,
    ],
)
def test_what_names_nobody_is_refused(text):
    with pytest.raises(Unauthenticated):
        signed_in(text)


@given(st.binary(max_size=200))
def test_no_header_breaks_anything_else(noise):
    for text in (noise.decode("latin-1"), base64.b64encode(noise).decode()):
        with pytest.raises(Unauthenticated):
            signed_in(text)


@pytest.mark.parametrize("host", ["127.0.0.1:7071", "localhost", "LOCALHOST:80", "[::1]:7071"])
def test_this_machine_under_its_own_names_is_local(host):
    assert is_local(f"http://{host}/api/tenants", {"host": host})


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://evil.example/api", {"host": "evil.example"}),
        ("http://127.0.0.1:7071/api", {"host": "evil.example:7071"}),
        ("http://evil.example/api", {"host": "127.0.0.1"}),
        ("http://127.0.0.1.evil.example/api", {}),
        ("http://localhost.evil.example/api", {"host": "localhost"}),
        ("http://127.0.0.1/api", {"host": "127.0.0.1", "x-forwarded-for": "10.0.0.1"}),
        ("http://127.0.0.1/api", {"host": "127.0.0.1", "forwarded": "for=10.0.0.1"}),
        ("http://localhost/api", {"host": "localhost", "x-forwarded-host": "evil.example"}),
        ("http://localhost/api", {"host": "localhost", "via": "1.1 proxy"}),
        ("http://user@evil.example/api", {"host": "localhost"}),
        ("http://127.0.0.1/api", {"host": ""}),
        ("http://127.0.0.1/api", {"host": "["}),
        ("", {}),
    ],
)
def test_nothing_else_is(url, headers):
    assert not is_local(url, headers)


SESSION = ({"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:7071"})
FOREIGN = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},  # another port of this machine, another host of the domain
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:7071"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9999"},
)
URL = "http://127.0.0.1:7071/api/tenants"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post"])
def test_only_our_own_pages_send_browsers_here_to_change_something(method):
    for headers in SESSION:
        check_same_origin(settings(), method, URL, {"host": "127.0.0.1:7071"} | headers)
    for headers in FOREIGN:
        for browsers_only in (False, True):
            with pytest.raises(Denied, match="another site"):
                check_same_origin(
                    settings(), method, URL, {"host": "127.0.0.1:7071"} | headers, browsers_only=browsers_only
                )


def test_a_session_that_says_nothing_is_refused_and_a_program_on_this_machine_is_not():
    with pytest.raises(Denied):
        check_same_origin(settings(), "POST", URL, {"host": "127.0.0.1:7071"})
    check_same_origin(settings(), "POST", URL, {"host": "127.0.0.1:7071"}, browsers_only=True)


def test_looking_is_for_everybody():
    for headers in FOREIGN:
        check_same_origin(settings(), "GET", URL, headers)


def test_in_azure_our_origin_is_https_and_another_one_may_be_named():
    url, host = "http://backup.azurewebsites.net/api", {"host": "backup.azurewebsites.net"}
    check_same_origin(settings(**AZURE), "POST", url, host | {"origin": "https://backup.azurewebsites.net"})
    with pytest.raises(Denied):
        check_same_origin(settings(**AZURE), "POST", url, host | {"origin": "http://backup.azurewebsites.net"})
    named = settings(**AZURE, AFB_PUBLIC_ORIGIN="https://backup.example.com/")
    check_same_origin(named, "POST", url, host | {"origin": "https://backup.example.com"})


@pytest.mark.parametrize(
    ("forwarded", "source"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("", ""),
    ],
)
def test_where_a_request_came_from_is_what_the_front_end_adds_and_not_what_the_caller_says(forwarded, source):
    assert source_of({"x-forwarded-for": forwarded}, in_azure=True) == source
    assert source_of({"x-forwarded-for": forwarded}, in_azure=False) == ""
    assert source_of({}, in_azure=False) == "this machine"


def test_local_sign_in_is_refused_in_azure_and_off_by_default():
    assert settings().local_sign_in is False
    assert settings(AFB_LOCAL_SIGN_IN="true").local_sign_in is True
    with pytest.raises(InvalidInput, match="AFB_LOCAL_SIGN_IN is 'true'; expected false in Azure"):
        settings(AFB_LOCAL_SIGN_IN="true", **AZURE)


def test_the_platforms_word_needs_the_platform():
    assert not settings(WEBSITE_AUTH_ENABLED="True").platform_authenticates
    assert not settings(**AZURE).platform_authenticates
    assert settings(**AZURE, WEBSITE_AUTH_ENABLED="True").platform_authenticates


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"AFB_ENTRA_SIGN_IN": "true"}, "AFB_ENTRA_TENANT_ID is not set"),
        ({"AFB_ENTRA_TENANT_ID": "contoso"}, "AFB_ENTRA_TENANT_ID is 'contoso'"),
        ({"AFB_FIRST_ADMIN": "me@example.com"}, "AFB_FIRST_ADMIN is 'me@example.com'"),
        ({"AFB_PUBLIC_ORIGIN": "backup.example.com"}, "AFB_PUBLIC_ORIGIN is"),
        ({"AFB_REQUESTS_PER_S": "-1"}, "AFB_REQUESTS_PER_S is"),
    ],
)
def test_settings_of_access_are_complete_or_refused_by_name(env, named):
    with pytest.raises(InvalidInput, match=named):
        settings(**env)


def test_a_settings_secrets_are_known():
    found = settings(
        AFB_POSTGRES_URL="postgresql://u:p%40ss@h/d",
        AFB_VAULT_CONNECTION="AccountName=a;AccountKey=kkk==;X=y",
        AFB_CREDENTIAL_A="top-secret",
        AFB_DOWNLOADS_KEY="d" * 32,
    ).secrets()
    assert {"p%40ss", "p@ss", "kkk==", "top-secret", "d" * 32} <= set(found)
