"""FilesReader and FilesWriter keep the promises of ShareReader and ShareWriter, against the emulator.

What they wrote is read back through Azure's SDK, and the other way round, so that they cannot agree on an error.
"""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.fileshare import ContentSettings, generate_share_sas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.adapters import file_ranges
from shared.adapters.credentials import AccountKey, Sas
from shared.adapters.files_admin import FilesAdmin
from shared.adapters.files_http import FilesHttp
from shared.adapters.files_reader import FilesReader
from shared.adapters.files_writer import MAX_WRITE_BYTES
from shared.adapters.metering import Meter
from shared.errors import Conflict, InvalidInput, NoAccess, NotFound, ShareGone, Unavailable
from shared.formats import listing
from shared.model import ticks
from shared.model.entry import Attributes
from shared.model.manifest import NO_HEADERS, ContentHeaders
from shared.ports.share_writer import NewProperties
from tests.support.files_control import ControlClient
from tests.support.share_tree import service
from tests.support.storage import door

SDDL = "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:(A;;FA;;;SY)(A;;0x1200a9;;;S-1-5-21-1-2-3-1001)"
AT = ticks.from_text("2019-08-07T06:05:04.1234567Z")
HEADERS = ContentHeaders("text/plain", "gzip", "de, en", 'attachment; filename="ä.txt"', "no-store", bytes(range(16)))
METADATA = [("Owner_Name", "Zoë"), ("a1", "x; y=z"), ("a_b", ""), ("ab", "100 %")]
ODD = "".join(map(chr, range(0x20, 0x7F)))


def properties(attributes=Attributes.ARCHIVE, key="", at=AT):
    return NewProperties(created=at, written=at + 1, changed=at + 2, attributes=int(attributes), permission_key=key)


async def entries(reader, path=""):
    found, marker = [], ""
    while True:
        page, marker = listing.split(await reader.list_page(path, marker))
        found += listing.parse(page)
        if not marker:
            return {entry.name: entry for entry in found}


@pytest.fixture
async def share(files_emulator):
    async with door(files_emulator) as share:
        yield share


@pytest.mark.parametrize("size", [0, 1, 2048, MAX_WRITE_BYTES])
async def test_a_small_file_is_written_whole_in_one_request_and_read_in_one(share, size):
    key = await share.writer.create_permission(SDDL)
    body = secrets.token_bytes(size)
    wanted = properties(Attributes.READ_ONLY | Attributes.HIDDEN, key)
    before = share.meter.snapshot()
    await share.writer.create_file("f", size, body, wanted, HEADERS, METADATA)
    found, read = await share.reader.read_file("f", size)
    assert dict(share.meter.since(before).files) == {"create_file": 1, "get_file": 1}
    assert read == body
    assert (found.created, found.written, found.changed) == (AT, AT + 1, AT + 2)
    assert (found.attributes, found.permission_key, found.headers) == (wanted.attributes, key, HEADERS)
    assert list(found.metadata) == METADATA
    entry = (await entries(share.reader))["f"]
    assert (entry.changed, entry.file_id, entry.size_bytes) == (found.changed, found.file_id, size)
    assert await share.reader.file_properties("f") == found
    seen = share.client.get_file_client("f").get_file_properties()
    assert (seen.size, seen.content_settings.content_md5) == (size, bytearray(range(16)))
    # Headers are bytes: we send UTF-8, and the SDK's synchronous client takes every header for Latin-1.
    assert {name: value.encode("latin-1").decode() for name, value in seen.metadata.items()} == dict(METADATA)


