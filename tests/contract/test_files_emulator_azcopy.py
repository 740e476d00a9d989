"""AzCopy, unmodified, against the emulator: what it writes is read by the tests' own client, and the other way round."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.fileshare import ShareSasPermissions, generate_share_sas

from tests.support.client_trees import (
    MIB,
    awkward,
    contents,
    differences,
    digest,
    put_disk,
    read_disk,
    read_share,
    write_disk,
)
from tests.support.clients import AzCopy, need_azcopy, quiet_emulator
from tests.support.files_emulator import ACCOUNT, KEY

# AzCopy sends files and directories side by side, and makes the parent of one that comes too early.
TOO_EARLY = {"PUT 404 ParentNotFound", "PUT 409 ResourceAlreadyExists"}
# It deletes directories before they are empty, tries again, and does not mind if it was itself that did it meanwhile.
TOO_FULL = {"DELETE 409 DirectoryNotEmpty", "DELETE 404 ResourceNotFound"}
# It asks whether a place is a file before it takes it for a directory.
IS_IT_A_FILE = {"HEAD 404 ResourceNotFound"}


@pytest.fixture(scope="module")
def emulator():
    need_azcopy()
    with quiet_emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def azcopy(emulator, tmp_path_factory):
    return AzCopy(emulator.url, tmp_path_factory.mktemp("azcopy"))


@pytest.fixture
def share(emulator, request):
    """A share of the test's own."""
    name = request.node.name.replace("_", "-")[5:63].strip("-")
    emulator.raw.create_share(name)
    return name


@pytest.fixture
def other(emulator, share):
    """A second share."""
    name = f"to-{share}"[:63].strip("-")
    emulator.raw.create_share(name)
    return name


def test_a_tree_goes_up_with_every_name_and_its_md5(emulator, azcopy, share, tmp_path):
    tree = awkward(trailing=True)
    write_disk(tmp_path / "tree", tree)
    ran = azcopy.run(
        *("copy", f"{tmp_path}/tree/*", azcopy.at(share), "--recursive", "--from-to=LocalFile", "--put-md5"),
        refused=TOO_EARLY | IS_IT_A_FILE,
    )
    assert ran.job["JobStatus"] == "Completed"
    found = read_share(emulator.raw, share)
    assert differences(tree, contents(found)) == []
    for path, content in tree.items():
        if content is not None:
            assert found[path].headers["content-md5"] == digest(content), path


def test_a_tree_comes_down_with_every_name_and_its_md5_checked(emulator, azcopy, share, tmp_path):
    tree = awkward(trailing=True)
    put_disk(emulator.raw, share, {path: content for path, content in tree.items() if content is None})
    for path, content in tree.items():
        if content is not None:
            put_disk(emulator.raw, share, {path: content}, x_ms_content_md5=digest(content))
    azcopy.run(
        *("copy", azcopy.at(share, wildcard=True), tmp_path / "out", "--recursive", "--from-to=FileLocal"),
        "--check-md5=FailIfDifferentOrMissing",
    )
    assert differences(tree, read_disk(tmp_path / "out")) == []


def test_a_wrong_md5_stops_a_download(emulator, azcopy, share, tmp_path):
    put_disk(emulator.raw, share, {"good": b"good"}, x_ms_content_md5=digest(b"good"))
    put_disk(emulator.raw, share, {"bad": b"bad"}, x_ms_content_md5=digest(b"something else"))
    ran = azcopy.run(
        *("copy", azcopy.at(share, wildcard=True), tmp_path / "out", "--recursive", "--from-to=FileLocal"),
        "--check-md5=FailIfDifferent",
        exit_status=1,
    )
    assert ran.failed == ["bad"]
    assert (tmp_path / "out/good").read_bytes() == b"good"


