"""The wire, byte for byte: listings, paging, error bodies, headers of reads and writes."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import md5
from urllib.parse import unquote

import pytest
from azure.storage.fileshare import generate_account_sas

from tests.support.files_emulator import ACCOUNT, KEY, InProcess, running, signed

ALL = "Timestamps,ETag,Attributes,PermissionKey"
BOM = b"\xef\xbb\xbf"
DECLARATION = BOM + b'<?xml version="1.0" encoding="utf-8"?>'
T1, T2, T3 = (f"20{year}-01-02T03:04:05.{year}00007Z" for year in (20, 21, 22))


@pytest.fixture
def emulator():
    emulator = InProcess()
    emulator.create_share("share")
    return emulator


def entries(answer):
    return answer.body[answer.body.index(b"<Entries>") : answer.body.index(b"</Entries>")]


def names(answer):
    found = re.findall(rb'<Name( Encoded="true")?>([^<]*)</Name>', answer.body)
    return [unquote(name.decode()) if encoded else name.decode() for encoded, name in found]


def stock(emulator):
    emulator.make_directory("share/dir1")
    headers = {
        "x-ms-file-creation-time": T1,
        "x-ms-file-last-write-time": T2,
        "x-ms-file-change-time": T3,
    }
    file = emulator.put("share/dir1/a%26b", b"hello", headers)
    emulator.send("PUT", "share/dir1/Sub", {"restype": "directory"}, headers)
    return file


def test_a_listing_is_exactly_the_services_bytes(emulator):
    file = stock(emulator)
    directory = emulator.send("GET", "share/dir1", {"restype": "directory"})
    sub = emulator.send("GET", "share/dir1/sub", {"restype": "directory"})
    elapsed = datetime(2022, 1, 2, 3, 4, 5, tzinfo=UTC) - datetime(1, 1, 1, tzinfo=UTC)
    ticks = int(elapsed.total_seconds()) * 10**7 + 2_200_007
    times = (
        f"<CreationTime>{T1}</CreationTime><LastAccessTime>{T1}</LastAccessTime><LastWriteTime>{T2}</LastWriteTime>"
        f"<ChangeTime>{T3}</ChangeTime><Last-Modified>Sun, 02 Jan 2022 03:04:05 GMT</Last-Modified>"
        f'<Etag>"0x{ticks:X}"</Etag>'
    )
    expected = (
        f'<EnumerationResults ServiceEndpoint="http://127.0.0.1/{ACCOUNT}/" ShareName="share" DirectoryPath="dir1">'
        f"<DirectoryId>{directory.headers['x-ms-file-id']}</DirectoryId><Entries>"
        f"<File><Name>a&amp;b</Name><FileId>{file.headers['x-ms-file-id']}</FileId><Properties>"
        f"<Content-Length>5</Content-Length>{times}</Properties><Attributes>Archive</Attributes>"
        f"<PermissionKey>{file.headers['x-ms-file-permission-key']}</PermissionKey></File>"
        f"<Directory><Name>Sub</Name><FileId>{sub.headers['x-ms-file-id']}</FileId><Properties>{times}</Properties>"
        f"<Attributes>Directory</Attributes><PermissionKey>{sub.headers['x-ms-file-permission-key']}</PermissionKey>"
        "</Directory></Entries><NextMarker /></EnumerationResults>"
    )
    answer = emulator.list("share/dir1", include=ALL)
    assert answer.body == DECLARATION + expected.encode()
    assert answer.headers["content-type"] == "application/xml"


def test_without_include_an_entry_has_its_size_only(emulator):
    stock(emulator)
    found = entries(emulator.list("share/dir1"))
    assert b"<Properties><Content-Length>5</Content-Length></Properties></File>" in found
    assert b"<Properties /></Directory>" in found


def test_the_root_has_no_path_and_number_zero(emulator):
    for path in ("share", "share/"):
        body = emulator.list(path).body
        assert b'ShareName="share" DirectoryPath=""><DirectoryId>0</DirectoryId><Entries></Entries>' in body


def test_the_same_tree_renders_the_same_entries_whatever_was_asked_in_between(emulator):
    stock(emulator)
    first = entries(emulator.list("share/dir1", include=ALL))
    emulator.list("share/dir1")
    id_ = emulator.snapshot("share")
    emulator.get("share/dir1/a%26b")
    assert entries(emulator.list("share/dir1", include="permissionkey,attributes,etag,timestamps")) == first
    listing = emulator.list("share/dir1", include=ALL, sharesnapshot=id_)
    assert entries(listing) == first
    assert f'ShareName="share" ShareSnapshot="{id_}" DirectoryPath="dir1"'.encode() in listing.body


def test_pages_begin_with_the_entry_the_marker_names(emulator):
    for name in ("filea1", "FILEa2", "filea3", "x"):
        emulator.put(f"share/{name}")
    page = emulator.list("share", maxresults="2", prefix="file")
    assert b"<Prefix>file</Prefix><MaxResults>2</MaxResults><DirectoryId>" in page.body
    assert page.body.endswith(b"<NextMarker>1!8!ZmlsZWEz</NextMarker></EnumerationResults>")
    assert names(page) == ["filea1", "FILEa2"]
    page = emulator.list("share", marker="1!8!ZmlsZWEz", maxresults="2", prefix="file")
    assert b"<Marker>1!8!ZmlsZWEz</Marker><Prefix>" in page.body
    assert names(page) == ["filea3"]
    assert b"<NextMarker />" in page.body


def test_paging_goes_on_when_the_marked_entry_is_gone(emulator):
    for name in "abc":
        emulator.put(f"share/{name}")
    emulator.send("DELETE", "share/b")
    assert names(emulator.list("share", marker="1!4!Yg==")) == ["c"]


def test_every_entry_is_on_exactly_one_page(emulator):
    wanted = [f"n{number:03d}" for number in range(57)]
    for name in reversed(wanted):
        emulator.put(f"share/{name}")
    found, marker = [], {}
    while marker is not None:
        page = emulator.list("share", maxresults="10", **marker)
        found += names(page)
        following = re.search(rb"<NextMarker>(.*)</NextMarker>", page.body)
        marker = {"marker": following[1].decode()} if following else None
    assert found == wanted


@pytest.mark.parametrize(
    ("value", "code"), [("0", "OutOfRangeQueryParameterValue"), ("x", "InvalidQueryParameterValue")]
)
def test_a_page_size_must_be_a_positive_number(emulator, value, code):
    assert emulator.list("share", maxresults=value).code == code


def test_names_that_xml_cannot_carry_are_encoded(emulator):
    emulator.make_directory("share/d%EF%BF%BF%20x")
    emulator.put("share/d%EF%BF%BF%20x/file%EF%BF%BE")
    emulator.put("share/d%EF%BF%BF%20x/plain%20%25")
    body = emulator.list("share/d%EF%BF%BF%20x", prefix="FILE\ufffe").body
    assert (
        b'ShareName="share" Encoded="true" DirectoryPath="d%EF%BF%BF%20x"><Prefix Encoded="true">FILE%EF%BF%BE<' in body
    )
    assert b'<Name Encoded="true">file%EF%BF%BE</Name>' in body
    assert b"<Name>plain %</Name>" in emulator.list("share/d%EF%BF%BF%20x").body


def test_an_error_has_the_documented_shape(emulator):
    answer = emulator.put("share/none/x")
    assert (answer.status, answer.reason) == (404, "The specified parent path does not exist.")
    assert answer.headers["content-type"] == "application/xml"
    request_id = answer.headers["x-ms-request-id"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{6}000000", request_id)
    pattern = (
        re.escape(DECLARATION + b"<Error><Code>ParentNotFound</Code><Message>The specified parent path does not exist.")
        + rb"\nRequestId:" + request_id.encode()
        + rb"\nTime:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z</Message></Error>"
    )  # fmt: skip
    assert re.fullmatch(pattern, answer.body)


def test_a_head_error_has_no_body(emulator):
    answer = emulator.send("HEAD", "share/none")
    assert (answer.status, answer.code, answer.body) == (404, "ResourceNotFound", b"")


def test_every_answer_carries_the_service_headers(emulator):
    answer = emulator.send(
        "GET", "share", {"restype": "share"}, {"x-ms-client-request-id": "mine", "x-ms-version": "2021-06-08"}
    )
    assert answer.headers["x-ms-client-request-id"] == "mine"
    assert answer.headers["x-ms-version"] == "2021-06-08"
    assert answer.headers["server"] == "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0"
    assert answer.headers["date"].endswith(" GMT")


def test_a_read_carries_what_clients_rely_on(emulator):
    emulator.put("share/f", b"hello", {"x-ms-meta-Some_Key": "v", "x-ms-content-type": "text/plain"})
    for method in ("GET", "HEAD"):
        answer = emulator.send(method, "share/f")
        assert answer.headers["content-length"] == "5"
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["x-ms-meta-some_key"] == "v"
        assert answer.headers["x-ms-lease-state"] == "available"
        assert answer.headers["x-ms-type"] == "File"
        for name in (
            "attributes",
            "creation-time",
            "last-write-time",
            "change-time",
            "id",
            "parent-id",
            "permission-key",
        ):
            assert answer.headers[f"x-ms-file-{name}"]


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-4", 206, b"01234", "bytes 0-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=9-100", 206, b"9", "bytes 9-9/10"),
        ("bytes=10-11", 416, None, "bytes */10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=3-1", 400, None, None),
        ("bytes=-3", 400, None, None),
        ("lines=1-2", 400, None, None),
    ],
)
@pytest.mark.parametrize("header", ["x-ms-range", "Range"])
def test_a_range_is_read_clamped_or_refused(emulator, asked, status, body, content_range, header):
    emulator.put("share/f", b"0123456789")
    answer = emulator.get("share/f", headers={header: asked})
    assert answer.status == status
    assert answer.headers.get("content-range") == content_range
    if body is not None:
        assert answer.body == body


def test_any_range_of_an_empty_file_is_invalid(emulator):
    emulator.put("share/f")
    answer = emulator.get("share/f", headers={"x-ms-range": "bytes=0-33554431"})
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert answer.reason == "The range specified is invalid for the current size of the resource."
    assert answer.headers["content-range"] == "bytes */0"


def test_md5_of_the_whole_and_of_a_range(emulator):
    def digest(data):
        return b64encode(md5(data).digest()).decode()

    emulator.put("share/f", b"0123456789", {"x-ms-content-md5": digest(b"stored")})
    assert emulator.get("share/f").headers["content-md5"] == digest(b"stored")
    part = {"x-ms-range": "bytes=0-3", "x-ms-range-get-content-md5": "true"}
    answer = emulator.get("share/f", headers=part)
    assert answer.headers["content-md5"] == digest(b"0123")
    assert answer.headers["x-ms-content-md5"] == digest(b"stored")
    emulator.put("share/big", size=5 << 20)
    assert emulator.get("share/big", headers={**part, "x-ms-range": "bytes=0-4194304"}).status == 400
    assert emulator.get("share/f", headers={"x-ms-range-get-content-md5": "true"}).status == 400


def write(emulator, path, start, end, body=b"", kind="update", **headers):
    headers |= {"x-ms-write": kind, "x-ms-range": f"bytes={start}-{end}"}
    return emulator.send("PUT", path, {"comp": "range"}, headers, body)


def test_what_a_range_write_refuses(emulator):
    emulator.put("share/f", size=10 << 20)
    four = bytes(4 << 20)
    assert write(emulator, "share/f", 0, (4 << 20) - 1, four).status == 201
    over = write(emulator, "share/f", 0, 4 << 20, four + b"x")
    assert (over.status, over.code) == (413, "RequestBodyTooLarge")
    assert b"<MaxLimit>4194304</MaxLimit>" in over.body
    assert write(emulator, "share/f", 10 << 20, (10 << 20) + 1, b"xx").code == "InvalidRange"
    assert write(emulator, "share/f", 0, 3, b"xx").code == "InvalidHeaderValue"
    assert (
        write(emulator, "share/f", 0, 1, b"xx", **{"Content-MD5": b64encode(bytes(16)).decode()}).code == "Md5Mismatch"
    )
    assert write(emulator, "share/f", 0, 1, b"xx", **{"Content-MD5": "nonsense"}).code == "InvalidMd5"
    assert write(emulator, "share/f", 0, 1, b"xx", kind="clear").code == "InvalidHeaderValue"
    assert write(emulator, "share/f", 0, 1, b"xx", kind="erase").code == "InvalidHeaderValue"


def test_a_range_write_moves_the_times_it_should(emulator):
    before = emulator.put("share/f", size=100, headers={"x-ms-file-last-write-time": T1, "x-ms-file-change-time": T1})
    kept = write(emulator, "share/f", 0, 0, b"x", **{"x-ms-file-last-write-time": "preserve"})
    assert kept.headers["x-ms-file-last-write-time"] == T1
    assert kept.headers["etag"] != before.headers["etag"]
    moved = write(emulator, "share/f", 0, 0, b"x")
    assert moved.headers["x-ms-file-last-write-time"] > T1
    assert moved.headers["etag"] != kept.headers["etag"]


def test_clearing_frees_whole_units_and_writes_zeros_at_the_ends(emulator):
    emulator.put("share/f", b"x" * 2048)
    assert write(emulator, "share/f", 100, 1635, kind="clear").status == 201
    assert emulator.get("share/f").body == b"x" * 100 + bytes(1536) + b"x" * 412
    ranges = emulator.get("share/f", {"comp": "rangelist"})
    assert ranges.body == DECLARATION + (
        b"<Ranges><Range><Start>0</Start><End>511</End></Range><Range><Start>1536</Start><End>2047</End></Range></Ranges>"
    )
    assert ranges.headers["x-ms-content-length"] == "2048"


def test_the_recorded_range_diff(emulator):
    emulator.put("share/f", size=2048)
    first = emulator.snapshot("share")
    write(emulator, "share/f", 0, 1535, b"u" * 1536)
    second = emulator.snapshot("share")
    write(emulator, "share/f", 512, 1023, kind="clear")

    def diff(previous, **query):
        answer = emulator.get("share/f", {"comp": "rangelist", "prevsharesnapshot": previous, **query})
        return re.findall(rb"<(Range|ClearRange)><Start>(\d+)</Start><End>(\d+)</End>", answer.body) or answer.code

    assert diff(first) == [(b"Range", b"0", b"511"), (b"ClearRange", b"512", b"1023"), (b"Range", b"1024", b"1535")]
    assert diff(second) == [(b"ClearRange", b"512", b"1023")]
    assert diff(first, sharesnapshot=second) == [(b"Range", b"0", b"1535")]
    assert diff("2001-01-01T00:00:00.0000000Z") == "PreviousSnapshotNotFound"
    emulator.put("share/f", size=2048)
    assert diff(second) == "FileGenerationMismatch"


def test_a_diff_follows_a_rename_only_for_clients_that_say_so(emulator):
    emulator.put("share/f", b"x" * 512)
    before = emulator.snapshot("share")
    emulator.send(
        "PUT", "share/g", {"comp": "rename"}, {"x-ms-file-rename-source": f"http://127.0.0.1/{ACCOUNT}/share/f"}
    )
    query = {"comp": "rangelist", "prevsharesnapshot": before}
    assert emulator.get("share/g", query).status == 409
    assert emulator.get("share/g", query, {"x-ms-file-support-rename": "true"}).status == 200
    emulator.put("share/new")
    assert emulator.get("share/new", query).status == 404


def test_create_follows_new_or_restore_semantics(emulator):
    def attributes(**headers):
        return emulator.put("share/f", b"", headers).headers["x-ms-file-attributes"]

    restore = {"x-ms-file-property-semantics": "Restore", "x-ms-file-permission": "O:SYG:SYD:(A;;FA;;;SY)"}
    assert attributes() == "Archive"
    assert attributes(**{"x-ms-file-attributes": "Hidden"}) == "Hidden | Archive"
    assert (
        attributes(**{"x-ms-file-attributes": "Hidden", "x-ms-file-property-semantics": "Restore"})
        == "Hidden | Archive"
    )
    assert attributes(**{"x-ms-file-attributes": "Hidden", **restore}) == "Hidden"
    assert attributes(**{"x-ms-file-attributes": "None", **restore}) == "None"


def test_the_type_of_a_file_is_given_when_it_is_made_and_cleared_when_properties_are_set(emulator):
    """As recorded: without x-ms-content-type, creating takes Content-Type, and setting properties takes the type away."""
    for headers, expected in (
        ({}, "application/octet-stream"),
        ({"Content-Type": "application/xml"}, "application/xml"),
        ({"Content-Type": "application/xml", "x-ms-content-type": "a/b"}, "a/b"),
    ):
        emulator.put("share/typed", b"x", headers)
        assert emulator.get("share/typed").headers["content-type"] == expected
    for headers in ({}, {"Content-Type": "application/xml"}):
        assert emulator.send("PUT", "share/typed", {"comp": "properties"}, headers).status == 200
        assert "content-type" not in emulator.get("share/typed").headers
        assert "content-type" not in emulator.send("HEAD", "share/typed").headers


def test_a_created_file_replaces_all_of_the_old_one_unless_that_is_read_only(emulator):
    old = emulator.put(
        "share/File", b"old", {"x-ms-meta-a": "1", "x-ms-content-type": "a/b", "x-ms-file-attributes": "Hidden"}
    )
    new = emulator.put("share/fILE", b"", {"x-ms-file-attributes": "ReadOnly"}, size=2)
    assert new.headers["x-ms-file-id"] != old.headers["x-ms-file-id"]
    answer = emulator.get("share/file")
    assert answer.body == b"\0\0"
    assert "x-ms-meta-a" not in answer.headers
    assert answer.headers["content-type"] == "application/octet-stream"
    assert names(emulator.list("share")) == ["File"], "the name keeps the case it was first given"
    refused = emulator.put("share/file", b"x")
    assert (refused.status, refused.code) == (409, "ReadOnlyAttribute")
    assert write(emulator, "share/file", 0, 0, b"x").code == "ReadOnlyAttribute"


def test_a_body_in_a_create_needs_a_version_that_knows_it(emulator):
    refused = emulator.put("share/f", b"x", {"x-ms-version": "2025-07-05"})
    assert (refused.status, refused.code) == (400, "InvalidHeaderValue")
    assert emulator.put("share/f", b"", {"x-ms-version": "2025-07-05"}, size=1).status == 201


def test_metadata_moves_the_change_time_and_not_the_write_time(emulator):
    before = emulator.put("share/f")
    emulator.send("PUT", "share/f", {"comp": "metadata"}, {"x-ms-meta-a": "1"})
    after = emulator.send("HEAD", "share/f")
    assert after.headers["x-ms-file-last-write-time"] == before.headers["x-ms-file-last-write-time"]
    assert after.headers["x-ms-file-change-time"] > before.headers["x-ms-file-change-time"]


@pytest.mark.parametrize("change", ["create", "delete", "rename", "subdirectory"])
def test_a_directory_is_touched_when_its_children_change(emulator, change):
    emulator.make_directory("share/d")
    emulator.put("share/d/old")

    def times():
        headers = emulator.send("GET", "share/d", {"restype": "directory"}).headers
        return headers["x-ms-file-last-write-time"], headers["etag"]

    before = times()
    emulator.put("share/d/old", b"content of an existing child")
    assert times() == before
    match change:
        case "create":
            emulator.put("share/d/new")
        case "delete":
            emulator.send("DELETE", "share/d/old")
        case "subdirectory":
            emulator.make_directory("share/d/sub")
        case "rename":
            source = {"x-ms-file-rename-source": f"http://127.0.0.1/{ACCOUNT}/share/d/old"}
            assert emulator.send("PUT", "share/moved", {"comp": "rename"}, source).status == 200
    assert all(now > then for now, then in zip(times(), before, strict=True))


def test_set_properties_clears_content_headers_it_does_not_name_and_keeps_smb_ones(emulator):
    emulator.put(
        "share/f", b"hello", {"x-ms-content-type": "a/b", "x-ms-cache-control": "c", "x-ms-file-creation-time": T1}
    )
    answer = emulator.send(
        "PUT", "share/f", {"comp": "properties"}, {"x-ms-content-length": "3", "x-ms-content-type": "x/y"}
    )
    assert answer.headers["x-ms-file-creation-time"] == T1
    read = emulator.get("share/f")
    assert read.body == b"hel"
    assert read.headers["content-type"] == "x/y"
    assert "cache-control" not in read.headers


def test_snapshots_take_the_next_free_second_and_cannot_be_written(emulator):
    ids = [emulator.snapshot("share") for _ in range(3)]
    assert len(set(ids)) == 3
    assert ids == sorted(ids)
    assert all(id_.endswith(".0000000Z") for id_ in ids)
    query = {"sharesnapshot": ids[0]}
    for method, path, extra in (
        ("PUT", "share/d", {"restype": "directory"}),
        ("DELETE", "share/f", {}),
        ("PUT", "share", {"restype": "share", "comp": "metadata"}),
    ):
        answer = emulator.send(method, path, {**query, **extra})
        assert (answer.status, answer.code) == (400, "ShareSnapshotOperationNotSupported")
    assert emulator.get("share/f", {"sharesnapshot": "2001-01-01T00:00:00.0000000Z"}).code == "ShareSnapshotNotFound"
    assert emulator.send("DELETE", "share", {"restype": "share"}).code == "ShareHasSnapshots"
    assert emulator.send("DELETE", "share", {"restype": "share", **query}).status == 202
    assert emulator.send("DELETE", "share", {"restype": "share"}, {"x-ms-delete-snapshots": "include"}).status == 202


def test_a_share_has_two_hundred_snapshots_at_most(emulator):
    for _ in range(200):
        emulator.snapshot("share")
    answer = emulator.send("PUT", "share", {"restype": "share", "comp": "snapshot"})
    assert (answer.status, answer.code) == (409, "ShareSnapshotCountExceeded")


def test_the_share_root_is_not_a_file_and_a_directory_neither(emulator):
    emulator.make_directory("share/d")
    for path in ("share", "share/", "share/d"):
        assert emulator.send("HEAD", path).status == 404


def test_trailing_dots_vanish_unless_allowed(emulator):
    allow = {"x-ms-allow-trailing-dot": "true"}
    emulator.put("share/name...", b"1")
    emulator.put("share/name.", b"2", allow)
    assert names(emulator.list("share")) == ["name", "name."]
    assert emulator.get("share/name..").body == b"1"
    assert emulator.get("share/name.", headers=allow).body == b"2"


def test_plus_is_a_plus_and_an_encoded_slash_a_slash(emulator):
    emulator.make_directory("share/a+b")
    emulator.put("share/a+b%2Fc%20d", b"x")
    assert emulator.get("share/a%2Bb/c%20d").body == b"x"
    assert emulator.get("share/a%2bb%2fC%20D/").body == b"x"


def test_a_rename_keeps_the_file_id_and_moves_the_subtree(emulator):
    for path in ("a", "a/b", "target"):
        emulator.make_directory(f"share/{path}")
    file = emulator.put("share/a/b/f", b"x")

    def rename(source, goal, restype=None, **headers):
        query = {"comp": "rename"} | ({"restype": restype} if restype else {})
        sas = generate_account_sas(ACCOUNT, KEY, "o", "w", "2099-01-01")
        url = f"http://127.0.0.1/{ACCOUNT}/share/{source}?{sas}"
        return emulator.send("PUT", f"share/{goal}", query, {"x-ms-file-rename-source": url, **headers})

    assert rename("a", "target%2Fmoved", "directory").status == 200
    moved = emulator.get("share/target/moved/b/f")
    assert moved.headers["x-ms-file-id"] == file.headers["x-ms-file-id"]
    assert moved.headers["etag"] == file.headers["etag"], "what is below is not touched"
    assert rename("target", "target/moved/inside", "directory").code == "InvalidInput"
    emulator.put("share/taken", b"y", {"x-ms-file-attributes": "ReadOnly"})
    source = "target/moved/b/f"
    replace = {"x-ms-file-rename-replace-if-exists": "true"}
    assert rename(source, "taken").code == "ResourceAlreadyExists"
    assert rename(source, "taken", **replace).code == "ReadOnlyAttribute"
    done = rename(source, "taken", **replace, **{"x-ms-file-rename-ignore-readonly": "true"})
    assert done.status == 200
    assert done.headers["x-ms-file-id"] == file.headers["x-ms-file-id"]
    assert done.headers["x-ms-file-last-write-time"] == file.headers["x-ms-file-last-write-time"]
    assert done.headers["etag"] != file.headers["etag"]
    assert rename("taken", "TAKEN").status == 200
    assert "TAKEN" in names(emulator.list("share"))
    assert rename("TAKEN", "target").code == "ResourceAlreadyExists"


def test_header_bytes_come_back_as_they_went(emulator):
    for sent in ("caf\u00e9".encode().decode("latin-1"), "plain"):
        emulator.put("share/f", b"")
        path = f"/{ACCOUNT}/share/f"
        head = signed("PUT", path, {"comp": "metadata"}, {"x-ms-meta-k": sent.encode("latin-1").decode()}, b"", "h")
        lines = [f"PUT {path}?comp=metadata HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        assert emulator.bytes("\r\n".join(lines).encode() + b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert emulator.get("share/f").headers["x-ms-meta-k"] == sent


def test_a_range_from_url_copies_from_a_snapshot(emulator):
    emulator.put("share/f", b"0123456789")
    id_ = emulator.snapshot("share")
    emulator.put("share/f", b"changed...")
    headers = {
        "x-ms-copy-source": f"http://127.0.0.1/{ACCOUNT}/share/f?sharesnapshot={id_}",
        "x-ms-source-range": "bytes=2-5",
        "x-ms-range": "bytes=0-3",
        "x-ms-write": "update",
    }
    assert emulator.send("PUT", "share/f", {"comp": "range"}, headers).status == 201
    assert emulator.get("share/f").body == b"2345ged..."


def test_a_large_file_streams_and_a_sparse_one_costs_nothing():
    with running() as emulator:
        raw = emulator.raw
        raw.create_share("share")
        assert raw.put("share/sparse", size=1 << 42).status == 201
        part = raw.get("share/sparse", headers={"x-ms-range": f"bytes={1 << 40}-{(1 << 40) + (9 << 20) - 1}"})
        assert part.status == 206
        assert part.body == bytes(9 << 20)
        raw.put("share/f", size=9 << 20)
        blob = bytes(range(256)) * (3 << 12)
        for number in range(3):
            start = number * len(blob)
            assert write(raw, "share/f", start, start + len(blob) - 1, blob).status == 201
        assert raw.get("share/f").body == blob * 3
        assert raw.get("share/f", headers={"x-ms-range": "bytes=1-8388608"}).body == (blob * 3)[1:8388609]
        assert raw.get("share", {"restype": "share", "comp": "stats"}).body.endswith(
            b"<ShareUsageBytes>9437184</ShareUsageBytes></ShareStats>"
        )
