"""What a restore brings back, header by header as the service tells it; and what the vault keeps beyond that."""

import secrets

import pytest
from azure.storage.blob import ContainerClient
from azure.storage.fileshare import ContentSettings

from shared.model import ticks
from shared.model.node import ROOT_ID
from shared.model.run import RunState
from shared.usecases.read_manifests import read_directories_at
from tests.support.share_tree import SDDL, differences, mkdir, put, read_tree
from tests.support.world import world

ATTRIBUTES = (
    "ReadOnly", "Hidden", "System", "Archive", "Temporary", "Offline", "NotContentIndexed", "NoScrubData", "None",
    "ReadOnly|Hidden|System|Archive|Offline|NotContentIndexed|NoScrubData",
)  # fmt: skip
TIMES = (
    "1601-01-01T00:00:00.0000001Z",
    "1969-12-31T23:59:59.9999999Z",
    "2024-02-29T12:00:00.1234567Z",
    "9999-12-31T23:59:59.9999999Z",
)
NOT_KEPT = {
    "date",
    "x-ms-request-id",
    "x-ms-client-request-id",
    "x-ms-file-id",
    "x-ms-file-parent-id",
    "x-ms-file-permission-key",
}


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


async def there_and_back(files):
    """Back up and restore to a share of its own; returns that share, and the restore point."""
    point = await files.backup()
    assert point.state is RunState.SUCCEEDED, (point.error, await files.journal(point))
    name = f"restored-{secrets.token_hex(4)}"
    run = await files.restore(point.run_no, name)
    assert run.state is RunState.SUCCEEDED, (run.error, await files.journal(run))
    return files.client(name), point


def told(share, path, *, directory=False):
    """Every header by which the service describes a node, names in the case it has them, and its SDDL."""
    found = {}

    def look(response):
        found.update(response.http_response.headers)

    if directory:
        share.get_directory_client(path).get_directory_properties(raw_response_hook=look)
    else:
        share.get_file_client(path).get_file_properties(raw_response_hook=look)
    key = found["x-ms-file-permission-key"]
    kept = {name: value for name, value in found.items() if name.lower() not in NOT_KEPT}
    sddl = share.get_permission_for_share(key)
    return kept | {"SDDL": sddl if "S:" in sddl else f"{sddl}S:NO_ACCESS_CONTROL"}  # as Create Permission makes it


async def test_every_header_of_files_and_directories_comes_back(files):
    share = files.client()
    key = share.create_permission_for_share(SDDL.format(n=1001))
    paths = []
    for n, attributes in enumerate(ATTRIBUTES):
        for m, time in enumerate(TIMES):
            paths.append(f"f{n % 3}/{n}-{m}")
            put(
                share,
                paths[-1],
                b"x" * n * m,
                file_attributes=attributes,
                file_creation_time=time,
                file_last_write_time=TIMES[m - 1],
                file_change_time=TIMES[m - 2],
                permission_key=key,
                file_property_semantics="Restore",
            )
    put(
        share,
        "headers",
        b"content",
        content_settings=ContentSettings(
            content_type="text/plain; charset=utf-16",
            content_encoding="gzip",
            content_language="de-AT",
            content_disposition='attachment; filename="x y.txt"',
            cache_control="max-age=31536000",
            content_md5=bytearray(range(16)),
        ),
        metadata={"Camel_Case": "A b", "lower": "v", "UPPER": "x" * 500},
    )
    put(share, "bare", b"no content type")
    share.get_file_client("bare").set_http_headers(ContentSettings())
    directories = []
    for n, attributes in enumerate(a for a in ATTRIBUTES if "Temporary" not in a):
        directories.append(f"d{n}")
        mkdir(share, f"d{n}", metadata={"Camel_Case": str(n)})
        share.get_directory_client(f"d{n}").set_http_headers(
            file_attributes=attributes,
            file_creation_time=TIMES[n % 4],
            file_last_write_time=TIMES[n % 3],
            permission_key=key,
        )
    paths += ["headers", "bare"]
    expected = {path: told(share, path) for path in paths}
    expected |= {path: told(share, path, directory=True) for path in directories}
    assert expected["headers"]["x-ms-meta-Camel_Case"]
    target, _ = await there_and_back(files)
    for path, headers in expected.items():
        assert told(target, path, directory=path in directories) == headers, path


async def test_the_root_directory_has_properties_too(files):
    share = files.client()
    put(share, "file", b"x")
    root = share.get_directory_client()
    root.set_directory_metadata({"Of_The_Root": "yes"})
    root.set_http_headers(
        file_attributes="Hidden|NotContentIndexed",
        file_creation_time=TIMES[1],
        file_last_write_time=TIMES[2],
        file_change_time=TIMES[0],
        permission_key=share.create_permission_for_share(SDDL.format(n=7)),
    )
    expected = told(share, "", directory=True)
    target, _ = await there_and_back(files)
    assert told(target, "", directory=True) == expected


