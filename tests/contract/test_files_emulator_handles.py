"""Open handles: what they keep REST clients from, and that these can list and close them, by way of the SDK."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.fileshare import ContentSettings, ShareServiceClient

from tests.support.files_control import ControlRefused
from tests.support.files_emulator import ACCOUNT, KEY, running
from tests.support.share_tree import mkdir, put


@pytest.fixture(scope="module")
def emulator():
    with running() as found:
        yield found


def service(emulator):
    return ShareServiceClient(emulator.url, {"account_name": ACCOUNT, "account_key": KEY}, retry_total=0)


@pytest.fixture
def share(emulator, request):
    name = f"s{abs(hash(request.node.name))}"
    service(emulator).create_share(name)
    return service(emulator).get_share_client(name)


def opened(emulator, share, path, *deny, **more):
    return emulator.control.ask("POST", f"/shares/{share.share_name}/handles", {"path": path, "deny": deny, **more})


def close(emulator, share, handle=None):
    emulator.control.ask("DELETE", f"/shares/{share.share_name}/handles" + (f"/{handle['id']}" if handle else ""))


READS = {
    "download": lambda s: s.get_file_client("d/f.txt").download_file().readall(),
    "ranges": lambda s: list(s.get_file_client("d/f.txt").list_ranges()),
    "copy it": lambda s: s.get_file_client("copy.txt").start_copy_from_url(s.get_file_client("d/f.txt").url),
}
WRITES = {
    "upload a range": lambda s: s.get_file_client("d/f.txt").upload_range(b"x", 0, 1),
    "set headers": lambda s: s.get_file_client("d/f.txt").set_http_headers(
        ContentSettings(), file_attributes="Archive"
    ),
    "set metadata": lambda s: s.get_file_client("d/f.txt").set_file_metadata({"a": "b"}),
}
DELETES = {
    "replace": lambda s: s.get_file_client("d/f.txt").create_file(3),
    "copy over it": lambda s: s.get_file_client("d/f.txt").start_copy_from_url(s.get_file_client("other.txt").url),
    "rename it": lambda s: s.get_file_client("d/f.txt").rename_file("d/g.txt", overwrite=True),
    "rename over it": lambda s: s.get_file_client("other.txt").rename_file("d/f.txt", overwrite=True),
    "delete": lambda s: s.get_file_client("d/f.txt").delete_file(),
}
FREE = {
    "describe": lambda s: s.get_file_client("d/f.txt").get_file_properties(),
    "list": lambda s: list(s.get_directory_client("d").list_directories_and_files()),
}


@pytest.mark.parametrize("deny", ["read", "write", "delete"])
def test_a_request_is_refused_what_a_handle_does_not_share(emulator, share, deny):
    kinds = {"read": READS, "write": WRITES, "delete": DELETES}
    for kind, operations in [*kinds.items(), ("free", FREE)]:
        for name, act in operations.items():
            put(share, "d/f.txt", b"abc")
            put(share, "other.txt", b"other")
            handle = opened(emulator, share, "D/F.TXT", deny)
            if kind == deny:
                with pytest.raises(ResourceExistsError) as refused:
                    act(share)
                assert (refused.value.status_code, refused.value.error_code) == (409, "SharingViolation"), name
                assert share.get_file_client("d/f.txt").get_file_properties().size == 3
                assert [h.id for h in share.get_file_client("d/f.txt").list_handles()] == [handle["id"]]
                close(emulator, share, handle)
            else:
                act(share)
            close(emulator, share)
            put(share, "d/f.txt", b"abc")
            put(share, "other.txt", b"other")
            act(share)


def test_a_share_snapshot_is_read_whatever_is_open_and_a_new_file_is_made(emulator, share):
    put(share, "d/f.txt", b"abc")
    opened(emulator, share, "d/f.txt", "read", "write", "delete")
    snapshot = service(emulator).get_share_client(share.share_name, snapshot=share.create_snapshot()["snapshot"])
    assert snapshot.get_file_client("d/f.txt").download_file().readall() == b"abc"
    assert list(snapshot.get_file_client("d/f.txt").list_handles()) == []
    put(share, "d/new.txt", b"new")


def test_handles_are_listed_page_by_page_and_closed_by_id_or_all(emulator, share):
    for path in ("d/a.txt", "d/deep/b.txt", "e/c.txt"):
        put(share, path, b"x")
    handles = [
        opened(emulator, share, path, "delete", access=["read", "write"])
        for path in ("d/a.txt", "d/a.txt", "d/deep/b.txt", "e/c.txt", "d")
    ]
    directory, file = share.get_directory_client("d"), share.get_file_client("d/a.txt")
    listed = list(file.list_handles())
    assert [(h.id, h.path, h.access_rights) for h in listed] == [
        (handle["id"], "d/a.txt", ["Read", "Write"]) for handle in handles[:2]
    ]
    assert listed[0].file_id == file.get_file_properties().file_id
    assert [h.id for h in directory.list_handles()] == [handles[4]["id"]]
    ids = sorted(handles[n]["id"] for n in (0, 1, 2, 4))
    assert sorted(h.id for h in directory.list_handles(recursive=True)) == ids
    pages = directory.list_handles(recursive=True, results_per_page=3).by_page()
    assert [len(list(page)) for page in pages] == [3, 1]
    assert file.close_handle(handles[0]["id"]) == {"closed_handles_count": 1, "failed_handles_count": 0}
    assert file.close_handle(handles[0]["id"])["closed_handles_count"] == 0
    assert file.close_handle(handles[3]["id"])["closed_handles_count"] == 0, "it is another file's"
    assert directory.close_all_handles()["closed_handles_count"] == 1
    assert directory.close_all_handles(recursive=True)["closed_handles_count"] == 2
    left = emulator.control.ask("GET", f"/shares/{share.share_name}/handles")
    assert [handle["path"] for handle in left] == ["e/c.txt"]
    root = share.get_directory_client()
    assert root.close_all_handles(recursive=True)["closed_handles_count"] == 1


def test_a_handle_is_of_a_file_and_not_of_its_name(emulator, share):
    put(share, "f.txt", b"abc")
    opened(emulator, share, "f.txt", "read")
    put(share, "f.txt", b"another")
    assert share.get_file_client("f.txt").download_file().readall() == b"another"
    assert emulator.control.ask("GET", f"/shares/{share.share_name}/handles") == []


def test_an_open_directory_is_not_deleted(emulator, share):
    mkdir(share, "d")
    handle = opened(emulator, share, "d", "delete")
    with pytest.raises(HttpResponseError, match="SharingViolation"):
        share.get_directory_client("d").delete_directory()
    close(emulator, share, handle)
    share.get_directory_client("d").delete_directory()


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ({}, "path", "a path from the share's root"),
        ({"path": "f.txt", "deny": ["all"]}, "deny", "a list of any of read, write, delete"),
        ({"path": "f.txt", "deny": "read"}, "deny", "a list of any of read, write, delete"),
        ({"path": "f.txt", "access": [1]}, "access", "a list of any of read, write, delete"),
        ({"path": "f.txt", "mode": "x"}, "mode", "no such field"),
    ],
)
def test_what_cannot_be_opened_is_refused(emulator, share, body, field, expected):
    put(share, "f.txt", b"abc")
    with pytest.raises(ControlRefused) as refused:
        emulator.control.ask("POST", f"/shares/{share.share_name}/handles", body)
    assert (refused.value.status, refused.value.told["field"]) == (400, field)
    assert expected in refused.value.told["expected"]
    for path, where in (("nothing.txt", share.share_name), ("f.txt", "nowhere")):
        with pytest.raises(ControlRefused) as refused:
            emulator.control.ask("POST", f"/shares/{where}/handles", {"path": path})
        assert refused.value.status == 404
    with pytest.raises(ControlRefused) as refused:
        close(emulator, share, {"id": "77"})
    assert refused.value.status == 404
