"""Segments: whole, by range, by index, and damaged."""

import pytest

from shared.errors import IntegrityError
from shared.formats import envelope, flat, manifest, segment
from tests.support import records
from tests.support.formats import damaged

PAGES = [records.record(3), records.record(0, directory_id=9 << 24), records.record(2, page_no=7, page_nos=())]


def written(pages=PAGES):
    writer = segment.SegmentWriter()
    places = [writer.add(page) for page in pages]
    return places, writer.finish()


def test_records_are_read_back_in_order_with_their_places():
    places, data = written()
    assert list(segment.read(data)) == [(*place, page) for place, page in zip(places, PAGES, strict=True)]


def test_a_record_is_readable_alone():
    places, data = written()
    assert [manifest.decode(data[offset : offset + length]) for offset, length in places] == PAGES


def test_the_index_is_readable_from_the_tail_alone():
    places, data = written()
    tail = data[-segment.index_bytes(data[-8:]) :]
    expected = [
        segment.IndexEntry(page.directory_id, page.page_no, *place) for page, place in zip(PAGES, places, strict=True)
    ]
    assert segment.read_index(tail) == segment.read_index(data) == segment.Index(expected, [])
    with pytest.raises(IntegrityError, match="segment index has"):
        segment.read_index(tail[1:])


def test_an_empty_segment_says_so_and_is_still_one():
    writer = segment.SegmentWriter()
    assert writer.empty
    assert list(segment.read(writer.finish())) == []
    writer.add(PAGES[0])
    assert not writer.empty


def test_equal_records_give_equal_bytes():
    assert written() == written()


def test_any_damage_is_an_integrity_error():
    for broken in damaged(written()[1]):
        with pytest.raises(IntegrityError):
            list(segment.read(broken))


def test_an_unknown_version_is_refused_with_a_sentence():
    data = written()[1]
    with pytest.raises(IntegrityError, match="segment has version 2; this program reads version 1"):
        list(segment.read(data[:4] + b"\x02" + data[5:]))


def resealed(data, *columns):
    """The records of ``data`` under another index."""
    kinds = ["Q", "I", "I", "I"]
    fields = [flat.vector(kind, column) for kind, column in zip(kinds, columns, strict=True)]
    sealed = envelope.seal(b"AFBS", 1, flat.table(b"AFBS", fields))
    return data[: -segment.index_bytes(data)] + sealed + len(sealed).to_bytes(4, "little") + b"AFBS"


def test_an_index_that_lies_is_refused():
    places, data = written()
    ids, page_nos = [page.directory_id for page in PAGES], [page.page_no for page in PAGES]
    offsets, lengths = [offset for offset, _ in places], [length for _, length in places]
    assert resealed(data, ids, page_nos, offsets, lengths) == data
    for lie, said in [
        ((ids, page_nos, [offsets[0] + 1, *offsets[1:]], lengths), "has a record at 9, expected at 8"),
        ((ids, page_nos, offsets, [*lengths[:2], lengths[2] - 1]), "records end at"),
        ((ids, [0, 1, 7], offsets, lengths), "index says page 1"),
        (([5 << 24, *ids[1:]], page_nos, offsets, lengths), "index says page 0 of"),
        ((ids, page_nos[:2], offsets, lengths), "does not make sense"),
    ]:
        with pytest.raises(IntegrityError, match=said):
            list(segment.read(resealed(data, *lie)))
