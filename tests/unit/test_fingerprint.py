"""Fingerprints see what must be seen, and nothing else."""

from dataclasses import replace

import pytest
import xxhash

from shared.core.fingerprint import ListingFingerprint, entries_fingerprint
from tests.support.records import entry

A, B = entry("a", file_id=1), entry("b", file_id=2)


def test_a_listing_in_pages_is_the_listing_in_one():
    paged, whole = ListingFingerprint(), ListingFingerprint()
    paged.update(b"<File>1</File>")
    paged.update(b"<File>2</File>")
    whole.update(b"<File>1</File><File>2</File>")
    assert paged.value() == whole.value() == xxhash.xxh3_64_intdigest(b"<File>1</File><File>2</File>")


def test_an_empty_listing_has_a_fingerprint():
    assert ListingFingerprint().value() == xxhash.xxh3_64_intdigest(b"")
    assert 0 <= entries_fingerprint([]) < 1 << 64


@pytest.mark.parametrize(
    "change",
    [{"name": "c"}, {"file_id": 9}, {"changed": 9}, {"size_bytes": 9}, {"size_bytes": 0, "is_directory": True}],
    ids=str,
)
def test_name_kind_file_id_change_time_and_size_count(change):
    assert entries_fingerprint([replace(A, **change), B]) != entries_fingerprint([A, B])


@pytest.mark.parametrize("change", [{"accessed": 9}, {"modified": 9}, {"permission_key": "9*9"}], ids=str)
def test_nothing_else_counts(change):
    # What matters of these comes with a new ChangeTime; the access time is not worth a page.
    assert entries_fingerprint([replace(A, **change), B]) == entries_fingerprint([A, B])


def test_order_and_number_count():
    assert len({entries_fingerprint(found) for found in ([A, B], [B, A], [A], [A, A], [])}) == 5


def test_a_directory_is_not_an_empty_file():
    assert entries_fingerprint([replace(A, size_bytes=0)]) != entries_fingerprint(
        [replace(A, size_bytes=0, is_directory=True)]
    )


def test_numbers_do_not_run_into_names():
    one = [replace(A, name="xxxxxxxxxxxxxxxxxxxxxxxxy")]
    two = [replace(A, name="x"), replace(A, name="y")]
    assert entries_fingerprint(one) != entries_fingerprint(two)
