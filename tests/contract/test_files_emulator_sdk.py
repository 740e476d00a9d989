"""Every public method of the real SDK, sync and aio, against an emulator process.

A scenario is written once and played by both flavours (see ``sdk_flavours``). What it writes is read back with signed
requests of our own. The last test names the methods that no scenario called.
"""

import asyncio
import gc
import io
import itertools
import json
import re
import socket
import uuid
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.fileshare import (
    AccessPolicy,
    AccountSasPermissions,
    ContentSettings,
    CorsRule,
    FileSasPermissions,
    Metrics,
    NTFSAttributes,
    ResourceTypes,
    RetentionPolicy,
    ShareSasPermissions,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)

from localdev.files_emulator.server import Emulator
from tests.support.files_emulator import ACCOUNT, KEY, running
from tests.support.sdk_flavours import MODULES, Sdk, public_methods
from tests.support.tokens import AioCredential, Credential
from tests.support.web_source import web_source

ALL = ["timestamps", "Etag", "Attributes", "PermissionKey"]
SDDL = "O:SYG:SYD:(A;;FA;;;SY)"
T1, T2, T3 = (f"200{year}-02-03T04:05:06.1234567Z" for year in (1, 2, 3))
KEEP_DELETED = (
    b"<StorageServiceProperties><ShareDeleteRetentionPolicy><Enabled>true</Enabled><Days>3</Days>"
    b"</ShareDeleteRetentionPolicy></StorageServiceProperties>"
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),  # aiohttp, of how the SDK sends a range
    # The SDK leaves answers it checks segment by segment one read short of their end, and their connections with them.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

SCENARIOS = {}
CALLED = {flavour: set() for flavour in MODULES}
PLAYED = set()


def scenario(function):
    """Have both flavours play ``function(sdk, emulator, service, share)``."""
    SCENARIOS[function.__name__] = function
    return function


@pytest.fixture(autouse=True)
def names_below_localhost(monkeypatch):
    """Resolve every name below ``localhost`` to this machine, as RFC 6761 has it, but not every resolver."""
    resolve = socket.getaddrinfo

    def resolve_below(host, *arguments, **keywords):
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_below)


@pytest.fixture(scope="module")
def emulator():
    with running() as emulator:
        yield emulator


async def play(name, flavour, emulator):
    sdk = Sdk(flavour, CALLED[flavour])
    try:
        service = sdk.make("ShareServiceClient", emulator.url, credential=KEY)
        share = await service.create_share(f"s-{uuid.uuid4().hex}")
        await SCENARIOS[name](sdk, emulator, service, share)
    finally:
        await sdk.close()
    PLAYED.add((name, flavour))


def content(emulator, share, path):
    """Return a file's bytes as our own client reads them."""
    answer = emulator.raw.get(f"{share.share_name}/{path}")
    assert answer.status == 200
    return answer.body


def head(emulator, share, path="", **query):
    """Return a file's headers as our own client reads them; a directory's if the query says so."""
    answer = emulator.raw.send("HEAD", f"{share.share_name}/{path}".rstrip("/"), query)
    return answer.headers if answer.status == 200 else answer.status


def forget_unread_answers():
    """Let go of connections with answers that the SDK did not like, or did not read to the end, before others do."""
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


def listed(emulator, share, path="", **query):
    """Return the names in a directory as our own client lists them."""
    answer = emulator.raw.list(f"{share.share_name}/{path}".rstrip("/"), **query)
    assert answer.status == 200
    return re.findall(r"<Name>([^<]*)</Name>", answer.body.decode("utf-8-sig"))


# -- the service and its shares


@scenario
async def service_properties(sdk, emulator, service, share):
    hour = Metrics(enabled=True, include_apis=True, retention_policy=RetentionPolicy(enabled=True, days=5))
    cors = [CorsRule(["https://example.org"], ["GET", "PUT"], max_age_in_seconds=60, allowed_headers=["x-ms-*"])]
    await service.set_service_properties(hour_metrics=hour, minute_metrics=Metrics(enabled=False), cors=cors)
    found = await service.get_service_properties()
    assert (found["hour_metrics"].enabled, found["hour_metrics"].retention_policy.days) == (True, 5)
    assert [rule.allowed_methods for rule in found["cors"]] == ["GET,PUT"]
    answer = emulator.raw.get("", {"restype": "service", "comp": "properties"})
    assert b"<AllowedOrigins>https://example.org</AllowedOrigins>" in answer.body


