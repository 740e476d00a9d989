"""The history of a page: how a record points to older ones, and how to find the one that was newest at a run.

A record of depth d (d older records) points to its predecessor p = d - 1, and on every scale of a ladder of powers of four to the
records between p and the next step of the scale above: the depths that come from counting down the last digit of p that is not 0,
written to base four, until none is left::

    depth   13       12      11       27
    p       12 (30)  11 (23) 10 (22)  26 (122)
    points  12 8 4 0 11 10 9 8 4 0    26 25 24 20 16 0

Two properties make this the right shape. What d + 1 points to is always among d and what d points to, so a new record is made
from its predecessor alone, without reading further. And each read leaves a quarter of where the sought one can be: of n records
any is found with at most log4 n + 1 reads, the newest one's included: 6 of 1,000 records, for 8.4 pointers per record and never
more than 15. Why four, and what older records do (they cleared the lowest bit again and again, for 19 reads): docs/adr/0010.

Records under either rule stand in one chain. The reading rule asks nothing of the depths but that they descend.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from shared.model.manifest import Ancestor, ManifestRef, PageRecord

BASE: Final = 4
"""Steps of one scale in a step of the next. Another number would cost reads where it follows this one, and no answer."""
RECORDS_PER_RUN: Final = 4_096
"""More than any page gets on average: page 0 of the largest directory that there can be gets 838 in a run."""


class Linked(Protocol):
    """As much of a record as its history needs."""

    @property
    def run_no(self) -> int:
        """Whose state it describes."""
        ...

    @property
    def depth(self) -> int:
        """Number of older records."""
        ...

    @property
    def ancestors(self) -> tuple[Ancestor, ...]:
        """Newest first."""
        ...


def extend(previous: PageRecord | None, previous_ref: ManifestRef | None) -> tuple[int, tuple[Ancestor, ...]]:
    """Depth and ancestors of the record that follows ``previous``, which lies at ``previous_ref``.

    Both None: the first record of a page. Ancestors that ``previous`` does not have (pruned, or it was made by the older rule)
    are left out.
    """
    if previous is None and previous_ref is None:
        return 0, ()
    if previous is None or previous_ref is None:
        raise ValueError(
            "a previous record and its place go together: with one of them alone the history would be lost"
        )
    known = {ancestor.depth: ancestor for ancestor in previous.ancestors}
    jumps = (known[older] for older in _ladder(previous.depth) if older in known)
    return previous.depth + 1, (Ancestor(previous.depth, previous_ref), *jumps)


def after_lost(lost: ManifestRef) -> tuple[int, tuple[Ancestor, ...]]:
    """Depth and ancestors of the record that follows one that cannot be read any more.

    It still points there: what is older is out of reach as long as that record is, and whoever looks for it is told so, instead of
    finding that there was nothing. The lost record's depth is not known, and the new one's must be greater: it is taken from the run,
    in which no page gets as many records.
    """
    depth = (lost.run_no + 1) * RECORDS_PER_RUN
    return depth, (Ancestor(depth - 1, lost),)


def next_hop(record: Linked, run_no: int) -> ManifestRef | None:
    """Which record to read next, from one that is newer than ``run_no``, to find the newest that is not.

    That very one where the pointers show which it is: two of neighbouring depths lie on either side. Otherwise the oldest that is
    still newer. None: the page did not exist at ``run_no``. Of several records of one run the newest is found; so one whose run is
    the very ``run_no`` is no reason to stop, as long as others may follow it.

    :raises ValueError: ``record`` is not newer than ``run_no``: it is the answer itself, or the search went too far.
    """
    if record.run_no <= run_no:
        raise ValueError(f"record of run {record.run_no} is not newer than run {run_no}")
    newer, ref = record.depth, None
    for ancestor in record.ancestors:
        if ancestor.ref.run_no <= run_no:
            return ancestor.ref if ref is None or ancestor.depth == newer - 1 else ref
        newer, ref = ancestor.depth, ancestor.ref
    return ref if newer else None


def next_hops(record: Linked, run_nos: Iterable[int]) -> dict[ManifestRef, list[int]]:
    """Which records to read next, from one that is newer than all of ``run_nos``, to find the newest that is not newer than each.

    All paths together, from the newest record of a page, are what a sweep leaves of its history. They stay the paths: a record that is
    added later points to its predecessor and to older ones that the predecessor points to as well, from some depth on down to all of
    them. So whoever comes from it either goes to the predecessor, or to where the predecessor would have sent them
    (``tests/property/test_history.py``).
    """
    found: dict[ManifestRef, list[int]] = {}
    for run_no in run_nos:
        ref = next_hop(record, run_no)
        if ref is not None:
            found.setdefault(ref, []).append(run_no)
    return found


def _ladder(depth: int) -> Iterator[int]:
    """Yield the depths below ``depth`` that counting down its last digit other than 0 again and again leads to."""
    step = 1
    while depth:
        while depth % (step * BASE) == 0:
            step *= BASE
        depth -= step
        yield depth
