"""The history of a page: how a record points to older ones, and how to find the one that was newest at a run.

A record of depth d (d older records) points to its predecessor and to the records whose depths come from clearing the lowest set
bit of d again and again, as in a Fenwick tree::

    depth   13 (1101)   12 (1100)   11 (1011)    8 (1000)
    points  12, 8, 0    11, 8, 0    10, 8, 0     7, 0

Two properties make this the right shape. What d + 1 points to is always among d and what d points to, so a new record is made
from its predecessor alone, without reading further. And from any record every older one is at most 2 log2 n + 2 reads away:
with 1,000 records never more than 19 and 9.5 on average, for 5.4 pointers per record and never more than 9. (A skew-binary jump
pointer needs one pointer instead, but at write time the jump target's own pointer: a read of the vault per record.)
"""

from collections.abc import Iterator
from typing import Final

from shared.model.manifest import Ancestor, ManifestRef, PageRecord

RECORDS_PER_RUN: Final = 4_096
"""More than any page gets on average: page 0 of the largest directory that there can be gets 838 in a run."""


def extend(previous: PageRecord | None, previous_ref: ManifestRef | None) -> tuple[int, tuple[Ancestor, ...]]:
    """Depth and ancestors of the record that follows ``previous``, which lies at ``previous_ref``.

    Both None: the first record of a page. Ancestors that ``previous`` has lost (pruned) are left out.
    """
    if previous is None and previous_ref is None:
        return 0, ()
    if previous is None or previous_ref is None:
        raise ValueError(
            "a previous record and its place go together: with one of them alone the history would be lost"
        )
    depth = previous.depth + 1
    known = {ancestor.depth: ancestor for ancestor in previous.ancestors}
    jumps = (known[older] for older in _jumps(depth) if older in known)
    return depth, (Ancestor(previous.depth, previous_ref), *jumps)


def after_lost(lost: ManifestRef) -> tuple[int, tuple[Ancestor, ...]]:
    """Depth and ancestors of the record that follows one that cannot be read any more.

    It still points there: what is older is out of reach as long as that record is, and whoever looks for it is told so, instead of
    finding that there was nothing. The lost record's depth is not known, and the new one's must be greater: it is taken from the run,
    in which no page gets as many records.
    """
    depth = (lost.run_no + 1) * RECORDS_PER_RUN
    return depth, (Ancestor(depth - 1, lost),)


def next_hop(record: PageRecord, run_no: int) -> ManifestRef | None:
    """Which record to read next, from one that is newer than ``run_no``, to find the newest that is not.

    The oldest ancestor that is still newer than ``run_no``; if none is, the predecessor, and that is the one sought. None: the
    page did not exist at ``run_no``. Of several records of one run the newest is found.

    :raises ValueError: ``record`` is not newer than ``run_no``: it is the answer itself, or the search went too far.
    """
    if record.run_no <= run_no:
        raise ValueError(f"record of run {record.run_no} is not newer than run {run_no}")
    newer = [ancestor.ref for ancestor in record.ancestors if ancestor.ref.run_no > run_no]
    if newer:
        return newer[-1]
    return record.ancestors[0].ref if record.ancestors else None


def _jumps(depth: int) -> Iterator[int]:
    """Yield the depths that clearing the lowest set bit again and again leads to."""
    while depth:
        depth &= depth - 1
        yield depth
