"""Documented facts of the protocol that no other test states: limits, error bodies, times, snapshots, diffs."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import md5

import pytest

from tests.support.files_emulator import ACCOUNT, InProcess, signed

URL = f"http://127.0.0.1/{ACCOUNT}"
SDDL = "O:SYG:SYD:(A;;FA;;;SY)"
T1, T2, T3 = (f"20{year}-01-02T03:04:05.{year}00007Z" for year in (20, 21, 22))
TIMES = ("creation", "last-write", "change")
MIB = 1 << 20


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    return emulator


def write(emulator, path, start, body, **headers):
    wanted = {"x-ms-range": f"bytes={start}-{start + len(body) - 1}", "x-ms-write": "update", **headers}
    return emulator.send("PUT", path, {"comp": "range"}, wanted, body)


def clear(emulator, path, start, end):
    return emulator.send("PUT", path, {"comp": "range"}, {"x-ms-range": f"bytes={start}-{end}", "x-ms-write": "clear"})


def details(answer):
    """Return the elements of an error's body beside its code and message."""
    found = dict(re.findall(r"<(\w+)>([^<]*)</\1>", answer.body.decode("utf-8-sig")))
    return answer.status, answer.code, {name: text for name, text in found.items() if name not in ("Code", "Message")}


def times(emulator, path, **query):
    headers = emulator.send("HEAD", path, query).headers
    return tuple(headers[f"x-ms-file-{which}-time"] for which in TIMES)


# -- limits


def test_names_paths_and_depth_have_limits(emulator):
    def directory(path):
        return emulator.send("PUT", path, {"restype": "directory"}).code

    assert directory("share/" + "a" * 255) == ""
    assert directory("share/" + "%C3%A9" * 255) == ""
    assert directory("share/" + "a" * 256) == "InvalidFileOrDirectoryPathName"
    deep = "share"
    for _ in range(250):
        deep += "/d"
        assert directory(deep) == ""
    assert directory(deep + "/d") == "InvalidFileOrDirectoryPathName"
    long = "/".join(["b" * 255] * 8)
    assert len(long) == 2047
    path = "share"
    for part in long.split("/"):
        path += f"/{part}"
        assert directory(path) == ""
    assert directory(path + "/c") == "InvalidFileOrDirectoryPathName"


@pytest.mark.parametrize("char", ['"', "\\", ":", "|", "<", ">", "*", "?", "\x1f", "\x81", "\ue000"])
def test_some_characters_are_in_no_name(emulator, char):
    encoded = "".join(f"%{byte:02X}" for byte in char.encode())
    assert emulator.put(f"share/a{encoded}b").code == "InvalidResourceName"


def test_four_mib_is_the_most_one_write_takes(emulator):
    assert emulator.put("share/f", bytes(4 * MIB)).status == 201
    assert write(emulator, "share/f", 0, bytes(4 * MIB)).status == 201
    emulator.put("share/big", size=8 * MIB)
    expected = (413, "RequestBodyTooLarge", {"MaxLimit": "4194304"})
    assert details(write(emulator, "share/big", 0, bytes(4 * MIB + 1))) == expected
    assert details(emulator.put("share/g", bytes(4 * MIB + 1))) == expected
    wanted = {"x-ms-copy-source": f"{URL}/share/big", "x-ms-write": "update"}
    wanted |= {"x-ms-range": f"bytes=0-{4 * MIB}", "x-ms-source-range": f"bytes=0-{4 * MIB}"}
    assert details(emulator.send("PUT", "share/big", {"comp": "range"}, wanted)) == expected
    asked = {"x-ms-range": f"bytes=0-{4 * MIB}", "x-ms-range-get-content-md5": "true"}
    assert emulator.get("share/big", {}, asked).status == 400
    assert clear(emulator, "share/big", 0, 8 * MIB - 1).status == 201


