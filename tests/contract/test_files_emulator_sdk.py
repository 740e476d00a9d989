"""The real SDK, sync and aio, against an emulator process."""

import socket
import uuid

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.fileshare import ContentSettings, NTFSAttributes, ShareServiceClient
from azure.storage.fileshare.aio import ShareServiceClient as AioShareServiceClient

from localdev.files_emulator.server import Emulator
from tests.support.files_emulator import ACCOUNT, KEY, running

ALL = ["timestamps", "Etag", "Attributes", "PermissionKey"]


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
    return service.create_share(f"s-{uuid.uuid4().hex}")


def test_a_share_lives_with_its_properties_and_snapshots(service, share):
    share.set_share_metadata({"a_b": "1", "a1": "2", "ab": "3"})
    share.set_share_quota(7)
    snapshot = share.create_snapshot()["snapshot"]
    share.set_share_metadata({"later": "x"})
    assert share.get_share_properties().quota == 7
    listed = list(service.list_shares(name_starts_with=share.share_name, include_metadata=True, include_snapshots=True))
    assert [(item.snapshot, item.metadata) for item in listed] == [
        (snapshot, {"a_b": "1", "a1": "2", "ab": "3"}),
        (None, {"later": "x"}),
    ]
    with pytest.raises(ResourceExistsError, match="ShareAlreadyExists"):
        service.create_share(share.share_name)
    with pytest.raises(HttpResponseError, match="ShareHasSnapshots"):
        share.delete_share()
    share.delete_share(delete_snapshots=True)
    with pytest.raises(ResourceNotFoundError, match="ShareNotFound"):
        share.get_share_properties()


def test_shares_are_listed_in_pages(service):
    prefix = f"p{uuid.uuid4().hex[:8]}"
    wanted = [f"{prefix}-{number}" for number in range(5)]
    for name in wanted:
        service.create_share(name)
    assert [item.name for item in service.list_shares(name_starts_with=prefix, results_per_page=2)] == wanted


def test_one_shot_create_carries_everything(share):
    share.create_directory("d")
    file = share.get_file_client("d/\u00fcml\u00e4ut & 100% +#.txt")
    key = share.create_permission_for_share("O:SYG:SYD:(A;;FA;;;SY)")
    settings = ContentSettings(
        content_type="text/plain", content_encoding="x", cache_control="no-store", content_language="de"
    )
    file.create_file(
        5,
        data=b"hello",
        file_property_semantics="Restore",
        permission_key=key,
        file_attributes=NTFSAttributes(hidden=True, read_only=True),
        file_creation_time="2001-02-03T04:05:06.1234567Z",
        file_last_write_time="2002-02-03T04:05:06.1234567Z",
        file_change_time="2003-02-03T04:05:06.1234567Z",
        metadata={"Key": "value"},
        content_settings=settings,
    )
    [entry] = share.list_directories_and_files("d", include=ALL)
    assert entry.name == "\u00fcml\u00e4ut & 100% +#.txt"
    assert (entry.size, entry.file_attributes, entry.permission_key) == (5, "ReadOnly | Hidden", key)
    assert entry.creation_time == "2001-02-03T04:05:06.1234567Z"
    assert entry.last_write_time == "2002-02-03T04:05:06.1234567Z"
    assert entry.change_time == "2003-02-03T04:05:06.1234567Z"
    download = file.download_file()
    assert download.readall() == b"hello"
    assert download.properties.metadata == {"Key": "value"}
    assert download.properties.content_settings.content_language == "de"
    assert download.properties.file_id == entry.file_id
    assert share.get_permission_for_share(key) == "O:SYG:SYD:(A;;FA;;;SY)S:NO_ACCESS_CONTROL"


def test_a_file_grows_shrinks_and_is_read_in_ranges(share):
    file = share.get_file_client("big")
    data = bytes(range(256)) * (40 << 10)
    file.upload_file(data, max_concurrency=2)
    assert file.download_file(max_concurrency=2).readall() == data
    assert file.download_file(offset=1000, length=10).readall() == data[1000:1010]
    file.resize_file(100)
    assert file.download_file().readall() == data[:100]
    file.resize_file(200)
    assert file.download_file().readall() == data[:100] + bytes(100)
    file.resize_file(512)
    file.clear_range(0, 512)
    assert file.download_file().readall() == bytes(512)
    file.upload_range(b"xyz", 10, 3)
    assert [(found.start, found.end) for found in file.list_ranges()] == [(10, 12)]
    empty = share.get_file_client("empty")
    empty.upload_file(b"")
    assert empty.download_file().readall() == b""


def test_ranges_changed_since_a_snapshot(share):
    file = share.get_file_client("f")
    file.create_file(2048)
    snapshot = share.create_snapshot()["snapshot"]
    file.upload_range(b"x" * 1536, 0, 1536)
    file.clear_range(512, 512)
    for per_page in (None, 1):
        found = file.list_ranges_diff(snapshot, results_per_page=per_page)
        assert [(change.start, change.end, change.cleared) for change in found] == [
            (0, 511, False),
            (512, 1023, True),
            (1024, 1535, False),
        ]


