"""rclone, unmodified, against the emulator: what it writes is read by the tests' own client, and the other way round."""

import json
import os
import time

import pytest

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
from tests.support.clients import Rclone, account_sas, need_rclone, quiet_emulator
from tests.support.files_emulator import ACCOUNT, KEY

# It makes a file's directories each time, without looking first.
MADE_ALREADY = {"PUT 409 ResourceAlreadyExists"}
# It looks for what it is about to make.
NOT_YET = {"GET 404 ResourceNotFound", "HEAD 404 ParentNotFound", "GET 404 ParentNotFound"}
URL_SAFE = str.maketrans("+/", "-_")
AS_EVER = MADE_ALREADY | NOT_YET


@pytest.fixture(scope="module")
def emulator():
    need_rclone()
    with quiet_emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def rclone(emulator, tmp_path_factory):
    return Rclone(emulator.url, tmp_path_factory.mktemp("rclone"))


@pytest.fixture
def place(emulator, request):
    """A directory in a share of the test's own."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[5:63].strip("-")
    return new_place(emulator, name)


def new_place(emulator, share):
    emulator.raw.create_share(share)
    emulator.raw.make_directory(f"{share}/top")
    return f"{share}/top"


def written(path):
    """A file's time of writing as rclone sends it: 100 ns of the disk's nanoseconds."""
    ticks = os.stat(path).st_mtime_ns // 100
    return f"{iso(ticks // 10_000_000)}.{ticks % 10_000_000:07d}Z"


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def test_a_tree_goes_up_with_its_names_times_and_md5(emulator, rclone, place, tmp_path):
    tree = awkward(trailing=False)
    write_disk(tmp_path / "tree", tree)
    rclone.run(
        *("copy", tmp_path / "tree", rclone.remote(place), "--create-empty-src-dirs"),
        refused=AS_EVER,
    )
    found = read_share(emulator.raw, place)
    assert differences(tree, contents(found)) == []
    for path, content in tree.items():
        if content is not None:
            assert found[path].headers["content-md5"] == digest(content), path
            assert found[path].written == written(tmp_path / "tree" / path), path


def test_a_tree_comes_down_with_its_names_and_times(emulator, rclone, place, tmp_path):
    tree = awkward(trailing=False)
    put_disk(emulator.raw, place, tree, x_ms_file_last_write_time="2020-03-04T05:06:07.1234567Z")
    rclone.run("copy", rclone.remote(place), tmp_path / "out", "--create-empty-src-dirs")
    assert differences(tree, read_disk(tmp_path / "out")) == []
    for path, content in tree.items():
        if content is not None:
            assert written(tmp_path / "out" / path) == "2020-03-04T05:06:07.1234567Z", path


def test_check_finds_nothing_and_then_the_one_byte_that_differs(emulator, rclone, place, tmp_path):
    tree = {"d": None, "d/a": b"aaaa", "b": bytes(5 * MIB)}
    write_disk(tmp_path / "tree", tree)
    put_disk(emulator.raw, place, tree)
    command = ("check", tmp_path / "tree", rclone.remote(place), "--download")
    rclone.run(*command)
    put_disk(emulator.raw, place, {"d/a": b"aaab"})
    ran = rclone.run(*command, exit_status=1)
    assert "d/a: contents differ" in ran.log
    assert "1 differences found" in ran.log


def test_check_believes_the_md5_that_the_share_keeps(emulator, rclone, place, tmp_path):
    write_disk(tmp_path / "tree", {"right": b"right", "wrong": b"wrong"})
    put_disk(emulator.raw, place, {"right": b"right"}, x_ms_content_md5=digest(b"right"))
    put_disk(emulator.raw, place, {"wrong": b"gnorw"}, x_ms_content_md5=digest(b"gnorw"))
    ran = rclone.run("check", tmp_path / "tree", rclone.remote(place), exit_status=1)
    assert "wrong: md5 differ" in ran.log
    assert "right: OK" in ran.log


def test_sync_sends_what_changed_deletes_what_is_gone_then_has_nothing_to_do(emulator, rclone, place, tmp_path):
    tree = tmp_path / "tree"
    write_disk(tree, {"d": None, "d/a": b"a", "d/b": b"b", "gone": None, "gone/c": b"c", "plus+ %": b"d"})
    command = ("sync", tree, rclone.remote(place), "--create-empty-src-dirs")
    rclone.run(*command, refused=AS_EVER)
    assert contents(read_share(emulator.raw, place)) == read_disk(tree)

    (tree / "d/a").write_bytes(b"changed")
    (tree / "gone/c").unlink()
    (tree / "gone").rmdir()
    (tree / "d/new").write_bytes(b"new")
    rclone.run(*command, refused=AS_EVER)
    assert contents(read_share(emulator.raw, place)) == read_disk(tree)

    ran = rclone.run(*command)
    assert {exchange.method for exchange in ran.exchanges} <= {"GET", "HEAD"}
    assert "There was nothing to transfer" in ran.log


def test_sync_down_deletes_what_is_gone_then_has_nothing_to_do(emulator, rclone, place, tmp_path):
    raw, out = emulator.raw, tmp_path / "out"
    put_disk(raw, place, {"d": None, "d/a": b"a", "d/b": b"b", "gone": None, "gone/c": b"c"})
    command = ("sync", rclone.remote(place), out, "--create-empty-src-dirs")
    rclone.run(*command)
    put_disk(raw, place, {"d/a": b"changed", "d/new": b"new"})
    assert raw.send("DELETE", f"{place}/gone/c").status == 202
    assert raw.send("DELETE", f"{place}/gone", {"restype": "directory"}).status == 202
    rclone.run(*command)
    assert read_disk(out) == contents(read_share(raw, place))
    assert "There was nothing to transfer" in rclone.run(*command).log


def test_moveto_renames_a_file_and_keeps_its_identity(emulator, rclone, place):
    put_disk(emulator.raw, place, {"d": None, "d/old name": b"x" * 100}, x_ms_meta_colour="red")
    before = read_share(emulator.raw, place)["d/old name"]
    rclone.run("moveto", rclone.remote(place, "d/old name"), rclone.remote(place, "e/new+name"), refused=AS_EVER)
    found = read_share(emulator.raw, place)
    assert found.keys() == {"d", "e", "e/new+name"}
    after = found["e/new+name"]
    assert after.headers["x-ms-file-id"] == before.headers["x-ms-file-id"]
    assert (after.content, after.smb, after.metadata) == (before.content, before.smb, before.metadata)


def test_moving_a_directory_is_one_rename(emulator, rclone, place):
    tree = awkward(trailing=False)
    put_disk(
        emulator.raw, place, {"to": None, "from": None, **{f"from/{path}": content for path, content in tree.items()}}
    )
    ran = rclone.run("moveto", rclone.remote(place, "from"), rclone.remote(place, "to/here"), refused=AS_EVER)
    assert sum("comp=rename" in exchange.url for exchange in ran.exchanges) == 1
    assert differences(tree, contents(read_share(emulator.raw, place, "to/here"))) == []
    assert "from" not in read_share(emulator.raw, place)


def test_copyto_copies_on_the_server_with_all_properties(emulator, rclone, place):
    put_disk(
        *(emulator.raw, place, {"big file": bytes(range(256)) * 40_000}),
        x_ms_file_attributes="Hidden|Archive",
        x_ms_file_creation_time="2019-03-04T05:06:07.1234567Z",
        x_ms_file_last_write_time="2020-03-04T05:06:07.1234567Z",
        x_ms_file_permission="O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)",
        x_ms_meta_colour="red",
    )
    ran = rclone.run("copyto", rclone.remote(place, "big file"), rclone.remote(place, "copy+"), refused=AS_EVER)
    assert not any("comp=range" in exchange.url for exchange in ran.exchanges)
    found = read_share(emulator.raw, place)
    assert found["copy+"].content == found["big file"].content
    assert found["copy+"].smb == found["big file"].smb
    assert found["copy+"].metadata == {"colour": "red"}


def test_a_copy_on_the_server_goes_to_another_share(emulator, rclone, place):
    put_disk(emulator.raw, place, {"d": None, "d/a": b"a" * 1000, "b": b"b"})
    other = new_place(emulator, "rclone-copies-here")
    rclone.run("copy", rclone.remote(place), rclone.remote(other), refused=AS_EVER)
    assert contents(read_share(emulator.raw, other)) == contents(read_share(emulator.raw, place))


def test_delete_takes_files_rmdirs_directories_and_purge_everything(emulator, rclone, place):
    tree = {"d": None, "d/e": None, "d/e/f": b"f", "d/g": b"g", "h": None, "h/i": None, "h/i/j": b"j", "k": b"k"}
    put_disk(emulator.raw, place, tree)
    rclone.run("deletefile", rclone.remote(place, "k"))
    rclone.run("delete", rclone.remote(place, "d"))
    left = {"d": None, "d/e": None, "h": None, "h/i": None, "h/i/j": b"j"}
    assert contents(read_share(emulator.raw, place)) == left
    rclone.run("rmdirs", rclone.remote(place, "d"))
    assert read_share(emulator.raw, place).keys() == {"h", "h/i", "h/i/j"}
    rclone.run("rmdir", rclone.remote(place, "h/i"), refused={"DELETE 409 DirectoryNotEmpty"}, exit_status=1)
    rclone.run("purge", rclone.remote(place, "h"))
    assert read_share(emulator.raw, place) == {}


def test_mkdir_makes_all_directories_and_rmdir_the_last(emulator, rclone, place):
    rclone.run("mkdir", rclone.remote(place, "a/b c/d+e"), refused={"PUT 404 ParentNotFound", *NOT_YET})
    assert read_share(emulator.raw, place).keys() == {"a", "a/b c", "a/b c/d+e"}
    rclone.run("rmdir", rclone.remote(place, "a/b c/d+e"))
    assert read_share(emulator.raw, place).keys() == {"a", "a/b c"}


def test_lsjson_tells_names_sizes_times_and_hashes(emulator, rclone, place):
    tree = awkward(trailing=False)
    for path, content in tree.items():
        put_disk(
            *(emulator.raw, place, {path: content}),
            x_ms_file_last_write_time="2020-03-04T05:06:07.1234567Z",
            x_ms_content_md5=digest(content or b""),
        )
    ran = rclone.run("lsjson", rclone.remote(place), "--recursive", "--hash")
    listed = {item["Path"]: item for item in json.loads(ran.out)}
    assert listed.keys() == tree.keys()
    for path, content in tree.items():
        item = listed[path]
        assert item["IsDir"] == (content is None)
        if content is not None:
            assert (item["Size"], item["ModTime"]) == (len(content), "2020-03-04T05:06:07.1234567Z"), path
    ran = rclone.run("hashsum", "md5", rclone.remote(place, "a+b"), "--base64")
    sums = dict(line.split("  ", 1)[::-1] for line in ran.out.splitlines())
    assert sums == {
        path[4:]: digest(content).translate(URL_SAFE)
        for path, content in tree.items()
        if content and path.startswith("a+b/")
    }


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], slice(None)),
        (["--offset=4194300", "--count=10"], slice(4194300, 4194310)),
        (["--head=7"], slice(7)),
        (["--tail=7"], slice(-7, None)),
        (["--offset=-5"], slice(-5, None)),
    ],
    ids=["all", "middle", "head", "tail", "from-the-end"],
)
def test_cat_reads_ranges(emulator, rclone, place, options, part):
    letters = (b"0123456789abcdef" * 64) * 5121  # a little over 5 MiB, and text
    put_disk(emulator.raw, place, {"file": letters, "empty": b""})
    assert rclone.run("cat", rclone.remote(place, "file"), *options).out.encode() == letters[part]
    if not options:
        assert rclone.run("cat", rclone.remote(place, "empty")).out == ""


def test_about_tells_what_the_share_holds(emulator, rclone, place):
    put_disk(emulator.raw, place, {"a": bytes(3 * MIB), "b": b"x" * 1000})
    told = json.loads(rclone.run("about", rclone.remote(place), "--json").out)
    assert told == {"used": 3 * MIB + 1000}


def test_touch_changes_times_and_keeps_the_md5(emulator, rclone, place):
    put_disk(emulator.raw, place, {"f": b"content"}, x_ms_content_md5=digest(b"content"), x_ms_content_type="text/x-a")
    rclone.run("touch", rclone.remote(place, "f"), "--timestamp=2011-12-13T14:15:16.1234567")
    node = read_share(emulator.raw, place)["f"]
    assert node.written == "2011-12-13T14:15:16.1234567Z"
    assert (node.content, node.headers["content-md5"]) == (b"content", digest(b"content"))


def test_a_stream_of_unknown_length_and_a_copy_in_place(emulator, rclone, place, tmp_path):
    content = bytes(range(256)) * 36_864 + b"!"  # 9 MiB and a byte
    (tmp_path / "file").write_bytes(content)
    rclone.run(
        *("copyto", tmp_path / "file", rclone.remote(place, "in place"), "--inplace"),
        refused=AS_EVER,
    )
    ran = rclone.run(
        "copyto", tmp_path / "file", rclone.remote(place, "in place"), "--inplace", "--ignore-times", refused=AS_EVER
    )
    assert not any("comp=rename" in exchange.url for exchange in ran.exchanges)
    assert contents(read_share(emulator.raw, place)) == {"in place": content}


def test_an_upload_replaces_a_file_by_renaming_over_it(emulator, rclone, place, tmp_path):
    put_disk(emulator.raw, place, {"d": None, "d/f": b"old"})
    (tmp_path / "f").write_bytes(b"new")
    ran = rclone.run("copyto", tmp_path / "f", rclone.remote(place, "d/f"), refused=AS_EVER)
    assert any("comp=rename" in exchange.url for exchange in ran.exchanges)
    assert contents(read_share(emulator.raw, place)) == {"d": None, "d/f": b"new"}


@pytest.mark.parametrize("kind", ["sas_url", "connection_string"])
def test_other_credentials_do(emulator, tmp_path, place, kind):
    url = emulator.url
    options = {
        "sas_url": f"{url}?{account_sas()}",
        "connection_string": (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};FileEndpoint={url};"
        ),
    }
    home = tmp_path / "home"
    home.mkdir()
    rclone = Rclone(url, home, **{kind: options[kind]})
    tree = {"d": None, "d/a+b %": b"one", "e": bytes(5 * MIB)}
    write_disk(tmp_path / "tree", tree)
    rclone.run("copy", tmp_path / "tree", rclone.remote(place), refused=AS_EVER)
    assert differences(tree, contents(read_share(emulator.raw, place))) == []
    rclone.run("copy", rclone.remote(place), tmp_path / "out")
    assert differences(tree, read_disk(tmp_path / "out")) == []


def test_a_directory_of_more_than_one_page_is_listed_whole(emulator, rclone, place):
    raw = emulator.raw
    raw.make_directory(f"{place}/many")
    names = [f"{number:05d} file" for number in range(5_003)]
    for name in names:
        assert raw.put(f"{place}/many/{name.replace(' ', '%20')}").status == 201
    ran = rclone.run("lsf", rclone.remote(place, "many"))
    assert ran.out.splitlines() == names
    assert sum("comp=list" in exchange.url for exchange in ran.exchanges) == 2
