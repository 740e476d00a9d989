"""Laws of QuickXorHash: parts make the whole, wherever they are cut."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core import xorhash
from tests.support.formats import reference_quickxor

contents = st.binary(max_size=600)
offsets = st.integers(0, 400) | st.sampled_from([160, 4 << 20, (4 << 20) + 1, 1 << 42])


@given(contents)
@settings(deadline=None)
def test_it_is_what_the_definition_says(data):
    assert xorhash.quickxor(data) == reference_quickxor(data)


@given(contents, st.lists(st.integers(0, 600), max_size=5))
@settings(deadline=None)
def test_parts_at_their_offsets_combine_to_the_whole(data, cuts):
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    parts = [xorhash.state(data[start:end], start) for start, end in pairwise(places)]
    assert xorhash.finish(xorhash.combine(reversed(parts)), len(data)) == xorhash.quickxor(data)


@given(st.binary(min_size=1, max_size=200), offsets)
@settings(deadline=None)
def test_an_offset_counts_modulo_160(data, offset):
    assert xorhash.state(data, offset) == xorhash.state(bytes(offset % 160) + data)
