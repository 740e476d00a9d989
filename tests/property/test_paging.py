"""Laws of cutting a directory into pages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.core.paging import Bound, cut
from tests.support.entries import entry

names = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=60).map(sorted)
caps = st.integers(1, 9)


class Pages:
    """The pages of a directory over time: what a catalogue would know of them."""

    def __init__(self, cap):
        self.cap, self.slices, self.free, self.used = cap, [], set(), 0

    @property
    def bounds(self):
        return [Bound(s.page_no, s.lower) for s in self.slices]

    def cut(self, names_in):
        found = cut(
            [entry(n) for n in names_in],
            self.bounds,
            free=self.free,
            next_page_no=self.used,
            page_entries_max=self.cap,
        )
        return list(found)

    def become(self, names_in):
        """Cut, and remember the outcome."""
        self.slices = self.cut(names_in)
        self.free -= {s.page_no for s in self.slices}
        self.free |= {number for s in self.slices for number in s.dissolved}
        self.used = max(self.used, 1 + max(s.page_no for s in self.slices))
        return self.slices


@st.composite
def histories(draw):
    """The names of a directory at several times, each the one before after some came and went, and a page size."""
    cap, before = draw(caps), draw(names)
    history = [before]
    for _ in range(draw(st.integers(1, 3))):
        gone = draw(st.sets(st.sampled_from(before))) if before else set()
        before = sorted((set(before) - gone) | set(draw(names)))
        history.append(before)
    return history, cap


@given(histories())
def test_every_entry_is_in_the_one_page_that_covers_its_name(history):
    versions, cap = history
    pages = Pages(cap)
    for names_in in versions:
        slices = pages.become(names_in)
        assert [e.name for s in slices for e in s.entries] == names_in
        assert (slices[0].page_no, slices[0].lower) == (0, "")
        assert all(len(s.entries) <= cap for s in slices)
        assert len({s.page_no for s in slices}) == len(slices)
        for this, following in pairwise(slices):
            assert this.lower < following.lower
            assert all(this.lower <= e.name < following.lower for e in this.entries)


@given(histories())
def test_cutting_the_same_entries_again_changes_nothing(history):
    versions, cap = history
    pages = Pages(cap)
    for names_in in versions:
        slices = pages.become(names_in)
        again = pages.cut(names_in)
        assert [(s.page_no, s.lower, list(s.entries)) for s in again] == [
            (s.page_no, s.lower, list(s.entries)) for s in slices
        ]
        assert not any(s.is_new or s.dissolved for s in again)


@given(histories())
def test_neighbours_hold_more_than_half_a_page_together(history):
    """So a directory never has many more pages than its entries need, whatever was deleted."""
    versions, cap = history
    pages = Pages(cap)
    for names_in in versions:
        slices = pages.become(names_in)
        assert all(len(a.entries) + len(b.entries) > cap // 2 for a, b in pairwise(slices))
        assert len(slices) <= 2 * (len(names_in) // (cap // 2 + 1)) + 1


@given(histories())
def test_a_page_that_nothing_happened_to_stays_as_it_is_unless_it_is_merged(history):
    versions, cap = history
    pages = Pages(cap)
    before = pages.become(versions[0])
    for last_names, names_in in pairwise(versions):
        after = {s.page_no: s for s in pages.become(names_in)}
        touched = set(last_names) ^ set(names_in)
        merged = {number for s in after.values() for number in (s.page_no, *s.dissolved) if s.dissolved}
        for this, following in [*pairwise(before), (before[-1], None)]:
            if this.page_no in merged:
                continue
            assert not after[this.page_no].is_new
            if not any(this.lower <= n and (following is None or n < following.lower) for n in touched):
                assert list(after[this.page_no].entries) == list(this.entries)
                assert after[this.page_no].lower == this.lower
        before = list(after.values())


@given(histories())
def test_every_page_is_still_there_or_dissolved_and_free_numbers_come_first(history):
    versions, cap = history
    pages = Pages(cap)
    pages.become(versions[0])
    for names_in in versions[1:]:
        was, free, used = {b.page_no for b in pages.bounds}, sorted(pages.free), pages.used
        after = pages.become(names_in)
        kept = {s.page_no for s in after if not s.is_new}
        dissolved = [number for s in after for number in s.dissolved]
        given_out = [s.page_no for s in after if s.is_new]
        assert sorted([*kept, *dissolved]) == sorted(was)
        assert 0 in kept
        assert given_out == [*free, *range(used, used + len(given_out))][: len(given_out)]


@given(names, caps)
def test_a_new_directory_has_full_pages_numbered_in_order(names_in, cap):
    slices = Pages(cap).become(names_in)
    assert [s.page_no for s in slices] == list(range(len(slices)))
    assert all(s.is_new for s in slices)
    assert all(len(s.entries) == cap for s in slices[:-1])


@given(names, st.integers(2, 9))
def test_a_directory_that_grows_at_its_end_keeps_its_pages_full(names_in, cap):
    pages = Pages(cap)
    for count in range(len(names_in) + 1):
        slices = pages.become(names_in[:count])
    assert all(len(s.entries) == cap for s in slices[:-1])


@given(st.integers(2, 9), st.integers(1, 40))
def test_a_page_that_splits_inside_a_directory_splits_into_equal_halves(cap, more):
    """All but its last two parts, which may be many when many names came at once, are full."""
    pages = Pages(cap)
    pages.become([f"{n:03d}" for n in range(2 * cap)])
    inside = sorted({f"{n:03d}" for n in range(2 * cap)} | {f"000-{n:03d}" for n in range(more)})
    slices = pages.become(inside)
    parts = [len(s.entries) for s in slices[:-1]]
    assert sum(parts) == cap + more
    assert all(size == cap for size in parts[:-2])
    assert len(parts) == 1 or parts[-2] - parts[-1] in (0, 1)


@given(histories())
def test_little_is_read_ahead(history):
    versions, cap = history
    pages = Pages(cap)
    pages.become(versions[0])
    for names_in in versions[1:]:
        read = 0

        def reading(names_in=names_in):
            nonlocal read
            for name in names_in:
                read += 1
                yield entry(name)

        emitted = 0
        for s in cut(reading(), pages.bounds, free=pages.free, next_page_no=pages.used, page_entries_max=cap):
            assert read - emitted <= 2 * cap + 1
            emitted += len(s.entries)
        pages.become(names_in)
