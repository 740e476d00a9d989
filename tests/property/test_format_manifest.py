"""Whatever the nouns may hold is read back; a buffer that makes no sense never does worse than an IntegrityError."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import IntegrityError
from shared.formats import content_list, envelope, manifest, point, segment
from tests.support import records

RELAXED = settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@given(records.records)
@RELAXED
def test_any_page_is_read_back(page):
    assert manifest.decode(manifest.encode(page)) == page


@given(records.points)
@RELAXED
def test_any_restore_point_is_read_back(found):
    assert point.decode(point.encode(found)) == found


@given(records.content_lists())
@RELAXED
def test_any_content_list_is_read_back(found):
    assert content_list.decode(content_list.encode(found)) == found


@given(st.lists(records.records, max_size=3))
@settings(RELAXED, max_examples=20)
def test_any_segment_is_read_back(pages):
    writer = segment.SegmentWriter()
    places = [writer.add(page) for page in pages]
    assert list(segment.read(writer.finish())) == [(*place, page) for place, page in zip(places, pages, strict=True)]


@pytest.mark.parametrize(
    ("codec", "value", "magic"),
    [
        (manifest, records.record(), b"AFBM"),
        (content_list, records.content_list(), b"AFBL"),
        (point, records.point(), b"AFBP"),
    ],
    ids=["manifest", "content_list", "point"],
)
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_a_buffer_that_makes_no_sense_is_an_integrity_error(codec, value, magic, data):
    """Damage behind a right checksum: a writer with a bug."""
    buffer = bytearray(envelope.unseal(magic, codec.VERSION, codec.encode(value), "it"))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(buffer), 250) - 1) | st.integers(0, len(buffer) - 1))
        buffer[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 255]))
    if data.draw(st.booleans()):
        del buffer[data.draw(st.integers(8, len(buffer))) :]
    with suppress(IntegrityError):
        codec.decode(envelope.seal(magic, codec.VERSION, bytes(buffer)))
