"""Who may: SharedKey and SAS, good and bad, with the documented refusals."""

from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from urllib.parse import parse_qsl

import pytest
from azure.storage.fileshare import generate_account_sas, generate_file_sas, generate_share_sas

from tests.support.files_emulator import ACCOUNT, KEY, InProcess

LATER = datetime.now(UTC) + timedelta(hours=1)
LIST = {"restype": "directory", "comp": "list"}
FILE = {"x-ms-type": "file", "x-ms-content-length": "0"}


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    emulator.make_directory("share/d")
    emulator.put("share/d/f", b"hello", {"x-ms-content-type": "text/plain"})
    return emulator


def ask(emulator, sas, method="GET", path="share/d/f", query=None, headers=None):
    return emulator.send(method, path, {**(query or {}), **dict(parse_qsl(sas))}, headers, sign=False)


def account_sas(**overrides):
    wanted = {"resource_types": "sco", "permission": "rwdlc", "expiry": LATER} | overrides
    return generate_account_sas(ACCOUNT, KEY, **wanted)


def share_sas(**overrides):
    return generate_share_sas(ACCOUNT, "share", KEY, **({"permission": "rcwdl", "expiry": LATER} | overrides))


def test_nothing_is_403_for_there_is_no_anonymous_access(emulator):
    for method, path, query in [("GET", "share/d/f", {}), ("PUT", "share/x", {}), ("GET", "", {"comp": "list"})]:
        answer = emulator.send(method, path, query, sign=False)
        assert (answer.status, answer.code) == (403, "AuthenticationFailed")
        assert b"<AuthenticationErrorDetail>" in answer.body
        assert "www-authenticate" not in answer.headers


def test_a_wrong_signature_is_403_and_says_what_was_signed(emulator):
    headers = {"x-ms-date": formatdate(usegmt=True), "Authorization": f"SharedKey {ACCOUNT}:c2lnbmF0dXJl"}
    answer = emulator.send("GET", "share/d/f", {}, headers, sign=False)
    assert (answer.status, answer.code) == (403, "AuthenticationFailed")
    assert b"<AuthenticationErrorDetail>The MAC signature found in the HTTP request 'c2lnbmF0dXJl'" in answer.body
    assert f"/{ACCOUNT}/{ACCOUNT}/share/d/f".encode() in answer.body


@pytest.mark.parametrize(
    "authorization", ["", "x", "SharedKey", "SharedKey x", "Bearer x", f"SharedKeyLite {ACCOUNT}:x", "Basic a:b"]
)
def test_malformed_authorization_is_refused(emulator, authorization):
    answer = emulator.send("GET", "share/d/f", {}, {"Authorization": authorization}, sign=False)
    assert answer.status in (400, 401, 403)


@pytest.mark.parametrize("date", [formatdate(0, usegmt=True), "yesterday", ""])
def test_an_old_or_missing_date_is_refused(emulator, date):
    assert emulator.send("GET", "share/d/f", {}, {"x-ms-date": date}).code == "AuthenticationFailed"


@pytest.mark.parametrize("changed", ["method", "query", "header", "path"])
def test_every_part_of_a_request_is_signed(emulator, changed, monkeypatch):
    import tests.support.files_emulator as support

    real = support.signed

    def other(method, path, query, headers, body, host):
        match changed:
            case "method":
                return real("HEAD", path, query, headers, body, host)
            case "query":
                return real(method, path, {**query, "marker": "x"}, headers, body, host)
            case "header":
                return {**real(method, path, query, headers, body, host), "x-ms-meta-a": "unsigned"}
            case _:
                return real(method, path + "x", query, headers, body, host)

    monkeypatch.setattr(support, "signed", other)
    assert emulator.send("GET", "share/d/f").code == "AuthenticationFailed"


def test_an_account_sas_allows_what_it_says(emulator):
    assert ask(emulator, account_sas()).body == b"hello"
    assert ask(emulator, account_sas(), path="share/d", query=LIST).status == 200
    assert ask(emulator, account_sas(), path="", query={"comp": "list"}).status == 200
    assert ask(emulator, account_sas(), "PUT", "share/new", headers=FILE).status == 201
    assert ask(emulator, account_sas(), "PUT", "share", {"restype": "share", "comp": "snapshot"}).status == 201