def test_directories_nest_rename_and_go(share):
    a = share.create_directory("a", metadata={"k": "v"})
    b = a.create_subdirectory("b")
    b.upload_file("f", b"x")
    assert [(item.name, item.is_directory) for item in a.list_directories_and_files()] == [("b", True)]
    assert [item.name for item in a.list_directories_and_files(name_starts_with="B")] == ["b"]
    moved = a.rename_directory("c")
    assert moved.get_directory_properties().metadata == {"k": "v"}
    assert share.get_file_client("c/b/f").download_file().readall() == b"x"
    with pytest.raises(HttpResponseError, match="DirectoryNotEmpty"):
        moved.delete_directory()
    with pytest.raises(ResourceNotFoundError, match="ParentNotFound"):
        a.get_subdirectory_client("b").get_directory_properties()
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        share.create_directory("C")
    moved.set_directory_metadata({})
    moved.set_http_headers(file_attributes="ReadOnly", file_last_write_time="2002-02-03T04:05:06.1234567Z")
    assert moved.get_directory_properties().file_attributes == "ReadOnly | Directory"
    assert list(moved.list_handles()) == []
    assert moved.close_all_handles()["closed_handles_count"] == 0


def test_names_with_characters_xml_forbids(share):
    directory = share.create_directory("d\uffff")
    directory.upload_file("f\ufffe", b"x")
    assert [item.name for item in directory.list_directories_and_files()] == ["f\ufffe"]


def test_files_are_renamed_and_copied(share, emulator):
    file = share.get_file_client("f")
    file.upload_file(b"hello", metadata={"k": "v"})
    file_id = file.get_file_properties().file_id
    moved = file.rename_file("g")
    assert moved.get_file_properties().file_id == file_id
    copy = share.get_file_client("copy")
    assert copy.start_copy_from_url(moved.url)["copy_status"] == "success"
    properties = copy.get_file_properties()
    assert (properties.metadata, properties.copy.status) == ({"k": "v"}, "success")
    part = share.get_file_client("part")
    part.create_file(5)
    part.upload_range_from_url(moved.url, offset=1, length=3, source_offset=2)
    assert part.download_file().readall() == b"\0llo\0"
    with pytest.raises(HttpResponseError, match="NoPendingCopyOperation"):
        copy.abort_copy("x")


def test_a_snapshot_reads_as_the_share_was(service, share):
    file = share.get_file_client("f")
    file.upload_file(b"before")
    snapshot = share.create_snapshot()["snapshot"]
    file.upload_file(b"after!!")
    share.get_file_client("new").upload_file(b"")
    old = service.get_share_client(share.share_name, snapshot=snapshot)
    assert [item.name for item in old.list_directories_and_files()] == ["f"]
    assert old.get_file_client("f").download_file().readall() == b"before"
    with pytest.raises(HttpResponseError, match="ShareSnapshotOperationNotSupported"):
        old.create_directory("d")


def test_a_wrong_key_is_refused(emulator):
    wrong = KEY[:-6] + "AAAA=="
    refused = pytest.raises(ClientAuthenticationError, match="AuthenticationFailed")
    with ShareServiceClient(emulator.url, credential=wrong, retry_total=0) as service, refused:
        list(service.list_shares())


def test_faults_strike_where_they_are_told(emulator, share):
    control, file = emulator.control, share.get_file_client("f")
    file.upload_file(b"x")
    control.fault(operation="file_download", path="/f$", nth=2, status=503, code="ServerBusy")
    assert file.download_file().readall() == b"x"
    with pytest.raises(HttpResponseError, match="ServerBusy"):
        file.download_file()
    assert file.download_file().readall() == b"x"
    control.fault(operation="file_download", reset=True)
    with pytest.raises(Exception, match=r"aborted|reset|disconnected"):
        file.download_file()
    control.fault(operation="file_download", delay_s=0.2)
    assert file.download_file().readall() == b"x"
    control.clear()
    assert control.rules() == []
    assert control.counters()["operations"]["file_download"] >= 5


async def test_the_aio_sdk_works_too(emulator):
    async with AioShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        share = service.get_share_client(f"aio-{uuid.uuid4().hex}")
        await share.create_share()
        directory = share.get_directory_client("d")
        await directory.create_directory()
        for number in range(7):
            await directory.get_file_client(f"f{number}").create_file(3, data=b"abc", metadata={"n": str(number)})
        pages = directory.list_directories_and_files(include=ALL, results_per_page=3)
        assert [item.name async for item in pages] == [f"f{number}" for number in range(7)]
        download = await directory.get_file_client("f3").download_file()
        assert await download.readall() == b"abc"
        assert download.properties.metadata == {"n": "3"}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp, of how the SDK sends a range
async def test_an_emulator_in_the_same_event_loop_serves_and_stops():
    emulator = Emulator()
    await emulator.start()
    async with AioShareServiceClient(emulator.url, credential=KEY, retry_total=0) as service:
        share = await service.create_share("share")
        file = share.get_file_client("f")
        await file.upload_file(bytes(9 << 20))
        assert len(await (await file.download_file()).readall()) == 9 << 20
        assert emulator.control.counts["file_create"] == 1
    await emulator.stop()
    with pytest.raises(OSError):  # noqa: PT011 - refused, in whichever words
        socket.create_connection(("127.0.0.1", emulator.port), timeout=1)


def test_a_connection_string_and_sas_reach_it(emulator, share):
    from datetime import UTC, datetime, timedelta

    from azure.storage.fileshare import ShareClient, generate_account_sas

    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};FileEndpoint={emulator.url};"
    with ShareClient.from_connection_string(text, share.share_name) as client:
        client.create_directory("from-string")
    expiry = datetime.now(UTC) + timedelta(hours=1)
    sas = generate_account_sas(ACCOUNT, KEY, "sco", "rwdlc", expiry)
    with ShareClient(emulator.url, share.share_name, credential=sas) as client:
        assert [item.name for item in client.list_directories_and_files()] == ["from-string"]
