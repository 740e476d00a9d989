"""From the records of a directory's pages to the restore points that show an entry.

A record counts from its run until the page's next record, while page 0's record names the page, and until the directory was deleted. All
in half-open stretches of run numbers, and then of positions in the list of restore points: between two of them nobody can look.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.model.manifest import SavedEntry

Stretch = tuple[int, int]
"""From, and up to but without."""

RUN_END = 1 << 31
"""After every run."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a record."""

    run_no: int
    depth: int
    entries: tuple[SavedEntry, ...]
    """Those that are of interest."""
    page_nos: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry, and the restore points that show it: neighbours, from ``first`` to ``last``."""

    saved: SavedEntry
    first: int
    last: int
    restore_points: int


def shown(histories: dict[int, list[Kept]], points: Sequence[int], *, deleted_run: int | None = None) -> list[Shown]:
    """Every state of every entry in ``histories`` that a restore point shows, in the order of first restore point, name and node.

    :param histories: records by page number, in any order; page 0's are among them.
    :param points: run numbers of all restore points, in order.
    :returns: a state that was split off to another page, or merged into one, is one.
    """
    named = _named(_newest_of_each_run(histories.get(0, [])))
    places: defaultdict[tuple[object, ...], list[Stretch]] = defaultdict(list)
    states: dict[tuple[object, ...], SavedEntry] = {}
    for page_no, records in histories.items():
        ordered = _newest_of_each_run(records)
        ends = [*(record.run_no for record in ordered[1:]), RUN_END]
        for record, end in zip(ordered, ends, strict=True):
            if not record.entries:
                continue
            until = min(end, deleted_run) if deleted_run is not None else end
            stretches = [
                (bisect_left(points, max(low, record.run_no)), bisect_left(points, min(high, until)))
                for low, high in named[page_no]
            ]
            for saved in record.entries:
                key = (saved.node_id, saved.entry.name, saved.entry.changed, saved.saved_run, saved.stale)
                states[key] = saved
                places[key] += [(low, high) for low, high in stretches if low < high]
    found = [
        Shown(states[key], points[low], points[high - 1], high - low)
        for key, stretches in places.items()
        for low, high in _joined(stretches)
    ]
    return sorted(found, key=lambda one: (one.first, one.saved.entry.name, one.saved.node_id))


def _newest_of_each_run(records: Iterable[Kept]) -> list[Kept]:
    """In order; of several records of one run only the last is what the run left."""
    newest = {record.run_no: record for record in sorted(records, key=lambda record: record.depth)}
    return [newest[run_no] for run_no in sorted(newest)]


def _named(firsts: Sequence[Kept]) -> defaultdict[int, list[Stretch]]:
    """When page 0 named each page."""
    named: defaultdict[int, list[Stretch]] = defaultdict(list)
    ends = [*(record.run_no for record in firsts[1:]), RUN_END]
    for record, end in zip(firsts, ends, strict=True):
        for page_no in record.page_nos:
            named[page_no].append((record.run_no, end))
    return defaultdict(list, {page_no: _joined(stretches) for page_no, stretches in named.items()})


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Those that touch are one."""
    joined: list[Stretch] = []
    for low, high in sorted(stretches):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