def test_list_tells_every_file_and_its_size(emulator, azcopy, share):
    tree = awkward(trailing=True)
    put_disk(emulator.raw, share, tree)
    ran = azcopy.run("list", azcopy.at(share), "--location=File", "--machine-readable")
    objects = [json.loads(content) for kind, content in ran.messages if kind == "ListObject"]
    found = {item["Path"]: int(item["ContentLength"]) for item in objects}
    expected = {f"{path}/" if content is None else path: len(content or b"") for path, content in tree.items()}
    assert {path: size for path, size in found.items() if path != "/"} == expected


def test_a_share_snapshot_comes_down_as_it_was(emulator, azcopy, share, tmp_path):
    before = {"kept": b"kept", "changed": b"before", "deleted": b"deleted", "gone": None, "gone/file": b"in it"}
    put_disk(emulator.raw, share, before)
    snapshot = emulator.raw.snapshot(share)
    put_disk(emulator.raw, share, {"changed": b"after", "new": b"new"})
    for path in ("deleted", "gone/file"):
        assert emulator.raw.send("DELETE", f"{share}/{path}").status == 202
    assert emulator.raw.send("DELETE", f"{share}/gone", {"restype": "directory"}).status == 202
    azcopy.run(
        *("copy", azcopy.at(share, snapshot, wildcard=True), tmp_path / "out", "--recursive", "--from-to=FileLocal"),
    )
    assert differences(before, read_disk(tmp_path / "out")) == []


def test_times_and_attributes_survive_the_way_down_and_up(emulator, azcopy, share, other, tmp_path):
    when = {
        "x_ms_file_creation_time": "2019-03-04T05:06:07.1234567Z",
        "x_ms_file_last_write_time": "2020-03-04T05:06:07.1234567Z",
    }
    put_disk(emulator.raw, share, {"d": None, "d/sub": None})
    put_disk(emulator.raw, share, {"d/plain": b"1", "d/sub/empty": b"", "big": bytes(5 * MIB) + b"x"}, **when)
    put_disk(emulator.raw, share, {"hidden": b"2"}, **when, x_ms_file_attributes="Hidden|System|Archive")
    try:
        os.setxattr(tmp_path, "user.test", b"")
    except OSError:
        pytest.skip(f"the file system of {tmp_path} has no user attributes, where AzCopy keeps what a share knows more")
    info = "--preserve-info=true"
    azcopy.run(*("copy", azcopy.at(share, wildcard=True), tmp_path / "out", "--recursive", "--from-to=FileLocal", info))
    out = tmp_path / "out"
    assert os.stat(out / "hidden").st_mtime == 1583298367.1234567
    assert os.getxattr(out / "hidden", "user.cifs.dosattrib") == (0x26).to_bytes(4, "little")
    created = int.from_bytes(os.getxattr(out / "hidden", "user.cifs.creationtime"), "little")
    assert created == 131_961_495_671_234_567  # 100 ns since 1601
    azcopy.run(
        *("copy", f"{out}/*", azcopy.at(other), "--recursive", "--from-to=LocalFile", info),
        refused=TOO_EARLY | IS_IT_A_FILE,
    )
    expected, found = read_share(emulator.raw, share), read_share(emulator.raw, other)
    assert differences(contents(expected), contents(found)) == []
    for path, node in expected.items():
        # AzCopy prefers the disk's own time of creation to the one it kept, and leaves a directory's time of writing.
        assert found[path].attributes == node.attributes, path
        if node.content is not None:
            assert found[path].written == node.written, path


