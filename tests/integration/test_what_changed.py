"""Every way in which a file or directory can change is noticed, and costs no more than it must."""

import secrets

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.fileshare import ContentSettings

from shared.model.run import RunState
from tests.support.share_tree import SDDL, differences, mkdir, put, read_tree
from tests.support.world import world

TIME = "2020-02-02T02:02:02.0202020Z"
SIZE = 3_000


def times(share, path):
    properties = share.get_file_client(path).get_file_properties()
    return {
        "file_creation_time": properties.creation_time,
        "file_last_write_time": properties.last_write_time,
        "file_change_time": properties.change_time,
    }


def in_place(share):
    """As FSLogix and databases do: other bytes, the same size and time of last write."""
    before = share.get_file_client("d/file").get_file_properties()
    share.get_file_client("d/file").upload_range(b"CHANGED", 1_000, 7, file_last_write_mode="preserve")
    after = share.get_file_client("d/file").get_file_properties()
    assert (before.last_write_time, before.size) == (after.last_write_time, after.size)


def rewritten_with_its_time(share):
    share.get_file_client("d/file").upload_range(b"X" * SIZE, 0, SIZE)
    share.get_file_client("d/file").set_http_headers(ContentSettings(), file_last_write_time=TIME)


def replaced_by_a_twin(share):
    """Equal name, size and all times, ChangeTime (so ETag) included: only its FileId tells."""
    same = times(share, "d/file")
    share.get_file_client("d/file").delete_file()
    put(share, "d/file", secrets.token_bytes(SIZE), **same)
    assert times(share, "d/file") == same


def replaced_by_renaming_over_it(share):
    put(share, "d/new", secrets.token_bytes(SIZE), file_last_write_time=TIME)
    share.get_file_client("d/new").rename_file("d/file", overwrite=True)


def renamed(share):
    share.get_file_client("d/file").rename_file("d/other name")


def renamed_in_case_only(share):
    share.get_file_client("d/file").rename_file("d/FILE", overwrite=True)


def traded_names(share):
    for name, other in (("file", "tmp"), ("twin", "file"), ("tmp", "twin")):
        share.get_file_client(f"d/{name}").rename_file(f"d/{other}")


def acl_of_a_file(share):
    key = share.create_permission_for_share(SDDL.format(n=41))
    share.get_file_client("d/file").set_http_headers(ContentSettings(), permission_key=key)


def acl_of_a_directory(share):
    key = share.create_permission_for_share(SDDL.format(n=42))
    share.get_directory_client("d/sub").set_http_headers(permission_key=key)


def metadata_of_a_file(share):
    share.get_file_client("d/file").set_file_metadata({"Seen_By": "auditor"})


def metadata_of_a_directory(share):
    share.get_directory_client("d/sub").set_directory_metadata({"Seen_By": "auditor"})


def attributes_of_a_file(share):
    share.get_file_client("d/file").set_http_headers(ContentSettings(), file_attributes="Hidden|Archive")


def attributes_of_a_directory(share):
    share.get_directory_client("d/sub").set_http_headers(file_attributes="Hidden|Directory")


def headers_of_a_file(share):
    settings = ContentSettings(content_type="a/b", content_md5=bytearray(range(16)))
    share.get_file_client("d/file").set_http_headers(settings)


def made_longer_by_zeros(share):
    share.get_file_client("d/file").resize_file(SIZE + 1)


def emptied(share):
    share.get_file_client("d/file").resize_file(0)


def a_file_for_a_directory(share):
    share.get_directory_client("d/sub").delete_directory()
    put(share, "d/sub", b"a file now")


def a_directory_for_a_file(share):
    share.get_file_client("d/file").delete_file()
    put(share, "d/file/below", b"below")


# What changed, files that are read again, objects with content that are written.
CHANGES = [
    (in_place, 1, 1), (rewritten_with_its_time, 1, 1), (replaced_by_a_twin, 1, 1), (replaced_by_renaming_over_it, 1, 1),
    (renamed, 1, 0), (renamed_in_case_only, 1, 0), (traded_names, 2, 0),
    (acl_of_a_file, 1, 0), (acl_of_a_directory, 0, 0), (metadata_of_a_file, 1, 0), (metadata_of_a_directory, 0, 0),
    (attributes_of_a_file, 1, 0), (attributes_of_a_directory, 0, 0), (headers_of_a_file, 1, 0),
    (made_longer_by_zeros, 1, 1), (emptied, 1, 0), (a_file_for_a_directory, 1, 1), (a_directory_for_a_file, 1, 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def tenant_objects():
    def names(files):
        with ContainerClient.from_connection_string(
            files.app.settings.vault_connection, files.share.tenant_id
        ) as container:
            kept = ("/segment/", "/point/", "/permission/")
            return {blob.name for blob in container.list_blobs() if not any(word in blob.name for word in kept)}

    return names


@pytest.mark.parametrize(("change", "read", "stored"), CHANGES, ids=[change.__name__ for change, _, _ in CHANGES])
async def test_it_is_noticed(postgres_url, azurite, files_emulator, tenant_objects, change, read, stored):
    async with world(postgres_url, azurite, files_emulator) as files:
        share = files.client()
        put(share, "d/file", secrets.token_bytes(SIZE), file_last_write_time=TIME)
        put(share, "d/twin", secrets.token_bytes(SIZE), file_last_write_time=TIME)
        mkdir(share, "d/sub")
        put(share, "quiet/file", b"quiet")
        await files.backup()
        objects = tenant_objects(files)
        change(share)
        expected = read_tree(share)
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED, (run.error, await files.journal(run))
        assert run.counters.changed_files == read
        assert len(tenant_objects(files) - objects) == stored
        target = f"restored-{secrets.token_hex(4)}"
        restore = await files.restore(run.run_no, target)
        assert restore.state is RunState.SUCCEEDED, (restore.error, await files.journal(restore))
        assert differences(expected, read_tree(files.client(target))) == []
        unchanged = await files.backup()
        assert (unchanged.counters.changed_files, unchanged.counters.changed_directories) == (0, 0)
