"""AzCopy, unmodified, between a disk and NFS shares: owners, modes, times, symbolic links.

Not here, because this version of AzCopy cannot: hard links (it makes files of them), modes with special bits (it writes
five digits, which the service refuses), a slash in a symbolic link that comes down (it leaves it percent-encoded).
"""

import os
import stat

import pytest

from tests.support.client_trees import write_disk
from tests.support.clients import AzCopy, need_azcopy, quiet_emulator

AS_THEY_ARE = ("--recursive", "--preserve-permissions=true", "--preserve-info=true", "--preserve-symlinks=true")
TOO_EARLY = {"PUT 404 ParentNotFound", "PUT 409 ResourceAlreadyExists"}
IS_IT_A_FILE = {"HEAD 404 ResourceNotFound"}


@pytest.fixture(scope="module")
def emulator():
    need_azcopy()
    with quiet_emulator() as emulator:
        for share in ("upward", "across"):
            answer = emulator.raw.send("PUT", share, {"restype": "share"}, {"x-ms-enabled-protocols": "NFS"})
            assert answer.status == 201
        yield emulator


def seen(emulator, share):
    """What the tests' own client sees of the tree's nodes: kind, owner, group, mode, time, content or link."""
    found = {}
    for path in ("a file", "d", "d/private", "d/twin", "d/link", "d/dangling"):
        answer = emulator.raw.get(f"{share}/{path.replace(' ', '%20')}")
        if answer.code == "ResourceTypeMismatch":
            answer = emulator.raw.get(f"{share}/{path}", {"restype": "symboliclink"})
            found[path] = answer.headers["x-ms-link-text"]
            continue
        if answer.status == 404:
            answer = emulator.raw.get(f"{share}/{path}", {"restype": "directory"})
        names = ("x-ms-file-file-type", "x-ms-owner", "x-ms-group", "x-ms-mode")
        row = [answer.headers[name] for name in names]
        if row[0] == "Regular":
            row += [answer.headers["x-ms-file-last-write-time"], answer.body]
        found[path] = tuple(row)
    return found


def test_owners_modes_times_and_symbolic_links_go_up_across_and_down(emulator, tmp_path):
    azcopy = AzCopy(emulator.url, tmp_path)
    tree, out = tmp_path / "tree", tmp_path / "out"
    write_disk(tree, {"a file": b"a" * 5000, "d": None, "d/private": b"p"})
    os.link(tree / "a file", tree / "d/twin")
    os.symlink("private", tree / "d/link")
    os.symlink("../nothing here", tree / "d/dangling")
    os.chmod(tree / "a file", 0o640)
    os.chmod(tree / "d/private", 0o600)
    os.chmod(tree / "d", 0o750)
    os.utime(tree / "a file", ns=(0, 1_600_000_000_123_456_700))
    os.utime(tree / "d/private", (1_500_000_000, 1_500_000_000))
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(tree / "d/private", 1234, 2345)
    me = (str(os.geteuid()), str((tree / "d").stat().st_gid))
    big = ("Regular", *me, "0640", "2020-09-13T12:26:40.1234567Z", b"a" * 5000)
    expected = {
        "a file": big,
        "d": ("Directory", *me, "0750"),
        "d/private": ("Regular", *(("1234", "2345") if is_root else me), "0600", "2017-07-14T02:40:00.0000000Z", b"p"),
        "d/twin": big,
        "d/link": "private",
        "d/dangling": "..%2Fnothing%20here",
    }

    azcopy.run(
        *("copy", f"{tree}/*", azcopy.at("upward"), "--from-to=LocalFileNFS", *AS_THEY_ARE),
        refused=TOO_EARLY | IS_IT_A_FILE,
    )
    assert seen(emulator, "upward") == expected

    azcopy.run(
        *("copy", azcopy.at("upward", wildcard=True), azcopy.at("across"), "--from-to=FileNFSFileNFS", *AS_THEY_ARE),
        refused=TOO_EARLY | IS_IT_A_FILE,
    )
    assert seen(emulator, "across") == expected

    azcopy.run("copy", azcopy.at("upward", wildcard=True), out, "--from-to=FileNFSLocal", *AS_THEY_ARE)
    assert os.readlink(out / "d/link") == "private"
    for path in ("a file", "d", "d/private", "d/twin"):
        before, after = (tree / path).stat(), (out / path).stat()
        assert stat.filemode(after.st_mode) == stat.filemode(before.st_mode), path
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid), path
        if path != "d":
            assert after.st_mtime_ns // 1000 == before.st_mtime_ns // 1000, path  # AzCopy sets microseconds
            assert (out / path).read_bytes() == (tree / path).read_bytes(), path
