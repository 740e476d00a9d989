"""NFS shares: owners and modes, case, symbolic links, and files with several names."""

from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from localdev.files_emulator.loading import open_account
from tests.support.files_emulator import InProcess

DIRECTORY = {"restype": "directory"}
URL = "http://127.0.0.1/devstoreaccount1/"


class Nfs(InProcess):
    """An emulator with the NFS share ``nfs``."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if "nfs" not in self.account.shares:
            answer = self.send("PUT", "nfs", {"restype": "share"}, {"x-ms-enabled-protocols": "NFS"})
            assert answer.status == 201

    def head(self, path, **query):
        return self.send("HEAD", path, query).headers

    def directory(self, path):
        return self.send("HEAD", path, DIRECTORY).headers

    def properties(self, path, headers):
        return self.send("PUT", path, {"comp": "properties"}, headers)

    def symlink(self, path, text, headers=None):
        return self.send("PUT", path, {"restype": "symboliclink"}, {"x-ms-link-text": text, **(headers or {})})

    def hardlink(self, path, target, headers=None):
        wanted = {"x-ms-type": "file", "x-ms-file-target-file": target, **(headers or {})}
        return self.send("PUT", path, {"restype": "hardlink"}, wanted)

    def write(self, path, data, at=0):
        headers = {"x-ms-write": "update", "x-ms-range": f"bytes={at}-{at + len(data) - 1}"}
        return self.send("PUT", path, {"comp": "range"}, headers, data)

    def rename(self, path, source, *, replace=False):
        headers = {
            "x-ms-file-rename-source": URL + source,
            "x-ms-file-rename-replace-if-exists": str(replace).lower(),
        }
        return self.send("PUT", path, {"comp": "rename"}, headers)

    def names(self, path, **query):
        body = self.list(path, **query).body.decode()
        return [part.split("</Name>")[0] for part in body.split("<Name>")[1:]]


@pytest.fixture
def nfs():
    return Nfs()


def posix(headers):
    return tuple(headers[f"x-ms-{name}"] for name in ("owner", "group", "mode", "file-file-type"))


def test_what_is_new_belongs_to_root_and_has_default_modes(nfs):
    created = nfs.put("nfs/f")
    assert posix(created.headers) == posix(nfs.head("nfs/f")) == ("0", "0", "0664", "Regular")
    made = nfs.send("PUT", "nfs/d", DIRECTORY)
    assert posix(made.headers) == posix(nfs.directory("nfs/d")) == ("0", "0", "0755", "Directory")
    assert posix(nfs.directory("nfs/"))[3] == "Directory"
    for headers in (created.headers, made.headers, nfs.get("nfs/f").headers):
        assert "x-ms-file-attributes" not in headers
        assert "x-ms-file-permission-key" not in headers
        assert headers["x-ms-file-id"]
    assert nfs.get("nfs/f").headers["x-ms-link-count"] == "1"


def test_answers_carry_what_was_recorded_from_the_service(nfs):
    """Header names and fixed values of the service's answers to the same requests; the root's FileId is 1."""
    fixed = {"x-ms-file-parent-id": "1", "x-ms-owner": "345", "x-ms-group": "123", "x-ms-mode": "7777"}
    times = {"x-ms-file-change-time", "x-ms-file-creation-time", "x-ms-file-last-write-time", "etag", "last-modified"}
    always = {"server", "date", "content-length", "x-ms-request-id", "x-ms-version", "x-ms-file-id"} | times
    stored, kept = {"x-ms-request-server-encrypted": "true"}, {"x-ms-server-encrypted": "true"}
    lease = {"x-ms-lease-state": "available", "x-ms-lease-status": "unlocked"}
    wanted = {name: value for name, value in fixed.items() if name != "x-ms-file-parent-id"}
    links, of_kind = {"x-ms-link-count": "1"}, "x-ms-file-file-type"
    file = {"x-ms-type": "File", "content-type": "application/octet-stream"} | lease | links | kept
    setting = {**DIRECTORY, "comp": "properties"}
    for answer, expected in (
        (nfs.send("PUT", "nfs/d", DIRECTORY, wanted), fixed | stored | {of_kind: "Directory"}),
        (nfs.send("GET", "nfs/d", DIRECTORY), fixed | kept | {of_kind: "Directory"}),
        (nfs.send("PUT", "nfs/d", setting, wanted), fixed | stored),
        (nfs.put("nfs/f", b"x", wanted), fixed | stored | {of_kind: "Regular"}),
        (nfs.get("nfs/f"), fixed | file | {"accept-ranges": "bytes"}),
        (nfs.send("HEAD", "nfs/f"), fixed | file | {of_kind: "Regular"}),
        (nfs.properties("nfs/f", wanted), fixed | stored | links),
        (
            nfs.hardlink("nfs/h", "f"),
            fixed | {of_kind: "Regular", "x-ms-link-count": "2", "x-ms-request-server-encrypted": "false"},
        ),
        (
            nfs.symlink("nfs/s", "f", {"x-ms-owner": "345", "x-ms-group": "123"}),
            fixed | {of_kind: "SymLink", "x-ms-mode": "0777", "x-ms-request-server-encrypted": "false"},
        ),
    ):
        assert {name: value for name, value in answer.headers.items() if name not in always} == expected
        assert times <= answer.headers.keys()
    root = nfs.send("GET", "nfs/", DIRECTORY).headers
    assert (root["x-ms-file-id"], root["x-ms-file-parent-id"]) == ("1", "1")
    assert b"<DirectoryId>1</DirectoryId>" in nfs.list("nfs").body
    nfs.symlink("nfs/t", "directory2c5029f5/file12c5029f5")
    text = nfs.get("nfs/t", {"restype": "symboliclink"}).headers
    assert text["x-ms-link-text"] == "directory2c5029f5%2Ffile12c5029f5"
    assert text.keys() - always == {"x-ms-link-text"}


def test_owner_group_and_mode_are_set_and_otherwise_stay(nfs):
    wanted = {"x-ms-owner": "4294967295", "x-ms-group": "7", "x-ms-mode": "7777"}
    nfs.put("nfs/f", headers=wanted)
    nfs.send("PUT", "nfs/d", DIRECTORY, wanted)
    assert posix(nfs.head("nfs/f"))[:3] == posix(nfs.directory("nfs/d"))[:3] == ("4294967295", "7", "7777")
    nfs.properties("nfs/f", {"x-ms-mode": "0044"})
    nfs.send("PUT", "nfs/d", {**DIRECTORY, "comp": "properties"}, {"x-ms-group": "8"})
    assert posix(nfs.head("nfs/f"))[:3] == ("4294967295", "7", "0044")
    assert posix(nfs.directory("nfs/d"))[:3] == ("4294967295", "8", "7777")
    nfs.rename("nfs/g", "nfs/f")
    assert posix(nfs.head("nfs/g"))[:3] == ("4294967295", "7", "0044")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-ms-owner", "root"),
        ("x-ms-owner", "4294967296"),
        ("x-ms-group", "-1"),
        ("x-ms-mode", "888"),
        ("x-ms-mode", "77777"),
        ("x-ms-mode", "rw-r--r--"),
        ("x-ms-file-file-type", "SymLink"),
    ],
)
def test_a_wrong_owner_or_mode_is_refused_by_name(nfs, name, value):
    answer = nfs.put("nfs/f", headers={name: value})
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")
    assert f"<HeaderName>{name}</HeaderName>".encode() in answer.body
    assert nfs.send("HEAD", "nfs/f").status == 404


@pytest.mark.parametrize(
    ("share", "name", "value"),
    [
        ("nfs", "x-ms-file-attributes", "ReadOnly"),
        ("nfs", "x-ms-file-permission", "O:SYG:SYD:(A;;FA;;;SY)"),
        ("nfs", "x-ms-file-permission-key", "1*2"),
        ("nfs", "x-ms-file-permission", "inherit"),
        ("nfs", "x-ms-file-property-semantics", "Restore"),
        ("smb", "x-ms-owner", "0"),
        ("smb", "x-ms-mode", "0644"),
    ],
)
def test_headers_of_the_other_protocol_are_refused(nfs, share, name, value):
    nfs.create_share("smb")
    for query in ({}, DIRECTORY):
        headers = {name: value, "x-ms-type": "file", "x-ms-content-length": "0"}
        answer = nfs.send("PUT", f"{share}/x", query, headers)
        assert (answer.status, answer.code) == (400, "UnsupportedHeader")
        assert f"<HeaderName>{name}</HeaderName>".encode() in answer.body
    assert nfs.names(share) == []


def test_names_differ_by_case(nfs):
    for name in ("b", "B", "a"):
        nfs.put(f"nfs/{name}", name.encode())
    nfs.make_directory("nfs/d")
    nfs.make_directory("nfs/D")
    nfs.put("nfs/D/x")
    assert nfs.names("nfs") == ["B", "D", "a", "b", "d"]
    assert nfs.names("nfs", prefix="b") == ["b"]
    assert nfs.get("nfs/B").body == b"B"
    assert nfs.send("HEAD", "nfs/d/x").status == 404
    assert nfs.rename("nfs/A", "nfs/a").status == 200
    assert nfs.names("nfs") == ["A", "B", "D", "b", "d"]
    marker = nfs.list("nfs", maxresults="2").body.decode().split("<NextMarker>")[1].split("<")[0]
    assert nfs.names("nfs", marker=marker) == ["D", "b", "d"]


def test_a_listing_has_neither_attributes_nor_permissions(nfs):
    nfs.put("nfs/f", b"abc")
    body = nfs.list("nfs", include="Timestamps,ETag,Attributes,PermissionKey").body
    assert b"<Etag>" in body
    assert b"<Content-Length>3<" in body
    assert b"<Attributes>" not in body
    assert b"<PermissionKey>" not in body


def test_copying_takes_owner_and_mode_from_where_it_is_told(nfs):
    nfs.put("nfs/f", headers={"x-ms-owner": "1", "x-ms-group": "2", "x-ms-mode": "0700"})

    def copied(**headers):
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = nfs.send("PUT", "nfs/copy", {}, {"x-ms-copy-source": URL + "nfs/f", **wanted})
        return posix(nfs.head("nfs/copy"))[:3] if answer.status == 202 else answer.code

    assert copied() == ("0", "0", "0664")
    assert copied(x_ms_file_owner_copy_mode="source") == ("1", "2", "0664")
    assert copied(x_ms_file_mode_copy_mode="source") == ("0", "0", "0700")
    override = {"x_ms_file_mode_copy_mode": "override", "x_ms_mode": "0111"}
    assert copied(**override, x_ms_owner="9") == ("9", "0", "0111")
    assert copied(x_ms_file_mode_copy_mode="source", x_ms_mode="0111") == "InvalidHeaderValue"
    assert copied(x_ms_file_mode_copy_mode="both") == "InvalidHeaderValue"


def test_files_can_be_copied_between_protocols(nfs):
    nfs.create_share("smb")
    nfs.put("nfs/f", b"abc", {"x-ms-mode": "0700"})
    wanted = {"x-ms-copy-source": URL + "nfs/f", "x-ms-file-permission-copy-mode": "source"}
    assert nfs.send("PUT", "smb/f", {}, wanted).status == 202
    assert nfs.head("smb/f")["x-ms-file-permission-key"]
    nfs.send("PUT", "nfs/g", {}, {"x-ms-copy-source": URL + "smb/f", "x-ms-file-mode-copy-mode": "source"})
    assert nfs.get("nfs/g").body == b"abc"
    assert posix(nfs.head("nfs/g"))[2] == "0664"


def test_a_symbolic_link_is_kept_and_not_followed(nfs):
    nfs.put("nfs/f", b"abc")
    text = "../é f/%41"
    wanted = {"x-ms-owner": "3", "x-ms-meta-k": "v", "x-ms-file-creation-time": "2020-01-02T03:04:05.0000001Z"}
    answer = nfs.symlink("nfs/link", "..%2F%C3%A9%20f%2F%2541", wanted)
    assert answer.status == 201
    assert posix(answer.headers) == ("3", "0", "0777", "SymLink")
    head = nfs.head("nfs/link")
    assert (head["content-length"], head["x-ms-link-count"]) == (str(len(text.encode())), "1")
    assert head["x-ms-meta-k"] == "v"
    assert head["x-ms-file-creation-time"] == "2020-01-02T03:04:05.0000001Z"
    found = nfs.get("nfs/link", {"restype": "symboliclink"})
    assert unquote(found.headers["x-ms-link-text"]) == text
    assert found.headers["etag"] == head["etag"]
    assert nfs.names("nfs") == ["f", "link"]
    assert nfs.get("nfs/link").code == "ResourceTypeMismatch"
    assert nfs.write("nfs/link", b"x").code == "ResourceTypeMismatch"
    assert nfs.put("nfs/link").code == "ResourceTypeMismatch"
    assert nfs.properties("nfs/link", {"x-ms-content-length": "9"}).code == "ResourceTypeMismatch"
    assert nfs.properties("nfs/link", {"x-ms-owner": "5"}).headers["x-ms-owner"] == "5"
    assert posix(nfs.head("nfs/link")) == ("5", "0", "0777", "SymLink")
    assert nfs.get("nfs/f", {"restype": "symboliclink"}).code == "ResourceTypeMismatch"
    assert nfs.symlink("nfs/f", "x").code == "ResourceAlreadyExists"
    assert nfs.symlink("nfs/none/l", "x").code == "ParentNotFound"
    assert nfs.rename("nfs/moved", "nfs/link").status == 200
    assert unquote(nfs.get("nfs/moved", {"restype": "symboliclink"}).headers["x-ms-link-text"]) == text
    assert nfs.send("DELETE", "nfs/moved").headers["x-ms-link-count"] == "0"
    assert nfs.names("nfs") == ["f"]


@pytest.mark.parametrize("text", ["", "%00", "%ff", "a" * 2049])
def test_a_link_text_has_to_be_a_path(nfs, text):
    assert nfs.symlink("nfs/link", text).code == "InvalidHeaderValue"
    assert nfs.send("PUT", "nfs/link", {"restype": "symboliclink"}).code == "MissingRequiredHeader"
    assert nfs.names("nfs") == []


def test_smb_shares_have_no_links(nfs):
    nfs.create_share("smb")
    nfs.put("smb/f")
    for answer in (
        nfs.symlink("smb/l", "f"),
        nfs.hardlink("smb/l", "f"),
        nfs.get("smb/f", {"restype": "symboliclink"}),
    ):
        assert (answer.status, answer.code) == (400, "UnsupportedQueryParameter")
    assert nfs.names("smb") == ["f"]


@pytest.fixture
def linked(nfs):
    """A file of five bytes with the names ``f``, ``d/g`` and ``d/e/h``."""
    nfs.make_directory("nfs/d")
    nfs.make_directory("nfs/d/e")
    nfs.put("nfs/f", b"hello", {"x-ms-owner": "3"})
    for name, count in (("d/g", "2"), ("d/e/h", "3")):
        answer = nfs.hardlink(f"nfs/{name}", "f")
        assert answer.status == 201
        assert answer.headers["x-ms-link-count"] == count
        assert posix(answer.headers) == ("3", "0", "0664", "Regular")
    return nfs


ALL = ("f", "d/g", "d/e/h")


def test_all_names_of_a_file_are_one_file(linked):
    heads = [linked.head(f"nfs/{name}") for name in ALL]
    assert len({head["x-ms-file-id"] for head in heads}) == 1
    assert len({head["x-ms-file-parent-id"] for head in heads}) == 3
    assert {head["x-ms-link-count"] for head in heads} == {"3"}
    assert linked.names("nfs/d") == ["e", "g"]
    stats = linked.get("nfs", {"restype": "share", "comp": "stats"}).body
    assert b"<ShareUsageBytes>5<" in stats


def test_whatever_changes_a_file_is_seen_under_all_its_names(linked):
    def seen(function):
        found = {function(f"nfs/{name}") for name in ALL}
        assert len(found) == 1
        return found.pop()

    assert linked.write("nfs/d/g", b"J").status == 201
    assert seen(lambda path: linked.get(path).body) == b"Jello"
    linked.properties("nfs/d/e/h", {"x-ms-content-length": "2", "x-ms-mode": "0600", "x-ms-content-type": "a/b"})
    assert seen(lambda path: linked.get(path).body) == b"Je"
    assert seen(lambda path: posix(linked.head(path))) == ("3", "0", "0600", "Regular")
    assert seen(lambda path: linked.head(path)["content-type"]) == "a/b"
    linked.send("PUT", "nfs/f", {"comp": "metadata"}, {"x-ms-meta-k": "v"})
    assert seen(lambda path: linked.head(path)["x-ms-meta-k"]) == "v"
    seen(lambda path: linked.head(path)["etag"])
    identity = seen(lambda path: linked.head(path)["x-ms-file-id"])
    linked.put("nfs/d/g", b"anew")
    assert seen(lambda path: linked.get(path).body) == b"anew"
    assert seen(lambda path: linked.head(path)["x-ms-file-id"]) == identity
    linked.put("nfs/other", b"copy")
    linked.send("PUT", "nfs/f", {}, {"x-ms-copy-source": URL + "nfs/other"})
    assert seen(lambda path: linked.get(path).body) == b"copy"
    assert seen(lambda path: linked.head(path)["x-ms-link-count"]) == "3"


def test_a_file_lives_until_its_last_name_is_gone(linked):
    before = linked.head("nfs/d/e/h")["etag"]
    for name, left in (("f", "2"), ("d/g", "1"), ("d/e/h", "0")):
        assert linked.send("DELETE", f"nfs/{name}").headers["x-ms-link-count"] == left
        if left != "0":
            head = linked.head("nfs/d/e/h")
            assert head["x-ms-link-count"] == left
            assert head["etag"] != before
            assert linked.get("nfs/d/e/h").body == b"hello"
    assert linked.send("HEAD", "nfs/d/e/h").status == 404


def test_one_name_is_moved_and_the_others_stay(linked):
    assert linked.rename("nfs/d/e/moved", "nfs/f").headers["x-ms-link-count"] == "3"
    linked.send("PUT", "nfs/dd", {**DIRECTORY, "comp": "rename"}, {"x-ms-file-rename-source": URL + "nfs/d"})
    linked.write("nfs/dd/g", b"J")
    assert linked.get("nfs/dd/e/moved").body == linked.get("nfs/dd/e/h").body == b"Jello"
    assert linked.names("nfs") == ["dd"]
    assert linked.names("nfs/dd/e") == ["h", "moved"]


def test_a_name_that_is_taken_over_leaves_the_others(linked):
    linked.put("nfs/new", b"new")
    assert linked.rename("nfs/d/g", "nfs/new", replace=True).status == 200
    assert linked.get("nfs/d/g").body == b"new"
    assert linked.head("nfs/d/g")["x-ms-link-count"] == "1"
    assert linked.head("nfs/f")["x-ms-link-count"] == "2"
    assert linked.rename("nfs/f", "nfs/d/e/h").code == "ResourceAlreadyExists"
    assert linked.rename("nfs/f", "nfs/d/e/h", replace=True).status == 200
    assert linked.get("nfs/d/e/h").body == linked.get("nfs/f").body == b"hello"


def test_a_snapshot_keeps_names_and_content(linked):
    first = linked.snapshot("nfs")
    linked.write("nfs/f", b"J")
    linked.send("DELETE", "nfs/d/g")
    second = linked.snapshot("nfs")
    linked.hardlink("nfs/again", "d/e/h")
    linked.write("nfs/again", b"CE", at=1)

    def seen(snapshot):
        query = {"sharesnapshot": snapshot} if snapshot else {}
        answers = {name: linked.get(f"nfs/{name}", query) for name in (*ALL, "again")}
        return {
            name: (answer.body, answer.headers["x-ms-link-count"])
            for name, answer in answers.items()
            if answer.status == 200
        }

    assert seen(first) == dict.fromkeys(ALL, (b"hello", "3"))
    assert seen(second) == dict.fromkeys(("f", "d/e/h"), (b"Jello", "2"))
    assert seen("") == dict.fromkeys(("f", "d/e/h", "again"), (b"JCElo", "3"))


def test_what_a_hard_link_needs(nfs):
    nfs.make_directory("nfs/d")
    nfs.put("nfs/f")
    nfs.symlink("nfs/l", "f")
    assert nfs.hardlink("nfs/x", "none").code == "ResourceNotFound"
    assert nfs.hardlink("nfs/none/x", "f").code == "ParentNotFound"
    assert nfs.hardlink("nfs/d", "f").code == nfs.hardlink("nfs/f", "f").code == "ResourceAlreadyExists"
    assert nfs.hardlink("nfs/x", "d").code == nfs.hardlink("nfs/x", "l").code == "ResourceTypeMismatch"
    assert nfs.send("PUT", "nfs/x", {"restype": "hardlink"}).code == "MissingRequiredHeader"
    assert nfs.hardlink("nfs/x", "").code == "InvalidHeaderValue"
    assert nfs.hardlink("nfs/x", "a/../b").code == "InvalidResourceName"
    assert nfs.names("nfs") == ["d", "f", "l"]


def test_a_file_has_at_most_178_names(nfs):
    nfs.put("nfs/f")
    for count in range(2, 179):
        assert nfs.hardlink(f"nfs/l{count}", "f").headers["x-ms-link-count"] == str(count)
    answer = nfs.hardlink("nfs/one-more", "f")
    assert (answer.status, answer.code) == (400, "OutOfRangeInput")


def tree(emulator, path="nfs", snapshot="", seen=None):
    """Return all that can be seen below ``path``, by path."""
    found = {} if seen is None else seen
    query = {"sharesnapshot": snapshot} if snapshot else {}
    body = emulator.list(path, **query, include="Timestamps,ETag").body.decode()
    for kind in ("File", "Directory"):
        for part in body.split(f"<{kind}>")[1:]:
            text = part.split(f"</{kind}>")[0]
            below = f"{path}/{text.split('</Name>')[0].removeprefix('<Name>')}"
            if kind == "Directory":
                found[below] = (text, posix(emulator.send("HEAD", below, {**DIRECTORY, **query}).headers))
                tree(emulator, below, snapshot, found)
            else:
                head = emulator.send("HEAD", below, query).headers
                link = emulator.get(below, {"restype": "symboliclink", **query}).headers.get("x-ms-link-text")
                content = emulator.get(below, query).body if link is None else link
                found[below] = (text, posix(head), head["x-ms-link-count"], content)
    return found


names = st.sampled_from(["a", "A", "d/a", "d/b", "D/a", "d/e/a"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names, st.binary(max_size=3)),
        st.tuples(st.just("write"), names, st.binary(min_size=1, max_size=2)),
        st.tuples(st.just("hardlink"), names, names),
        st.tuples(st.just("hardlink"), st.sampled_from(["D/a", "d/e/a", "d/a"]), names),
        st.tuples(st.just("symlink"), names, st.sampled_from(["x", "../y"])),
        st.tuples(st.just("rename"), names, names),
        st.tuples(st.just("delete"), names, st.none()),
        st.tuples(st.just("mode"), names, st.sampled_from(["0600", "4755"])),
        st.tuples(st.just("move"), st.sampled_from(["d/e", "e", "D/e"]), st.sampled_from(["d/e", "e", "D/e"])),
        st.tuples(st.just("snapshot"), st.none(), st.none()),
        st.tuples(st.just("drop"), st.none(), st.none()),
    ),
    min_size=4,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
@example([("snapshot", None, None), ("delete", "d/b", None)])
@example([("snapshot", None, None), ("rename", "d/e/b", "d/b"), ("snapshot", None, None), ("write", "a", b"x")])
@example(
    [("snapshot", None, None), ("put", "A", b""), ("snapshot", None, None), ("drop", None, None), ("delete", "A", None)]
)
def test_links_and_snapshots_survive_a_restart_and_agree_with_a_model(tmp_path_factory, todo):
    directory = tmp_path_factory.mktemp("data")
    account, store = open_account(directory)
    emulator = Nfs(account, store)
    for name in ("d", "d/e", "D"):
        emulator.make_directory(f"nfs/{name}")
    emulator.put("nfs/a", b"one")
    emulator.put("nfs/A", b"two")
    emulator.hardlink("nfs/d/b", "a")
    emulator.hardlink("nfs/d/e/a", "a")
    snapshots, frozen = [], []
    for action, path, value in todo:
        match action:
            case "put":
                emulator.put(f"nfs/{path}", value)
            case "write":
                emulator.write(f"nfs/{path}", value)
            case "hardlink":
                emulator.hardlink(f"nfs/{path}", value)
            case "symlink":
                emulator.symlink(f"nfs/{path}", value)
            case "rename":
                emulator.rename(f"nfs/{path}", f"nfs/{value}", replace=True)
            case "delete":
                emulator.send("DELETE", f"nfs/{path}")
            case "mode":
                emulator.properties(f"nfs/{path}", {"x-ms-mode": value})
            case "move":
                headers = {"x-ms-file-rename-source": f"{URL}nfs/{value}"}
                emulator.send("PUT", f"nfs/{path}", {**DIRECTORY, "comp": "rename"}, headers)
            case "snapshot":
                snapshots.append(emulator.snapshot("nfs"))
                frozen.append(tree(emulator))
            case "drop" if snapshots:
                frozen.pop(len(frozen) // 2)
                query = {"restype": "share", "sharesnapshot": snapshots.pop(len(snapshots) // 2)}
                assert emulator.send("DELETE", "nfs", query).status == 202
    frozen.append(tree(emulator))
    by_id = {}
    for text, *state in frozen[-1].values():
        if "<Content-Length>" in text:
            by_id.setdefault(text.split("<FileId>")[1].split("<")[0], []).append(state)
    for states in by_id.values():
        assert all(state == states[0] for state in states)
        assert states[0][1] == str(len(states))
    store.close()
    account, store = open_account(directory)
    emulator = Nfs(account, store)
    for snapshot, expected in zip([*snapshots, ""], frozen, strict=True):
        assert tree(emulator, snapshot=snapshot) == expected
    for path in [path for path, (text, *_) in frozen[-1].items() if "<Content-Length>" in text]:
        emulator.put(path, b"again")  # finds the other names of a file that was loaded
        assert emulator.send("DELETE", path).status == 202
    store.close()