def test_four_tib_is_the_largest_file(emulator):
    assert emulator.put("share/f", size=1 << 42).status == 201
    answer = emulator.put("share/g", size=(1 << 42) + 1)
    assert (answer.status, answer.code) == (400, "OutOfRangeInput")


def test_metadata_has_a_limit(emulator):
    assert emulator.put("share/f", b"", {"x-ms-meta-a": "x" * 8191}).status == 201
    assert details(emulator.put("share/f", b"", {"x-ms-meta-a": "x" * 8192}))[:2] == (400, "MetadataTooLarge")


def test_a_descriptor_in_a_header_has_a_limit(emulator):
    fits = "O:SYG:SYD:" + "(A;;FA;;;SY)" * 681
    assert len(fits) == 8182
    assert emulator.put("share/f", b"", {"x-ms-file-permission": fits}).status == 201
    answer = emulator.put("share/f", b"", {"x-ms-file-permission": fits + "(A;;FA;;;SY)"})
    assert (answer.status, details(answer)[2]["HeaderName"]) == (400, "x-ms-file-permission")
    body = b'{"permission": "%s"}' % (fits + "(A;;FA;;;SY)" * 9).encode()
    query = {"restype": "share", "comp": "filepermission"}
    made = emulator.send("PUT", "share", query, {"Content-Type": "application/json"}, body)
    assert made.status == 201
    wanted = {"x-ms-file-permission-key": made.headers["x-ms-file-permission-key"]}
    assert emulator.put("share/f", b"", wanted).status == 201


def test_a_list_page_is_five_thousand_entries_at_most(emulator):
    for number in range(5_002):
        emulator.put(f"share/{number}")
    for query in ({}, {"maxresults": "5000"}, {"maxresults": "6000"}):
        assert emulator.list("share", **query).body.count(b"<File>") == 5_000


# -- what errors say


def test_an_error_names_what_it_is_about(emulator):
    emulator.put("share/f", b"x")
    answer = emulator.send("GET", "share", {"restype": "directory", "comp": "list", "maxresults": "0"})
    assert details(answer) == (
        400,
        "OutOfRangeQueryParameterValue",
        {
            "QueryParameterName": "maxresults",
            "QueryParameterValue": "0",
            "MinimumAllowed": "1",
            "MaximumAllowed": "5000",
        },
    )
    answer = emulator.send("GET", "share", {"restype": "directory", "comp": "list", "maxresults": "x"})
    assert details(answer) == (
        400,
        "InvalidQueryParameterValue",
        {"QueryParameterName": "maxresults", "QueryParameterValue": "x"},
    )
    answer = emulator.send("GET", "share", {"restype": "directory", "comp": "list", "include": "a&b"})
    assert details(answer)[2] == {"QueryParameterName": "include", "QueryParameterValue": "a&amp;b"}
    answer = emulator.get("share/f", {"sharesnapshot": "yesterday"})
    assert details(answer) == (
        400,
        "InvalidQueryParameterValue",
        {"QueryParameterName": "sharesnapshot", "QueryParameterValue": "yesterday"},
    )
    answer = emulator.put("share/f", b"", {"x-ms-file-attributes": "Blue<"})
    assert details(answer) == (
        400,
        "InvalidHeaderValue",
        {"HeaderName": "x-ms-file-attributes", "HeaderValue": "Blue&lt;"},
    )
    answer = emulator.send("PUT", "share/f", {}, {"x-ms-type": "file"})
    assert details(answer) == (400, "MissingRequiredHeader", {"HeaderName": "x-ms-content-length"})
    answer = emulator.send("HEAD", "share/f", {}, {"x-ms-version": "1999-01-01"})
    assert (answer.status, answer.code, answer.body) == (400, "InvalidHeaderValue", b"")
    answer = emulator.get("share/f", {}, {"x-ms-version": "1999-01-01"})
    assert details(answer)[2] == {"HeaderName": "x-ms-version", "HeaderValue": "1999-01-01"}