async def test_a_file_written_by_the_sdk_is_read_with_what_only_its_headers_say(share):
    client = share.client.get_file_client("f")
    kept = ContentSettings(content_type="a/b", content_language="fr", content_md5=bytearray(16))
    client.create_file(3, data=b"abc", metadata={"Key": "v"}, content_settings=kept, file_attributes="ReadOnly|System")
    found, body = await share.reader.read_file("f", 3)
    assert body == b"abc"
    assert found.headers == ContentHeaders("a/b", "", "fr", "", "", bytes(16))
    assert found.metadata == (("Key", "v"),)
    assert found.attributes == Attributes.READ_ONLY | Attributes.SYSTEM | Attributes.ARCHIVE
    assert (await share.reader.file_properties("f")) == found


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_a_file_without_a_content_type_is_written_without_one_and_the_default_counts_as_set(share, body):
    await share.writer.create_file("f", len(body), body, properties(Attributes.HIDDEN), NO_HEADERS, METADATA)
    found, _ = await share.reader.read_file("f", len(body))
    assert (found.headers, found.attributes, found.changed) == (NO_HEADERS, Attributes.HIDDEN, AT + 2)
    assert list(found.metadata) == METADATA
    share.client.get_file_client("g").create_file(0)
    assert (await share.reader.read_file("g", 0))[0].headers == ContentHeaders("application/octet-stream")


@pytest.mark.parametrize("attributes", [Attributes.NONE, Attributes.HIDDEN, Attributes.READ_ONLY])
async def test_attributes_are_kept_without_a_permission_too(share, attributes):
    await share.writer.create_file("f", 1, b"x", properties(attributes), NO_HEADERS, [])
    found, _ = await share.reader.read_file("f", 1)
    assert (found.attributes, found.changed) == (attributes, AT + 2)


async def test_a_read_only_file_in_the_way_is_replaced_and_writing_twice_is_writing_once(share):
    key = await share.writer.create_permission(SDDL)
    for body in (b"one", b"three", b"three"):
        await share.writer.create_file(
            "f", len(body), body, properties(Attributes.READ_ONLY, key), HEADERS, [("n", str(len(body)))]
        )
    found, body = await share.reader.read_file("f", 5)
    assert (body, found.metadata, found.attributes) == (b"three", (("n", "5"),), Attributes.READ_ONLY)


async def test_a_large_file_is_written_in_ranges_and_gets_its_properties_last(share):
    key = await share.writer.create_permission(SDDL)
    wanted = properties(Attributes.READ_ONLY | Attributes.ARCHIVE, key)
    size = 2 * MAX_WRITE_BYTES + 1000
    tail = secrets.token_bytes(1000)
    for _ in range(2):  # a worker may die at the end and another do it all again
        await share.writer.create_file("f", size, None, wanted, HEADERS, METADATA)
        await share.writer.put_range("f", 2 * MAX_WRITE_BYTES, tail)
        await share.writer.put_range("f", 0, b"\1" * MAX_WRITE_BYTES)
        await share.writer.put_range("f", 0, b"")
        await share.writer.set_file_properties("f", wanted, HEADERS)
        await share.writer.set_file_properties("f", wanted, HEADERS)
    found = await share.reader.file_properties("f")
    assert (found.size_bytes, found.written, found.changed) == (size, AT + 1, AT + 2)
    assert (found.attributes, found.headers, list(found.metadata)) == (wanted.attributes, HEADERS, METADATA)
    content = b"\1" * MAX_WRITE_BYTES + bytes(MAX_WRITE_BYTES) + tail
    first, *blocks = [item async for item in share.reader.stream_file("f", size, 3_000_000)]
    assert first == found
    assert [len(block) for block in blocks] == [3_000_000, 3_000_000, size - 6_000_000]
    assert b"".join(blocks) == content
    assert await share.reader.read_range("f", MAX_WRITE_BYTES - 10, 20) == b"\1" * 10 + bytes(10)
    assert await share.reader.read_range("f", size - 3, 3) == tail[-3:]


async def test_a_range_leaves_the_last_write_time_alone(share):
    await share.writer.create_file("f", 3, None, properties(), NO_HEADERS, [])
    await share.writer.put_range("f", 0, b"abc")
    found, body = await share.reader.read_file("f", 3)
    assert (body, found.written) == (b"abc", AT + 1)


@pytest.mark.parametrize(("offset", "length"), [(2, 2), (3, 1), (0, 4), (10**13, 5)])
async def test_a_range_that_is_not_all_there_is_not_passed_off_as_one(share, offset, length):
    await share.writer.create_file("f", 3, b"abc", properties(), NO_HEADERS, [])
    with pytest.raises(Unavailable):
        await share.reader.read_range("f", offset, length)
    assert await share.reader.read_range("f", offset, 0) == b""


