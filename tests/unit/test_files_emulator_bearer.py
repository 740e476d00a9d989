"""Bearer tokens: what is looked at in one, what else a request with one needs, and which versions take it."""

import base64
import json
import time

import pytest

from localdev.files_emulator import auth_bearer
from tests.support.files_emulator import ACCOUNT
from tests.support.files_emulator_requests import HOST, Stocked, valid
from tests.support.tokens import TENANT, USER, token

REQUESTS = {request.name: request for request in reversed(valid())}
NOW = 1_800_000_000.0
SOON = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))


def claims(**changed):
    found = auth_bearer.read(token(**({"exp": NOW + 60, "nbf": NOW - 60} | changed)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"aud": "https://storage.azure.com/"},
        {"aud": f"https://{ACCOUNT}.file.core.windows.net"},
        {"aud": f"https://{ACCOUNT}.file.core.windows.net/"},
        {"aud": ["https://vault.azure.net", "https://storage.azure.com"]},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"iss": f"https://login.microsoftonline.us/{TENANT}/v2.0"},
        {"tid": None},
        {"nbf": None},
        {"exp": NOW - 299},
        {"nbf": NOW + 299},
        {"exp": NOW + 0.5},
    ],
)
def test_a_token_like_those_of_entra_id_is_good(changed):
    assert auth_bearer.problem_of(claims(**changed), ACCOUNT, NOW) == ""


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"aud": "https://management.azure.com"}, "Audience"),
        ({"aud": "https://other.file.core.windows.net"}, "Audience"),
        ({"aud": f"https://{ACCOUNT}.blob.core.windows.net"}, "Audience"),
        ({"aud": "https://storage.azure.com//"}, "Audience"),
        ({"aud": []}, "Audience"),
        ({"exp": NOW - 301}, "Lifetime validation failed. The token is expired."),
        ({"nbf": NOW + 301}, "Lifetime validation failed. The token is not yet valid."),
        ({"iss": "https://example.com/"}, "Issuer"),
        ({"iss": None}, "Issuer"),
        ({"iss": "https://sts.windows.net/common/"}, "Issuer"),
        ({"tid": USER}, "Issuer"),
    ],
)
def test_a_token_of_another_kind_is_refused_with_the_reason(changed, problem):
    assert auth_bearer.problem_of(claims(**changed), ACCOUNT, NOW).startswith(problem)


def part(value):
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode().rstrip("=")
    )


HEAD, BODY, SIGNATURE = token().split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "token",
        f"{HEAD}.{BODY}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}",
        f"{HEAD}.{BODY}.no base64",
        f"{HEAD}.{BODY}.a",
        f"{HEAD}.{part(b'{')}.{SIGNATURE}",
        f"{HEAD}.{part([1])}.{SIGNATURE}",
        f"{HEAD}.{part(b'[' * 100_000)}.{SIGNATURE}",
        f"{HEAD}.{part(bytes([255, 254]))}.{SIGNATURE}",
        f"{part({'typ': 'JWT'})}.{BODY}.{SIGNATURE}",
        f"{part(5)}.{BODY}.{SIGNATURE}",
        token(exp=None),
        token(exp="tomorrow"),
        token(exp=True),
        token(exp=float("inf")),
        token(exp=float("nan")),
        token(aud=None),
        token(aud=[5]),
        token(iss=5),
        token(oid={}),
    ],
)
def test_what_is_no_token_is_read_as_none(text):
    assert auth_bearer.read(text) is None


@pytest.fixture
def emulator():
    emulator = Stocked()
    emulator.tls = True
    return emulator


def ask(emulator, name, **headers):
    """Send the operation's valid request with a token instead of a signature."""
    request = REQUESTS[name]
    sent = {
        **{key: emulator.filled(value).replace(f"http://{HOST}", "https://h") for key, value in request.headers},
        "x-ms-version": "2026-10-06",
        "x-ms-file-request-intent": "backup",
        "Authorization": f"Bearer {token()}",
        **headers,
    }
    sent = {key: value for key, value in sent.items() if value is not None}
    query = {key: emulator.filled(value) for key, value in request.query}
    body = request.body.replace(b"2099-01-01T00:00:00Z", SOON.encode())
    return emulator.send(request.method, request.path, query, sent, body, sign=False)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_token_may_do_everything(emulator, name):
    answer = ask(emulator, name)
    assert 200 <= answer.status < 300 or answer.code == "NoPendingCopyOperation", answer