def test_a_wrong_md5_is_told_with_the_right_one(emulator):
    emulator.put("share/f", size=512)
    wrong = b64encode(bytes(16)).decode()
    right = b64encode(md5(b"abc", usedforsecurity=False).digest()).decode()
    answer = write(emulator, "share/f", 0, b"abc", **{"Content-MD5": wrong})
    assert details(answer)[1:] == ("Md5Mismatch", {"UserSpecifiedMd5": wrong, "ServerCalculatedMd5": right})
    assert write(emulator, "share/f", 0, b"abc", **{"Content-MD5": "short"}).code == "InvalidMd5"
    assert emulator.get("share/f").body == bytes(512)


@pytest.mark.parametrize(
    ("timeout", "code"),
    [
        ("1", ""),
        ("30", ""),
        ("9999", ""),
        ("0", "OutOfRangeQueryParameterValue"),
        ("-1", "OutOfRangeQueryParameterValue"),
        ("soon", "InvalidQueryParameterValue"),
        ("", "InvalidQueryParameterValue"),
    ],
)
def test_a_timeout_is_a_positive_number_of_seconds(emulator, timeout, code):
    answer = emulator.send("GET", "share", {"restype": "share", "timeout": timeout})
    assert answer.code == code
    if code:
        assert details(answer)[2]["QueryParameterName"] == "timeout"


def test_a_client_request_id_comes_back_with_errors_too(emulator):
    answer = emulator.get("share/none", {}, {"x-ms-client-request-id": "mine"})
    assert (answer.status, answer.headers["x-ms-client-request-id"]) == (404, "mine")
    assert answer.headers["x-ms-request-id"].endswith("000000")
    assert (
        emulator.get("share/none", {}, {"x-ms-client-request-id": "x" * 1025})
        .headers.keys()
        .isdisjoint({"x-ms-client-request-id"})
    )


def test_the_reason_phrase_is_the_message(emulator):
    answer = emulator.get("share/none/x")
    assert answer.reason == "The specified parent path does not exist."
    assert b"<Message>The specified parent path does not exist.\nRequestId:" in answer.body


# -- who changes which time


CHANGES = {
    "metadata": lambda e: e.send("PUT", "share/d/f", {"comp": "metadata"}, {"x-ms-meta-a": "b"}),
    "properties": lambda e: e.send("PUT", "share/d/f", {"comp": "properties"}, {"x-ms-content-type": "a/b"}),
    "resize": lambda e: e.send("PUT", "share/d/f", {"comp": "properties"}, {"x-ms-content-length": "9"}),
    "range": lambda e: write(e, "share/d/f", 0, b"x"),
    "clear": lambda e: clear(e, "share/d/f", 0, 0),
    "range, time preserved": lambda e: write(e, "share/d/f", 0, b"x", **{"x-ms-file-last-write-time": "preserve"}),
    "range from URL": lambda e: e.send(
        "PUT",
        "share/d/f",
        {"comp": "range"},
        {
            "x-ms-copy-source": f"{URL}/share/other",
            "x-ms-write": "update",
            "x-ms-range": "bytes=0-0",
            "x-ms-source-range": "bytes=0-0",
        },
    ),
    "read": lambda e: e.get("share/d/f"),
    "head": lambda e: e.send("HEAD", "share/d/f"),
    "ranges": lambda e: e.get("share/d/f", {"comp": "rangelist"}),
    "snapshot": lambda e: e.send("PUT", "share", {"restype": "share", "comp": "snapshot"}),
}
WRITES = {"range", "clear", "range from URL"}
READS = {"read", "head", "ranges", "snapshot"}