@pytest.mark.parametrize("said", [2, 4])
async def test_a_file_that_is_not_as_long_as_listed_is_unavailable(share, said):
    await share.writer.create_file("f", 3, b"abc", properties(), NO_HEADERS, [])
    with pytest.raises(Unavailable, match=f"3 bytes, expected {said}"):
        await share.reader.read_file("f", said)
    with pytest.raises(Unavailable):
        await anext(share.reader.stream_file("f", said, 10))


async def test_a_stream_may_be_left_before_its_end_and_an_empty_one_has_no_blocks(share):
    await share.writer.create_file("f", MAX_WRITE_BYTES, bytes(MAX_WRITE_BYTES), properties(), NO_HEADERS, [])
    stream = share.reader.stream_file("f", MAX_WRITE_BYTES, 1000)
    await anext(stream)
    assert await anext(stream) == bytes(1000)
    await stream.aclose()
    await share.writer.create_file("e", 0, b"", properties(), NO_HEADERS, [])
    assert len([item async for item in share.reader.stream_file("e", 0, 1000)]) == 1


async def test_directories_are_made_found_and_described(share):
    await share.writer.create_directory("d", [("A", "1"), ("b_c", "2")])
    await share.writer.create_directory("d", METADATA)
    await share.writer.create_directory("d/e.", [])
    key = await share.writer.create_permission(SDDL)
    await share.writer.create_file("d/f", 1, b"x", properties(), NO_HEADERS, [])
    wanted = properties(Attributes.DIRECTORY | Attributes.HIDDEN, key)
    await share.writer.set_directory_properties("d", wanted)
    await share.writer.set_directory_properties("d", wanted)
    found = await share.reader.directory_properties("d")
    assert (found.created, found.written, found.changed) == (AT, AT + 1, AT + 2)
    assert (found.attributes, found.permission_key, list(found.metadata)) == (wanted.attributes, key, METADATA)
    assert found.file_id == (await entries(share.reader))["d"].file_id
    await share.writer.create_directory("d", [])
    assert (await share.reader.directory_properties("d")).metadata == ()
    assert share.client.get_directory_client("d/e.").exists()


async def test_the_root_has_properties_and_metadata_too(share):
    await share.writer.create_directory("", METADATA)
    await share.writer.set_directory_properties("", properties(Attributes.DIRECTORY))
    found = await share.reader.directory_properties("")
    assert (list(found.metadata), found.written) == (METADATA, AT + 1)
    await share.writer.set_directory_metadata("", [])
    assert (await share.reader.directory_properties("")).metadata == ()


async def test_a_permission_is_read_from_the_live_share_also_by_a_reader_of_a_snapshot(share):
    key = await share.writer.create_permission(SDDL)
    snapshot = share.client.create_snapshot()["snapshot"]
    assert (await share.at(snapshot).permission(key)).startswith(SDDL)
    assert await share.writer.create_permission(SDDL) == key
    with pytest.raises(InvalidInput):
        await share.writer.create_permission("nonsense")


async def test_a_reader_of_a_snapshot_sees_what_was(share):
    await share.writer.create_file("f", 3, b"old", properties(), NO_HEADERS, [("k", "old")])
    snapshot = share.client.create_snapshot()["snapshot"]
    await share.writer.create_file("f", 4, b"new!", properties(), NO_HEADERS, [])
    await share.writer.create_file("g", 1, b"x", properties(), NO_HEADERS, [])
    was = share.at(snapshot)
    found, body = await was.read_file("f", 3)
    assert (body, found.metadata, list(await entries(was))) == (b"old", (("k", "old"),), ["f"])
    assert await was.read_range("f", 1, 2) == b"ld"
    assert (await was.file_properties("f")).metadata == (("k", "old"),)
    assert b"".join([item async for item in was.stream_file("f", 3, 2)][1:]) == b"old"
    assert (await was.directory_properties("")).attributes == Attributes.DIRECTORY
    with pytest.raises(NotFound):
        await was.read_file("g", 1)
    with pytest.raises(ShareGone, match="ShareSnapshotNotFound"):
        await share.at("2000-01-01T00:00:00.0000000Z").list_page("")


