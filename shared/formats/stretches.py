"""Segments as commit records and ledgers list them: three numbers for each stretch of neighbouring batches of a run."""

from collections.abc import Iterable, Sequence
from typing import Final

SEGMENTS_MAX: Final = 1 << 22
"""Some 40 times what a billion files need; a range that makes no sense does not fill the memory."""


def ranges(segments: Iterable[tuple[int, int]]) -> list[int]:
    """Return ``run_no, first, count`` of each stretch of consecutive batches."""
    found: list[int] = []
    following = None
    for run_no, batch_no in segments:
        if (run_no, batch_no) == following:
            found[-1] += 1
        else:
            found += (run_no, batch_no, 1)
        following = (run_no, batch_no + 1)
    return found


def segments(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The opposite. Raises ``ValueError``: more than :data:`SEGMENTS_MAX`."""
    stretches = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
    if sum(count for _, _, count in stretches) > SEGMENTS_MAX:
        raise ValueError(f"more than {SEGMENTS_MAX} segments")
    return tuple((run_no, batch_no) for run_no, first, count in stretches for batch_no in range(first, first + count))