def test_share_to_share_keeps_permissions_times_attributes_and_metadata(emulator, azcopy, share, other):
    raw = emulator.raw
    sddl = "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)(A;;0x1200a9;;;S-1-5-21-1-2-3-1001)"
    put_disk(raw, share, awkward(trailing=True))
    put_disk(
        *(raw, share, {"locked": b"locked", "mixed": b"y" * 600}),
        x_ms_file_permission=sddl,
        x_ms_file_attributes="ReadOnly|Hidden",
        x_ms_file_creation_time="2019-03-04T05:06:07.1234567Z",
        x_ms_file_last_write_time="2020-03-04T05:06:07.1234567Z",
        x_ms_meta_colour="red",
        x_ms_content_type="text/x-thing",
        x_ms_cache_control="no-cache",
    )
    azcopy.run(
        *("copy", azcopy.at(share, wildcard=True), azcopy.at(other), "--recursive", "--from-to=FileFile"),
        *("--preserve-permissions=true", "--preserve-info=true"),
        refused=TOO_EARLY | IS_IT_A_FILE,
    )
    expected, found = read_share(raw, share), read_share(raw, other)
    assert differences(contents(expected), contents(found)) == []
    for path, node in expected.items():
        copy = found[path]
        attributes = node.attributes.replace("ReadOnly | ", "")  # AzCopy forgets to set it again after the content
        assert copy.attributes == attributes, path
        assert copy.created == node.created, path
        assert raw.sddl(other, copy.permission_key) == raw.sddl(share, node.permission_key), path
        assert copy.metadata == node.metadata, path
        if node.content is not None:  # AzCopy leaves a directory's time of writing
            assert copy.written == node.written, path
        for name in ("content-type", "cache-control"):
            assert copy.headers.get(name) == node.headers.get(name), path


def test_a_permission_too_long_for_a_header_crosses_shares(emulator, azcopy, share, other):
    raw = emulator.raw
    entries = "".join(f"(A;;0x1200a9;;;S-1-5-21-11111111-22222222-33333333-{number})" for number in range(1000, 1200))
    body = json.dumps({"permission": f"O:SYG:SYD:P{entries}"}).encode()
    filed = raw.send("PUT", share, {"restype": "share", "comp": "filepermission"}, {}, body)
    assert (filed.status, len(body) > 8192) == (201, True)
    put_disk(raw, share, {"f": b"f"}, x_ms_file_permission_key=filed.headers["x-ms-file-permission-key"])
    ran = azcopy.run(
        *("copy", azcopy.at(f"{share}/f"), azcopy.at(f"{other}/f"), "--from-to=FileFile"),
        *("--preserve-permissions=true", "--preserve-info=true"),
        refused={"HEAD 404 ResourceNotFound", "GET 404 ResourceNotFound"},
    )
    assert [e.status for e in ran.exchanges if e.method == "PUT" and "comp=filepermission" in e.url] == [201]
    keys = {name: read_share(raw, name)["f"].permission_key for name in (share, other)}
    assert raw.sddl(other, keys[other]) == raw.sddl(share, keys[share])


def test_a_read_only_file_is_replaced_only_by_force(emulator, azcopy, share, tmp_path):
    raw = emulator.raw
    put_disk(raw, share, {"f": b"old"}, x_ms_file_attributes="ReadOnly")
    (tmp_path / "f").write_bytes(b"new")
    command = ("copy", tmp_path / "f", azcopy.at(f"{share}/f"), "--from-to=LocalFile")
    looked = {"GET 404 ResourceNotFound"}
    ran = azcopy.run(
        *command, refused={*looked, "PUT 409 ReadOnlyAttribute", "DELETE 409 ReadOnlyAttribute"}, exit_status=1
    )
    assert "ReadOnlyAttribute" in ran.log
    assert read_share(raw, share)["f"].content == b"old"
    azcopy.run(*command, "--force-if-read-only", refused={*looked, "PUT 409 ReadOnlyAttribute"})
    assert read_share(raw, share)["f"].content == b"new"