async def test_a_listing_is_paged_to_its_end(share):
    names = {f"f{number:05d}" for number in range(5_003)}
    for name in sorted(names):
        await share.writer.create_file(name, 0, b"", properties(), NO_HEADERS, [])
    before = share.meter.snapshot()
    assert set(await entries(share.reader)) == names
    assert share.meter.since(before).files == Counter({"list": 2})


@pytest.mark.parametrize("path", ["missing", "missing/f"])
async def test_what_is_not_there_is_not_found(share, path):
    for call in (
        share.reader.read_file(path, 1),
        share.reader.read_range(path, 0, 1),
        share.reader.file_properties(path),
        share.reader.directory_properties(path),
        share.reader.list_page(path),
        share.writer.put_range(path, 0, b"x"),
        share.writer.create_directory("missing/d", []),
        share.writer.create_file("missing/f", 0, b"", properties(), NO_HEADERS, []),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_directory_where_a_file_should_be_is_a_conflict_and_the_other_way_round(share):
    await share.writer.create_directory("d", [])
    await share.writer.create_file("f", 0, b"", properties(), NO_HEADERS, [])
    with pytest.raises(Conflict, match="ResourceTypeMismatch"):
        await share.writer.create_file("d", 0, b"", properties(), NO_HEADERS, [])
    with pytest.raises(Conflict, match="ResourceTypeMismatch"):
        await share.writer.create_directory("f", [])


async def test_what_cannot_be_written_is_refused_before_it_is_sent(share):
    before = share.meter.snapshot()
    with pytest.raises(InvalidInput):
        await share.writer.create_file("f", 4, b"abc", properties(), NO_HEADERS, [])
    with pytest.raises(InvalidInput):
        await share.writer.create_file("f", 3, b"abc", properties(), NO_HEADERS, [("k", "a\nb")])
    with pytest.raises(InvalidInput, match="metadata 'k: v' cannot be sent"):
        await share.writer.create_directory("d", [("k: v", "w")])
    with pytest.raises(InvalidInput):
        await share.writer.put_range("f", 0, bytes(MAX_WRITE_BYTES + 1))
    assert not share.meter.since(before).files


async def test_properties_the_service_cannot_set_are_left_to_it(share):
    """A node saved from an NFS share has no attributes; reparse points and compression are not ours to restore."""
    strange = NewProperties(created=0, written=0, changed=0, attributes=0x400 | 0x800 | 0x20)
    await share.writer.create_file("f", 0, b"", strange, NO_HEADERS, [])
    await share.writer.create_directory("d", [])
    await share.writer.set_directory_properties("d", strange)
    assert (await share.reader.file_properties("f")).attributes == Attributes.ARCHIVE
    assert (await share.reader.directory_properties("d")).attributes == Attributes.ARCHIVE | Attributes.DIRECTORY


async def test_a_sas_is_as_good_as_a_key_and_a_wrong_key_is_denied(share, files_emulator):
    await share.writer.create_file("f &+%", 1, b"x", properties(), NO_HEADERS, [])
    sas = generate_share_sas(
        files_emulator.account,
        share.share_name,
        files_emulator.key,
        permission="rl",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    async with FilesHttp(files_emulator.url, Sas(sas), meter=Meter()) as http:
        reader = FilesReader(http, share.share_name, None)
        assert (await reader.read_file("f &+%", 1))[1] == b"x"
        assert list(await entries(reader)) == ["f &+%"]
    async with FilesHttp(files_emulator.url, AccountKey("QUJD"), meter=Meter()) as http:
        with pytest.raises(NoAccess, match="hint: the account key or SAS is wrong"):
            await FilesReader(http, share.share_name, None).read_file("f", 1)


NAMES = st.one_of(
    st.text(
        st.sampled_from([c for c in ODD if c not in '"\\/:|<>*?'] + list("é中😀 ĀÿИ\u200b\ufffe")),
        min_size=1,
        max_size=12,
    ),
    st.text(
        st.characters(codec="utf-8", exclude_characters='"\\/:|<>*?', exclude_categories=("Cc", "Cs", "Co")),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(["%2F", "%", "a+b", "#", "&=;", " lead", "trail ", "dot.", "dots...", "~", "a%20b"]),
).filter(lambda name: name.strip(".") and len(name.encode("utf-16-le")) <= 510)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directory=NAMES, name=NAMES, value=st.text(st.sampled_from(ODD + "é中😀ÿ"), max_size=20).map(str.strip))
def test_any_name_the_service_takes_comes_back_as_it_was(files_emulator, directory, name, value):
    async def scenario():
        async with door(files_emulator) as share:
            try:
                await share.writer.create_directory(directory, [("k", value)])
                await share.writer.create_file(f"{directory}/{name}", 1, b"x", properties(), NO_HEADERS, [("k", value)])
            except InvalidInput:
                return  # a reserved name, say; nothing was sent to another place
            assert list(await entries(share.reader)) == [directory]
            assert list(await entries(share.reader, directory)) == [name]
            found, body = await share.reader.read_file(f"{directory}/{name}", 1)
            assert (body, found.metadata) == (b"x", (("k", value),))
            assert (await share.reader.directory_properties(directory)).metadata == (("k", value),)
            assert share.client.get_file_client(f"{directory}/{name}").exists()

    asyncio.run(scenario())


# ---------------------------------------------------------------------------------------------------------------------
# Ranges

GIB = 1 << 30


async def ranges_of(reader, path, size, since=None):
    return [tuple(found) for page in [page async for page in reader.ranges(path, size, since)] for found in page]


async def test_what_is_allocated_in_a_file_is_told_without_its_content(share):
    await share.writer.create_file("f", 9 * GIB, None, properties(), NO_HEADERS, [])
    assert await ranges_of(share.reader, "f", 9 * GIB) == []
    await share.writer.put_range("f", 512, b"a" * 1024)
    await share.writer.put_range("f", 9 * GIB - 100, b"a" * 100)
    expected = [(512, 1536, False), (9 * GIB - 100, 9 * GIB, False)]
    assert await ranges_of(share.reader, "f", 9 * GIB) == expected
    with pytest.raises(Unavailable, match=f"of a file of {9 * GIB} bytes, expected {GIB}"):
        await ranges_of(share.reader, "f", GIB)
    with pytest.raises(NotFound):
        await ranges_of(share.reader, "g", 9 * GIB)


@pytest.mark.parametrize("version", ["2026-10-06", "2022-11-02"])
async def test_ranges_come_in_pages_or_from_parts_of_the_file(files_emulator, share, monkeypatch, version):
    """A service that knows no pages is asked for a few gigabytes first, then for twice as much again and again."""
    monkeypatch.setattr("shared.adapters.files_reader.RANGES_PER_PAGE", 7)
    size = 40 * GIB
    await share.writer.create_file("f", size, None, properties(), NO_HEADERS, [])
    expected = [(n * 1536, n * 1536 + 512, False) for n in range(20)] + [(size - 512, size, False)]
    for start, end, _ in expected:
        await share.writer.put_range("f", start, b"x" * (end - start))
    meter = Meter()
    async with FilesHttp(files_emulator.url, AccountKey(files_emulator.key), meter=meter, version=version) as http:
        reader = FilesReader(http, share.share_name, None)
        assert await ranges_of(reader, "f", size) == expected
    assert meter.files_requests["list_ranges"] == {"2026-10-06": 3, "2022-11-02": 5}[version]


async def test_a_file_that_the_service_takes_too_long_over_is_asked_for_in_parts(files_emulator, share, monkeypatch):
    monkeypatch.setattr("shared.adapters.backoff.jitter", lambda _most: 100.0)  # no time left for a second try
    size = 5 * GIB
    await share.writer.create_file("f", size, None, properties(), NO_HEADERS, [])
    await share.writer.put_range("f", 3 * GIB, b"x" * 512)
    control = ControlClient(files_emulator.control_url)
    rule = {
        "operation": "file_get_range_list",
        "share": share.share_name,
        "every": 1,
        "count": 3,
        "status": 500,
        "code": "OperationTimedOut",
    }
    meter = Meter()
    async with FilesHttp(files_emulator.url, AccountKey(files_emulator.key), meter=meter) as http:
        reader = FilesReader(http, share.share_name, None)
        with control.faults(rule | {"count": 1}):
            assert await ranges_of(reader, "f", size) == [(3 * GIB, 3 * GIB + 512, False)]
        assert meter.files_requests["list_ranges"] == 1 + 1 + 1 + 1  # refused; then 1, 2 and 2 GiB
        with control.faults(rule), pytest.raises(Unavailable):
            await ranges_of(reader, "f", size)


async def test_what_changed_since_a_snapshot_is_told_with_what_was_cleared(share, files_emulator):
    async with FilesAdmin(files_emulator.url, share.share_name, AccountKey(files_emulator.key)) as admin:
        await share.writer.create_file("f", GIB, None, properties(), NO_HEADERS, [])
        await share.writer.put_range("f", 0, b"a" * 4096)
        first = await admin.take_snapshot("1")
        with service(files_emulator) as account:
            client = account.get_share_client(share.share_name)
            client.get_file_client("f").clear_range(512, 512)
            await share.writer.put_range("f", 8192, b"b" * 512)
            reader = share.at(await admin.take_snapshot("2"))
            expected = [(512, 1024, True), (8192, 8704, False)]
            assert await ranges_of(reader, "f", GIB, first) == expected
            client.get_file_client("f").rename_file("g")
            reader = share.at(await admin.take_snapshot("3"))
            assert await ranges_of(reader, "g", GIB, first) == expected
            client.get_file_client("g").delete_file()
            await share.writer.create_file("f", GIB, None, properties(), NO_HEADERS, [])
            with pytest.raises(Conflict) as replaced:
                await ranges_of(share.reader, "f", GIB, first)
            assert replaced.value.code == "FileGenerationMismatch"
            await share.writer.create_file("new", GIB, None, properties(), NO_HEADERS, [])
            with pytest.raises(NotFound):
                await ranges_of(share.reader, "new", GIB, first)
            await admin.delete_snapshot(first)
            with pytest.raises(NotFound) as gone:
                await ranges_of(share.reader, "f", GIB, first)
            assert gone.value.code == "PreviousSnapshotNotFound"


async def test_properties_of_then_are_those_at_a_snapshot(share, files_emulator):
    async with FilesAdmin(files_emulator.url, share.share_name, AccountKey(files_emulator.key)) as admin:
        await share.writer.create_file("f", 3, b"old", properties(), NO_HEADERS, [])
        then = await share.reader.file_properties("f")
        snapshot = await admin.take_snapshot("1")
        await share.writer.put_range("f", 0, b"new")
        assert (await share.reader.file_properties("f")).changed > then.changed
        assert await share.reader.file_properties("f", snapshot) == then


ANSWERS = [
    b"<Ranges><Range><Start>0</Start><End>511</End></Range>",
    b"<Ranges><Range><Start>0</Start><End>511</End></Range><Range><Start>1024</Start></Ranges>",
    b"<Ranges><Range><Start>1024</Start><End>2047</End></Range><Range><Start>0</Start><End>511</End></Range></Ranges>",
    b"<Ranges><Range><Start>0</Start><Ende>511</Ende></Range></Ranges>",
    b"<Ranges><NextMarker>5</NextMarker></Ranges>",
    b"",
]


@pytest.mark.parametrize("body", ANSWERS)
def test_an_answer_that_is_not_whole_is_asked_for_again_and_not_taken_for_holes(body):
    with pytest.raises(Unavailable):
        file_ranges.parse(body, "f", 0, 4096)


def test_ranges_are_cut_to_what_was_asked_for():
    body = b"<Ranges><Range><Start>0</Start><End>1023</End></Range><ClearRange><Start>4000</Start><End>4607</End></ClearRange></Ranges>"
    assert file_ranges.parse(body, "f", 512, 4100) == ([(512, 1024, False), (4000, 4100, True)], False)
    assert file_ranges.parse(b"\xef\xbb\xbf<Ranges />", "f", 0, 10) == ([], False)
