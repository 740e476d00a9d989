"""QuickXorHash against published vectors and a bit-by-bit reference; the xorhash folded from it."""

import base64

import pytest

from shared.core import xorhash
from tests.support.formats import noise, reference_quickxor

# The lengths are what matters: below, at and above one turn of the ring (14.5 bytes), its 20 bytes and beyond.
# Published with rclone's implementation and, the last, with the PyPI package's.
PUBLISHED = [
    ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ("Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="),
    ("tbQ=", "taAFAAAAAAAAAAAAAgAAAAAAAAA="),
    ("XoJ1AsoR4fDYJrDqYs4=", "XhBEHQSgjAiEAx7YPgEs1CEGZwA="),
    ("gQaybEqS/4UlDc8e4IJm", "gDCALNigBEn8oxAlZ8AzPAAOQZg="),
    ("T6LYJIfDh81JrAK309H2JMJTXis=", "zBTHrspn3mEcohlJdIUAbjGNaNg="),
    ("qQ70RB++JAR5ljNv3lJt1PpqETPsckopfonItu18Cr3E", "FkJaeg/0Z5+euShYlLpE2tJh+Lo="),
    ("aGVsbG8gd29ybGQ=", "aCgDG9jwBhDc4Q1yawMZAAAAAAA="),
]


@pytest.mark.parametrize(("content", "expected"), PUBLISHED)
def test_it_agrees_with_published_vectors(content, expected):
    assert base64.b64encode(xorhash.quickxor(base64.b64decode(content))).decode() == expected


@pytest.mark.parametrize("length", [*range(201), 319, 320, 321, 1759, 1760, 1761])
def test_it_agrees_with_the_reference_at_every_small_length(length):
    data = noise(length)
    assert xorhash.quickxor(data) == reference_quickxor(data)


@pytest.mark.parametrize("rows", [64, 255, 256, 257, 320, 383])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_wide_rows_change_nothing(rows, more):
    data = noise(rows * 160 + more)
    assert xorhash.quickxor(data) == reference_quickxor(data)


@pytest.mark.parametrize("length", [32 * 1024 - 1, 32 * 1024, 32 * 1024 + 1, 4 * 1024 * 1024])
def test_where_the_way_of_summing_changes_nothing_else_does(length):
    data = noise(length)
    parts = [xorhash.state(data[at : at + 9973], at) for at in range(0, length, 9973)]
    assert xorhash.finish(xorhash.combine(parts), length) == xorhash.quickxor(data)


def test_bytes_and_views_of_bytes_hash_alike():
    data = noise(1000)
    assert xorhash.state(memoryview(data)[1:]) == xorhash.state(bytearray(data[1:])) == xorhash.state(data[1:])


def test_the_length_is_part_of_the_hash():
    assert xorhash.quickxor(bytes(5)) != xorhash.quickxor(bytes(6))
    assert xorhash.quickxor(bytes(5)) == bytes(12) + (5).to_bytes(8, "little")


def test_a_file_beyond_four_gibibytes_has_its_whole_length_in_the_hash():
    length = (4 << 40) + 3
    assert xorhash.finish(bytes(20), length) == bytes(12) + length.to_bytes(8, "little")


def test_no_parts_are_an_empty_file():
    assert xorhash.finish(xorhash.combine([]), 0) == xorhash.quickxor(b"")


def test_the_fold_is_the_xor_of_three_little_endian_words():
    assert xorhash.fold(bytes(range(20))) == 0x0706050403020100 ^ 0x0F0E0D0C0B0A0908 ^ 0x13121110


def test_the_fold_is_unsigned():
    assert xorhash.fold(b"\xff" * 8 + bytes(12)) == 2**64 - 1


def test_the_fold_tells_small_numbered_files_apart():
    assert len({xorhash.fold(xorhash.quickxor(b"%08d" % n)) for n in range(5000)}) == 5000
