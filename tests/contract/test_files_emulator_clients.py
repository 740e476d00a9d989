"""One client's work read by another: the SDK, AzCopy and rclone on the same share."""

from pathlib import Path

import pytest
from azure.storage.fileshare import ShareServiceClient

from tests.support.client_trees import awkward, contents, differences, read_disk, read_share, write_disk
from tests.support.clients import AzCopy, Rclone, need_azcopy, need_rclone, quiet_emulator
from tests.support.files_emulator import KEY
from tests.support.share_tree import fill, read_tree

TOO_EARLY = {"PUT 404 ParentNotFound", "PUT 409 ResourceAlreadyExists", "HEAD 404 ResourceNotFound"}
LOOKING = {
    "PUT 409 ResourceAlreadyExists",
    "PUT 404 ParentNotFound",
    "HEAD 404 ParentNotFound",
    "GET 404 ResourceNotFound",
}


@pytest.fixture(scope="module")
def emulator():
    need_azcopy()
    need_rclone()
    with quiet_emulator() as emulator:
        yield emulator


def homes(tmp_path: Path, *names: str):
    """A home directory per client."""
    for name in names:
        (tmp_path / name).mkdir()
        yield tmp_path / name


def sdk(emulator, share):
    """The Python SDK's client of a share."""
    service = ShareServiceClient(emulator.url, credential=KEY, allow_trailing_dot=True, retry_total=0)
    return service.get_share_client(share)


def seen_by_sdk(share):
    """A share's tree as the SDK reads it."""
    return {path: node.content if node.kind == "file" else None for path, node in read_tree(share).items()}


def test_what_azcopy_sends_rclone_finds_equal_and_the_sdk_reads(emulator, tmp_path):
    home, other_home = homes(tmp_path, "azcopy", "rclone")
    azcopy, rclone = AzCopy(emulator.url, home), Rclone(emulator.url, other_home)
    emulator.raw.create_share("azcopy-sent")
    tree = awkward(trailing=False)
    write_disk(tmp_path / "tree", tree)
    azcopy.run(
        *("copy", tmp_path / "tree", azcopy.at("azcopy-sent"), "--recursive", "--from-to=LocalFile", "--put-md5"),
        refused=TOO_EARLY,
    )
    ran = rclone.run("check", tmp_path / "tree", rclone.remote("azcopy-sent/tree"))  # compares the MD5s kept
    assert "0 differences found" in ran.log
    assert "hashes could not be checked" not in ran.log
    found = seen_by_sdk(sdk(emulator, "azcopy-sent"))
    assert differences({f"tree/{path}": content for path, content in tree.items()} | {"tree": None}, found) == []


def test_what_rclone_sends_azcopy_fetches_with_its_md5_checked_and_the_sdk_reads(emulator, tmp_path):
    home, other_home = homes(tmp_path, "azcopy", "rclone")
    azcopy, rclone = AzCopy(emulator.url, home), Rclone(emulator.url, other_home)
    emulator.raw.create_share("rclone-sent")
    tree = awkward(trailing=False)
    write_disk(tmp_path / "tree", tree)
    rclone.run(
        *("copy", tmp_path / "tree", rclone.remote("rclone-sent/tree"), "--create-empty-src-dirs"), refused=LOOKING
    )
    azcopy.run(
        *("copy", azcopy.at("rclone-sent/tree", wildcard=True), tmp_path / "out", "--recursive"),
        *("--from-to=FileLocal", "--check-md5=FailIfDifferentOrMissing"),
        refused={"HEAD 404 ResourceNotFound"},
    )
    assert differences(tree, read_disk(tmp_path / "out")) == []
    found = seen_by_sdk(sdk(emulator, "rclone-sent"))
    assert differences({f"tree/{path}": content for path, content in tree.items()} | {"tree": None}, found) == []


def test_what_the_sdk_writes_azcopy_and_rclone_fetch(emulator, tmp_path):
    home, other_home = homes(tmp_path, "azcopy", "rclone")
    azcopy, rclone = AzCopy(emulator.url, home), Rclone(emulator.url, other_home)
    emulator.raw.create_share("sdk-wrote")
    share = sdk(emulator, "sdk-wrote")
    fill(share)
    expected = contents(read_share(emulator.raw, "sdk-wrote"))
    assert differences(expected, seen_by_sdk(share)) == []
    azcopy.run(
        *("copy", azcopy.at("sdk-wrote", wildcard=True), tmp_path / "a", "--recursive", "--from-to=FileLocal"),
    )
    assert differences(expected, read_disk(tmp_path / "a")) == []
    # rclone does not ask for trailing dots to be kept, and so cannot see what is below a name that has some.
    rclone.run(
        *(
            "copy",
            rclone.remote("sdk-wrote"),
            tmp_path / "r",
            "--create-empty-src-dirs",
            "--exclude=/docs/trailing*/**",
        ),
    )
    undotted = {path: content for path, content in expected.items() if not path.startswith("docs/trailing")}
    assert differences(undotted, read_disk(tmp_path / "r")) == []


def test_a_synthetic_share_reads_like_any_other(tmp_path):
    need_azcopy()
    need_rclone()
    home, other_home = homes(tmp_path, "azcopy", "rclone")
    with quiet_emulator("--synthetic", "made=office:80:7") as emulator:
        azcopy, rclone = AzCopy(emulator.url, home), Rclone(emulator.url, other_home)
        expected = contents(read_share(emulator.raw, "made"))
        assert sum(content is not None for content in expected.values()) == 80
        azcopy.run("copy", azcopy.at("made", wildcard=True), tmp_path / "a", "--recursive", "--from-to=FileLocal")
        rclone.run("copy", rclone.remote("made"), tmp_path / "r", "--create-empty-src-dirs")
        assert differences(expected, read_disk(tmp_path / "a")) == []
        assert differences(expected, read_disk(tmp_path / "r")) == []
        assert rclone.run("check", tmp_path / "a", rclone.remote("made")).exit_status == 0


def test_what_rclone_sent_is_there_after_a_kill(tmp_path):
    need_rclone()
    (home,) = homes(tmp_path, "rclone")
    tree = awkward(trailing=False)
    write_disk(tmp_path / "tree", tree)
    with quiet_emulator("--data", str(tmp_path / "data")) as emulator:
        emulator.raw.create_share("share")
        rclone = Rclone(emulator.url, home)
        rclone.run("copy", tmp_path / "tree", rclone.remote("share/top"), "--create-empty-src-dirs", refused=LOOKING)
        before = read_share(emulator.raw, "share", "top")
        emulator.kill()
    assert differences(tree, contents(before)) == []
    with quiet_emulator("--data", str(tmp_path / "data")) as emulator:
        rclone = Rclone(emulator.url, home)
        rclone.run("check", tmp_path / "tree", rclone.remote("share/top"))
        after = read_share(emulator.raw, "share", "top")
        assert {path: node.smb for path, node in after.items()} == {path: node.smb for path, node in before.items()}