@scenario
async def shares_come_are_listed_and_go(sdk, emulator, service, share):
    prefix = f"p{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}-{number}" for number in range(5)]
    for name in names:
        await service.create_share(name, metadata={"name": name}, quota=7)
    assert [found.name for found in await service.list_shares(prefix, results_per_page=2)] == names
    pages = await sdk.pages(service, "list_shares", prefix, include_metadata=True, results_per_page=3)
    assert [len(items) for items, _ in pages] == [3, 2]
    assert [found.metadata for found in pages[0][0]] == [{"name": name} for name in names[:3]]
    rest = await sdk.pages(service, "list_shares", prefix, token=pages[0][1], results_per_page=3)
    assert [found.name for found in rest[0][0]] == names[3:]
    await service.delete_share(names[0])
    await service.delete_share((await service.list_shares(names[1]))[0])
    answer = emulator.raw.get("", {"comp": "list", "prefix": prefix})
    assert re.findall(rb"<Name>([^<]*)</Name>", answer.body) == [name.encode() for name in names[2:]]


@scenario
async def a_deleted_share_comes_back(sdk, emulator, service, share):
    settings = {"restype": "service", "comp": "properties"}
    assert emulator.raw.send("PUT", "", settings, {}, KEEP_DELETED).status == 202
    await share.create_directory("d")
    await share.delete_share()
    assert head(emulator, share, restype="share") == 404
    [gone] = await service.list_shares(share.share_name, include_deleted=True)
    assert (gone.deleted, gone.remaining_retention_days) == (True, 3)
    restored = await service.undelete_share(gone.name, gone.version)
    assert restored.share_name == share.share_name
    assert listed(emulator, share) == ["d"]


@scenario
async def a_share_has_properties(sdk, emulator, service, share):
    other = await service.get_share_client(f"t-{uuid.uuid4().hex}")
    created = await other.create_share(metadata={"a_b": "1", "a1": "2", "ab": "3"}, quota=5, access_tier="Hot")
    assert created["etag"] == (await other.get_share_properties()).etag
    with pytest.raises(ResourceExistsError, match="ShareAlreadyExists"):
        await other.create_share()
    await other.set_share_quota(6)
    await other.set_share_properties(access_tier="Cool")
    await other.set_share_metadata({"later": "x"})
    found = await other.get_share_properties()
    assert (found.quota, found.access_tier, found.metadata, found.protocols) == (6, "Cool", {"later": "x"}, ["SMB"])
    headers = head(emulator, other, restype="share")
    assert (headers["x-ms-share-quota"], headers["x-ms-access-tier"], headers["x-ms-meta-later"]) == ("6", "Cool", "x")
    assert await other.get_share_stats() == 0
    await (await other.get_file_client("f")).upload_file(b"x" * 1000)
    assert await other.get_share_stats() == 1000
    await other.delete_share()
    with pytest.raises(ResourceNotFoundError, match="ShareNotFound"):
        await other.get_share_properties()


@scenario
async def a_share_has_policies_and_permissions(sdk, emulator, service, share):
    expiry = datetime.now(UTC) + timedelta(hours=1)
    policy = AccessPolicy(permission=ShareSasPermissions(read=True, list=True), expiry=expiry)
    await share.set_share_access_policy({"reader": policy})
    found = await share.get_share_access_policy()
    assert [(item.id, item.access_policy.permission) for item in found["signed_identifiers"]] == [("reader", "rl")]
    answer = emulator.raw.get(share.share_name, {"restype": "share", "comp": "acl"})
    assert b"<Id>reader</Id>" in answer.body
    key = await share.create_permission_for_share(SDDL)
    assert await share.get_permission_for_share(key) == f"{SDDL}S:NO_ACCESS_CONTROL"
    query = {"restype": "share", "comp": "filepermission"}
    answer = emulator.raw.get(share.share_name, query, {"x-ms-file-permission-key": key})
    assert json.loads(answer.body)["permission"] == f"{SDDL}S:NO_ACCESS_CONTROL"


