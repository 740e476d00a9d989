"""AzCopy, unmodified, between a disk and NFS shares: modes, owners, times, symbolic and hard links."""

import os

import pytest
from azure.storage.fileshare import ContentSettings, ShareServiceClient

from tests.support.clients import AzCopy, need_azcopy, quiet_emulator
from tests.support.files_emulator import KEY

# It sends files and directories side by side, and asks for what may be there before it writes it.
IN_ANY_ORDER = {"PUT 404 ParentNotFound", "PUT 409 ResourceAlreadyExists", "HEAD 404 ResourceNotFound"}
IN_ANY_ORDER |= {"GET 404 ResourceNotFound", "GET 404 ParentNotFound"}
IN_ANY_ORDER |= {"HEAD 404 ParentNotFound", "DELETE 404 ResourceNotFound", "DELETE 404 ParentNotFound"}
WHOLE = ("--recursive", "--preserve-permissions=true", "--preserve-symlinks=true")
TIME = 1_600_000_000


@pytest.fixture(scope="module")
def emulator():
    need_azcopy()
    with quiet_emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def service(emulator):
    with ShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        yield service


@pytest.fixture(scope="module")
def azcopy(emulator, tmp_path_factory):
    return AzCopy(emulator.url, tmp_path_factory.mktemp("azcopy"))


@pytest.fixture
def tree(tmp_path):
    """A tree with everything NFS has, and names that differ by case."""
    root = tmp_path / "tree"
    (root / "d").mkdir(parents=True)
    for name, content, mode in (("f", b"small", 0o640), ("F", b"FF", 0o600), ("d/g", b"g" * 70_000, 0o755)):
        (root / name).write_bytes(content)
        (root / name).chmod(mode)
    os.link(root / "d/g", root / "hard")
    os.symlink("../f", root / "d/up")
    os.symlink("nowhere", root / "soft")
    for name in ("f", "F", "d/g"):
        os.utime(root / name, (TIME, TIME))
    (root / "d").chmod(0o750)
    return root


def on_disk(root):
    """Return (kind, mode, content or link text) of everything below ``root``, by path."""
    found = {}
    for path in root.rglob("*"):
        kind = "SymLink" if path.is_symlink() else "Directory" if path.is_dir() else "Regular"
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = kind, f"{path.lstat().st_mode & 0o7777:04o}", content
    return found


def on_share(share, path=""):
    """Return the same of everything on a share."""
    found = {}
    for item in share.list_directories_and_files(path):
        below = f"{path}/{item.name}".lstrip("/")
        if item.is_directory:
            properties, content = share.get_directory_client(below).get_directory_properties(), None
            found |= on_share(share, below)
        else:
            file = share.get_file_client(below)
            properties = file.get_file_properties()
            is_link = properties.nfs_file_type == "SymLink"
            content = file.get_symlink()["link_text"].replace("%2F", "/") if is_link else file.download_file().readall()
        assert (properties.owner, properties.group) == (str(os.getuid()), str(os.getgid()))
        found[below] = properties.nfs_file_type, properties.file_mode, content
    return found


def test_a_tree_goes_up_across_and_is_kept_in_step(service, azcopy, tree):
    first, second = (service.create_share(name, protocols="NFS") for name in ("first", "second"))
    azcopy.run("copy", f"{tree}/*", azcopy.at("first"), "--from-to=LocalFileNFS", *WHOLE, refused=IN_ANY_ORDER)
    assert on_share(first) == on_disk(tree)
    times = {item.name: item.last_write_time for item in first.list_directories_and_files(include=["timestamps"])}
    assert times["f"] == times["F"] == "2020-09-13T12:26:40.0000000Z"
    first.get_file_client("F").set_http_headers(ContentSettings(), file_mode="6600")
    azcopy.run(
        *("copy", azcopy.at("first", wildcard=True), azcopy.at("second"), "--from-to=FileNFSFileNFS", *WHOLE),
        refused=IN_ANY_ORDER,
    )
    assert on_share(second) == on_share(first)
    assert on_share(second)["F"][1] == "6600"

    (tree / "f").write_bytes(b"changed")
    (tree / "F").unlink()
    (tree / "soft").unlink()
    os.symlink("elsewhere", tree / "soft")
    azcopy.run(
        *("sync", tree, azcopy.at("first"), "--from-to=LocalFileNFS", *WHOLE, "--delete-destination=true"),
        refused=IN_ANY_ORDER,
    )
    assert on_share(first) == on_disk(tree)


def test_a_tree_comes_down_with_links_and_content(service, azcopy, tmp_path):
    share = service.create_share("down", protocols="NFS")
    share.create_directory("d")
    share.get_file_client("d/f").create_file(5, data=b"hello", file_last_write_time="2020-01-02T03:04:05.0000000Z")
    share.get_file_client("hard").create_hardlink(target="d/f")
    share.get_file_client("soft").create_symlink(target="f")  # it does not decode what is percent-encoded in a text
    azcopy.run(
        *("copy", azcopy.at("down", wildcard=True), tmp_path / "out", "--from-to=FileNFSLocal", "--recursive"),
        "--preserve-symlinks=true",
    )
    assert {name: content for name, (_, _, content) in on_disk(tmp_path / "out").items()} == {
        "d": None,
        "d/f": b"hello",
        "hard": b"hello",
        "soft": "f",
    }
    assert (tmp_path / "out/d/f").stat().st_mtime == 1_577_934_245


def test_what_replaces_a_linked_file_is_seen_under_its_other_names(service, azcopy, tmp_path):
    share = service.create_share("linked", protocols="NFS")
    share.get_file_client("f").create_file(3, data=b"old")
    other = share.get_file_client("other")
    other.create_hardlink(target="f")
    (tmp_path / "f").write_bytes(b"new!")
    azcopy.run("copy", tmp_path / "f", azcopy.at("linked/f"), "--from-to=LocalFileNFS", refused=IN_ANY_ORDER)
    assert other.download_file().readall() == b"new!"
    assert other.get_file_properties().link_count == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owners_modes_and_times_survive_the_way_up_and_down(emulator, azcopy, tree, tmp_path):
    # No special bits: this version of AzCopy writes such modes in five digits, which the service refuses.
    emulator.raw.send("PUT", "owners", {"restype": "share"}, {"x-ms-enabled-protocols": "NFS"})
    (tree / "d/up").unlink()  # nor a slash in the text of a link, see above
    os.chown(tree / "f", 1234, 2345)
    os.chown(tree / "d", 0, 2345)
    os.utime(tree / "f", ns=(0, 1_600_000_000_123_456_700))
    out, raw = tmp_path / "out", emulator.raw
    azcopy.run("copy", f"{tree}/*", azcopy.at("owners"), "--from-to=LocalFileNFS", *WHOLE, refused=IN_ANY_ORDER)
    headers = raw.get("owners/f").headers
    names = ("x-ms-owner", "x-ms-group", "x-ms-mode", "x-ms-file-last-write-time")
    assert [headers[name] for name in names] == ["1234", "2345", "0640", "2020-09-13T12:26:40.1234567Z"]
    assert raw.get("owners/d", {"restype": "directory"}).headers["x-ms-group"] == "2345"

    azcopy.run("copy", azcopy.at("owners", wildcard=True), out, "--from-to=FileNFSLocal", *WHOLE)
    assert on_disk(out) == on_disk(tree)
    for path in ("f", "F", "d", "d/g", "hard"):
        before, after = (tree / path).stat(), (out / path).stat()
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid), path
        if path != "d":
            assert after.st_mtime_ns // 1000 == before.st_mtime_ns // 1000, path  # AzCopy sets microseconds