@pytest.mark.parametrize("change", CHANGES)
def test_each_operation_moves_the_times_it_should(emulator, change):
    emulator.put("share/other", b"y")
    emulator.make_directory("share/d")
    headers = {f"x-ms-file-{which}-time": time for which, time in zip(TIMES, (T1, T2, T3), strict=True)}
    emulator.put("share/d/f", b"hello", headers)
    parent = times(emulator, "share/d", restype="directory")
    before = emulator.send("HEAD", "share/d/f").headers
    assert CHANGES[change](emulator).status in (200, 201)
    after = emulator.send("HEAD", "share/d/f").headers
    created, written, changed = times(emulator, "share/d/f")
    assert created == T1
    assert (written != T2) == (change in WRITES)
    assert (changed == T3) == (change in READS)
    assert (after["etag"] == before["etag"]) == (change in READS)
    assert after["x-ms-file-id"] == before["x-ms-file-id"]
    if change in WRITES:
        assert written == changed
    since = datetime.fromisoformat(changed[:-2] + "Z") - datetime(1, 1, 1, tzinfo=UTC)
    ticks = since // timedelta(microseconds=1) * 10
    assert after["etag"] == f'"0x{ticks + int(changed[-2]):X}"'
    assert times(emulator, "share/d", restype="directory") == parent


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_times_are_given_with_seven_digits_or_as_a_word(emulator, kind):
    def put(path, **headers):
        if kind == "file":
            return emulator.put(path, b"", headers)
        return emulator.send("PUT", path, {"restype": "directory"}, headers)

    query = {} if kind == "file" else {"restype": "directory"}
    put("share/a", **{f"x-ms-file-{which}-time": T2 for which in TIMES})
    assert times(emulator, "share/a", **query) == (T2, T2, T2)
    answer = put("share/b", **{f"x-ms-file-{which}-time": "NOW" for which in TIMES})
    now = times(emulator, "share/b", **query)
    assert len(set(now)) == 1
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", now[0])
    assert answer.headers["x-ms-file-creation-time"] == now[0]
    set_ = {**query, "comp": "properties"}
    answer = emulator.send("PUT", "share/a", set_, {"x-ms-file-last-write-time": T1})
    created, written, changed = times(emulator, "share/a", **query)
    assert (created, written) == (T2, T1)
    assert changed == answer.headers["x-ms-file-change-time"] != T2
    emulator.send("PUT", "share/a", set_, {"x-ms-file-change-time": T3, "x-ms-file-last-write-time": "preserve"})
    assert times(emulator, "share/a", **query) == (T2, T1, T3)
    for name, value in (("creation", "preserve"), ("last-write", "yesterday"), ("change", "1600-01-01T00:00:00Z")):
        assert put("share/c", **{f"x-ms-file-{name}-time": value}).code == "InvalidHeaderValue"


# -- attributes and what is read-only


def test_a_read_only_file_keeps_its_content(emulator):
    emulator.put("share/f", b"hello", {"x-ms-file-attributes": "ReadOnly"})
    emulator.put("share/g", b"other")
    assert emulator.send("HEAD", "share/f").headers["x-ms-file-attributes"] == "ReadOnly | Archive"
    source = {"x-ms-copy-source": f"{URL}/share/g"}
    rename = {"x-ms-file-rename-source": f"{URL}/share/g", "x-ms-file-rename-replace-if-exists": "true"}
    for answer in (
        write(emulator, "share/f", 0, b"x"),
        clear(emulator, "share/f", 0, 0),
        emulator.put("share/f", b"new"),
        emulator.send("DELETE", "share/f"),
        emulator.send("PUT", "share/f", {}, source),
        emulator.send("PUT", "share/f", {"comp": "rename"}, rename),
    ):
        assert (answer.status, answer.code) == (409, "ReadOnlyAttribute")
    assert emulator.get("share/f").body == b"hello"
    assert emulator.send("PUT", "share/f", {"comp": "metadata"}, {"x-ms-meta-a": "b"}).status == 200
    ignoring = {**source, "x-ms-file-copy-ignore-readonly": "true"}
    assert emulator.send("PUT", "share/f", {}, ignoring).status == 202
    assert emulator.get("share/f").body == b"other"
    set_ = {"x-ms-file-attributes": "None"}
    assert emulator.send("PUT", "share/f", {"comp": "properties"}, set_).status == 200
    assert emulator.send("HEAD", "share/f").headers["x-ms-file-attributes"] == "None"
    assert emulator.send("DELETE", "share/f").status == 202


