"""What a sweep decides: which states of a page are needed, which tombstones can go, how the work is divided.

*Roots* are run numbers of restore points that stay whole. A root shows of a page its newest record that is not newer than the root, unless the
page was gone by then.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from shared.core.history import Linked
from shared.formats.marks import CHUNK_SECTIONS

MARKS_PER_PIECE: Final = 1 << 20
"""Marks that one piece compares with what the vault lists: 8 MiB, and twice that while they are sorted. A section with more is a piece of its own."""


def concerned(roots: Sequence[int], deleted_run: int | None) -> Sequence[int]:
    """The roots that can show a page; ``deleted_run``: the run that found it gone, if one did."""
    if deleted_run is None:
        return roots
    return [root for root in roots if root < deleted_run]


def is_needed(newest: Linked, roots: Sequence[int], deleted_run: int, horizon: int) -> bool:
    """Whether a tombstone, whose newest record this is, has to stay: some root shows the page, or it is too young to tell.

    The oldest record that the newest one knows of tells since when the page was there; where its history is cut off, it was there always.
    """
    if deleted_run > horizon or newest.run_no > horizon:
        return True
    first = newest.run_no if newest.depth == 0 else 0
    if newest.ancestors and newest.ancestors[-1].depth == 0:
        first = newest.ancestors[-1].ref.run_no
    return any(first <= root < deleted_run for root in roots)


def droppable(candidates: Collection[int], children: Iterable[tuple[int, int]]) -> set[int]:
    """Of tombstones that no root needs, those below which nothing hangs but others that go as well.

    A tombstone that stays is told by its path, so all above it stay too.

    :param children: ``(parent, child)`` of all rows below ``candidates``.
    """
    going = set(candidates)
    below: dict[int, list[int]] = {}
    for parent, child in children:
        below.setdefault(parent, []).append(child)
    while stay := {parent for parent in going if any(child not in going for child in below.get(parent, ()))}:
        going -= stay
    return going


def divide(counts: Sequence[int], most: int = MARKS_PER_PIECE) -> list[tuple[int, int]]:
    """Ranges of the first digits of chunks, ``[low, high)``, that have about so many marks together, or one digit.

    :param counts: marks by digit.
    """
    found: list[tuple[int, int]] = []
    low = held = 0
    for digit, count in enumerate(counts):
        if digit > low and held + count > most:
            found.append((low, digit))
            low, held = digit, 0
        held += count
    return [*found, (low, CHUNK_SECTIONS)]