def test_a_sas_of_one_share_is_enough_there_and_nowhere_else(emulator, azcopy, share, other, tmp_path):
    sas = generate_share_sas(
        *(ACCOUNT, share, KEY),
        permission=ShareSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
        cache_control="no-cache + %",
    )
    tree = {"d": None, "d/a+b %": b"1", "c": bytes(5 * MIB)}
    write_disk(tmp_path / "tree", tree)
    # A SAS of a share does not extend to the share's own properties, which AzCopy can do without.
    refused = TOO_EARLY | IS_IT_A_FILE | {"GET 403 AuthorizationPermissionMismatch"}
    up = ("copy", f"{tmp_path}/tree/*")
    azcopy.run(*up, f"{emulator.url}/{share}?{sas}", "--recursive", "--from-to=LocalFile", refused=refused)
    assert differences(tree, contents(read_share(emulator.raw, share))) == []
    down = (f"{emulator.url}/{share}/*?{sas}", tmp_path / "out", "--recursive", "--from-to=FileLocal")
    azcopy.run("copy", *down, refused=refused)
    assert differences(tree, read_disk(tmp_path / "out")) == []
    azcopy.run(
        *("list", f"{emulator.url}/{other}?{sas}", "--location=File"),
        refused={"GET 403 AuthenticationFailed", "HEAD 403 AuthenticationFailed"},
        exit_status=1,
    )


def test_a_snapshot_is_restored_into_the_live_share(emulator, azcopy, share):
    raw = emulator.raw
    before = {"d": None, "d/big": bytes(range(256)) * 20_000, "d/small": b"before"}
    put_disk(raw, share, before)
    snapshot = raw.snapshot(share)
    put_disk(raw, share, {"d/big": b"ruined", "d/small": b"ruined too"})
    azcopy.run(
        *("copy", azcopy.at(f"{share}/d", snapshot), azcopy.at(share), "--recursive", "--from-to=FileFile"),
        refused=IS_IT_A_FILE | {"PUT 409 ResourceAlreadyExists"},
    )
    assert differences(before, contents(read_share(raw, share))) == []


def test_sync_up_sends_what_changed_deletes_what_is_gone_then_has_nothing_to_do(emulator, azcopy, share, tmp_path):
    tree = tmp_path / "tree"
    write_disk(tree, {"d": None, "d/a": b"a", "d/b": b"b", "gone": None, "gone/c": b"c", "plus+ %": b"d"})
    command = ("sync", tree, azcopy.at(share), "--recursive", "--from-to=LocalFile", "--delete-destination=true")
    azcopy.run(*command, refused=TOO_EARLY)
    assert contents(read_share(emulator.raw, share)) == read_disk(tree)

    (tree / "d/a").write_bytes(b"changed")
    os.utime(tree / "d/a", (4_000_000_000, 4_000_000_000))
    (tree / "gone/c").unlink()
    (tree / "gone").rmdir()
    (tree / "d/new").write_bytes(b"new")
    ran = azcopy.run(*command, refused=TOO_EARLY | TOO_FULL)
    assert ran.job["FileTransfers"] == "2"
    assert contents(read_share(emulator.raw, share)) == read_disk(tree)

    for path in ("d/a", "d/new", "d"):  # AzCopy compares whole seconds: what is as old as its copy would go again
        os.utime(tree / path, (1_600_000_000, 1_600_000_000))
    assert azcopy.run(*command).job["TotalTransfers"] == "0"


def test_sync_down_fetches_what_changed_deletes_what_is_gone_then_has_nothing_to_do(emulator, azcopy, share, tmp_path):
    raw, out = emulator.raw, tmp_path / "out"
    put_disk(raw, share, {"d": None, "d/a": b"a", "d/b": b"b", "gone": None, "gone/c": b"c", "plus+ %": b"d"})
    out.mkdir()
    command = ("sync", azcopy.at(share), out, "--recursive", "--from-to=FileLocal", "--delete-destination=true")
    azcopy.run(*command)
    assert read_disk(out) == contents(read_share(raw, share))

    put_disk(raw, share, {"d/a": b"changed", "d/new": b"new"})
    assert raw.send("DELETE", f"{share}/gone/c").status == 202
    ran = azcopy.run(*command)
    assert ran.job["FileTransfers"] == "2"
    found = read_disk(out)
    assert {**found, "gone": None} == contents(read_share(raw, share))

    assert azcopy.run(*command).job["TotalTransfers"] == "0"