@scenario
async def a_snapshot_stays_as_the_share_was(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    await file.upload_file(b"before")
    taken = await share.create_snapshot(metadata={"why": "test"})
    await file.upload_file(b"after!!")
    await (await share.get_file_client("new")).upload_file(b"")
    old = await service.get_share_client(share.share_name, snapshot=taken)
    assert (await old.get_share_properties()).metadata == {"why": "test"}
    assert [item.name for item in await old.list_directories_and_files()] == ["f"]
    then = await old.get_file_client("f")
    assert await sdk.settle((await then.download_file()).readall()) == b"before"
    assert emulator.raw.get(f"{share.share_name}/f", {"sharesnapshot": taken["snapshot"]}).body == b"before"
    with pytest.raises(HttpResponseError, match="ShareSnapshotOperationNotSupported"):
        await old.create_directory("d")
    both = await service.list_shares(share.share_name, include_snapshots=True, include_metadata=True)
    assert [(item.snapshot, item.metadata) for item in both] == [(taken["snapshot"], {"why": "test"}), (None, {})]
    with pytest.raises(HttpResponseError, match="ShareHasSnapshots"):
        await share.delete_share()
    await share.delete_share(delete_snapshots="include")
    assert head(emulator, share, restype="share") == 404


# -- directories


@scenario
async def directories_nest_rename_and_go(sdk, emulator, service, share):
    a = await share.create_directory("a", metadata={"k": "v"})
    b = await a.create_subdirectory("b", file_attributes="Hidden")
    await b.upload_file("f", b"x")
    assert [(item.name, item.is_directory) for item in await a.list_directories_and_files()] == [("b", True)]
    assert [item.name for item in await a.list_directories_and_files(name_starts_with="B")] == ["b"]
    moved = await a.rename_directory("c")
    assert (await moved.get_directory_properties()).metadata == {"k": "v"}
    assert content(emulator, share, "c/b/f") == b"x"
    assert [await a.exists(), await moved.exists()] == [False, True]
    with pytest.raises(HttpResponseError, match="DirectoryNotEmpty"):
        await moved.delete_directory()
    with pytest.raises(ResourceNotFoundError, match="ParentNotFound"):
        await (await a.get_subdirectory_client("b")).get_directory_properties()
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        await share.create_directory("C")
    await moved.set_directory_metadata({"other": "w"})
    await moved.set_http_headers(file_attributes="ReadOnly", file_last_write_time=T2)
    headers = head(emulator, share, "c", restype="directory")
    assert headers["x-ms-file-attributes"] == "ReadOnly | Directory"
    assert (headers["x-ms-file-last-write-time"], headers["x-ms-meta-other"]) == (T2, "w")
    inner = await moved.get_subdirectory_client("b")
    assert (await (await inner.get_file_client("f")).get_file_properties()).size == 1
    await inner.delete_file("f")
    await moved.delete_subdirectory("b")
    assert listed(emulator, share, "c") == []
    await moved.set_http_headers(file_attributes="None")
    await moved.delete_directory()
    again = await share.get_directory_client("again")
    await again.create_directory(file_permission=SDDL, file_creation_time=T1, file_change_time=T3)
    headers = head(emulator, share, "again", restype="directory")
    assert (headers["x-ms-file-creation-time"], headers["x-ms-file-change-time"]) == (T1, T3)
    await share.delete_directory("again")
    assert listed(emulator, share) == []


@scenario
async def listings_come_with_all_columns_and_in_pages(sdk, emulator, service, share):
    directory = await share.create_directory("d")
    for number in range(7):
        file = await directory.get_file_client(f"f{number}")
        await file.create_file(3, data=b"abc", file_last_write_time=T2, file_creation_time=T1, file_change_time=T3)
    await directory.create_subdirectory("sub")
    headers = head(emulator, share, "d/f0")
    for size in range(len(ALL) + 1):
        for include in itertools.combinations(ALL, size):
            found = (await directory.list_directories_and_files(include=list(include)))[1]
            assert (found.name, found.size, found.file_id) == ("f0", 3, headers["x-ms-file-id"])
            with_times = "timestamps" in include
            assert (found.creation_time, found.last_write_time, found.change_time) == (
                (T1, T2, T3) if with_times else (None, None, None)
            )
            assert found.etag == (headers["etag"] if "Etag" in include else None)
            assert found.file_attributes == ("Archive" if "Attributes" in include else None)
            key = headers["x-ms-file-permission-key"] if "PermissionKey" in include else None
            assert found.permission_key == key
    pages = await sdk.pages(directory, "list_directories_and_files", results_per_page=3, include=ALL)
    assert [[item.name for item in items] for items, _ in pages] == [
        ["f0", "f1", "f2"],
        ["f3", "f4", "f5"],
        ["sub", "f6"],
    ]
    rest = await sdk.pages(share, "list_directories_and_files", "d", token=pages[0][1], results_per_page=3)
    assert [item.name for item in rest[0][0]] == ["f3", "f4", "f5"]
    found = await share.list_directories_and_files("d", name_starts_with="F6", include_extended_info=True)
    assert [item.name for item in found] == ["f6"]
    assert listed(emulator, share, "d", prefix="s") == ["sub"]


@scenario
async def names_with_characters_xml_forbids(sdk, emulator, service, share):
    directory = await share.create_directory("d\uffff x")
    await directory.upload_file("f\ufffe%20+#", b"x")
    assert [item.name for item in await share.list_directories_and_files()] == ["d\uffff x"]
    assert [item.name for item in await directory.list_directories_and_files()] == ["f\ufffe%20+#"]
    assert content(emulator, share, "d%EF%BF%BF%20x/f%EF%BF%BE%2520+%23") == b"x"


@scenario
async def handles_are_none(sdk, emulator, service, share):
    directory = await share.create_directory("d")
    file = await directory.upload_file("f", b"x")
    assert await directory.list_handles(recursive=True, results_per_page=10) == []
    assert await file.list_handles() == []
    none = {"closed_handles_count": 0, "failed_handles_count": 0}
    assert await directory.close_all_handles(recursive=True) == none
    assert await file.close_all_handles() == none
    assert await directory.close_handle("1") == none
    assert await file.close_handle("1") == none


# -- files


@scenario
async def one_shot_create_carries_everything(sdk, emulator, service, share):
    await share.create_directory("d")
    file = await share.get_file_client("d/\u00fcml\u00e4ut & 100% +#.txt")
    key = await share.create_permission_for_share(SDDL)
    settings = ContentSettings(
        content_type="text/plain", content_encoding="x", cache_control="no-store", content_language="de"
    )
    await file.create_file(
        5,
        data=b"hello",
        file_property_semantics="Restore",
        permission_key=key,
        file_attributes=NTFSAttributes(hidden=True, read_only=True),
        file_creation_time=T1,
        file_last_write_time=T2,
        file_change_time=T3,
        metadata={"Key": "value"},
        content_settings=settings,
        validate_content="md5",
    )
    answer = emulator.raw.get(f"{share.share_name}/d/%C3%BCml%C3%A4ut%20%26%20100%25%20+%23.txt")
    headers = answer.headers
    assert answer.body == b"hello"
    assert (headers["x-ms-file-attributes"], headers["x-ms-file-permission-key"]) == ("ReadOnly | Hidden", key)
    times = [headers[f"x-ms-file-{which}-time"] for which in ("creation", "last-write", "change")]
    assert times == [T1, T2, T3]
    download = await file.download_file(decompress=False)
    assert await sdk.settle(download.readall()) == b"hello"
    assert download.properties.metadata == {"Key": "value"}
    assert download.properties.content_settings.content_language == "de"
    with pytest.raises(ResourceExistsError, match="ReadOnlyAttribute"):
        await file.delete_file()
    await file.set_http_headers(ContentSettings(content_type="text/html"), file_attributes="None")
    headers = head(emulator, share, "d/%C3%BCml%C3%A4ut%20%26%20100%25%20+%23.txt")
    assert (headers["content-type"], "content-language" in headers) == ("text/html", False)
    await file.set_file_metadata({"other": "w"})
    assert (await file.get_file_properties()).metadata == {"other": "w"}
    assert await file.exists()
    await file.delete_file()
    assert not await file.exists()


@scenario
async def files_of_all_sizes_go_up_and_come_down(sdk, emulator, service, share):
    directory = await share.create_directory("d")
    pattern = bytes(range(251)) * 66_000
    for size in (0, 1, 511, (4 << 20) - 1, 4 << 20, (9 << 20) + 3):
        data, seen, read = pattern[:size], [], []
        file = await directory.get_file_client(f"f{size}")
        await file.upload_file(data, max_concurrency=3, validate_content=True, progress_hook=sdk.hook(seen))
        assert content(emulator, share, f"d/f{size}") == data
        assert (max(seen) if size else (0, 0)) == (size, size)
        download = await file.download_file(
            max_concurrency=3, validate_content=size <= 4 << 20, progress_hook=sdk.hook(read)
        )
        assert await sdk.settle(download.readall()) == data
        assert (max(read) if size else (0, 0)) == (size, size)
    big = await directory.get_file_client(f"f{(9 << 20) + 3}")
    start, length = (4 << 20) - 7, (4 << 20) + 20
    part = await big.download_file(offset=start, length=length, validate_content=True)
    assert await sdk.settle(part.readall()) == pattern[start : start + length]
    into = io.BytesIO()
    assert await sdk.settle((await big.download_file(offset=9 << 20)).readinto(into)) == 3
    assert into.getvalue() == pattern[9 << 20 : (9 << 20) + 3]
    assert b"".join(await sdk.chunks(await big.download_file())) == pattern[: (9 << 20) + 3]
    named = await directory.upload_file("stream", io.BytesIO(b"from a stream"), metadata={"k": "v"})
    assert (await named.get_file_properties()).metadata == {"k": "v"}
    assert content(emulator, share, "d/stream") == b"from a stream"


@scenario
async def content_travels_in_segments_with_checksums(sdk, emulator, service, share):
    for size in (0, 5, (5 << 20) + 1):
        data = bytes(range(251)) * (size // 251) + bytes(size % 251)
        file = await share.get_file_client(f"f{size}")
        await file.upload_file(data, validate_content="crc64")
        assert content(emulator, share, f"f{size}") == data
        download = await file.download_file(validate_content="crc64")
        assert await sdk.settle(download.readall()) == data
    await file.upload_range(b"x" * 1000, 7, 1000, validate_content="auto")
    part = await file.download_file(offset=5, length=1004, validate_content="crc64")
    assert await sdk.settle(part.readall()) == data[5:7] + b"x" * 1000 + data[1007:1009]
    one = await share.get_file_client("one")
    await one.create_file(5, data=b"hello", validate_content="crc64")
    assert content(emulator, share, "one") == b"hello"
    del download, part
    forget_unread_answers()


@scenario
async def a_file_that_changes_under_a_download_is_noticed(sdk, emulator, service, share):
    small = sdk.make(
        "ShareFileClient", emulator.url, share.share_name, "f", credential=KEY, retry_total=0, max_single_get_size=1024,
        max_chunk_get_size=1024,
    )  # fmt: skip
    await small.upload_file(bytes(4096))
    download = await small.download_file()
    assert emulator.raw.put(f"{share.share_name}/f", bytes(4096)).status == 201
    with pytest.raises(ResourceModifiedError):
        await sdk.settle(download.readall())
    del download
    forget_unread_answers()


@scenario
async def ranges_are_written_cleared_and_listed(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    await file.create_file(100, file_last_write_time=T2)
    await file.resize_file(4096)
    await file.upload_range(b"xyz", 10, 3, file_last_write_mode="preserve")
    assert head(emulator, share, "f")["x-ms-file-last-write-time"] == T2
    await file.upload_range(b"y" * 1024, 1024, 1024, validate_content=True)
    await file.clear_range(1024, 512)
    assert content(emulator, share, "f") == bytes(10) + b"xyz" + bytes(1536 - 13) + b"y" * 512 + bytes(2048)
    for per_page in (None, 1, 2):
        found = await file.list_ranges(results_per_page=per_page)
        assert [(item.start, item.end, item.cleared) for item in found] == [(10, 12, False), (1536, 2047, False)]
    found = await file.list_ranges(offset=0, length=1000)
    assert [(item.start, item.end) for item in found] == [(10, 12)]
    pages = await sdk.pages(file, "list_ranges", results_per_page=1)
    assert [len(items) for items, _ in pages] == [1, 1]
    rest = await sdk.pages(file, "list_ranges", token=pages[0][1], results_per_page=1)
    assert [item.start for item in rest[0][0]] == [1536]
    with pytest.warns(DeprecationWarning, match="get_ranges is deprecated"):
        assert await file.get_ranges(offset=0, length=4096) == [{"start": 10, "end": 12}, {"start": 1536, "end": 2047}]


@scenario
async def ranges_changed_since_a_snapshot(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    await file.create_file(2048)
    snapshot = await share.create_snapshot()
    await file.upload_range(b"x" * 1536, 0, 1536)
    await file.clear_range(512, 512)
    expected = [(0, 511, False), (512, 1023, True), (1024, 1535, False)]
    for per_page in (None, 1):
        found = await file.list_ranges_diff(snapshot, results_per_page=per_page)
        assert [(change.start, change.end, change.cleared) for change in found] == expected
    with pytest.warns(DeprecationWarning, match="get_ranges_diff is deprecated"):
        written, cleared = await file.get_ranges_diff(snapshot)
    assert written == [{"start": 0, "end": 511}, {"start": 1024, "end": 1535}]
    assert cleared == [{"start": 512, "end": 1023}]
    moved = await file.rename_file("g")
    with pytest.raises(ResourceExistsError, match="FileGenerationMismatch"):
        await moved.list_ranges_diff(snapshot)
    found = await moved.list_ranges_diff(snapshot, include_renames=True)
    assert [(change.start, change.end, change.cleared) for change in found] == expected


@scenario
async def files_are_renamed_and_copied(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    await file.upload_file(b"hello", metadata={"k": "v"})
    file_id = head(emulator, share, "f")["x-ms-file-id"]
    await (await share.get_file_client("taken")).upload_file(b"")
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        await file.rename_file("taken")
    moved = await file.rename_file("taken", overwrite=True, ignore_read_only=True)
    assert head(emulator, share, "taken")["x-ms-file-id"] == file_id
    assert listed(emulator, share) == ["taken"]
    copy = await share.get_file_client("copy")
    started = await copy.start_copy_from_url(moved.url, file_attributes="source", file_creation_time="source")
    assert started["copy_status"] == "success"
    assert (await copy.get_file_properties()).copy.id == started["copy_id"]
    headers = head(emulator, share, "copy")
    assert (headers["x-ms-meta-k"], headers["x-ms-copy-status"]) == ("v", "success")
    assert headers["x-ms-file-creation-time"] == head(emulator, share, "taken")["x-ms-file-creation-time"]
    part = await share.get_file_client("part")
    await part.create_file(5)
    await part.upload_range_from_url(moved.url, offset=1, length=3, source_offset=2)
    assert content(emulator, share, "part") == b"\0llo\0"
    with pytest.raises(ResourceExistsError, match="NoPendingCopyOperation"):
        await copy.abort_copy(started["copy_id"])


@scenario
async def a_copy_from_elsewhere_is_pending_until_it_is_aborted(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    with web_source(bytes(1000)) as source:
        source.pause_at = 500
        started = await file.start_copy_from_url(source.url, metadata={"k": "v"})
        assert started["copy_status"] == "pending"
        assert (await file.get_file_properties()).copy.progress == "0/1000"
        with pytest.raises(ResourceExistsError, match="PendingCopyOperation"):
            await file.upload_range(b"x", 0, 1)
        await file.abort_copy(started["copy_id"])
        headers = head(emulator, share, "f")
        assert (headers["x-ms-copy-status"], headers["content-length"], headers["x-ms-meta-k"]) == ("aborted", "0", "v")


# -- leases


@scenario
async def leases_of_a_file_and_of_a_share(sdk, emulator, service, share):
    file = await share.get_file_client("f")
    await file.upload_file(b"content")
    lease = await file.acquire_lease()
    assert head(emulator, share, "f")["x-ms-lease-state"] == "leased"
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        await file.upload_file(b"new")
    await file.upload_file(b"new", lease=lease)
    await lease.change(str(uuid.uuid4()))
    assert await lease.break_lease() == 0
    mine = sdk.make("ShareLeaseClient", file)
    await mine.acquire()
    await mine.release()
    assert head(emulator, share, "f")["x-ms-lease-state"] == "available"
    held = await share.acquire_lease(lease_duration=60)
    await held.renew()
    assert head(emulator, share, restype="share")["x-ms-lease-duration"] == "fixed"
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        await share.delete_share()
    await share.delete_share(lease=held)


# -- links


@scenario
async def links_of_an_nfs_share(sdk, emulator, service, share):
    nfs = await service.get_share_client(f"n-{uuid.uuid4().hex}")
    await nfs.create_share(protocols="NFS", root_squash="NoRootSquash")
    file = await nfs.get_file_client("f")
    await file.create_file(3, data=b"abc", owner="1", group="2", file_mode="0640")
    hard, soft = await nfs.get_file_client("hard"), await nfs.get_file_client("soft")
    assert (await hard.create_hardlink(target="f"))["link_count"] == 2
    assert content(emulator, nfs, "hard") == b"abc"
    await soft.create_symlink("f", owner="3", group="4", metadata={"k": "v"})
    assert (await soft.get_symlink())["link_text"] == "f"
    answer = emulator.raw.get(f"{nfs.share_name}/soft", {"restype": "symboliclink"})
    assert answer.headers["x-ms-link-text"] == "f"
    headers = head(emulator, nfs, "hard")
    assert (headers["x-ms-owner"], headers["x-ms-mode"], headers["x-ms-link-count"]) == ("1", "0640", "2")


# -- ways in


@scenario
async def every_way_to_a_client(sdk, emulator, service, share):
    name = share.share_name
    file = await share.get_file_client("d/f")
    await share.create_directory("d")
    await file.upload_file(b"x")
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};FileEndpoint={emulator.url};"
    host_style = f"http://{ACCOUNT}.file.localhost:{emulator.port}"
    sas = generate_account_sas(ACCOUNT, KEY, "sco", "rwdlc", datetime.now(UTC) + timedelta(hours=1))
    named = AzureNamedKeyCredential(ACCOUNT, KEY)
    made = [
        await sdk.of("ShareServiceClient").from_connection_string(text),
        sdk.make("ShareServiceClient", emulator.url, credential=named),
        sdk.make("ShareServiceClient", f"{emulator.url}?{sas}"),
        sdk.make("ShareServiceClient", host_style, credential={"account_name": ACCOUNT, "account_key": KEY}),
    ]
    for client in made:
        assert [item.name for item in await client.list_shares(name)] == [name]
        assert client.url.startswith("http://")
    shares = [
        await sdk.of("ShareClient").from_connection_string(text, name),
        await sdk.of("ShareClient").from_share_url(share.url, credential=AzureSasCredential(sas)),
        sdk.make("ShareClient", host_style, name, credential=named),
        sdk.make("ShareClient", emulator.url, name, credential=sas),
    ]
    for client in shares:
        assert [item.name for item in await client.list_directories_and_files()] == ["d"]
    directories = [
        await sdk.of("ShareDirectoryClient").from_connection_string(text, name, "d"),
        sdk.make("ShareDirectoryClient", emulator.url, name, "d", credential=named),
        sdk.make("ShareDirectoryClient", host_style, name, "d", credential=named),
    ]
    for client in directories:
        assert [item.name for item in await client.list_directories_and_files()] == ["f"]
    files = [
        await sdk.of("ShareFileClient").from_connection_string(text, name, "d/f"),
        sdk.make("ShareFileClient", emulator.url, name, "d/f", credential=AzureSasCredential(sas)),
        sdk.make("ShareFileClient", host_style, name, "d/f", credential=named),
    ]
    for client in files:
        assert await sdk.settle((await client.download_file()).readall()) == b"x"
    # No more than their form: of a URL's scheme, these two keep nothing and take https.
    for class_name, method, path in (
        ("ShareDirectoryClient", "from_directory_url", "d"),
        ("ShareFileClient", "from_file_url", "d/f"),
    ):
        made_of = await getattr(sdk.of(class_name), method)(f"{host_style}/{name}/{path}", credential=named)
        assert made_of.url == f"https://{ACCOUNT}.file.localhost:{emulator.port}/{name}/{path}"
    for client in (*made, *shares, *directories, *files):
        await client.close()


@scenario
async def signatures_open_what_they_are_for(sdk, emulator, service, share):
    name, expiry = share.share_name, datetime.now(UTC) + timedelta(hours=1)
    await (await share.get_file_client("f")).upload_file(b"x")
    reader = generate_file_sas(ACCOUNT, name, ["f"], KEY, permission=FileSasPermissions(read=True), expiry=expiry)
    client = sdk.make("ShareFileClient", emulator.url, name, "f", credential=reader)
    assert await sdk.settle((await client.download_file()).readall()) == b"x"
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        await client.upload_range(b"y", 0, 1)
    await share.set_share_access_policy({"p": AccessPolicy(permission=ShareSasPermissions(list=True), expiry=expiry)})
    lister = generate_share_sas(ACCOUNT, name, KEY, policy_id="p")
    client = sdk.make("ShareClient", emulator.url, name, credential=AzureSasCredential(lister))
    assert [item.name for item in await client.list_directories_and_files()] == ["f"]
    objects = generate_account_sas(
        ACCOUNT, KEY, ResourceTypes(object=True), AccountSasPermissions(read=True, list=True), expiry
    )
    client = sdk.make("ShareClient", emulator.url, name, credential=objects)
    with pytest.raises(HttpResponseError, match="AuthorizationResourceTypeMismatch"):
        await client.get_share_properties()
    wrong = sdk.make("ShareServiceClient", emulator.url, credential=KEY[:-6] + "AAAA==")
    with pytest.raises(ClientAuthenticationError, match="AuthenticationFailed"):
        await wrong.list_shares()


@scenario
async def a_token_gets_a_key_and_the_key_signs(sdk, emulator, service, share):
    expiry = datetime.now(UTC) + timedelta(hours=1)
    with running("--tls") as secure:
        options = {"connection_verify": str(secure.certificate)}
        credential = Credential() if sdk.flavour == "sync" else AioCredential()
        bearer = sdk.make("ShareServiceClient", secure.url, credential=credential, token_intent="backup", **options)
        made = await bearer.create_share("share")
        await (await made.get_file_client("f")).upload_file(b"x")
        assert content(secure, made, "f") == b"x"
        key = await bearer.get_user_delegation_key(start=datetime.now(UTC), expiry=expiry)
        sas = generate_share_sas(ACCOUNT, "share", user_delegation_key=key, permission="rl", expiry=expiry)
        client = sdk.make("ShareClient", secure.url, "share", credential=sas, **options)
        assert [item.name for item in await client.list_directories_and_files()] == ["f"]
        with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
            await client.create_directory("d")
        await sdk.close()


@scenario
async def trailing_dots_are_kept_only_if_asked_for(sdk, emulator, service, share):
    dotted = sdk.make(
        "ShareClient", emulator.url, share.share_name, credential=KEY, allow_trailing_dot=True,
        allow_source_trailing_dot=True,
    )  # fmt: skip
    directory = await dotted.create_directory("d.")
    await directory.upload_file("f..", b"dots")
    await share.create_directory("e...")
    assert sorted(listed(emulator, share)) == ["d.", "e"]
    assert [item.name for item in await directory.list_directories_and_files()] == ["f.."]
    moved = await (await directory.get_file_client("f..")).rename_file("d./g.")
    assert await sdk.settle((await moved.download_file()).readall()) == b"dots"
    copy = await dotted.get_file_client("copy.")
    assert (await copy.start_copy_from_url(moved.url))["copy_status"] == "success"
    with pytest.raises(ResourceNotFoundError):
        await (await share.get_file_client("copy.")).get_file_properties()
    assert sorted(listed(emulator, share)) == ["copy.", "d.", "e"]


VERSIONS = ["2019-02-02", "2020-02-10", "2020-10-02", "2021-06-08", "2022-11-02", "2024-11-04", "2025-07-05"]


@scenario
async def older_versions_are_spoken_too(sdk, emulator, service, share):
    for version in [*VERSIONS, "2026-02-06", "2026-10-06"]:
        old = sdk.make("ShareClient", emulator.url, share.share_name, credential=KEY, api_version=version)
        assert old.api_version == version
        directory = await old.create_directory(f"d{version}")
        file = await directory.upload_file("f", version.encode())
        assert [item.name for item in await directory.list_directories_and_files()] == ["f"]
        with pytest.warns(DeprecationWarning, match="get_ranges is deprecated"):
            assert await file.get_ranges() == [{"start": 0, "end": 9}]
        assert (await file.get_file_properties()).size == 10
        assert content(emulator, share, f"d{version}/f") == version.encode()
    with pytest.raises(ValueError, match="Unsupported API version"):
        sdk.make("ShareClient", emulator.url, share.share_name, credential=KEY, api_version="2018-01-01")


# -- the tests


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("flavour", MODULES)
async def test_the_sdk_finds_what_it_expects(flavour, name, emulator):
    await play(name, flavour, emulator)


@pytest.mark.parametrize("flavour", MODULES)
async def test_no_public_method_was_left_out(flavour, emulator):
    for name in SCENARIOS:
        if (name, flavour) not in PLAYED:
            await play(name, flavour, emulator)
    assert public_methods(flavour) - CALLED[flavour] == set()


async def test_an_emulator_in_the_same_event_loop_serves_and_stops():
    emulator = Emulator()
    await emulator.start()
    sdk = Sdk("aio", set())
    service = sdk.make("ShareServiceClient", emulator.url, credential=KEY)
    share = await service.create_share("share")
    file = await share.get_file_client("f")
    await file.upload_file(bytes(9 << 20))
    assert len(await sdk.settle((await file.download_file()).readall())) == 9 << 20
    assert emulator.control.counters.operations()["file_create"].requests == 1
    await sdk.close()
    await emulator.stop()
    with pytest.raises(OSError):  # noqa: PT011 - refused, in whichever words
        await asyncio.open_connection("127.0.0.1", emulator.port)
