"""Importing a real tree: what is on the disk is in the share, with its times and its holes."""

import os
from urllib.parse import quote

import pytest

from localdev.files_emulator.importing import ImportRefused, import_tree
from localdev.files_emulator.loading import open_account
from localdev.files_emulator.share import ShareProperties
from localdev.files_emulator.times import UNIX_EPOCH_TICKS
from localdev.files_emulator.tree import Directory, find
from tests.support.files_emulator import InProcess
from tests.unit.test_files_emulator_synthetic import finish, listed


def stamp(path, nanoseconds):
    os.utime(path, ns=(nanoseconds, nanoseconds))


@pytest.fixture
def tree(tmp_path):
    """A small tree; its names, times and sizes are all different."""
    top = tmp_path / "tree"
    (top / "deep" / "deeper" / "empty").mkdir(parents=True)
    (top / "a.txt").write_bytes(b"hello")
    (top / "deep" / "zero").write_bytes(b"")
    (top / "deep" / "ünï cödé & x.bin").write_bytes(os.urandom(70_000))
    (top / "deep" / "deeper" / "large").write_bytes(os.urandom(9 * 1024 * 1024 + 5))
    for n, path in enumerate([*sorted(top.rglob("*"), reverse=True), top]):
        stamp(path, 1_000_000_000_123_456_700 + n * 86_400_000_000_100)
    return top


def imported(emulator, tree, share="share", properties=None):
    if share not in emulator.account.shares:
        emulator.account.create_share(share, properties or ShareProperties())
    skipped = []
    return finish(import_tree(emulator.account, emulator.account.shares[share], tree, skipped)), skipped


def check(emulator, tree, share="share"):
    """Compare a share with a tree on the disk."""
    root = emulator.account.shares[share].root
    found = {path.removeprefix(share + "/"): entry for path, entry in listed(emulator, share=share).items()}
    assert found.keys() == {str(path.relative_to(tree)) for path in tree.rglob("*")}
    for name, entry in found.items():
        real = tree / name
        node = find(root, tuple(name.split("/")))
        assert node.written == UNIX_EPOCH_TICKS + real.stat().st_mtime_ns // 100, name
        assert (entry["kind"] == "Directory") == isinstance(node, Directory) == real.is_dir()
        if real.is_file():
            assert int(entry["Content-Length"]) == real.stat().st_size
            data = b""
            while len(data) < node.size:
                end = min(node.size, len(data) + (4 << 20)) - 1
                data += emulator.get(f"{share}/{quote(name)}", {}, {"x-ms-range": f"bytes={len(data)}-{end}"}).body
            assert data == real.read_bytes(), name


def test_a_tree_is_in_the_share_as_it_is_on_the_disk(tree):
    emulator = InProcess()
    counts, skipped = imported(emulator, tree)
    assert counts == {"directories": 3, "files": 4, "bytes": 5 + 70_000 + 9 * 1024 * 1024 + 5, "skipped": 0}
    assert skipped == []
    check(emulator, tree)
    assert emulator.account.shares["share"].root.written == UNIX_EPOCH_TICKS + tree.stat().st_mtime_ns // 100


def test_importing_again_replaces_files_and_keeps_directories(tree):
    emulator = InProcess()
    imported(emulator, tree)
    before = listed(emulator)
    (tree / "a.txt").write_bytes(b"other")
    (tree / "new").write_bytes(b"new")
    counts, _ = imported(emulator, tree)
    assert counts["directories"] == 0
    check(emulator, tree)
    after = listed(emulator)
    assert after["share/deep"]["FileId"] == before["share/deep"]["FileId"]


def test_holes_stay_holes(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "sparse").open("wb") as file:
        file.truncate(1 << 33)
        file.seek(5 << 30)
        file.write(b"middle" * 100)
    if (tree / "sparse").stat().st_blocks * 512 > 1 << 20:
        pytest.skip("this file system has no sparse files")
    emulator = InProcess()
    counts, _ = imported(emulator, tree)
    assert counts["bytes"] < 1 << 20
    answer = emulator.send("HEAD", "share/sparse")
    assert answer.headers["content-length"] == str(1 << 33)
    at = {"x-ms-range": f"bytes={(5 << 30) - 3}-{(5 << 30) + 5}"}
    assert emulator.get("share/sparse", {}, at).body == b"\0\0\0middle"
    assert b"<Start>0</Start>" not in emulator.get("share/sparse", {"comp": "rangelist"}).body


def test_what_a_share_cannot_hold_is_left_out_and_told(tree):
    (tree / "link").symlink_to("a.txt")
    (tree / "A.TXT").write_bytes(b"same name but for case")
    (tree / "what?").write_bytes(b"no such names")
    os.mkfifo(tree / "pipe")
    (tree / "deep" / "COM1").mkdir()
    emulator = InProcess()
    counts, skipped = imported(emulator, tree)
    assert counts["skipped"] == len(skipped) == 5
    told = "\n".join(skipped)
    for name in ("link", "what?", "pipe", "COM1"):
        assert f"/{name}: " in told
    assert "differs in case only" in told
    assert counts["files"] == 4


def test_an_nfs_share_gets_owners_modes_links_and_both_cases(tree):
    (tree / "link").symlink_to("a.txt")
    (tree / "A.TXT").write_bytes(b"")
    (tree / "a.txt").chmod(0o640)
    emulator = InProcess()
    counts, skipped = imported(emulator, tree, properties=ShareProperties(protocol="NFS"))
    assert (counts["links"], counts["files"], skipped) == (1, 5, [])
    headers = emulator.send("HEAD", "share/a.txt").headers
    assert headers["x-ms-mode"] == "0640"
    assert headers["x-ms-owner"] == str(os.getuid())
    assert emulator.get("share/link", {"restype": "symboliclink"}).headers["x-ms-link-text"] == "a.txt"


def test_a_directory_that_is_none_is_refused(tmp_path):
    emulator = InProcess()
    with pytest.raises(ImportRefused, match="is not a directory"):
        imported(emulator, tmp_path / "nowhere")


def test_what_was_imported_outlives_the_process_and_clients_that_fail_in_between(tree, tmp_path):
    account, store = open_account(tmp_path / "data")
    emulator = InProcess(account, store)
    account.create_share("share", ShareProperties())
    for _ in import_tree(account, account.shares["share"], tree, []):
        store.commit()
        assert emulator.get("share/nothing").status == 404  # forgets what is not committed
    store.close()
    account, store = open_account(tmp_path / "data")
    check(InProcess(account, store), tree)
    store.close()


def test_a_client_that_deletes_a_file_during_its_import_has_deleted_it(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "large").write_bytes(bytes(range(256)) * (40 << 12))
    emulator = InProcess()
    emulator.create_share("share")
    steps = import_tree(emulator.account, emulator.account.shares["share"], tree, [])
    next(steps)
    assert emulator.send("DELETE", "share/large").status == 202
    for _ in steps:
        pass
    assert listed(emulator) == {}
