"""The real SDK's NFS operations, sync and aio, and what is left of them after kill -9."""

import uuid
from urllib.parse import quote, unquote

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.fileshare import ContentSettings, ShareServiceClient
from azure.storage.fileshare.aio import ShareServiceClient as AioShareServiceClient

from tests.support.files_emulator import KEY, running

DESCRIPTOR = "AQAUgBQAAAAgAAAAAAAAACwAAAABAQAAAAAABRIAAAABAQAAAAAABRIAAAACABwAAQAAAAAAFAD/AR8AAQEAAAAAAAUSAAAA"


@pytest.fixture(scope="module")
def emulator():
    with running() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def service(emulator):
    with ShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        yield service


@pytest.fixture
def share(service):
    return service.create_share(f"s-{uuid.uuid4().hex}", protocols="NFS", root_squash="NoRootSquash")


def facts(properties):
    assert properties.file_attributes is None
    assert properties.permission_key is None
    return properties.owner, properties.group, properties.file_mode, properties.nfs_file_type


def test_an_nfs_share_says_so(share):
    properties = share.get_share_properties()
    assert (properties.protocols, properties.root_squash) == (["NFS"], "NoRootSquash")


def test_directories_have_owner_group_and_mode(share):
    directory = share.get_directory_client("dir1")
    created = directory.create_directory(owner="345", group="123", file_mode="7777")
    assert (created["owner"], created["group"], created["mode"]) == ("345", "123", "7777")
    assert facts(directory.get_directory_properties()) == ("345", "123", "7777", "Directory")
    directory.set_http_headers(owner="0", group="0", file_mode="0755")
    assert facts(directory.get_directory_properties()) == ("0", "0", "0755", "Directory")


def test_files_have_owner_group_mode_and_link_count(share):
    file = share.get_file_client("f")
    file.create_file(512, owner="999", group="888", file_mode="0111", data=b"x" * 512)
    assert facts(file.get_file_properties()) == ("999", "888", "0111", "Regular")
    assert file.get_file_properties().link_count == 1
    file.set_http_headers(ContentSettings(), owner="1", file_mode="0644")
    downloaded = file.download_file()
    assert downloaded.readall() == b"x" * 512
    assert facts(downloaded.properties)[:3] == ("1", "888", "0644")
    assert downloaded.properties.link_count == 1
    file.upload_file(b"new content")
    assert facts(file.get_file_properties())[:3] == ("0", "0", "0664")


def test_a_copy_takes_mode_and_owner_from_source_or_request(share):
    source = share.get_file_client("f")
    source.create_file(0, owner="999", group="888", file_mode="0111")
    for keywords, expected in (
        ({}, ("0", "0", "0664")),
        ({"file_mode_copy_mode": "source", "owner_copy_mode": "source"}, ("999", "888", "0111")),
        (
            {
                "file_mode_copy_mode": "override",
                "owner_copy_mode": "override",
                "owner": "54321",
                "group": "12345",
                "file_mode": "7777",
            },
            ("54321", "12345", "7777"),
        ),
    ):
        copy = share.get_file_client("copy")
        assert copy.start_copy_from_url(source.url, **keywords)["copy_status"] == "success"
        assert facts(copy.get_file_properties())[:3] == expected


def test_hard_links_are_counted_and_share_content(share):
    directory = share.create_directory("dir")
    directory.get_file_client("file1").create_file(4, data=b"abcd")
    link = directory.get_file_client("file2")
    made = link.create_hardlink(target="dir/file1")
    assert (made["file_file_type"], made["owner"], made["group"], made["mode"]) == ("Regular", "0", "0", "0664")
    assert made["link_count"] == 2
    assert made["file_id"] == directory.get_file_client("file1").get_file_properties().file_id
    assert "file_attributes" not in made
    link.upload_range(b"X", offset=0, length=1)
    assert directory.get_file_client("file1").download_file().readall() == b"Xbcd"
    assert directory.get_file_client("file1").get_file_properties().link_count == 2
    directory.delete_file("file1")
    assert link.get_file_properties().link_count == 1
    renamed = link.rename_file("dir/file3")
    assert renamed.get_file_properties().file_id == made["file_id"]
    directory.rename_directory("dir2")
    assert share.get_file_client("dir2/file3").download_file().readall() == b"Xbcd"
    with pytest.raises(ResourceNotFoundError, match="ParentNotFound"):
        share.get_file_client("none/x").create_hardlink(target="none/y")


