"""What is read of a large file, and what it is made of then, against a file of one dictionary entry per chunk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import xorhash
from shared.core.chunk_plan import ChunkPlan, ReadChunks, assemble, places_of
from shared.model.chunk_list import ChunkList, count_of, of_digests
from shared.model.content import CHUNK_BYTES, HOLE

EDGES = st.integers(0, 12).map(lambda n: n * CHUNK_BYTES)
OFFSETS = EDGES | st.builds(
    lambda edge, by: max(0, edge + by), EDGES, st.sampled_from([-512, -1, 1, 512, CHUNK_BYTES // 2])
)
SIZES = OFFSETS.filter(bool)


@st.composite
def ranges(draw, size):
    """Disjoint ``(start, end, cleared)`` in order; neighbours of a kind are one, as the service merges them."""
    edges = sorted({min(size, at) for at in draw(st.lists(OFFSETS, max_size=12))})
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        found.append((start, end, draw(st.booleans())))
    return found


def planned(size, found):
    plan = ChunkPlan(size)
    for start, end, cleared in found:
        (plan.clear if cleared else plan.read)(start, end)
    return plan


def to_read(plan, size, span_chunks=16):
    return places_of(plan.spans(span_chunks), span_chunks, count_of(size)).tolist()


@given(st.data(), SIZES, st.sampled_from([1, 3, 16, 63]))
def test_a_chunk_is_read_if_anything_in_it_was_written_or_a_part_of_it_cleared(data, size, span_chunks):
    found = data.draw(ranges(size))
    plan = planned(size, found)
    read, holes = set(), set()
    for place in range(count_of(size)):
        low, high = place * CHUNK_BYTES, min(size, (place + 1) * CHUNK_BYTES)
        for start, end, cleared in found:
            if cleared and start <= low and high <= end:
                holes.add(place)
            elif start < high and low < end:
                read.add(place)
    assert to_read(plan, size, span_chunks) == sorted(read)
    assert {place for first, length in plan.cleared() for place in range(first, first + length)} == holes
    assert all(chunks for _, chunks in plan.spans(span_chunks))


@given(SIZES, SIZES)
def test_chunks_that_the_end_of_the_file_cuts_otherwise_are_read(before, after):
    plan = ChunkPlan(after)
    plan.resized_from(before)

    def lengths(size):
        return {place: min(CHUNK_BYTES, size - place * CHUNK_BYTES) for place in range(count_of(size))}

    old, new = lengths(before), lengths(after)
    assert to_read(plan, after) == [place for place in new if place in old and old[place] != new[place]]


digests = st.integers(0, 4).map(lambda n: bytes([n]) * 32)


def state_of(place, digest):
    """As if the content were the digest: zeros for a hole."""
    return xorhash.state(digest, place * CHUNK_BYTES)


@given(st.data(), SIZES, SIZES, st.booleans())
def test_the_chunks_of_a_file_are_those_read_on_top_of_those_known(data, before, size, with_base):
    known = data.draw(st.lists(digests, min_size=count_of(before), max_size=count_of(before)))
    base = of_digests(b"".join(known))
    base = ChunkList(base.count, base.stretches, base.digests, b"".join(state_of(*chunk) for chunk in base.chunks()))
    plan = planned(size, data.draw(ranges(size)))
    places = to_read(plan, size)
    now = {place: data.draw(digests) for place in places}
    expected = [HOLE] * count_of(size)
    if with_base:
        expected[: len(known)] = known[: len(expected)]
        for first, length in plan.cleared():
            expected[first : first + length] = [HOLE] * length
    for place, digest in now.items():
        expected[place] = digest
    states = [state_of(place, now[place]) for place in places]
    found = ReadChunks(
        np.array(places, dtype=np.int64), b"".join(now.values()), b"".join(states), xorhash.combine(states)
    )
    made, total = assemble(size, base if with_base else None, plan.cleared(), found)
    assert b"".join(made.joined()) == b"".join(expected)
    assert made.stretches == of_digests(b"".join(expected)).stretches
    assert made.states == b"".join(state_of(*chunk) for chunk in made.chunks())
    assert total == xorhash.combine(state_of(place, digest) for place, digest in enumerate(expected))
    older = ReadChunks(found.places, found.digests, found.states[20:], found.quickxor)
    made, again = assemble(size, base if with_base else None, plan.cleared(), older)
    assert again == total
    assert b"".join(made.joined()) == b"".join(expected)
    assert made.states == b"" or not places


def test_the_largest_file_is_planned_and_assembled_without_an_object_per_chunk():
    size = 4 << 40
    plan = ChunkPlan.of_all(size)
    spans = plan.spans(16)
    assert (len(spans), spans[-1]) == (65_536, (65_535, 0xFFFF))
    assert ChunkPlan(size).spans(16) == ()
    places = places_of(spans, 16, count_of(size))
    found = ReadChunks(places, bytes([1]) * 32 * len(places), bytes([2]) * 20 * len(places), bytes(20))
    made, _ = assemble(size, None, (), found)
    assert (made.stretches, made.filled, made.has_states) == (((0, 1 << 20),), 1 << 20, True)


def test_digests_must_be_as_many_as_chunks_read():
    with pytest.raises(ValueError, match="64 bytes of digests for 1 chunks"):
        assemble(CHUNK_BYTES, None, (), ReadChunks(np.array([0]), bytes(64), b"", bytes(20)))


@given(st.lists(st.binary(min_size=20, max_size=20)))
def test_states_end_to_end_combine_as_they_do_apart(states):
    assert xorhash.combine_joined(b"".join(states)) == xorhash.combine(states)
