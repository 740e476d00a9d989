"""Whatever a client sends is answered with a 4xx at worst, and what is refused changes nothing."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from localdev.files_emulator.operations import names
from localdev.files_emulator.tree import walk
from tests.support.files_emulator import InProcess

RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

METHODS = st.sampled_from(["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"])
RESTYPES = st.sampled_from(["", "share", "directory", "service", "symboliclink", "hardlink", "x"])
COMPS = st.sampled_from(
    [
        "",
        "x",
        "list",
        "metadata",
        "properties",
        "range",
        "rangelist",
        "lease",
        "rename",
        "copy",
        "snapshot",
        "filepermission",
        "acl",
        "stats",
        "undelete",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "5",
            "true",
            "false",
            "none",
            "now",
            "preserve",
            "source",
            "inherit",
            "include",
            "update",
            "clear",
            "file",
            "ReadOnly",
            "bytes=0-1",
            "bytes=-1",
            "bytes=5-2",
            "bytes=0-99999999999999999999",
            "bytes=a-b",
            "Directory",
            "Archive|x",
            "2020-01-01T00:00:00.0000000Z",
            "SMB",
            "Hot",
            "9999-12-31T23:59:59.9999999Z",
            "1500-01-01T00:00:00Z",
            "O:SYG:SYD:(A;;FA;;;SY)",
            "1*1",
            "http://127.0.0.1/devstoreaccount1",
            "http://127.0.0.1/devstoreaccount1/share/dir",
            "http://[",
            "http://127.0.0.1/devstoreaccount1/share/dir/file",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=12).map(str.strip),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-ms-type",
            "x-ms-content-length",
            "x-ms-range",
            "Range",
            "x-ms-write",
            "x-ms-file-attributes",
            "x-ms-file-creation-time",
            "x-ms-file-last-write-time",
            "x-ms-file-change-time",
            "x-ms-file-permission",
            "x-ms-file-permission-key",
            "x-ms-meta-a",
            "x-ms-meta-1",
            "x-ms-meta-",
            "x-ms-meta",
            "x-ms-file-rename-source",
            "x-ms-file-rename-replace-if-exists",
            "x-ms-copy-source",
            "x-ms-source-range",
            "x-ms-content-md5",
            "Content-MD5",
            "x-ms-range-get-content-md5",
            "x-ms-file-property-semantics",
            "x-ms-share-quota",
            "x-ms-access-tier",
            "x-ms-enabled-protocols",
            "x-ms-root-squash",
            "x-ms-enable-snapshot-virtual-directory-access",
            "x-ms-enable-smb-directory-lease",
            "x-ms-share-paid-bursting-enabled",
            "x-ms-share-paid-bursting-max-iops",
            "x-ms-share-provisioned-iops",
            "x-ms-share-provisioned-bandwidth-mibps",
            "x-ms-delete-snapshots",
            "x-ms-lease-action",
            "x-ms-lease-id",
            "x-ms-lease-duration",
            "x-ms-proposed-lease-id",
            "x-ms-lease-break-period",
            "x-ms-handle-id",
            "x-ms-version",
            "x-ms-allow-trailing-dot",
            "x-ms-file-permission-format",
            "x-ms-content-type",
        ]
    ),
    VALUES,
    max_size=6,
)
QUERIES = st.dictionaries(
    st.sampled_from(
        ["sharesnapshot", "prevsharesnapshot", "marker", "maxresults", "include", "prefix", "timeout", "copyid"]
    ),
    st.one_of(VALUES, st.sampled_from(["2020-01-01T00:00:00.0000000Z", "timestamps,etag", "1!8!ZmlsZWEz", "1!4!/w=="])),
    max_size=3,
)
TARGETS = st.one_of(
    st.sampled_from(
        ["", "share", "share/", "share/dir", "share/dir%2Ffile", "share/new", "share/dir/new", "none/x", "new-share"]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"), max_size=12).map(
        "share/".__add__
    ),
)


@pytest.fixture(scope="module")
def emulator():
    emulator = InProcess()
    restock(emulator)
    return emulator


def restock(emulator):
    account = emulator.account
    account.shares.clear()
    emulator.create_share("share")
    emulator.make_directory("share/dir")
    emulator.put("share/dir/file", b"content")
    emulator.snapshot("share")


def state(account):
    shares = account.shares.values()
    return repr(
        [
            (
                share.name,
                share.properties,
                share.policies,
                sorted(share.snapshots),
                share.root,
                list(map(repr, walk(share.root))),
            )
            for share in shares
        ]
    )


@RELAXED
@given(METHODS, TARGETS, RESTYPES, COMPS, QUERIES, HEADERS, st.one_of(st.just(b""), st.binary(max_size=20)))
@example("PUT", "share/new", "", "", {}, {"x-ms-type": "file", "x-ms-content-length": "5"}, b"hello")
@example("GET", "share/dir", "directory", "list", {"marker": "1!4!/w=="}, {}, b"")
def test_any_request_is_answered_and_a_refused_one_changes_nothing(
    emulator, method, target, restype, comp, query, headers, body
):
    query = {**query, **({"restype": restype} if restype else {}), **({"comp": comp} if comp else {})}
    before = state(emulator.account)
    answer = emulator.send(method, target, query, headers, body)
    assert 200 <= answer.status < 500, answer
    if answer.status >= 400:
        assert answer.code
        assert state(emulator.account) == before
    else:
        restock(emulator)


@RELAXED
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
@example(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", [])
@example(b"PUT /%FF HTTP/1.1\r\n\r\n", [])
@example(b"GET /%ff%fe/x HTTP/1.1\r\nAuthorization: SharedKey a:b\r\n\r\n", [])
@example(b"GET /devstoreaccount1/a?sig=%ff&sv=1&ss=f HTTP/1.1\r\n\r\n", [])
@example(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [])
@example(
    b"GET /devstoreaccount1/a HTTP/1.1\r\nHost: \xff\r\nAuthorization: SharedKey devstoreaccount1:\xff\r\n\r\n", []
)
def test_any_bytes_are_answered_with_a_refusal_or_awaited(emulator, data, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    answer = emulator.bytes(*(data[a:b] for a, b in pairwise(edges)))
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 100"))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("share/a%5Cb", "InvalidResourceName"),
        ("share/a%3Ab", "InvalidResourceName"),
        ("share/%2E%2E", "InvalidResourceName"),
        ("share/dir//x", "InvalidResourceName"),
        ("share/a%00", "InvalidResourceName"),
        ("share/con", "InvalidResourceName"),
        ("share/LPT1", "InvalidResourceName"),
        ("share/...", "InvalidResourceName"),
        ("share/" + "a" * 256, "InvalidFileOrDirectoryPathName"),
        ("share/" + "/".join(["a"] * 251), "InvalidFileOrDirectoryPathName"),
        ("share/" + "/".join(["a" * 250] * 9), "InvalidFileOrDirectoryPathName"),
        ("share/%FF", "InvalidUri"),
        ("share/none/x", "ParentNotFound"),
        ("share/dir/file/x", "ParentNotFound"),
        ("share/dir", "ResourceTypeMismatch"),
        ("other/x", "ShareNotFound"),
    ],
)
def test_a_file_cannot_be_created_there(emulator, path, code):
    assert emulator.put(path).code == code


def test_an_operation_that_is_missing_says_so(emulator):
    answer = emulator.send("POST", "", {"restype": "service", "comp": "userdelegationkey"})
    assert answer.status == 400
    assert b"service_get_user_delegation_key" in answer.body
    assert "service_get_user_delegation_key" in names()