def test_symbolic_links_carry_their_text(share):
    link = share.get_file_client("link")
    created = link.create_symlink(target=quote("../dir/é"), owner="7", group="8")
    assert (created["file_file_type"], created["owner"], created["group"]) == ("SymLink", "7", "8")
    assert unquote(link.get_symlink()["link_text"]) == "../dir/é"
    properties = link.get_file_properties()
    assert facts(properties) == ("7", "8", "0777", "SymLink")
    assert [(item.name, item.size) for item in share.list_directories_and_files(include=["Attributes"])] == [
        ("link", 9)
    ]
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        link.create_symlink(target="x")
    with pytest.raises(HttpResponseError, match="ResourceTypeMismatch"):
        link.download_file()


def test_what_a_share_cannot_have_is_refused(service, share):
    smb = service.create_share(f"s-{uuid.uuid4().hex}").get_file_client("f")
    with pytest.raises(HttpResponseError, match="UnsupportedHeader"):
        smb.create_file(0, file_mode="0644")
    smb.create_file(0)
    with pytest.raises(HttpResponseError, match="UnsupportedQueryParameter"):
        smb.get_symlink()
    with pytest.raises(HttpResponseError, match="UnsupportedHeader"):
        share.get_file_client("f").create_file(0, file_permission="O:SYG:SYD:(A;;FA;;;SY)")


def test_permissions_go_in_and_out_in_binary(service):
    share = service.create_share(f"s-{uuid.uuid4().hex}")
    file = share.get_file_client("f")  # Create Permission in binary fails within the SDK
    file.create_file(0, file_permission=DESCRIPTOR, file_permission_format="binary", file_property_semantics="Restore")
    key = file.get_file_properties().permission_key
    assert share.get_permission_for_share(key) == "O:SYG:SYD:(A;;FA;;;SY)S:NO_ACCESS_CONTROL"
    assert share.create_permission_for_share("O:SYG:SYD:(A;;FA;;;SY)") == key
    binary = share.get_permission_for_share(key, file_permission_format="binary")
    directory = share.create_directory("d")
    directory.set_http_headers(file_permission=DESCRIPTOR, file_permission_format="binary")
    assert directory.get_directory_properties().permission_key == key
    renamed = file.rename_file("g", file_permission=binary, file_permission_format="binary")
    assert renamed.get_file_properties().permission_key == key


async def test_the_aio_client_makes_links_too(emulator):
    async with AioShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        share = await service.create_share(f"s-{uuid.uuid4().hex}", protocols="NFS")
        file = share.get_file_client("f")
        await file.create_file(3, data=b"abc", owner="5", file_mode="4755")
        assert facts(await file.get_file_properties()) == ("5", "0", "4755", "Regular")
        hard, soft = share.get_file_client("h"), share.get_file_client("s")
        assert (await hard.create_hardlink(target="f"))["link_count"] == 2
        await soft.create_symlink(target="f")
        assert (await soft.get_symlink())["link_text"] == "f"
        assert await (await hard.download_file()).readall() == b"abc"
        directory = await share.create_directory("d", owner="1", group="2", file_mode="0700")
        assert facts(await directory.get_directory_properties()) == ("1", "2", "0700", "Directory")


def test_links_owners_and_modes_are_there_after_a_kill(tmp_path):
    data = str(tmp_path / "data")
    with running("--data", data) as emulator, ShareServiceClient(emulator.url, credential=KEY) as service:
        share = service.create_share("share", protocols="NFS")
        directory = share.create_directory("d", owner="9", file_mode="0711")
        share.get_file_client("f").create_file(4, data=b"abcd", file_mode="0600")
        directory.get_file_client("F").create_hardlink(target="f")
        directory.get_file_client("gone").create_hardlink(target="f")
        snapshot = share.create_snapshot()["snapshot"]
        directory.delete_file("gone")
        directory.rename_directory("e")
        share.get_file_client("l").create_symlink(target="e/F", owner="4")
        emulator.kill()
    with running("--data", data) as emulator, ShareServiceClient(emulator.url, credential=KEY) as service:
        share = service.get_share_client("share")
        assert facts(share.get_directory_client("e").get_directory_properties()) == ("9", "0", "0711", "Directory")
        assert share.get_file_client("l").get_symlink()["link_text"] == "e%2FF"
        assert share.get_file_client("f").get_file_properties().link_count == 2
        share.get_file_client("e/F").upload_range(b"X", offset=0, length=1)
        assert share.get_file_client("f").download_file().readall() == b"Xbcd"
        before = service.get_share_client("share", snapshot=snapshot)
        for name in ("f", "d/F", "d/gone"):
            file = before.get_file_client(name)
            assert file.download_file().readall() == b"abcd"
            assert file.get_file_properties().link_count == 3
            assert file.get_file_properties().file_mode == "0600"