def test_a_read_only_target_of_a_rename_can_be_ignored(emulator):
    emulator.put("share/f", b"old", {"x-ms-file-attributes": "ReadOnly"})
    emulator.put("share/g", b"new", {"x-ms-file-attributes": "ReadOnly"})
    wanted = {
        "x-ms-file-rename-source": f"{URL}/share/g",
        "x-ms-file-rename-replace-if-exists": "true",
        "x-ms-file-rename-ignore-readonly": "true",
    }
    assert emulator.send("PUT", "share/f", {"comp": "rename"}, wanted).status == 200
    assert emulator.get("share/f").body == b"new"


# -- names


def test_a_name_is_found_in_any_case_and_kept_as_it_was(emulator):
    emulator.make_directory("share/Dir")
    emulator.put("share/dIR/FILE.Txt", b"x")
    assert emulator.get("share/DIR/file.txt").body == b"x"
    assert b"<Name>FILE.Txt</Name>" in emulator.list("share/dir").body
    assert emulator.put("share/dir/Dir2", b"").status == 201
    assert emulator.send("PUT", "share/dir/dir2", {"restype": "directory"}).code == "ResourceTypeMismatch"
    assert emulator.put("share/DIR", b"").code == "ResourceTypeMismatch"
    moved = {"x-ms-file-rename-source": f"{URL}/share/dir/file.txt"}
    assert emulator.send("PUT", "share/dir/file.TXT", {"comp": "rename"}, moved).status == 200
    assert b"<Name>file.TXT</Name>" in emulator.list("share/dir").body


def test_trailing_dots_of_a_source_have_a_header_of_their_own(emulator):
    dots = {"x-ms-allow-trailing-dot": "true"}
    emulator.put("share/f.", b"dot", dots)
    emulator.put("share/f", b"none")
    source = {"x-ms-copy-source": f"{URL}/share/f."}
    emulator.send("PUT", "share/a.", {}, source)
    assert emulator.get("share/a").body == b"none"
    emulator.send("PUT", "share/a.", {}, {**source, "x-ms-source-allow-trailing-dot": "true"})
    assert emulator.get("share/a").body == b"dot"
    emulator.send("PUT", "share/b.", {}, {**source, **dots})
    assert emulator.get("share/b.", {}, dots).body == b"none"
    moved = {"x-ms-file-rename-source": f"{URL}/share/f."}
    wanted = {**moved, "x-ms-source-allow-trailing-dot": "true"}
    assert emulator.send("PUT", "share/c", {"comp": "rename"}, wanted).status == 200
    assert emulator.get("share/c").body == b"dot"


def test_metadata_names_are_identifiers_in_any_case_and_there_once(emulator):
    emulator.put("share/f", b"", {"x-ms-meta-CamelCase": "v", "x-ms-meta": "{'k': 'v'}"})
    raw = emulator.send("HEAD", "share/f").headers
    assert raw["x-ms-meta-camelcase"] == "v"
    assert "x-ms-meta" not in raw
    for headers, code in (
        ({"x-ms-meta-1a": "1"}, "InvalidMetadata"),
        ({"x-ms-meta-a-b": "1"}, "InvalidMetadata"),
        ({"x-ms-meta-": "1"}, "EmptyMetadataKey"),
    ):
        assert emulator.put("share/g", b"", headers).code == code
    created = {"x-ms-type": "file", "x-ms-content-length": "0", "x-ms-meta-a": "1,2"}
    headers = signed("PUT", f"/{ACCOUNT}/share/g", {}, created, b"", "127.0.0.1")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join([f"PUT /{ACCOUNT}/share/g HTTP/1.1", *lines])
    twice = text.replace("x-ms-meta-a: 1,2", "x-ms-meta-a: 1\r\nX-Ms-Meta-A: 2")
    assert b"InvalidMetadata" in emulator.bytes(twice.encode() + b"\r\n\r\n")