@pytest.mark.parametrize(
    ("overrides", "method", "path", "query", "code"),
    [
        ({"permission": "l"}, "GET", "share/d/f", {}, "AuthorizationPermissionMismatch"),
        ({"permission": "r"}, "GET", "share/d", LIST, "AuthorizationPermissionMismatch"),
        ({"permission": "rl"}, "PUT", "share/new", {}, "AuthorizationPermissionMismatch"),
        ({"permission": "rlcw"}, "DELETE", "share/d/f", {}, "AuthorizationPermissionMismatch"),
        ({"resource_types": "c"}, "GET", "share/d/f", {}, "AuthorizationResourceTypeMismatch"),
        ({"resource_types": "o"}, "GET", "share/d", LIST, "AuthorizationResourceTypeMismatch"),
        ({"resource_types": "co"}, "GET", "", {"comp": "list"}, "AuthorizationResourceTypeMismatch"),
        ({"protocol": "https"}, "GET", "share/d/f", {}, "AuthorizationProtocolMismatch"),
        ({"ip": "10.0.0.1-10.0.0.9"}, "GET", "share/d/f", {}, "AuthorizationSourceIPMismatch"),
        ({"expiry": datetime(2020, 1, 1, tzinfo=UTC)}, "GET", "share/d/f", {}, "AuthenticationFailed"),
        ({"start": LATER}, "GET", "share/d/f", {}, "AuthenticationFailed"),
    ],
)
def test_an_account_sas_forbids_the_rest(emulator, overrides, method, path, query, code):
    answer = ask(emulator, account_sas(**overrides), method, path, query, FILE)
    assert (answer.status, answer.code) == (403, code)


def test_a_sas_of_the_right_address_and_protocol_passes(emulator):
    assert ask(emulator, account_sas(ip="127.0.0.1", protocol="https,http")).status == 200
    assert ask(emulator, account_sas(ip="127.0.0.0-127.0.0.9")).status == 200


def test_a_tampered_sas_is_refused(emulator):
    sas = account_sas(permission="r").replace("sp=r", "sp=rwdlc")
    assert ask(emulator, sas).code == "AuthenticationFailed"


def test_a_share_sas_is_good_for_its_share_only(emulator):
    emulator.create_share("other")
    emulator.put("other/f", b"secret")
    assert ask(emulator, share_sas()).body == b"hello"
    assert ask(emulator, share_sas(), path="share", query=LIST).status == 200
    assert ask(emulator, share_sas(), path="other/f").code == "AuthenticationFailed"
    assert ask(emulator, share_sas(), "DELETE", "share", {"restype": "share"}).code == "AuthorizationPermissionMismatch"


def test_a_file_sas_is_good_for_its_file_only_and_may_override_headers(emulator):
    sas = generate_file_sas(ACCOUNT, "share", ["d", "f"], KEY, permission="r", expiry=LATER, content_type="a/b")
    answer = ask(emulator, sas)
    assert (answer.body, answer.headers["content-type"]) == (b"hello", "a/b")
    assert ask(emulator, sas, path="share/d", query=LIST).status == 403
    assert ask(emulator, sas, "PUT", headers=FILE).code == "AuthorizationPermissionMismatch"


def test_a_sas_takes_what_it_lacks_from_a_stored_policy(emulator):
    policy = "<SignedIdentifier><Id>p</Id><AccessPolicy><Expiry>2099-01-01</Expiry><Permission>r</Permission></AccessPolicy></SignedIdentifier>"
    body = f"<SignedIdentifiers>{policy}</SignedIdentifiers>".encode()
    acl = {"restype": "share", "comp": "acl"}
    assert emulator.send("PUT", "share", acl, {}, body).status == 200
    assert (
        policy.replace("2099-01-01", "2099-01-01T00:00:00.0000000Z").encode() in emulator.send("GET", "share", acl).body
    )
    sas = generate_share_sas(ACCOUNT, "share", KEY, policy_id="p")
    assert ask(emulator, sas).body == b"hello"
    assert ask(emulator, sas, "DELETE").code == "AuthorizationPermissionMismatch"
    emulator.send("PUT", "share", acl)
    assert ask(emulator, sas).code == "AuthenticationFailed"


def test_the_host_may_name_the_account(emulator):
    sas = dict(parse_qsl(account_sas()))
    query = "&".join(f"{k}={v.replace('+', '%2B').replace(':', '%3A')}" for k, v in sas.items())
    head = f"GET /share/d/f?{query} HTTP/1.1\r\nHost: {ACCOUNT}.file.localhost:1\r\n\r\n"
    assert emulator.bytes(head.encode()).endswith(b"hello")
    assert emulator.bytes(head.replace(f"{ACCOUNT}.", "").encode()).startswith(b"HTTP/1.1 400")


def test_a_copy_needs_leave_to_read_its_source(emulator):
    url = f"http://h/{ACCOUNT}/share/d/f"
    write = account_sas(permission="cw")
    good = ask(
        emulator, write, "PUT", "share/copy", headers={"x-ms-copy-source": f"{url}?{account_sas(permission='r')}"}
    )
    assert good.status == 202
    assert emulator.get("share/copy").body == b"hello"
    bad = ask(
        emulator, write, "PUT", "share/copy2", headers={"x-ms-copy-source": f"{url}?{account_sas(permission='w')}"}
    )
    assert bad.code == "AuthorizationPermissionMismatch"
    assert (
        ask(emulator, write, "PUT", "share/copy2", headers={"x-ms-copy-source": url}).code == "CannotVerifyCopySource"
    )
