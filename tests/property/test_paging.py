"""Laws of cutting a directory into pages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.core.paging import Bound, cut
from tests.support.entries import entry

names = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=60).map(sorted)
caps = st.integers(1, 9)


def bounds_of(slices):
    return [Bound(s.page_no, s.lower) for s in slices]


@st.composite
def changes(draw):
    """A directory, then the same directory after some names came and went, and a page size."""
    before, cap = draw(names), draw(caps)
    gone = draw(st.sets(st.sampled_from(before))) if before else set()
    after = sorted((set(before) - gone) | set(draw(names)))
    return before, after, cap


@given(changes())
def test_every_entry_is_in_the_one_page_that_covers_its_name(change):
    before, after, cap = change
    first = cut([entry(n) for n in before], [], next_page_no=0, page_entries_max=cap)
    second = cut([entry(n) for n in after], bounds_of(first), next_page_no=len(first), page_entries_max=cap)
    for names_in, slices in ((before, first), (after, second)):
        assert [e.name for s in slices for e in s.entries] == names_in
        assert slices[0].page_no == 0
        assert slices[0].lower == ""
        assert all(len(s.entries) <= cap for s in slices)
        assert len({s.page_no for s in slices}) == len(slices)
        for this, following in pairwise(slices):
            assert this.lower < following.lower
            assert all(this.lower <= e.name < following.lower for e in this.entries)


@given(changes())
def test_a_page_that_nothing_happened_to_stays_as_it_is(change):
    before, after, cap = change
    first = cut([entry(n) for n in before], [], next_page_no=0, page_entries_max=cap)
    second = {
        s.page_no: s
        for s in cut([entry(n) for n in after], bounds_of(first), next_page_no=len(first), page_entries_max=cap)
    }
    touched = set(before) ^ set(after)
    for this, following in [*pairwise(first), (first[-1], None)]:
        covers = [n for n in touched if this.lower <= n and (following is None or n < following.lower)]
        assert not second[this.page_no].is_new
        if not covers:
            assert list(second[this.page_no].entries) == list(this.entries)
            assert second[this.page_no].lower == this.lower


@given(names, caps)
def test_a_new_directory_has_new_pages_numbered_in_order(names_in, cap):
    slices = cut([entry(n) for n in names_in], [], next_page_no=0, page_entries_max=cap)
    assert [s.page_no for s in slices] == list(range(len(slices)))
    assert all(s.is_new for s in slices)
