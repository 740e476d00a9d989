"""Who may: SharedKey and SAS, good and bad, with the documented refusals."""

import hmac
import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from azure.storage.fileshare import _serialize, generate_account_sas, generate_file_sas, generate_share_sas

from localdev.files_emulator.versions import KNOWN
from tests.support.files_emulator import ACCOUNT, KEY, InProcess, parse

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
    ("authorization", "status", "code"),
    [
        ("", 400, "InvalidAuthenticationInfo"),
        ("x", 400, "InvalidAuthenticationInfo"),
        ("SharedKey", 400, "InvalidAuthenticationInfo"),
        ("SharedKey x", 400, "InvalidAuthenticationInfo"),
        (f"SharedKey {ACCOUNT}:", 400, "InvalidAuthenticationInfo"),
        ("SharedKey :x", 400, "InvalidAuthenticationInfo"),
        (f"sharedkey {ACCOUNT}:x", 400, "InvalidAuthenticationInfo"),
        ("Basic a:b", 400, "InvalidAuthenticationInfo"),
        ("Bearer", 400, "InvalidAuthenticationInfo"),
        ("Bearer x", 403, "AuthenticationFailed"),
        ("SharedKey other:x", 403, "AuthenticationFailed"),
        (f"SharedKeyLite {ACCOUNT}:x", 403, "AuthenticationFailed"),
        (f"SharedKey {ACCOUNT}:\xff\x01<&>", 403, "AuthenticationFailed"),
    ],
)
def test_malformed_authorization_is_400_and_a_wrong_one_403(emulator, authorization, status, code):
    headers = {"x-ms-date": formatdate(usegmt=True), "Authorization": authorization}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"GET /{ACCOUNT}/share/d/f HTTP/1.1\r\nHost: h\r\n{lines}\r\n"
    answer = parse(head.encode("latin-1"), emulator.bytes)
    assert (answer.status, answer.code) == (status, code)
    assert ElementTree.fromstring(answer.body.decode("utf-8-sig")).findtext("Code") == code


@pytest.mark.parametrize(
    ("age_s", "detail"),
    [(-890, ""), (890, ""), (-920, "Request date header too new: '"), (920, "Request date header too old: '")],
)
def test_a_clock_may_be_wrong_by_a_quarter_of_an_hour(emulator, age_s, detail):
    answer = emulator.send("GET", "share/d/f", {}, {"x-ms-date": formatdate(time.time() - age_s, usegmt=True)})
    assert answer.status == (403 if detail else 200)
    assert detail.encode() in answer.body


def lite(method, path, headers, comp=None):
    """Return the Authorization of Shared Key Lite, from the service's documentation."""
    ours = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-ms-"))
    date = "" if "x-ms-date" in headers else headers["Date"]
    fields = [method, headers.get("Content-MD5", ""), headers.get("Content-Type", ""), date]
    text = "\n".join(fields) + f"\n{ours}/{ACCOUNT}/{ACCOUNT}/{path}" + (f"?comp={comp}" if comp else "")
    return f"SharedKeyLite {ACCOUNT}:{b64encode(hmac.digest(b64decode(KEY), text.encode(), 'sha256')).decode()}"


@pytest.mark.parametrize("date", ["x-ms-date", "Date"])
def test_shared_key_lite_signs_less(emulator, date):
    headers = {date: formatdate(usegmt=True), "x-ms-version": "2026-10-06", "x-ms-meta-a": "b", "Content-Type": "a/b"}
    query = {"restype": "directory", "comp": "metadata"}
    signed = {**headers, "Authorization": lite("PUT", "share/d", headers, "metadata")}
    assert emulator.send("PUT", "share/d", query, signed, sign=False).status == 200
    assert emulator.send("PUT", "share/d", {**query, "timeout": "5"}, signed, sign=False).status == 200
    for changed in ({**signed, "x-ms-meta-b": "c"}, {**signed, "Content-Type": "c/d"}, {**signed, "Content-MD5": "x"}):
        answer = emulator.send("PUT", "share/d", query, changed, sign=False)
        assert answer.code == "AuthenticationFailed"
    assert emulator.send("PUT", "share/d", {**query, "comp": "properties"}, signed, sign=False).status == 403
    assert emulator.get("share/d", {"restype": "directory"}).headers["x-ms-meta-a"] == "b"


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "share/d/f", {"comp": "nonsense"}),
        ("PATCH", "share/d/f", {}),
        ("PUT", "share", {"restype": "container"}),
        ("PUT", "share/a%3Ab", {}),
        ("GET", "share/" + "x" * 300, {}),
    ],
)
def test_nobody_is_told_what_there_is_before_saying_who_they_are(emulator, method, path, query):
    assert emulator.send(method, path, query, sign=False).code == "AuthenticationFailed"
    expired = account_sas(expiry=datetime(2020, 1, 1, tzinfo=UTC))
    assert ask(emulator, expired, method, path, query).code == "AuthenticationFailed"
    known = {emulator.send(method, path, query).code, ask(emulator, account_sas(), method, path, query).code}
    assert len(known) == 1
    assert not known.pop().startswith("Auth")


@pytest.mark.parametrize(
    ("version", "lenient", "strict"),
    [
        ("2026-10-06", 200, 200),
        ("2025-07-05", 200, 200),
        ("2019-02-02", 200, 200),
        ("2026-10-07", 200, 400),
        ("2031-01-01", 200, 400),
        ("2026-13-06", 200, 400),
        ("latest", 400, 400),
        ("2026-10-06 ", 200, 200),
    ],
)
def test_versions_the_service_never_had_are_refused_if_asked_to(version, lenient, strict):
    for is_strict, status in [(False, lenient), (True, strict)]:
        emulator = InProcess(strict_versions=is_strict)
        answer = emulator.send("GET", "", {"comp": "list"}, {"x-ms-version": version})
        assert answer.status == status
        if status == 400:
            assert answer.code == "InvalidHeaderValue"
            assert b"<HeaderName>x-ms-version</HeaderName>" in answer.body
        else:
            assert answer.headers["x-ms-version"] == version.strip()


def test_every_version_of_the_sdk_is_a_known_one():
    assert set(_serialize._SUPPORTED_API_VERSIONS) <= set(KNOWN)
    assert {"2025-07-05", "2026-06-06"} <= set(KNOWN)  # AzCopy 10.32 and rclone 1.75
    assert sorted(KNOWN) == list(KNOWN)


def test_a_sas_says_the_version_if_the_request_does_not(emulator):
    answer = ask(emulator, account_sas())
    assert answer.headers["x-ms-version"] == dict(parse_qsl(account_sas()))["sv"]


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
