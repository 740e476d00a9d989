"""A listing is read again as it was, and sorted on disk as it would be in memory."""

import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import IntegrityError
from shared.formats import listing
from shared.usecases import list_directory, sort_entries
from shared.usecases.list_directory import Listing
from shared.usecases.sort_entries import SortedEntries
from tests.support import listings
from tests.support.entries import entry
from tests.support.listings import element

list_pages = st.lists(st.lists(listings.entries(), max_size=8), min_size=1, max_size=5)


def listed(pages):
    found = Listing(1 << 62)
    for entries in pages:
        found.add("".join(map(element, entries)).encode())
    return found


@given(list_pages, st.integers(1, 12), st.integers(1, 3))
@settings(max_examples=50)
def test_sorting_on_disk_is_sorting_in_memory(pages, run_entries, block_entries):
    found = listed(pages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sort_entries, "BLOCK_ENTRIES", block_entries)
        ordered = SortedEntries.of(found, run_entries)
        assert list(ordered) == found.entries()
        assert list(ordered) == found.entries()  # as often as wanted
    ordered.close()
    found.close()


@given(list_pages)
@settings(max_examples=50)
def test_a_listing_is_kept_as_it_came_and_counted(pages):
    found = listed(pages)
    for _ in range(2):
        kept = [entry for page in found.pages() for entry in listing.parse(page)]
        assert kept == [entry for page in pages for entry in page]
    files = [entry for page in pages for entry in page if not entry.is_directory]
    assert (found.file_count, found.entry_count) == (len(files), sum(map(len, pages)))
    assert found.total_bytes == sum(entry.size_bytes for entry in files)
    assert found.fingerprint == listed([[entry for page in pages for entry in page]]).fingerprint
    found.close()


def test_a_listing_of_one_page_takes_no_file_and_a_long_one_goes_to_disk(monkeypatch):
    made = []
    spooled = tempfile.SpooledTemporaryFile
    monkeypatch.setattr(list_directory, "SPOOL_BYTES", 100)
    monkeypatch.setattr(
        list_directory.tempfile, "SpooledTemporaryFile", lambda size: made.append(spooled(size)) or made[-1]
    )
    found = Listing(1 << 62)
    found.add(element(entry("a")).encode())
    assert made == []
    for name in "bcde":
        found.add(element(entry(name)).encode())
    assert [e.name for e in found.entries()] == list("abcde")
    assert made[0]._rolled
    found.close()
    assert made[0].closed


def test_a_listing_that_nobody_can_read_leaves_nothing_open():
    found = listed([[entry("a")], [entry("b")]])
    found.add(b"<File><Name>x</Name></File>")
    with pytest.raises(IntegrityError):
        SortedEntries.of(found, run_entries=1)
    found.close()
