"""Shared access signatures, held to the documented tables of what each kind may do, for every operation there is."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

import pytest
from azure.storage.fileshare import generate_account_sas, generate_file_sas, generate_share_sas

from localdev.files_emulator.delegation import Delegation, key_text
from tests.support.files_emulator import ACCOUNT, KEY, InProcess
from tests.support.files_emulator_requests import Stocked, valid
from tests.support.tokens import TENANT, USER, token

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
LETTERS = "rwdlc"

#: operation -> permissions any of which will do, resource type of an account SAS, narrowest service SAS that will do.
#: From "Create an account SAS" and "Create a service SAS" of the service's documentation; what these do not say is in
#: the README's table of unknowns.
TABLE = {
    "service_list_shares": ("l", "s", ""),
    "service_get_properties": ("r", "s", ""),
    "service_set_properties": ("w", "s", ""),
    "service_get_user_delegation_key": ("", "", ""),
    "share_create": ("cw", "c", ""),
    "share_get_properties": ("r", "c", ""),
    "share_set_properties": ("w", "c", ""),
    "share_set_metadata": ("w", "c", ""),
    "share_get_statistics": ("r", "c", ""),
    "share_get_access_policy": ("", "", ""),
    "share_set_access_policy": ("", "", ""),
    "share_create_snapshot": ("cw", "c", ""),
    "share_delete": ("d", "c", ""),
    "share_restore": ("w", "c", ""),
    "share_lease": ("w", "c", ""),
    "share_create_permission": ("cw", "c", "share"),
    "share_get_permission": ("r", "c", "share"),
    "directory_create": ("cw", "o", "share"),
    "directory_get_properties": ("r", "o", "share"),
    "directory_set_properties": ("w", "o", "share"),
    "directory_set_metadata": ("w", "o", "share"),
    "directory_delete": ("d", "o", "share"),
    "directory_list": ("l", "c", "share"),
    "directory_rename": ("w", "o", "share"),  # to create is enough for the target, but not for the source
    "file_create": ("cw", "o", "file"),
    "file_download": ("r", "o", "file"),
    "file_get_properties": ("r", "o", "file"),
    "file_delete": ("d", "o", "file"),
    "file_set_http_headers": ("w", "o", "file"),
    "file_set_metadata": ("w", "o", "file"),
    "file_lease": ("w", "o", "file"),
    "file_upload_range": ("w", "o", "file"),
    "file_upload_range_from_url": ("w", "o", "file"),
    "file_get_range_list": ("r", "o", "file"),
    "file_rename": ("w", "o", "share"),  # a file's SAS does not cover the source
    "file_start_copy": ("cw", "o", "file"),
    "file_abort_copy": ("w", "o", "file"),
    "file_create_symbolic_link": ("cw", "o", "file"),
    "file_get_symbolic_link": ("r", "o", "file"),
    "file_create_hard_link": ("cw", "o", "share"),
    "list_handles": ("rl", "oc", "file"),
    "force_close_handles": ("d", "o", "file"),
}

ACCOUNT_SAS = {
    (level, letter): generate_account_sas(ACCOUNT, KEY, level, letter, LATER) for level in "sco" for letter in LETTERS
}
REQUESTS = {request.name: request for request in reversed(valid())}


def is_allowed(answer):
    return not answer.code.startswith("Auth")


@pytest.fixture(scope="module")
def stocked():
    return Stocked()


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    emulator.put("share/f", b"hello")
    return emulator


def ask(emulator, sas, method="GET", path="share/f", query=None, headers=None, body=b""):
    return emulator.send(method, path, {**(query or {}), **dict(parse_qsl(sas))}, headers, body, sign=False)


def put(emulator, sas, path="share/f", **headers):
    return ask(emulator, sas, "PUT", path, {}, {"x-ms-type": "file", "x-ms-content-length": "0", **headers})


def test_the_table_has_every_operation():
    assert set(TABLE) == set(REQUESTS)


@pytest.mark.parametrize("name", TABLE)
def test_an_account_sas_may_do_what_the_table_says_and_nothing_else(name):
    letters, levels, _ = TABLE[name]
    allowed = set()
    for (level, letter), sas in ACCOUNT_SAS.items():
        answer = Stocked().ask(REQUESTS[name], sas=sas)
        if is_allowed(answer):
            allowed.add((level, letter))
        else:
            assert answer.status == 403
    assert allowed == {(level, letter) for level in levels for letter in letters}


@pytest.mark.parametrize("name", TABLE)
def test_a_service_sas_may_do_what_the_table_says_and_nothing_else(name):
    letters, _, scope = TABLE[name]
    request = REQUESTS[name]
    share, _, path = request.path.partition("/")
    for letter in LETTERS:
        of_share = generate_share_sas(ACCOUNT, share or "share", KEY, permission=letter, expiry=LATER)
        assert is_allowed(Stocked().ask(request, sas=of_share)) is (scope != "" and letter in letters), letter
        of_file = generate_file_sas(ACCOUNT, share or "share", path.split("/"), KEY, permission=letter, expiry=LATER)
        assert is_allowed(Stocked().ask(request, sas=of_file)) is (scope == "file" and letter in letters), letter


def test_permission_to_delete_is_enough_to_break_a_lease(emulator):
    lease = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
    assert emulator.send("PUT", "share/f", {"comp": "lease"}, lease).status == 201
    for action, code in [("release", "AuthorizationPermissionMismatch"), ("break", "")]:
        answer = ask(
            emulator, ACCOUNT_SAS["o", "d"], "PUT", "share/f", {"comp": "lease"}, {"x-ms-lease-action": action}
        )
        assert answer.code == code


def test_permission_to_create_does_not_replace(emulator):
    create = ACCOUNT_SAS["o", "c"]
    assert put(emulator, create).code == "AuthorizationPermissionMismatch"
    source = f"http://h/{ACCOUNT}/share/f?{ACCOUNT_SAS['o', 'r']}"
    assert put(emulator, create, "share/copy", **{"x-ms-copy-source": source}).status == 202
    assert put(emulator, create, "share/f", **{"x-ms-copy-source": source}).code == "AuthorizationPermissionMismatch"
    assert put(emulator, create, "share/new").status == 201
    rename = {"x-ms-file-rename-source": f"http://h/{ACCOUNT}/share/new?{ACCOUNT_SAS['o', 'w']}"}
    rename["x-ms-file-rename-replace-if-exists"] = "true"
    answer = ask(emulator, create, "PUT", "share/f", {"comp": "rename"}, rename)
    assert answer.code == "AuthorizationPermissionMismatch"
    assert ask(emulator, create, "PUT", "share/moved", {"comp": "rename"}, rename).status == 200
    assert emulator.get("share/f").body == b"hello"


@pytest.mark.parametrize(
    ("source_sas", "code"),
    [
        (generate_file_sas(ACCOUNT, "share", ["f"], KEY, permission="w", expiry=LATER), ""),
        (
            generate_file_sas(ACCOUNT, "share", ["f"], KEY, permission="r", expiry=LATER),
            "AuthorizationPermissionMismatch",
        ),
        (generate_file_sas(ACCOUNT, "share", ["g"], KEY, permission="w", expiry=LATER), "AuthenticationFailed"),
        (generate_file_sas(ACCOUNT, "share", ["f"], KEY, permission="w", expiry=NOW), "AuthenticationFailed"),
        ("", "AuthorizationPermissionMismatch"),
    ],
)
def test_the_sas_in_the_url_of_a_rename_source_must_allow_writing(emulator, source_sas, code):
    target = generate_file_sas(ACCOUNT, "share", ["g"], KEY, permission="w", expiry=LATER)
    url = f"http://h/{ACCOUNT}/share/f" + (f"?{source_sas}" if source_sas else "")
    answer = ask(emulator, target, "PUT", "share/g", {"comp": "rename"}, {"x-ms-file-rename-source": url})
    assert answer.code == code
    assert emulator.get("share/f").status == (404 if code == "" else 200)


@pytest.mark.parametrize(
    ("sas", "code"),
    [
        (ACCOUNT_SAS["o", "r"], ""),
        (ACCOUNT_SAS["o", "w"], "AuthorizationPermissionMismatch"),
        (ACCOUNT_SAS["c", "r"], "AuthorizationResourceTypeMismatch"),
        (generate_share_sas(ACCOUNT, "share", KEY, permission="r", expiry=LATER), ""),
        (generate_share_sas(ACCOUNT, "other", KEY, permission="r", expiry=LATER), "AuthenticationFailed"),
        ("", "CannotVerifyCopySource"),
    ],
)
def test_the_source_of_a_range_needs_a_sas_of_its_own_unless_the_key_signs(emulator, sas, code):
    headers = {"x-ms-range": "bytes=0-1", "x-ms-source-range": "bytes=3-4", "x-ms-write": "update"}
    headers["x-ms-copy-source"] = f"http://h/{ACCOUNT}/share/f" + (f"?{sas}" if sas else "")
    assert ask(emulator, ACCOUNT_SAS["o", "w"], "PUT", "share/f", {"comp": "range"}, headers).code == code
    assert emulator.get("share/f").body == (b"lollo" if code == "" else b"hello")


def test_a_source_may_be_authorised_by_a_token_of_its_own(emulator):
    headers = {"x-ms-range": "bytes=0-1", "x-ms-source-range": "bytes=3-4", "x-ms-write": "update"}
    headers["x-ms-copy-source"] = f"https://h/{ACCOUNT}/share/f"
    for is_tls, authorization, code in [
        (False, f"Bearer {token()}", "AuthenticationFailed"),
        (True, "Basic x", "InvalidAuthenticationInfo"),
        (True, f"Bearer {token(exp=1)}", "InvalidAuthenticationInfo"),
        (True, f"Bearer {token()}", ""),
    ]:
        emulator.tls = is_tls
        sent = {**headers, "x-ms-copy-source-authorization": authorization}
        assert ask(emulator, ACCOUNT_SAS["o", "w"], "PUT", "share/f", {"comp": "range"}, sent).code == code


def iso(moment, form):
    return moment.strftime(form)


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.1234567Z", "%Y-%m-%dT%H:%M:%S.1Z",
        "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M-00:00",
    ],
)  # fmt: skip
def test_times_may_be_spelled_in_every_documented_way(emulator, form):
    start, end = (iso(NOW + timedelta(days=days), form) for days in (-2, 2))
    assert ask(emulator, generate_account_sas(ACCOUNT, KEY, "o", "r", end, start)).status == 200
    too_late = generate_account_sas(ACCOUNT, KEY, "o", "r", start)
    answer = ask(emulator, too_late)
    assert answer.code == "AuthenticationFailed"
    assert f"Signature not valid in the specified time frame: Start [] - Expiry [{start}]".encode() in answer.body
    assert ask(emulator, generate_account_sas(ACCOUNT, KEY, "o", "r", end, end)).code == "AuthenticationFailed"


def test_an_offset_counts(emulator):
    soon = NOW + timedelta(minutes=30)
    for offset, status in [("+01:00", 403), ("-01:00", 200)]:
        sas = generate_account_sas(ACCOUNT, KEY, "o", "r", iso(soon, f"%Y-%m-%dT%H:%M:%S{offset}"))
        assert ask(emulator, sas).status == status


@pytest.mark.parametrize("expiry", ["tomorrow", "2099-13-01", "01/02/2099", "2099-01-01T00:00:00+99:00", "2099"])
def test_a_time_in_another_form_is_refused(emulator, expiry):
    answer = ask(emulator, generate_account_sas(ACCOUNT, KEY, "o", "r", expiry))
    assert (answer.status, answer.code) == (403, "AuthenticationFailed")
    assert b"Signature fields not well formed." in answer.body


@pytest.mark.parametrize("kind", ["account", "share"])
@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("sig", "", "sig is mandatory. Cannot be empty"),
        ("sig", "not base64!", "Signature fields not well formed."),
        ("sig", "c2hvcnQ=", "Signature size is invalid"),
        ("sv", "", "sv is mandatory. Cannot be empty"),
        ("sv", "yesterday", "Signature fields not well formed."),
        ("sv", "2012-02-12", "Signature fields not well formed."),
        ("spr", "http", "Signature fields not well formed."),
        ("sp", "r,w", "Signature fields not well formed."),
        ("sp", "rw", "Signature did not match."),
        ("se", "2098-01-01", "Signature did not match."),
    ],
)
def test_a_field_that_is_missing_or_makes_no_sense_is_named(emulator, kind, name, value, detail):
    if kind == "account":
        sas = generate_account_sas(ACCOUNT, KEY, "o", "r", LATER)
    else:
        sas = generate_share_sas(ACCOUNT, "share", KEY, permission="r", expiry=LATER)
    fields = dict(parse_qsl(sas)) | {name: value}
    answer = emulator.send("GET", "share/f", fields, sign=False)
    if (name, value) == ("sig", ""):
        assert b"sig is mandatory" in answer.body
    assert (answer.status, answer.code) == (403, "AuthenticationFailed")
    assert f"<AuthenticationErrorDetail>{detail}".encode() in answer.body


@pytest.mark.parametrize("kind", ["b", "c", "d", "bs", "bv", "x", ""])
def test_other_kinds_of_resource_than_share_and_file_are_refused(emulator, kind):
    fields = dict(parse_qsl(generate_share_sas(ACCOUNT, "share", KEY, permission="r", expiry=LATER)))
    answer = emulator.send("GET", "share/f", fields | {"sr": kind}, sign=False)
    assert (answer.status, answer.code) == (403, "AuthenticationFailed")


@pytest.mark.parametrize("name", ["sp", "se", "sv", "ss", "srt", "sig"])
def test_a_parameter_given_twice_is_refused(emulator, name):
    fields = parse_qsl(generate_account_sas(ACCOUNT, KEY, "o", "r", LATER))
    twice = "&".join(f"{key}={quote(value, safe='')}" for key, value in [*fields, (name, dict(fields)[name])])
    reply = emulator.bytes(f"GET /{ACCOUNT}/share/f?{twice} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert reply.startswith(b"HTTP/1.1 403")


def test_a_signature_may_be_escaped_as_a_client_likes(emulator):
    for number in range(200):  # until there is a signature with every character that can be escaped
        sas = generate_account_sas(ACCOUNT, KEY, "o", "r", LATER + timedelta(seconds=number))
        signature = dict(parse_qsl(sas))["sig"]
        if {"+", "/", "="} <= set(signature):
            break
    rest = sas.partition("&sig=")[0]
    every = "".join(f"%{ord(char):02x}" for char in signature)
    escaped = quote(signature, safe="")
    good = [escaped, every, signature.replace("+", "%2b"), escaped.replace("%2F", "/").replace("%3D", "=")]
    bad = [signature, signature.replace("+", "%20"), escaped.swapcase(), escaped + "%3D", escaped[:-3], quote(escaped)]
    for spelled in [*good, *bad]:
        head = f"GET /{ACCOUNT}/share/f?sig={spelled}&{rest} HTTP/1.1\r\nHost: h\r\n\r\n"
        assert emulator.bytes(head.encode()).startswith(b"HTTP/1.1 200" if spelled in good else b"HTTP/1.1 403"), (
            spelled
        )


ACL = {"restype": "share", "comp": "acl"}


def set_policy(emulator, **fields):
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items())
    policy = f"<SignedIdentifier><Id>p</Id><AccessPolicy>{inner}</AccessPolicy></SignedIdentifier>"
    body = f"<SignedIdentifiers>{policy}</SignedIdentifiers>".encode()
    assert emulator.send("PUT", "share", ACL, {}, body).status == 200


@pytest.mark.parametrize(
    ("policy", "token_fields", "code", "parameter"),
    [
        ({"Expiry": "2099-01-01", "Permission": "r"}, {}, "", None),
        ({"Expiry": "2099-01-01"}, {"permission": "r"}, "", None),
        ({"Permission": "r"}, {"expiry": LATER}, "", None),
        ({"Expiry": "2020-01-01", "Permission": "r"}, {}, "AuthenticationFailed", None),
        ({"Start": "2098-01-01", "Expiry": "2099-01-01", "Permission": "r"}, {}, "AuthenticationFailed", None),
        ({"Expiry": "2099-01-01", "Permission": "wd"}, {}, "AuthorizationPermissionMismatch", None),
        ({"Expiry": "2099-01-01"}, {}, "AuthenticationFailed", None),
        ({"Permission": "r"}, {}, "AuthenticationFailed", None),
        ({"Expiry": "2099-01-01", "Permission": "r"}, {"permission": "r"}, "InvalidQueryParameterValue", "sp"),
        ({"Expiry": "2099-01-01", "Permission": "r"}, {"expiry": LATER}, "InvalidQueryParameterValue", "se"),
        (
            {"Start": "2020-01-01", "Expiry": "2099-01-01", "Permission": "r"},
            {"start": NOW},
            "InvalidQueryParameterValue",
            "st",
        ),
    ],
)
def test_token_and_policy_together_say_everything_once(emulator, policy, token_fields, code, parameter):
    set_policy(emulator, **policy)
    sas = generate_share_sas(ACCOUNT, "share", KEY, policy_id="p", **token_fields)
    answer = ask(emulator, sas)
    assert answer.code == code
    assert parameter is None or f"<QueryParameterName>{parameter}<".encode() in answer.body


def test_a_sas_ends_with_its_policy_and_changes_with_it(emulator):
    set_policy(emulator, Expiry="2099-01-01", Permission="r")
    sas = generate_share_sas(ACCOUNT, "share", KEY, policy_id="p")
    assert ask(emulator, sas).status == 200
    set_policy(emulator, Expiry="2099-01-01", Permission="d")
    assert ask(emulator, sas).code == "AuthorizationPermissionMismatch"
    assert ask(emulator, sas, "DELETE").status == 202
    assert emulator.send("PUT", "share", ACL).status == 200
    assert ask(emulator, sas, "DELETE").code == "AuthenticationFailed"


def test_a_read_only_sas_reads_snapshots_and_cannot_write_where_it_reads(emulator):
    snapshot = emulator.snapshot("share")
    sas = generate_share_sas(ACCOUNT, "share", KEY, permission="r", expiry=LATER)
    assert ask(emulator, sas, query={"sharesnapshot": snapshot}).body == b"hello"
    assert put(emulator, sas).code == "AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    ("addresses", "is_inside"),
    [
        ("127.0.0.1", True), ("127.0.0.0-127.0.0.1", True), ("127.0.0.2-127.0.0.9", False), ("::1", False),
        ("::-ffff::", False), ("nonsense", False), ("127.0.0.1-", True),
    ],
)  # fmt: skip
def test_addresses_are_held_to(emulator, addresses, is_inside):
    answer = ask(emulator, generate_account_sas(ACCOUNT, KEY, "o", "r", LATER, ip=addresses))
    assert answer.code == ("" if is_inside else "AuthorizationSourceIPMismatch")


def test_https_alone_means_it(emulator):
    sas = generate_account_sas(ACCOUNT, KEY, "o", "r", LATER, protocol="https")
    assert ask(emulator, sas).code == "AuthorizationProtocolMismatch"
    emulator.tls = True
    assert ask(emulator, sas).status == 200


def test_a_sas_of_other_services_is_not_for_files(emulator):
    from azure.storage.fileshare import Services

    sas = generate_account_sas(ACCOUNT, KEY, "o", "r", LATER, services=Services(blob=True, queue=True))
    assert ask(emulator, sas).code == "AuthorizationServiceMismatch"


class Key:
    """A user delegation key as the SDK knows one, made here instead of asked for."""

    def __init__(self, **changed):
        start, expiry = (f"{iso(NOW + timedelta(hours=hours), '%Y-%m-%dT%H:%M:%S')}Z" for hours in (-1, 1))
        fields = {"oid": USER, "tid": TENANT, "start": start, "expiry": expiry, "service": "f", "version": "2026-10-06"}
        given = Delegation(**(fields | changed))
        self.signed_oid, self.signed_tid, self.signed_service = given.oid, given.tid, given.service
        self.signed_start, self.signed_expiry, self.signed_version = given.start, given.expiry, given.version
        self.signed_delegated_user_tid = given.delegated_tid or None
        self.value = key_text(given, KEY)


def delegated(key, **fields):
    wanted = {"permission": "r", "expiry": LATER} | fields
    return generate_file_sas(ACCOUNT, "share", ["f"], user_delegation_key=key, **wanted)


@pytest.mark.parametrize(
    ("key", "changed", "code"),
    [
        ({}, {}, ""),
        ({}, {"skoid": TENANT}, "AuthenticationFailed"),
        ({}, {"ske": "2099-01-01T00:00:00Z"}, "AuthenticationFailed"),
        ({}, {"skv": "2025-11-05"}, "AuthenticationFailed"),
        ({}, {"sktid": USER}, "AuthenticationFailed"),
        ({}, {"sp": "rw"}, "AuthenticationFailed"),
        ({}, {"si": "p"}, "AuthenticationFailed"),
        ({}, {"sv": "2024-11-04"}, "AuthenticationFailed"),
        ({"service": "b"}, {}, "AuthenticationFailed"),
        ({"expiry": "2020-01-01T00:00:00Z"}, {}, "AuthenticationFailed"),
        ({"start": "2098-01-01T00:00:00Z", "expiry": "2099-01-01T00:00:00Z"}, {}, "AuthenticationFailed"),
    ],
)
def test_a_user_delegation_sas_is_good_while_its_key_is_and_as_it_was_signed(emulator, key, changed, code):
    fields = dict(parse_qsl(delegated(Key(**key)))) | changed
    assert emulator.send("GET", "share/f", fields, sign=False).code == code


@pytest.mark.parametrize(
    ("claims", "code"),
    [({}, ""), ({"oid": TENANT}, "AuthenticationFailed"), (None, "AuthenticationFailed")],
)
def test_a_sas_bound_to_a_user_needs_that_users_token(emulator, claims, code):
    emulator.tls = True
    sas = delegated(Key(delegated_tid=TENANT), user_delegation_oid=USER)
    headers = {"x-ms-version": "2026-10-06", "x-ms-file-request-intent": "backup"}
    if claims is not None:
        headers["Authorization"] = f"Bearer {token(**claims)}"
    answer = ask(emulator, sas, headers=headers)
    assert answer.code == code
    if claims == {}:
        assert ask(emulator, sas, "DELETE", headers=headers).code == "AuthorizationPermissionMismatch"
