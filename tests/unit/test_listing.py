"""Listings as recorded, as NFS shares send them, cut short, and in forms the service has not used yet."""

import pytest

from shared.errors import IntegrityError
from shared.formats import listing
from shared.model import ticks
from shared.model.entry import Entry
from tests.support.listings import body, element
from tests.support.records import entry

RECORDED = (
    '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://acct.file.core.windows.net/"'
    ' ShareName="s" DirectoryPath="dir1"><DirectoryId>13835128424026341376</DirectoryId><Entries><File><Name>file1</Name>'
    "<FileId>14988049928633188352</FileId><Properties><Content-Length>5</Content-Length>"
    "<CreationTime>2022-09-28T21:24:10.5185260Z</CreationTime><LastAccessTime>2022-09-28T21:24:10.5185261Z</LastAccessTime>"
    "<LastWriteTime>2022-09-28T21:24:10.6974228Z</LastWriteTime><ChangeTime>2022-09-28T21:24:10.6974229Z</ChangeTime>"
    '<Last-Modified>Wed, 28 Sep 2022 21:24:10 GMT</Last-Modified><Etag>"0x8DAA197C8C72415"</Etag></Properties>'
    "<Attributes>Archive</Attributes><PermissionKey>3254952746172754359*9622787259914961209</PermissionKey></File>"
    "<Directory><Name>subdir1</Name><FileId>11529285414812647424</FileId><Properties>"
    "<CreationTime>2022-09-28T21:24:10.0000000Z</CreationTime><LastAccessTime>2022-09-28T21:24:10.0000000Z</LastAccessTime>"
    "<LastWriteTime>2022-09-28T21:24:10.0000000Z</LastWriteTime><ChangeTime>2022-09-28T21:24:10.0000000Z</ChangeTime>"
    '<Last-Modified>Wed, 28 Sep 2022 21:24:10 GMT</Last-Modified><Etag>"0x8DAA197C87566AB"</Etag></Properties>'
    "<Attributes>Directory</Attributes><PermissionKey>17100207456270243504*9622787259914961209</PermissionKey></Directory>"
    "</Entries><NextMarker /></EnumerationResults>"
).encode()
A, B = entry("a"), entry("b", is_directory=True, size_bytes=0, attributes=0x10)


def parsed(text: str) -> list[Entry]:
    return listing.parse(text.encode())


def test_a_recorded_listing_is_read():
    inside, marker = listing.split(RECORDED)
    second = ticks.from_text("2022-09-28T21:24:10Z")
    assert marker == ""
    assert listing.parse(inside) == [
        Entry(
            "file1", False, 14988049928633188352, 5,
            second + 5185260, second + 5185261, second + 6974228, 0x8DAA197C8C72415, second,
            0x20, "3254952746172754359*9622787259914961209",
        ),
        Entry(
            "subdir1", True, 11529285414812647424, 0,
            second, second, second, second, second,
            0x10, "17100207456270243504*9622787259914961209",
        ),
    ]  # fmt: skip


def test_an_empty_directory_has_no_entries():
    assert listing.split(body([])) == (b"", "")
    assert listing.parse(b"") == []


def test_the_bytes_between_the_tags_are_returned_as_they_are():
    inside, _ = listing.split(body([A, B]))
    assert inside == (element(A) + element(B)).encode()


def test_the_marker_of_the_next_page_is_unescaped():
    assert listing.split(body([A], marker="1!8!ZmlsZWEz")) == (element(A).encode(), "1!8!ZmlsZWEz")
    assert listing.split(body([A], marker="a&b<c>"))[1] == "a&b<c>"
    assert listing.split(body([], marker="x")) == (b"", "x")


def test_a_listing_cut_anywhere_is_refused():
    whole = body([A, B], marker="1!8!ZmlsZWEz")
    for end in range(len(whole)):
        with pytest.raises(IntegrityError):
            listing.split(whole[:end])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html></html>", "not a listing"),
        ("<EnumerationResults><Entries></EnumerationResults>", "no </Entries>"),
        ("<EnumerationResults><NextMarker /></EnumerationResults>", "no <Entries>"),
        ("<EnumerationResults><Entries /></EnumerationResults>", "no <NextMarker>"),
        ("<EnumerationResults><Entries /><NextMarker>x</EnumerationResults>", "no </NextMarker>"),
        ("<EnumerationResults><Entries /><NextMarker>&x;</NextMarker></EnumerationResults>", "not well-formed"),
    ],
)
def test_what_is_not_a_whole_listing_is_refused_with_a_sentence(text, said):
    with pytest.raises(IntegrityError, match=said):
        listing.split(text.encode())


