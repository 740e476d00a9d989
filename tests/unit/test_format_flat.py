"""Flat FlatBuffers: laid out as strict readers want them, and their lists of texts."""

import struct
from itertools import pairwise

import flatbuffers
import pytest

from shared.formats import flat, texts
from shared.formats._generated.vault import SegmentIndex as generated
from shared.formats._generated.vault.SegmentIndex import SegmentIndex

FIELDS = [
    flat.u32(1),
    flat.u64(2),
    None,
    flat.octets(b"abc"),
    flat.string("d\u00e9f"),
    flat.vector("Q", [1, 2**64 - 1]),
    flat.vector("I", [3, 4, 5]),
    flat.octets(b"x"),
    flat.column("Q", [0, 6]),
]


def u(size, data, at):
    return int.from_bytes(data[at : at + size], "little")


@pytest.mark.parametrize("count", range(1, len(FIELDS) + 1))
def test_every_number_is_aligned_to_its_size(count):
    """Readers of other languages refuse a buffer otherwise; Python's does not care, so this walks the bytes itself."""
    data = flat.table(b"TEST", FIELDS[:count])
    assert data[4:8] == b"TEST"
    table = u(4, data, 0)
    vtable = table - struct.unpack_from("<i", data, table)[0]
    assert (u(2, data, vtable), table % 4, vtable % 2) == (4 + 2 * (2 if count == 3 else count), 0, 0)
    table_bytes = u(2, data, vtable + 2)
    used = [(table, table + 4)]
    for number, field in enumerate(FIELDS[:count]):
        place = u(2, data, vtable + 4 + 2 * number)
        assert (place == 0) == (field is None)
        if field is None:
            continue
        kind, size, value = field
        at = table + place
        if isinstance(value, int):
            assert (at % size, u(size, data, at)) == (0, value)
            used.append((at, at + size))
            continue
        used.append((at, at + 4))
        vector = at + u(4, data, at)
        assert (at % 4, vector % 4, (vector + 4) % size) == (0, 0, 0)
        assert u(4, data, vector) * size == len(value)
        end = vector + 4 + len(value)
        assert data[vector + 4 : end] == value
        assert kind != "S" or data[end] == 0
        assert table + table_bytes <= vector < end <= len(data)
        used.append((vector, end + (kind == "S")))
    used.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(used)), "nothing overlaps"
    assert used[-1][1] == len(data)


def test_the_official_builder_makes_the_same_table():
    builder = flatbuffers.Builder(0)
    columns = [[1 << 63, 5], [0, 7], [8, 100], [92, 9]]
    generated.StartDirectoryIdsVector(builder, 2)
    for number in reversed(columns[0]):
        builder.PrependUint64(number)
    vectors = [builder.EndVector()]
    for column in columns[1:]:
        builder.StartVector(4, 2, 4)
        for number in reversed(column):
            builder.PrependUint32(number)
        vectors.append(builder.EndVector())
    generated.Start(builder)
    for add, vector in zip(
        [generated.AddDirectoryIds, generated.AddPageNos, generated.AddOffsets, generated.AddLengths],
        vectors,
        strict=True,
    ):
        add(builder, vector)
    builder.Finish(generated.End(builder), b"AFBS")
    ours = flat.table(b"AFBS", [flat.vector("Q", columns[0]), *(flat.vector("I", column) for column in columns[1:])])
    for buffer in (bytes(builder.Output()), ours):
        assert SegmentIndex.SegmentIndexBufferHasIdentifier(buffer, 0)
        index = SegmentIndex.GetRootAs(buffer)
        found = [index.DirectoryIdsAsNumpy(), index.PageNosAsNumpy(), index.OffsetsAsNumpy(), index.LengthsAsNumpy()]
        assert [flat.numbers(array, 2) for array in found] == columns


def test_zeros_and_nothing_are_left_out():
    assert flat.u32(0) is flat.u64(0) is flat.string("") is flat.octets(b"") is flat.vector("I", []) is None
    assert flat.column("Q", [0, 0]) is flat.present_u32(None) is None
    assert flat.present_u32(0) is not None
    assert flat.vector("I", [0]) is not None


def test_a_vector_of_another_length_is_refused():
    assert flat.numbers(0, 3) == [0, 0, 0]
    assert flat.numbers(0) == []
    with pytest.raises(ValueError, match="5 bytes of pieces of 2"):
        flat.pieces(b"abcde", 2)
    with pytest.raises(ValueError, match="expected 3"):
        flat.pieces(b"abcd", 2, 3)


def test_texts_are_listed_once_and_read_back():
    known = texts.Texts()
    numbers = [known.number(text) for text in ["", "a", "b\u00e9", "a", ""]]
    assert numbers == [0, 1, 2, 1, 0]
    assert texts.read("ab\u00e9".encode(), [1, 4]) == ["", "a", "b\u00e9"]
    assert texts.paired(["", "a", "b"], known.pairs((("a", ""), ("", "a")))) == (("a", ""), ("", "a"))


@pytest.mark.parametrize("ends", [[], [1], [5], [3, 1, 4], [2, 5, 4]])
def test_texts_must_end_in_order_and_at_the_last_byte(ends):
    with pytest.raises(ValueError, match="of 4 bytes"):
        texts.read(b"abcd", ends)
