"""Whatever the service may list is read back, on either path, and no damage goes further than an IntegrityError."""

import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import replace
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import IntegrityError
from shared.formats import listing
from tests.support.listings import body, element, entries

pages = st.lists(entries(), max_size=6)


@given(
    pages,
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=9
    ),
)
@settings(deadline=None)
def test_what_is_listed_is_read(entries, marker):
    inside, following = listing.split(body(entries, marker))
    assert (listing.parse(inside), following) == (entries, marker)


@given(pages)
@settings(deadline=None)
def test_the_order_of_elements_does_not_matter(entries):
    swapped = b"".join(element(entry, swapped=True).encode() for entry in entries)
    plain = b"".join(element(entry).encode() for entry in entries)
    assert listing.parse(swapped) == listing.parse(plain) == entries


@given(pages)
@settings(deadline=None)
def test_a_listing_of_an_nfs_share_is_read_either_way(entries):
    entries = [replace(entry, attributes=0, permission_key="") for entry in entries]
    swapped = b"".join(element(entry, smb=False, swapped=True).encode() for entry in entries)
    plain = b"".join(element(entry, smb=False).encode() for entry in entries)
    assert listing.parse(swapped) == listing.parse(plain) == entries


@given(pages)
@settings(deadline=None)
def test_an_xml_parser_finds_the_same_names_and_ids(entries):
    """The oracle: the whole document through the standard library."""
    document = body(entries)
    found = []
    for one in ET.fromstring(document).iterfind("Entries/*"):
        name = one.find("Name")
        text = unquote(name.text) if name.get("Encoded") else name.text
        found.append((text, one.tag == "Directory", int(one.findtext("FileId"))))
    inside, _ = listing.split(document)
    assert [(entry.name, entry.is_directory, entry.file_id) for entry in listing.parse(inside)] == found


@given(st.lists(entries(), min_size=1, max_size=3), st.data())
@settings(deadline=None, max_examples=300)
def test_damage_is_an_integrity_error_or_another_listing(entries, data):
    document = bytearray(body(entries))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b"<", b"&", b">", b"Z"])
        )
    with suppress(IntegrityError):
        inside, _ = listing.split(bytes(document))
        listing.parse(inside)