# -- snapshots


def test_every_write_to_a_snapshot_is_refused(emulator):
    emulator.make_directory("share/d")
    emulator.put("share/d/f", b"x")
    at = {"sharesnapshot": emulator.snapshot("share")}
    directory = {"restype": "directory", **at}
    rename = {"x-ms-file-rename-source": f"{URL}/share/d/f"}
    for method, path, query, headers in (
        ("PUT", "share/d/new", directory, {}),
        ("DELETE", "share/d", directory, {}),
        ("PUT", "share/d", {**directory, "comp": "properties"}, {}),
        ("PUT", "share/d", {**directory, "comp": "metadata"}, {}),
        ("PUT", "share/d2", {**directory, "comp": "rename"}, {"x-ms-file-rename-source": f"{URL}/share/d"}),
        ("PUT", "share/d/f", at, {"x-ms-type": "file", "x-ms-content-length": "0"}),
        ("DELETE", "share/d/f", at, {}),
        ("PUT", "share/d/f", {"comp": "properties", **at}, {}),
        ("PUT", "share/d/f", {"comp": "metadata", **at}, {}),
        ("PUT", "share/d/f", {"comp": "range", **at}, {"x-ms-range": "bytes=0-0", "x-ms-write": "clear"}),
        ("PUT", "share/d/g", {"comp": "rename", **at}, rename),
        ("PUT", "share/d/g", at, {"x-ms-copy-source": f"{URL}/share/d/f"}),
        ("PUT", "share", {"restype": "share", "comp": "metadata", **at}, {}),
        ("PUT", "share", {"restype": "share", "comp": "properties", **at}, {}),
        ("PUT", "share", {"restype": "share", "comp": "snapshot", **at}, {}),
        ("GET", "share", {"restype": "share", "comp": "filepermission", **at}, {"x-ms-file-permission-key": "1*1"}),
    ):
        answer = emulator.send(method, path, query, headers)
        assert (answer.status, answer.code) == (400, "ShareSnapshotOperationNotSupported"), (method, path, query)


def test_everything_reads_from_a_snapshot(emulator):
    emulator.make_directory("share/d")
    emulator.put("share/d/f", b"x")
    live = emulator.send("HEAD", "share/d/f").headers
    at = {"sharesnapshot": emulator.snapshot("share")}
    none = {"sharesnapshot": "2020-01-01T00:00:00.0000000Z"}
    emulator.send("DELETE", "share/d/f")
    for method, path, query in (
        ("GET", "share", {"restype": "share"}),
        ("GET", "share/d", {"restype": "directory"}),
        ("GET", "share/d", {"restype": "directory", "comp": "list"}),
        ("GET", "share/d/f", {}),
        ("HEAD", "share/d/f", {}),
        ("GET", "share/d/f", {"comp": "rangelist"}),
        ("GET", "share/d/f", {"comp": "listhandles"}),
    ):
        assert emulator.send(method, path, {**query, **at}).status == 200
        missing = emulator.send(method, path, {**query, **none})
        assert (missing.status, missing.code) == (404, "ShareSnapshotNotFound")
    then = emulator.send("HEAD", "share/d/f", at).headers
    same = ("etag", "x-ms-file-id", "x-ms-file-change-time", "x-ms-file-last-write-time", "x-ms-file-permission-key")
    assert [then[name] for name in same] == [live[name] for name in same]


# -- range lists and diffs


def diff(emulator, path, before, **headers):
    return emulator.send("GET", path, {"comp": "rangelist", "prevsharesnapshot": before}, headers)