async def test_the_descriptor_of_the_root_is_asked_for_once_too_and_missed_if_it_cannot_be_read(files):
    share = files.client()
    put(share, "file", b"x")
    key = share.create_permission_for_share(SDDL.format(n=7))
    share.get_directory_client().set_http_headers(permission_key=key)
    files.control.fault(
        operation="share_get_permission", path=f"/{files.share.share_name}$", nth=2, status=403, code="x"
    )
    first = await files.backup()
    assert (first.state, first.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    [line] = await files.journal(first)
    assert (line.kind, key in line.reason) == ("permission_unreadable", True)
    files.control.clear()
    for expected in (1, 0):
        before = files.control.requests("share_get_permission")
        run = await files.backup()
        assert run.state is RunState.SUCCEEDED
        assert files.control.requests("share_get_permission") - before == expected


async def test_the_vault_keeps_what_no_request_can_give_back(files):
    """Time of last access, Last-Modified and FileId."""
    share = files.client()
    put(share, "d/file", b"x", file_creation_time=TIMES[2])
    _, point = await there_and_back(files)
    async with files.app.run_scope(point.run_id) as scope:
        [root] = (await read_directories_at(scope, [ROOT_ID], point.run_no))[ROOT_ID]
        [directory] = root.entries
        [page] = (await read_directories_at(scope, [directory.node_id], point.run_no))[directory.node_id]
    for entry, where in ((directory.entry, ""), (page.entries[0].entry, "d")):
        [listed] = share.list_directories_and_files(
            where, include=["timestamps", "Etag", "Attributes", "PermissionKey"]
        )
        assert entry.file_id == int(listed.file_id)
        told = (listed.creation_time, listed.last_access_time, listed.last_write_time, listed.change_time)
        assert (entry.created, entry.accessed, entry.written, entry.changed) == tuple(
            map(ticks.from_text, map(str, told))
        )
        assert entry.modified == ticks.from_text(listed.last_modified.strftime("%Y-%m-%dT%H:%M:%SZ"))


async def test_a_descriptor_of_more_than_8_kib_is_kept(files):
    share = files.client()
    entries = "".join(f"(A;;0x1200a9;;;S-1-5-21-1-2-3-{n})" for n in range(100_000, 100_400))
    sddl = f"O:SYG:SYD:{entries}"
    assert len(sddl) > 12_000
    put(
        share, "d/file", b"x", permission_key=share.create_permission_for_share(sddl), file_property_semantics="Restore"
    )
    expected = read_tree(share)
    assert len(expected["d/file"].permission) > 12_000
    target, _ = await there_and_back(files)
    assert differences(expected, read_tree(target)) == []


async def test_each_descriptor_is_asked_for_once_and_stored_once(files):
    """Whatever batches and runs come across it."""
    share = files.client()
    keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in range(3)]
    for n in range(40):
        put(share, f"d{n % 20}/f{n}", b"x", permission_key=keys[n % 3], file_property_semantics="Restore")
    distinct = len({node.permission for node in read_tree(share).values()})
    before = files.control.requests("share_get_permission")
    first = await files.backup()
    put(share, "d1/new", b"y", permission_key=keys[0])
    second = await files.backup()
    assert (first.state, second.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED)
    with ContainerClient.from_connection_string(
        files.app.settings.vault_connection, files.share.tenant_id
    ) as container:
        stored = [blob.name for blob in container.list_blobs() if "/permission/" in blob.name]
    assert distinct <= len(stored) <= distinct + 2  # the root's own, and what new files inherit
    assert files.control.requests("share_get_permission") - before == len(stored)


async def test_a_restore_asks_for_each_descriptor_once(files):
    """However many batches it takes; and one that is lost is told once."""
    share = files.client()
    keys = [share.create_permission_for_share(SDDL.format(n=n)) for n in range(3)]
    for n in range(40):
        put(share, f"d{n % 20}/f{n}", b"x", permission_key=keys[n % 3], file_property_semantics="Restore")
    distinct = len({node.permission for node in read_tree(share).values()})
    point = await files.backup()
    before = files.control.requests("share_create_permission")
    run = await files.restore(point.run_no, f"restored-{secrets.token_hex(4)}")
    assert run.state is RunState.SUCCEEDED
    assert files.control.requests("share_create_permission") - before <= distinct + 2

    with ContainerClient.from_connection_string(
        files.app.settings.vault_connection, files.share.tenant_id
    ) as container:
        container.delete_blob(f"{files.share.share_id}/permission/{keys[1].replace('*', '-')}")
    run = await files.restore(point.run_no, f"restored-{secrets.token_hex(4)}")
    assert (run.state, run.counters.errors) == (RunState.COMPLETED_WITH_ERRORS, 1)
    [line] = await files.journal(run)
    assert (line.kind, keys[1] in line.reason) == ("permission_lost", True)
