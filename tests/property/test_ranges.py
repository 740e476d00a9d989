"""Laws of joining reads."""

from hypothesis import given
from hypothesis import strategies as st

from shared.core.ranges import coalesce

ranges = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 60)), max_size=30)
gaps = st.integers(0, 40)
caps = st.integers(1, 200)


@given(ranges, gaps, caps)
def test_every_range_is_served_once_and_wholly(wanted, gap, cap):
    spans = coalesce(((o, n, i) for i, (o, n) in enumerate(wanted)), gap=gap, length_max=cap)
    assert sorted(i for s in spans for i in s.items) == list(range(len(wanted)))
    for span in spans:
        for i in span.items:
            offset, length = wanted[i]
            assert span.offset <= offset
            assert offset + length <= span.offset + span.length
        assert span.length <= cap or len({wanted[i] for i in span.items}) >= 1


@given(ranges, gaps, caps)
def test_a_joined_read_is_bounded_and_wastes_no_more_than_the_gaps(wanted, gap, cap):
    for span in coalesce(((o, n, (o, n)) for o, n in wanted), gap=gap, length_max=cap):
        if len(span.items) > 1:
            assert span.length <= cap or max(n for _, n in span.items) > cap
            covered = {b for o, n in span.items for b in range(o, o + n)}
            assert span.length - len(covered) <= gap * (len(span.items) - 1)


@given(ranges, gaps, caps)
def test_no_two_neighbouring_reads_could_have_been_one(wanted, gap, cap):
    spans = coalesce(((o, n, (o, n)) for o, n in wanted), gap=gap, length_max=cap)
    for i in range(len(spans) - 1):
        this, following = spans[i], spans[i + 1]
        first = following.items[0]
        end = max(this.offset + this.length, first[0] + first[1])
        assert first[0] - (this.offset + this.length) > gap or end - this.offset > cap
