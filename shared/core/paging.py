"""Cut a directory's entries into pages.

A page covers the names from its own lower bound up to the next page's, so that a changed name touches one page however
many there are. Pages keep their numbers; a page that would hold more than the maximum is cut into equal parts, the first
of which keeps the number. Pages are never merged: an empty one costs a row of some sixty bytes and keeps its history.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Whether the page did not exist before."""


def cut(
    entries: Sequence[Entry], bounds: Sequence[Bound], *, next_page_no: int, page_entries_max: int = PAGE_ENTRIES_MAX
) -> list[Slice]:
    """Deal ``entries`` out to the pages of ``bounds``, splitting those that grow too large.

    :param entries: the whole directory, in code point order of name, each name once.
    :param bounds: the live pages in name order, page 0 first with an empty ``lower``; empty for a new directory.
    :param next_page_no: the lowest page number the directory has never used.
    :returns: every page in name order; at least page 0.
    """
    known = {bound.page_no for bound in bounds}
    bounds = bounds or [Bound(0, "")]
    next_page_no = max(next_page_no, 1)
    slices: list[Slice] = []
    start = 0
    for position, bound in enumerate(bounds):
        end = (
            bisect_left(entries, bounds[position + 1].lower, key=lambda e: e.name)
            if position + 1 < len(bounds)
            else len(entries)
        )
        parts = max(1, -(-(end - start) // page_entries_max))
        for part in range(parts):
            first = start + (end - start) * part // parts
            last = start + (end - start) * (part + 1) // parts
            if part == 0:
                page_no, lower = bound.page_no, bound.lower
            else:
                page_no, lower = next_page_no, entries[first].name
                next_page_no += 1
            slices.append(Slice(page_no, lower, entries[first:last], page_no not in known))
        start = end
    return slices