@pytest.mark.parametrize("name", REQUESTS)
def test_each_operation_takes_tokens_since_its_version(emulator, name):
    is_key = name == "service_get_user_delegation_key"
    is_data = name.startswith(("file_", "directory_", "list_", "force_")) or name.endswith("_permission")
    old = ask(emulator, name, **{"x-ms-version": "2024-08-04"})
    if is_data:
        assert not old.code.startswith("Auth")
    else:
        assert (old.status, old.code) == (409, "FileOAuthManagementApiRestrictedToSrp")
    if not is_key:
        new = ask(emulator, name, **{"x-ms-version": "2024-11-04"})
        assert new.code != "FileOAuthManagementApiRestrictedToSrp"
    older = ask(emulator, name, **{"x-ms-version": "2021-12-02"})
    assert (older.status, older.code) == (403, "AuthenticationFailed")
    if REQUESTS[name].method != "HEAD":
        assert b"Authentication scheme Bearer is not supported in this version." in older.body


@pytest.mark.parametrize("name", REQUESTS)
def test_a_token_is_nothing_without_the_intent_to_back_up(emulator, name):
    without, wrong = (ask(emulator, name, **{"x-ms-file-request-intent": value}) for value in (None, "restore"))
    if name == "service_get_user_delegation_key":
        assert without.status == wrong.status == 200
        return
    assert (without.status, without.code) == (400, "MissingRequiredHeader")
    assert (wrong.status, wrong.code) == (400, "InvalidHeaderValue")
    for answer in (without, wrong):
        assert REQUESTS[name].method == "HEAD" or b"<HeaderName>x-ms-file-request-intent<" in answer.body


def test_a_token_by_http_is_refused(emulator):
    emulator.tls = False
    answer = ask(emulator, "file_download")
    assert (answer.status, answer.code) == (403, "AuthenticationFailed")
    assert b"Authentication scheme Bearer is not allowed with HTTP." in answer.body


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("x", b"The token is not a well-formed JSON Web Token."),
        (token(exp=5), b"Lifetime validation failed. The token is expired."),
        (token(aud="x"), b"Audience validation failed. Audience did not match."),
        (token(iss="x\r\nx-evil: 1", tid="y\r\nx-evil: 1"), b"Issuer validation failed. Issuer did not match."),
    ],
)
def test_a_refusal_says_why_and_challenges(emulator, text, detail):
    answer = ask(emulator, "file_download", Authorization=f"Bearer {text}")
    assert (answer.status, answer.code) == (401, "InvalidAuthenticationInfo")
    assert b"<AuthenticationErrorDetail>" + detail in answer.body
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer authorization_uri=https://login.microsoftonline.com/")
    assert challenge.endswith("/oauth2/authorize resource_id=https://storage.azure.com")
    assert "x-evil" not in answer.headers


KEY_INFO = "<KeyInfo><Start>{}</Start><Expiry>{}</Expiry></KeyInfo>"


@pytest.mark.parametrize(
    ("claims", "body", "code"),
    [
        ({"oid": None}, KEY_INFO.format("", "2099-01-01"), "AuthenticationFailed"),
        ({"tid": None}, KEY_INFO.format("", "2099-01-01"), "AuthenticationFailed"),
        ({}, KEY_INFO.format("", "2099-01-01"), "InvalidXmlNodeValue"),
        ({}, KEY_INFO.format("", "2020-01-01"), "InvalidXmlNodeValue"),
        ({}, KEY_INFO.format("2098-01-01", "2099-01-01"), "InvalidXmlNodeValue"),
        ({}, KEY_INFO.format("", "soon"), "InvalidXmlNodeValue"),
        ({}, "<KeyInfo><Start>2020-01-01</Start></KeyInfo>", "MissingRequiredXmlNode"),
        ({}, "<KeyInfo><Expiry>2099-01-01</Expiry><Owner/></KeyInfo>", "UnsupportedXmlNode"),
        ({}, "<Key/>", "InvalidXmlDocument"),
        ({}, "", "InvalidXmlDocument"),
    ],
)
def test_a_user_delegation_key_is_not_given_for_the_asking(emulator, claims, body, code):
    headers = {"x-ms-version": "2026-10-06", "Authorization": f"Bearer {token(**claims)}"}
    query = {"restype": "service", "comp": "userdelegationkey"}
    assert emulator.send("POST", "", query, headers, body.encode(), sign=False).code == code