def test_a_diff_is_refused_if_the_file_is_not_the_same_any_more(emulator):
    emulator.put("share/f", b"old")
    emulator.put("share/source", b"source")
    before = emulator.snapshot("share")
    emulator.send("PUT", "share/f", {}, {"x-ms-copy-source": f"{URL}/share/source"})
    assert (diff(emulator, "share/f", before).status, diff(emulator, "share/f", before).code) == (
        409,
        "FileGenerationMismatch",
    )
    emulator.put("share/source", b"replaced")
    assert diff(emulator, "share/source", before).code == "FileGenerationMismatch"
    emulator.put("share/new", b"x")
    assert diff(emulator, "share/new", before).status == 404
    assert diff(emulator, "share/none", before).status == 404
    gone = diff(emulator, "share/f", "2020-01-01T00:00:00.0000000Z")
    assert (gone.status, gone.code) == (404, "PreviousSnapshotNotFound")


def test_range_lists_come_in_pages_if_asked_for(emulator):
    emulator.put("share/f", size=10_000)
    for start in range(0, 10_000, 1_000):
        write(emulator, "share/f", start, b"x" * 512)
    found, marker = [], {}
    while marker is not None:
        answer = emulator.get("share/f", {"comp": "rangelist", "maxresults": "3", **marker})
        found += re.findall(rb"<Range><Start>(\d+)</Start><End>(\d+)</End></Range>", answer.body)
        assert answer.body.count(b"<Range>") <= 3
        following = re.search(rb"<NextMarker>(.+)</NextMarker>", answer.body)
        marker = {"marker": following[1].decode()} if following else None
    assert found == [(b"%d" % start, b"%d" % (start + 511)) for start in range(0, 10_000, 1_000)]
    whole = emulator.get("share/f", {"comp": "rangelist"})
    assert whole.body.count(b"<Range>") == 10
    assert b"NextMarker" not in whole.body
    assert whole.headers["x-ms-content-length"] == "10000"
    part = emulator.get("share/f", {"comp": "rangelist"}, {"x-ms-range": "bytes=100-2047"})
    assert re.findall(rb"<Start>(\d+)</Start><End>(\d+)</End>", part.body) == [
        (b"100", b"511"),
        (b"1000", b"1511"),
        (b"2000", b"2047"),
    ]
    assert emulator.get("share/f", {"comp": "rangelist", "maxresults": "0"}).status == 400
    assert emulator.get("share/f", {"comp": "rangelist", "marker": "x"}).status == 400


def test_extended_info_changes_nothing_since_file_ids_are_always_listed(emulator):
    emulator.put("share/f", b"x")
    plain = emulator.list("share")
    asked = emulator.send("GET", "share", {"restype": "directory", "comp": "list"}, {"x-ms-file-extended-info": "true"})
    assert asked.body == plain.body
    assert b"<FileId>" in plain.body
    wrong = {"x-ms-file-extended-info": "maybe"}
    assert emulator.send("GET", "share", {"restype": "directory", "comp": "list"}, wrong).code == "InvalidHeaderValue"


def test_x_ms_range_wins_over_range(emulator):
    emulator.put("share/f", b"0123456789")
    answer = emulator.get("share/f", {}, {"x-ms-range": "bytes=1-2", "Range": "bytes=5-6"})
    assert (answer.status, answer.body, answer.headers["content-range"]) == (206, b"12", "bytes 1-2/10")


def test_clearing_answers_without_md5_and_takes_none(emulator):
    emulator.put("share/f", b"x" * 1024)
    answer = clear(emulator, "share/f", 0, 511)
    assert answer.status == 201
    assert "content-md5" not in answer.headers
    wanted = {"x-ms-range": "bytes=0-511", "x-ms-write": "clear", "Content-MD5": b64encode(bytes(16)).decode()}
    refused = emulator.send("PUT", "share/f", {"comp": "range"}, wanted)
    assert details(refused)[1:] == (
        "InvalidHeaderValue",
        {"HeaderName": "Content-MD5", "HeaderValue": wanted["Content-MD5"]},
    )


