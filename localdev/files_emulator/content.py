"""A file's content as a tuple of extents: sorted, disjoint, immutable; what no extent covers reads as zeros.

Because blocks never change, two states of a file differ exactly where their extents name different blocks. That makes
a range diff a merge of two tuples and a snapshot of a file free.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from localdev.files_emulator.blocks import Block

FREE_UNIT_BYTES = 512  # clearing frees whole units only; the rest of the range is written with zeros
_PIECE_BYTES = 1024 * 1024
_ZEROS = memoryview(bytes(_PIECE_BYTES))


class Extent(NamedTuple):
    """``[start, end)`` of a file is ``block`` from ``offset`` on."""

    start: int
    end: int
    block: Block
    offset: int

    def cut(self, start: int, end: int) -> "Extent":
        """Return the part of it within ``[start, end)``, which must not be empty."""
        low, high = max(self.start, start), min(self.end, end)
        return Extent(low, high, self.block, self.offset + low - self.start)


Extents = tuple[Extent, ...]
Change = tuple[int, int, Literal["Range", "ClearRange"]]


def _first(extents: Extents, position: int) -> int:
    """Return the index of the first extent that ends after ``position``."""
    return bisect_right(extents, position, key=lambda extent: extent.end)


def write(extents: Extents, start: int, end: int, block: Block, offset: int = 0) -> Extents:
    """Return ``extents`` with ``[start, end)`` replaced by ``block`` from ``offset``."""
    new = Extent(start, end, block, offset)
    if not extents or extents[-1].end <= start:
        return (*extents, new)
    return splice(extents, start, end, (new,))


def splice(extents: Extents, start: int, end: int, middle: Extents) -> Extents:
    """Return ``extents`` with ``[start, end)`` replaced by ``middle``, which must lie within it."""
    low, high = _first(extents, start), len(extents)
    before, after = list(extents[:low]), list[Extent]()
    for index in range(low, high):
        extent = extents[index]
        if extent.start < start:
            before.append(extent.cut(extent.start, start))
        if extent.end > end:
            if extent.start < end:
                after.append(extent.cut(end, extent.end))
                index += 1
            after.extend(extents[index:])
            break
    return (*before, *middle, *after)


def truncate(extents: Extents, size: int) -> Extents:
    """Return ``extents`` without what lies at or beyond ``size``."""
    if not extents or extents[-1].end <= size:
        return extents
    kept = list(extents[: _first(extents, size)])
    if len(kept) < len(extents) and extents[len(kept)].start < size:
        kept.append(extents[len(kept)].cut(0, size))
    return tuple(kept)


def window(extents: Extents, start: int, end: int, shift: int = 0) -> Extents:
    """Return the extents of ``[start, end)`` alone, moved by ``shift``."""
    found = []
    for index in range(_first(extents, start), len(extents)):
        if extents[index].start >= end:
            break
        part = extents[index].cut(start, end)
        found.append(Extent(part.start + shift, part.end + shift, part.block, part.offset))
    return tuple(found)


def pieces(extents: Extents, start: int, end: int) -> Iterator[memoryview]:
    """Yield the bytes of ``[start, end)``, lazily, holes as zeros."""
    position = start
    for extent in window(extents, start, end):
        if extent.start > position:
            yield from _zeros(extent.start - position)
        if extent.block.id < 0:
            yield from _zeros(extent.end - extent.start)
        else:
            yield from extent.block.parts(extent.offset, extent.offset + extent.end - extent.start)
        position = extent.end
    if end > position:
        yield from _zeros(end - position)


def _zeros(length: int) -> Iterator[memoryview]:
    while length > 0:
        yield _ZEROS[:length]
        length -= _PIECE_BYTES


def ranges(extents: Extents, start: int, end: int) -> list[tuple[int, int]]:
    """Return what was written in ``[start, end)`` and not cleared since, neighbours merged."""
    found: list[tuple[int, int]] = []
    for extent in window(extents, start, end):
        if extent.block.id < 0:
            continue
        if found and found[-1][1] == extent.start:
            found[-1] = (found[-1][0], extent.end)
        else:
            found.append((extent.start, extent.end))
    return found


def changes(old: Extents, new: Extents, start: int, end: int) -> list[Change]:
    """Return how ``[start, end)`` came from ``old`` to ``new``, in offset order, neighbours of a kind merged.

    Writing the same bytes again counts as a change, as it does in the service.
    """
    before, after = window(old, start, end), window(new, start, end)
    edges = sorted({start, end} | {edge for extent in (*before, *after) for edge in extent[:2]})
    found: list[Change] = []
    i = j = 0
    for low, high in pairwise(edges):
        while i < len(before) and before[i].end <= low:
            i += 1
        while j < len(after) and after[j].end <= low:
            j += 1
        was = _source(before, i, low)
        now = _source(after, j, low)
        if was == now:
            continue
        kind: Literal["Range", "ClearRange"] = "Range" if now is not None and now[0] > 0 else "ClearRange"
        if found and found[-1][1] == low and found[-1][2] == kind:
            found[-1] = (found[-1][0], high, kind)
        else:
            found.append((low, high, kind))
    return found


def _source(extents: Extents, index: int, position: int) -> tuple[int, int] | None:
    """Return which byte of which block is at ``position``; ``None`` for a place never written."""
    if index == len(extents) or extents[index].start > position:
        return None
    extent = extents[index]
    return extent.block.id, extent.offset + position - extent.start if extent.block.id > 0 else 0


def stored_bytes(extents: Extents) -> int:
    """Return how many bytes were written and not cleared."""
    return sum(extent.end - extent.start for extent in extents if extent.block.id > 0)