def test_sync_share_to_share(emulator, azcopy, share, other):
    raw = emulator.raw
    put_disk(raw, share, {"d": None, "d/a": b"a" * 5000, "d/b": b"b"})
    put_disk(raw, other, {"stale": b"stale"})
    command = ("sync", azcopy.at(share), azcopy.at(other), "--recursive", "--from-to=FileFile")
    azcopy.run(*command, "--delete-destination=true", refused=TOO_EARLY)
    assert contents(read_share(raw, other)) == contents(read_share(raw, share))
    assert azcopy.run(*command).job["TotalTransfers"] == "0"


def test_remove_takes_a_file_and_then_a_whole_directory(emulator, azcopy, share):
    tree = awkward(trailing=True)
    put_disk(emulator.raw, share, {"d": None, "keep": b"keep", **{f"d/{path}": c for path, c in tree.items()}})
    azcopy.run("remove", azcopy.at(f"{share}/d/one byte"), "--from-to=FileTrash")
    del tree["one byte"]
    expected = {"d": None, "keep": b"keep", **{f"d/{path}": c for path, c in tree.items()}}
    assert differences(expected, contents(read_share(emulator.raw, share))) == []
    azcopy.run(
        *("remove", azcopy.at(f"{share}/d"), "--recursive", "--from-to=FileTrash"),
        refused=IS_IT_A_FILE | TOO_FULL,
    )
    assert contents(read_share(emulator.raw, share)) == {"keep": b"keep"}


def test_make_creates_a_share_by_its_host_style_name(emulator, azcopy):
    # The name need not resolve: the emulator takes a proxy's requests too.
    host = f"http://devstoreaccount1.file.core.windows.net:{emulator.port}"
    azcopy.environment["HTTP_PROXY"] = f"http://127.0.0.1:{emulator.port}"
    try:
        azcopy.run("make", f"{host}/made-by-name?{azcopy.sas}", "--quota-gb=7")
        ran = azcopy.run("list", f"{host}/made-by-name?{azcopy.sas}")
    finally:
        del azcopy.environment["HTTP_PROXY"]
    assert ran.exit_status == 0
    made = emulator.raw.send("GET", "made-by-name", {"restype": "share"})
    assert (made.status, made.headers["x-ms-share-quota"]) == (200, "7")


def test_all_shares_of_the_account_come_down_at_once(tmp_path):
    need_azcopy()
    with quiet_emulator() as emulator:
        for name in ("one", "two"):
            emulator.raw.create_share(name)
            put_disk(emulator.raw, name, {"d": None, "d/f": name.encode()})
        azcopy = AzCopy(emulator.url, tmp_path)
        azcopy.run(
            *("copy", azcopy.at(), tmp_path / "out", "--recursive", "--from-to=FileLocal"),
            refused={"GET 400 InvalidQueryParameterValue"},  # it asks for the properties of a share without a name
        )
    expected = {"one": None, "one/d": None, "one/d/f": b"one", "two": None, "two/d": None, "two/d/f": b"two"}
    assert read_disk(tmp_path / "out") == expected


def test_what_azcopy_sent_is_there_after_a_kill(tmp_path):
    need_azcopy()
    tree = awkward(trailing=True)
    write_disk(tmp_path / "tree", tree)
    home = tmp_path / "home"
    home.mkdir()
    with quiet_emulator("--data", str(tmp_path / "data")) as emulator:
        emulator.raw.create_share("share")
        azcopy = AzCopy(emulator.url, home)
        azcopy.run(
            *("copy", f"{tmp_path}/tree/*", azcopy.at("share"), "--recursive", "--from-to=LocalFile"),
            refused=TOO_EARLY | IS_IT_A_FILE,
        )
        before = read_share(emulator.raw, "share")
        emulator.kill()
    assert differences(tree, contents(before)) == []
    with quiet_emulator("--data", str(tmp_path / "data")) as emulator:
        after = read_share(emulator.raw, "share")
        assert differences(contents(before), contents(after)) == []
        assert {path: node.smb for path, node in after.items()} == {path: node.smb for path, node in before.items()}
