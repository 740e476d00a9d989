"""Which files a sampling verify reads, and what it has proven.

A file's part is a hash of its number and of the run that saved this version: as good as drawn by lot, and the same for everybody who
asks. Parts are disjoint and together everything, so after as many verifies as there are parts every version that was there all the
time has been read exactly once. Damage does not know the hash, so whatever is damaged, alone or together with its neighbours, is as
likely to be in one part as in another; that is all that the statistics below need.

With n files read and k of them unreadable, the share of unreadable files is, with confidence c, below the p at which k or fewer
would be seen with a probability of 1 - c (Clopper and Pearson; for k = 0 that is 1 - (1 - c)^(1/n), some 6.9 / n at 99.9 %, the "rule of
three" at 95 %). The files are drawn without replacement, with which the truth can only be better.
"""

import math
import struct
from typing import Final

import xxhash

CONFIDENCE: Final = 0.999


def part_of(node_id: int, saved_run: int, parts: int) -> int:
    """Which of ``parts`` (from 0) a version of a file belongs to."""
    return xxhash.xxh3_64_intdigest(struct.pack("<QQ", node_id, saved_run)) % parts


def most_unreadable(read: int, unreadable: int, confidence: float = CONFIDENCE) -> float:
    """The share of unreadable files, 0 to 1, that is excluded with ``confidence`` after ``read`` files, of which some were ``unreadable``.

    1.0 when nothing was read, or all of it was unreadable.
    """
    if unreadable >= read:
        return 1.0
    if not unreadable:
        return 1.0 - math.exp(math.log1p(-confidence) / read)
    low, high = unreadable / read, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(unreadable, read, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def statement(read: int, unreadable: int, claim: str = "are unreadable", confidence: float = CONFIDENCE) -> str:
    """The same for people, of files that ``claim``; empty when nothing was read."""
    if not read:
        return ""
    bound = most_unreadable(read, unreadable, confidence) * 100
    return f"{confidence * 100:g} % sure that fewer than {_rounded_up(bound)} % of the files {claim}"


def _at_most(k: int, n: int, p: float) -> float:
    """Probability of at most ``k`` successes in ``n`` tries. Sums from the largest term down, which is the last: p is above k / n."""
    if p >= 1.0:
        return 0.0
    log_term = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p)
    )
    term = total = 1.0
    for i in range(k, 0, -1):
        term *= i / (n - i + 1) * (1.0 - p) / p
        total += term
        if term < total * 1e-17:
            break
    return math.exp(log_term) * total


def _rounded_up(percent: float) -> str:
    """Two digits that mean something, never less than ``percent``."""
    if percent >= 100.0:
        return "100"
    digits = max(0, 1 - math.floor(math.log10(percent)))
    return f"{math.ceil(percent * 10**digits) / 10**digits:.{digits}f}"