@pytest.mark.parametrize(
    ("xml", "name"),
    [
        ("<Name>a &amp; b &lt;c&gt;&apos;&quot;</Name>", "a & b <c>'\""),
        ("<Name>&#x41;&#66;</Name>", "AB"),
        ("<Name>&amp;lt;</Name>", "&lt;"),
        ('<Name Encoded="true">file%EF%BF%BE</Name>', "file\ufffe"),
        ('<Name Encoded="true">100%25%EF%BF%BF&amp;+</Name>', "100%\uffff&+"),
        ("<Name>100%25</Name>", "100%25"),
        ("<Name> a </Name>", " a "),
        ("<Name>\U0001f600\u00e9</Name>", "\U0001f600\u00e9"),
        ("<Name>trailing...</Name>", "trailing..."),
    ],
)
def test_names_are_unescaped_and_percent_decoded_only_where_they_say_so(xml, name):
    assert [found.name for found in parsed(element(A).replace("<Name>a</Name>", xml))] == [name]


def test_one_strange_entry_among_plain_ones_is_read_in_its_place():
    found = parsed(element(A) + element(entry("s"), swapped=True) + element(B))
    assert found == [A, entry("s"), B]


def test_an_nfs_listing_has_no_attributes_and_permissions():
    found = parsed(element(A, smb=False) + element(B, smb=False))
    assert found == [
        entry("a", attributes=0, permission_key=""),
        entry("b", is_directory=True, size_bytes=0, attributes=0, permission_key=""),
    ]


def test_an_nfs_listing_is_read_without_an_xml_parser(monkeypatch):
    monkeypatch.setattr(listing, "_slow", lambda entries: [])
    assert len(parsed(element(A, smb=False) + element(B, smb=False))) == 2


@pytest.mark.parametrize("strange", ["%ED%A0%80x", "a%2Fb", "a%00", "%FF"])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_name_that_is_none_costs_its_own_entry_only(strange, swapped):
    text = element(entry("s"), swapped=swapped).replace("<Name>s</Name>", f'<Name Encoded="true">{strange}</Name>')
    assert [found.name for found in parsed(element(A) + text + element(B))] == ["a", f"?{strange}", "b"]


def test_the_etag_stands_in_for_a_missing_change_time():
    text = element(A).replace(f"<ChangeTime>{ticks.to_text(A.changed)}</ChangeTime>", "")
    assert parsed(text) == [A]


def test_times_with_fewer_digits_are_read():
    text = (
        element(A)
        .replace(ticks.to_text(A.written), "2022-09-28T21:24:10.5Z")
        .replace(ticks.to_text(A.created), "2022-09-28T21:24:10Z")
    )
    (found,) = parsed(text)
    assert found.written - found.created == ticks.PER_SECOND // 2


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<Name>a</Name>", "", "without a name"),
        ("<Name>a</Name>", "<Name></Name>", "without a name"),
        ("<Content-Length>1234</Content-Length>", "", "no Content-Length of 'a'"),
        ("<Content-Length>1234<", "<Content-Length>-1<", "'-1' is not a number"),
        ("<Attributes>Archive<", "<Attributes>Purple<", "'Purple' is not a file attribute"),
        ("<File>", "<Socket>", "not well-formed"),
        ("-09-", "-9x-", "unreadable at 'a'"),
        ("Z</CreationTime>", "</CreationTime>", "unreadable at 'a'"),
        ("<Name>a</Name>", "<Name>a&b</Name>", "not well-formed"),
        ("<Name>a</Name>", "<Name>&#xD800;</Name>", "not well-formed"),
        ("<Name>a</Name>", "<Name>&nbsp;</Name>", "not well-formed"),
    ],
)
def test_an_entry_without_what_it_needs_is_refused(old, new, said):
    text = element(A)
    assert old in text
    with pytest.raises(IntegrityError, match=said):
        parsed(element(B) + text.replace(old, new))


def test_a_name_that_is_not_utf_8_is_refused():
    with pytest.raises(IntegrityError):
        listing.parse(element(A).encode().replace(b"<Name>a<", b"<Name>\xff<"))


@pytest.mark.parametrize("strange", ["<Socket><Name>a</Name></Socket>", "<Socket />"])
def test_an_entry_of_another_kind_is_refused(strange):
    with pytest.raises(IntegrityError, match="<Socket>"):
        parsed(element(A) + strange)


def test_an_entry_without_a_file_id_is_refused():
    with pytest.raises(IntegrityError, match="no FileId of 'a'"):
        parsed(element(A).replace(f"<FileId>{A.file_id}</FileId>", ""))


def test_equal_permission_keys_are_one_string():
    one, other = parsed(element(A) + element(B))
    assert one.permission_key is other.permission_key
