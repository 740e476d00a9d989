"""The adapters' promises about shares for NFS, against the emulator and the SDK."""

import secrets
from urllib.parse import quote, unquote

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from shared.adapters import node_headers
from shared.errors import Conflict, IntegrityError, InvalidInput, NotFound
from shared.model import ticks
from shared.model.entry import Posix
from shared.model.manifest import NO_HEADERS, ContentHeaders
from shared.ports.share_writer import NewProperties
from tests.support.files_control import ControlClient
from tests.support.nfs_tree import times_of
from tests.support.storage import door

AT = ticks.from_text("2019-08-07T06:05:04.1234567Z")
HEADERS = ContentHeaders("text/plain", md5=bytes(range(16)))


def properties(owner=7, group=8, mode=0o4750, text=""):
    return NewProperties(
        created=AT, written=AT + 1, changed=AT + 2, attributes=0x20, posix=Posix(owner, group, mode, link_text=text)
    )


def told(client):
    headers = {}
    found = client.get_file_properties(raw_response_hook=lambda answer: headers.update(answer.http_response.headers))
    return found.nfs_file_type, found.owner, found.group, found.file_mode, *times_of(headers)


ALL_TIMES = tuple(ticks.to_text(AT + n) for n in range(3))


@pytest.fixture
async def share(files_emulator):
    async with door(files_emulator, "NFS") as share:
        yield share
    ControlClient(files_emulator.control_url).clear()


@pytest.mark.parametrize("size", [0, 1, 5000])
async def test_a_small_file_is_one_request_owner_group_and_mode_included(share, size):
    body = secrets.token_bytes(size)
    before = share.meter.snapshot()
    await share.writer.create_file("f", size, body, properties(), HEADERS, [("Key", "v")])
    assert share.meter.since(before).files == {"create_file": 1}
    assert told(share.client.get_file_client("f")) == ("Regular", "7", "8", "4750", *ALL_TIMES)
    found, content = await share.reader.read_file("f", size)
    assert (found.posix, content, found.headers, found.metadata) == (
        Posix(7, 8, 0o4750),
        body,
        HEADERS,
        (("Key", "v"),),
    )
    assert not found.is_symbolic_link


async def test_directories_and_the_root_have_owner_group_and_mode(share):
    assert await share.writer.create_directory("d", [])
    assert not await share.writer.create_directory("d", [("k", "v")])
    for path in ("d", ""):
        await share.writer.set_directory_properties(path, properties(1, 2, 0o2711))
        assert (await share.reader.directory_properties(path)).posix == Posix(1, 2, 0o2711)
    await share.writer.create_file("d/x", 0, b"", properties(), NO_HEADERS, [])
    assert {entry.name for entry in await share.writer.entries("")} == {"d"}
    assert {entry.name for entry in await share.writer.entries("d")} == {"x"}


@pytest.mark.parametrize("text", ["target", "../ä ö/%41?#", "/" + "d/" * 1000 + "x", "日本"])
async def test_symbolic_links_carry_their_text_and_replace_what_is_there(share, text):
    link = share.client.get_file_client("l")
    for _ in range(2):
        await share.writer.create_symbolic_link("l", properties(text=text, mode=0o700), [("Key", "v")])
        assert unquote(link.get_symlink()["link_text"]) == text
        assert told(link) == ("SymLink", "7", "8", "0700", *ALL_TIMES)
        assert await share.reader.link_text("l") == text
        found = await share.reader.file_properties("l")
        assert (found.is_symbolic_link, found.posix.mode, found.metadata) == (True, 0o700, (("Key", "v"),))
    with pytest.raises(Conflict, match="ResourceTypeMismatch"):
        await share.reader.read_file("l", len(text.encode()))


async def test_what_is_no_symbolic_link_has_no_text(share):
    await share.writer.create_file("f", 0, b"", properties(), NO_HEADERS, [])
    with pytest.raises(Conflict):
        await share.reader.link_text("f")
    with pytest.raises(NotFound):
        await share.reader.link_text("none")


async def test_hard_links_are_one_file_and_replace_what_is_there(share):
    await share.writer.create_file("a b&ä", 1, b"x", properties(), NO_HEADERS, [])
    await share.writer.create_file("old", 3, b"old", properties(), NO_HEADERS, [])
    for path in ("new", "old", "old"):
        await share.writer.create_hard_link(path, "a b&ä")
        found, content = await share.reader.read_file(path, 1)
        assert content == b"x"
    assert found.posix.links == 3
    with pytest.raises(NotFound):
        await share.writer.create_hard_link("x", "none")


async def test_only_what_would_change_something_else_makes_way(share):
    await share.writer.create_file("one", 1, b"x", properties(), NO_HEADERS, [])
    await share.writer.create_file("two", 1, b"x", properties(), NO_HEADERS, [])
    await share.writer.create_hard_link("three", "two")
    share.client.get_file_client("soft").create_symlink(target=quote("one"))
    await share.writer.create_directory("d", [])
    for path in ("one", "two", "soft", "none"):
        await share.writer.make_way(path)
    assert {entry.name for entry in await share.writer.entries("")} == {"one", "three", "d"}


async def test_a_service_that_lets_no_change_time_be_set_gets_everything_else(share, files_emulator):
    """Which may be so on NFS shares: it is found out once."""
    control = ControlClient(files_emulator.control_url)
    control.fault(operation="file_create", path=f"/{share.share_name}/", status=400, code="UnsupportedHeader")
    before = share.meter.snapshot()
    for name in ("a", "b"):
        await share.writer.create_file(name, 1, b"x", properties(), HEADERS, [])
        assert told(share.client.get_file_client(name))[:6] == ("Regular", "7", "8", "4750", *ALL_TIMES[:2])
    await share.writer.create_symbolic_link("l", properties(text="a", mode=0o777), [])
    assert share.meter.since(before).files == {"create_file": 3, "create_symbolic_link": 1}


async def test_another_refusal_is_not_taken_for_that(share, files_emulator):
    control = ControlClient(files_emulator.control_url)
    control.fault(operation="file_create", path=f"/{share.share_name}/", status=400, code="UnsupportedHeader", count=2)
    with pytest.raises(InvalidInput):
        await share.writer.create_file("a", 0, b"", properties(), HEADERS, [])
    await share.writer.create_file("a", 0, b"", properties(), HEADERS, [])
    assert told(share.client.get_file_client("a")) == ("Regular", "7", "8", "4750", *ALL_TIMES)


def test_properties_that_make_no_sense_are_not_believed():
    sane = {"ETag": '"0x1"', "x-ms-mode": "0644", "x-ms-owner": "0", "x-ms-group": "0"}
    assert node_headers.directory_properties(CIMultiDictProxy(CIMultiDict(sane))).posix == Posix(0, 0, 0o644)
    for wrong in ({"x-ms-mode": "0999"}, {"x-ms-mode": "17777"}, {"x-ms-owner": "-1"}, {"x-ms-group": "root"}):
        with pytest.raises(IntegrityError):
            node_headers.directory_properties(CIMultiDictProxy(CIMultiDict(sane | wrong)))
    for text in ({}, {"x-ms-link-text": "%FF"}, {"x-ms-link-text": ""}):
        with pytest.raises(IntegrityError):
            node_headers.link_text(CIMultiDictProxy(CIMultiDict(text)))
