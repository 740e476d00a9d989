"""Cut a directory's entries into pages that split and merge like the leaves of a B-tree.

A page covers the names from its own lower bound up to the next page's, so that a changed name touches one page however
many there are. Pages keep their numbers.

* A page that would hold more than the maximum is *split*: full pages first, and what is left of the range in two equal
  parts, so that the next names to come find room on either side. The last range of a directory is open-ended and mostly
  grows at its end (cameras and logs name files by time): its pages stay full, and the remainder is the last page. A new
  directory is one last range.
* Neighbours that together hold at most half of the maximum are *merged* into the left one, from left to right. Half, and
  not all, so that a page which was just merged does not split at the next name.

So neighbours together always hold more than half of the maximum, and n entries take at most 2 * (n // (max // 2 + 1)) + 1
pages. Cutting the same entries again changes nothing.

The number of a page that was merged away is *free* afterwards, and goes to the next page that is split off: its record
continues the old one's history. That is safe because page 0's record names the pages of each run, so that nobody who looks
for a time at which the page was dissolved asks for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

from shared.model.entry import Entry
from shared.model.node import PAGE_ENTRIES_MAX


@dataclass(frozen=True, slots=True)
class Bound:
    """An existing page and the least name that belongs to it; the first page's is empty."""

    page_no: int
    lower: str


@dataclass(frozen=True, slots=True)
class Slice:
    """The entries of one page after a change, in code point order of name."""

    page_no: int
    lower: str
    entries: Sequence[Entry]
    is_new: bool
    """Whether the page was not live before."""
    dissolved: tuple[int, ...] = ()
    """Pages right of this one whose range it took over."""


def cut(
    entries: Iterable[Entry],
    bounds: Sequence[Bound],
    *,
    free: Iterable[int] = (),
    next_page_no: int,
    page_entries_max: int = PAGE_ENTRIES_MAX,
) -> Iterator[Slice]:
    """Yield the pages of ``entries`` in name order; at least page 0.

    Reads at most ``2 * page_entries_max + 1`` entries beyond those of the pages that it has yielded.

    :param entries: the whole directory, in code point order of name, each name once.
    :param bounds: the live pages in name order, page 0 first with an empty ``lower``; empty for a new directory.
    :param free: numbers of dissolved pages. They are used before new ones, lowest first; one dissolved by this very cut is not.
    :param next_page_no: the lowest page number the directory has never used.
    """
    is_new = not bounds
    bounds = bounds or [Bound(0, "")]
    uppers: list[str | None] = [*(bound.lower for bound in bounds[1:]), None]
    numbers = chain(sorted(free), count(max(next_page_no, 1)))
    feed = _Feed(entries)
    half = page_entries_max // 2
    held: Slice | None = None  # short enough to take in what follows
    for bound, upper in zip(bounds, uppers, strict=True):
        room = half - len(held.entries) if held is not None else -1
        found = feed.below(upper, room + 1)
        if held is not None:
            if len(found) <= room:
                merged = [*held.entries, *found]
                held = Slice(held.page_no, held.lower, merged, held.is_new, (*held.dissolved, bound.page_no))
                continue
            yield held
            held = None
        page = Slice(bound.page_no, bound.lower, (), is_new)
        in_hand = page_entries_max if upper is None else 2 * page_entries_max
        while True:
            found += feed.below(upper, in_hand + 1 - len(found))
            if len(found) <= in_hand:
                break
            yield Slice(page.page_no, page.lower, found[:page_entries_max], page.is_new)
            found = found[page_entries_max:]
            page = Slice(next(numbers), found[0].name, (), True)
        if len(found) > page_entries_max:
            # The larger half is the left one: it can never be merged with an empty page before it, which it was split off.
            left = (len(found) + 1) // 2
            yield Slice(page.page_no, page.lower, found[:left], page.is_new)
            found = found[left:]
            page = Slice(next(numbers), found[0].name, (), True)
        page = Slice(page.page_no, page.lower, found, page.is_new)
        if len(found) > half:
            yield page
        else:
            held = page
    if held is not None:
        yield held


class _Feed:
    """Entries, read no further than they are asked for; one that is not wanted yet is kept."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = iter(entries)
        self._kept: Entry | None = None

    def below(self, upper: str | None, limit: int) -> list[Entry]:
        """Up to ``limit`` entries with names below ``upper``; fewer only if there are no more."""
        found: list[Entry] = []
        if limit <= 0:
            return found
        if self._kept is not None:
            if upper is not None and self._kept.name >= upper:
                return found
            found.append(self._kept)
            self._kept = None
        while len(found) < limit:
            entry = next(self._entries, None)
            if entry is None:
                break
            if upper is not None and entry.name >= upper:
                self._kept = entry
                break
            found.append(entry)
        return found