def test_a_copy_answers_and_describes_itself(emulator):
    emulator.put("share/f", b"hello", {"x-ms-meta-a": "b", "x-ms-content-type": "text/plain"})
    answer = emulator.send("PUT", "share/g", {}, {"x-ms-copy-source": f"{URL}/share/f"})
    assert answer.status == 202
    assert {"etag", "last-modified", "x-ms-copy-id", "x-ms-copy-status"} <= answer.headers.keys()
    headers = emulator.get("share/g").headers
    assert headers["x-ms-copy-id"] == answer.headers["x-ms-copy-id"]
    assert headers["x-ms-copy-source"] == f"{URL}/share/f"
    assert (headers["x-ms-copy-status"], headers["x-ms-copy-progress"]) == ("success", "5/5")
    assert (headers["content-type"], headers["x-ms-meta-a"]) == ("text/plain", "b")
    emulator.send("PUT", "share/g", {}, {"x-ms-copy-source": f"{URL}/share/f", "x-ms-meta-c": "d"})
    assert "x-ms-meta-a" not in emulator.send("HEAD", "share/g").headers


def test_a_body_shorter_than_the_file_is_followed_by_zeros(emulator):
    assert emulator.put("share/f", b"abc", size=6).status == 201
    assert emulator.get("share/f").body == b"abc\0\0\0"
    assert b"<Range><Start>0</Start><End>2</End></Range>" in emulator.get("share/f", {"comp": "rangelist"}).body
    longer = emulator.put("share/f", b"abc", size=2)
    assert (longer.status, longer.code) == (400, "InvalidHeaderValue")


def test_conditions_are_not_looked_at(emulator):
    emulator.put("share/f", b"abc")
    for name in ("If-Match", "If-None-Match"):
        assert emulator.get("share/f", {}, {name: '"0x1"'}).status == 200


def test_a_directory_is_no_file_and_the_other_way_round(emulator):
    emulator.make_directory("share/d")
    emulator.put("share/f", b"x")
    for method in ("GET", "HEAD"):
        assert emulator.send(method, "share/d").code == "ResourceNotFound"
        assert emulator.send(method, "share/f", {"restype": "directory"}).code == "ResourceNotFound"
        assert emulator.send(method, "share/").status == 404
        assert emulator.send(method, "share/none/x").code == "ParentNotFound"
        assert emulator.send(method, "share/f/x", {"restype": "directory"}).code == "ParentNotFound"
    assert emulator.put("share/d", b"x").code == "ResourceTypeMismatch"
    assert emulator.send("PUT", "share/f", {"restype": "directory"}).code == "ResourceTypeMismatch"
    assert emulator.send("PUT", "share/d", {"restype": "directory"}).code == "ResourceAlreadyExists"
    assert emulator.send("PUT", "share", {"restype": "directory"}).code == "ResourceAlreadyExists"
    emulator.put("share/d/x")
    refused = emulator.send("DELETE", "share/d", {"restype": "directory"})
    assert (refused.status, refused.code) == (409, "DirectoryNotEmpty")
    emulator.send("DELETE", "share/d/x")
    assert emulator.send("DELETE", "share/d", {"restype": "directory"}).status == 202


def test_an_id_lasts_as_long_as_its_entry(emulator):
    first = emulator.put("share/f", b"x").headers["x-ms-file-id"]
    assert int(first) > 1 << 63
    emulator.send("PUT", "share/g", {"comp": "rename"}, {"x-ms-file-rename-source": f"{URL}/share/f"})
    moved = emulator.send("HEAD", "share/g").headers
    assert (moved["x-ms-file-id"], moved["x-ms-file-parent-id"]) == (first, "0")
    emulator.send("DELETE", "share/g")
    assert emulator.put("share/g", b"x").headers["x-ms-file-id"] != first
    below = emulator.send("PUT", "share/d", {"restype": "directory"}).headers
    assert emulator.put("share/d/f").headers["x-ms-file-parent-id"] == below["x-ms-file-id"]
