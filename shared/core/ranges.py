"""Join byte ranges that lie close together into fewer, larger reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """One read and what it serves."""

    offset: int
    length: int
    items: tuple[T, ...]
    """In order of their offsets."""


def coalesce(ranges: Iterable[tuple[int, int, T]], *, gap: int, length_max: int) -> list[Span[T]]:
    """Join ``(offset, length, item)`` ranges no more than ``gap`` bytes apart.

    :param length_max: a joined read is no longer than this; a single range may be.
    :returns: spans in order of offset; each range lies wholly in its span. Ranges may overlap.
    """
    spans: list[Span[T]] = []
    start = end = 0
    items: list[T] = []
    for offset, length, item in sorted(ranges, key=lambda r: (r[0], r[1])):
        joined_end = max(end, offset + length)
        if items and (offset - end > gap or joined_end - start > length_max):
            spans.append(Span(start, end - start, tuple(items)))
            items = []
        if not items:
            start, joined_end = offset, offset + length
        items.append(item)
        end = joined_end
    if items:
        spans.append(Span(start, end - start, tuple(items)))
    return spans
