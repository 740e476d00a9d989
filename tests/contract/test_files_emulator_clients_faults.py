"""AzCopy and rclone on a share that refuses, drops and cuts short: their retries end in the same tree."""

import pytest

from tests.support.client_trees import MIB, contents, differences, put_disk, read_disk, read_share, write_disk
from tests.support.clients import AzCopy, Rclone, need_azcopy, need_rclone, quiet_emulator

TREE = {
    "top": None,
    **{f"top/file {number}": bytes([number]) * (number * 1000 + 1) for number in range(12)},
    "top/big": bytes(range(256)) * (9 * MIB // 256),
}
LOOKING = {"PUT 409 ResourceAlreadyExists", "PUT 404 ParentNotFound", "HEAD 404 ParentNotFound"}
LOOKING |= {"HEAD 404 ResourceNotFound", "GET 404 ResourceNotFound", "GET 404 ParentNotFound"}


@pytest.fixture(scope="module")
def emulator():
    with quiet_emulator() as emulator:
        yield emulator


@pytest.fixture(params=["azcopy", "rclone"])
def client(request, emulator, tmp_path):
    """A client's name, and its copy of a directory into another; places in a share are ``("share", "path")``."""
    if request.param == "azcopy":
        need_azcopy()
        azcopy = AzCopy(emulator.url, tmp_path)

        def copy(source, target):
            ways = {True: "File", False: "Local"}
            places = [azcopy.at("/".join(place)) if isinstance(place, tuple) else place for place in (source, target)]
            way = "".join(ways[isinstance(place, tuple)] for place in (source, target))
            return azcopy.run("copy", *places, f"--from-to={way}", "--recursive", refused=LOOKING, may_retry=True)
    else:
        need_rclone()
        rclone = Rclone(emulator.url, tmp_path)

        def copy(source, target):
            name = source[1] if isinstance(source, tuple) else source.name  # AzCopy adds it, rclone does not
            source = rclone.remote(*source) if isinstance(source, tuple) else source
            target = rclone.remote(*target, name) if isinstance(target, tuple) else target / name
            return rclone.run("copy", source, target, refused=LOOKING, may_retry=True)

    yield request.param, copy
    emulator.control.clear()


def test_an_upload_survives_refusals_and_lost_connections(emulator, client, tmp_path):
    name, copy = client
    share, control = f"up-by-{name}", emulator.control
    emulator.raw.create_share(share)
    write_disk(tmp_path / "tree", TREE)
    for operation in ("file_create", "file_upload_range", "directory_create"):
        control.fault(operation=operation, status=503, code="ServerBusy", nth=1, every=5, count=2)
    control.fault(operation="file_upload_range", reset="after", nth=3, count=1)
    copy(tmp_path / "tree/top", (share,))
    assert sum(rule["hits"] for rule in control.rules()) >= 4
    control.clear()
    assert differences(TREE, contents(read_share(emulator.raw, share))) == []


def test_a_download_survives_refusals_and_bodies_that_end_early(emulator, client, tmp_path):
    name, copy = client
    share, control = f"down-by-{name}", emulator.control
    emulator.raw.create_share(share)
    put_disk(emulator.raw, share, TREE)
    control.fault(operation="directory_list", status=500, code="InternalError", count=1)
    control.fault(operation="file_download", status=503, code="ServerBusy", nth=2, every=4, count=2)
    control.fault(operation="file_download", path=".*big", truncate_bytes=100_000, count=1)
    (tmp_path / "out").mkdir()
    copy((share, "top"), tmp_path / "out")
    assert all(rule["hits"] for rule in control.rules())
    assert differences(TREE, read_disk(tmp_path / "out")) == []
