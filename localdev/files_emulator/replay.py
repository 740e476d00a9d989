"""Rebuild a share's tree from its rows, epoch by epoch, so that snapshots share what they shared before."""

import sys
from bisect import bisect_left
from collections.abc import Iterable
from itertools import groupby

from localdev.files_emulator.posix import Place
from localdev.files_emulator.share import Share, Snapshot
from localdev.files_emulator.synthetic_tree import SyntheticDirectory, home_of
from localdev.files_emulator.synthetic_view import View, directory_number
from localdev.files_emulator.tree import FIRST_COMPUTED_NUMBER, ROOT_NUMBER, Directory, Entry

Row = tuple[int, int, str | None]  # born, number, record


def hidden_rows(rows: Iterable[Row], epochs: list[int]) -> set[tuple[int, int]]:
    """Return (number, born) of the rows that no kept epoch sees, and of tombstones with nothing before them.

    ``rows`` come in the order they were born, ``epochs`` sorted.
    """
    hidden: set[tuple[int, int]] = set()
    newest: dict[int, int] = {}
    older: set[int] = set()  # numbers that have a kept row before their newest
    epochs = [*epochs, sys.maxsize]
    at = 0
    for born, number, record in rows:
        while epochs[at] < born:
            at += 1
        before = newest.get(number)
        if before is not None and not (at and epochs[at - 1] >= before):
            hidden.add((number, before))
            before = None
        elif before is not None:
            older.add(number)
        if record is None and before is None and number not in older and number < FIRST_COMPUTED_NUMBER:
            hidden.add((number, born))
        else:
            newest[number] = born
    return hidden


def first_kept(born: int, epochs: list[int]) -> int:
    """Return the first kept epoch that sees a row.

    Rows are replayed then and not when they were born: only at a kept epoch do the rows that are left make up a whole
    tree. In between, a child may be there whose parent's row of the time has been swept.
    """
    return epochs[bisect_left(epochs, born)]


def _places(node: Entry) -> tuple[Place, ...]:
    """Return where a node is: a file may have several names."""
    places = () if node.posix is None else node.posix.places
    return places or ((node.parent_number, node.name),)


class Replay:
    """The live tree of a share by node number, while its rows are applied to it."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._live: dict[int, Entry] = {ROOT_NUMBER: share.root}
        self._epoch = -1

    def run(self, rows: Iterable[tuple[int, int, Entry | None]], snapshots: list[Snapshot], epoch: int) -> None:
        """Apply ``rows`` (born, number, node; sorted) and freeze each of ``snapshots`` at the end of its epoch."""
        waiting = sorted(snapshots, key=lambda snapshot: snapshot.epoch)
        for born, group in groupby(rows, key=lambda row: row[0]):
            while waiting and waiting[0].epoch < born:
                self._freeze(waiting.pop(0))
            self._apply(born, [(number, node) for _, number, node in group])
        for snapshot in waiting:
            self._freeze(snapshot)
        for node in self._live.values():
            if isinstance(node, Directory) and node.posix is not None and node.number != ROOT_NUMBER:
                self._share.directory_places[node.number] = node.parent_number, node.name
        self._share.epoch = epoch

    def _freeze(self, s: Snapshot) -> None:
        self._share.snapshots[s.id] = Snapshot(s.id, s.epoch, self._share.root, s.properties)

    def _apply(self, epoch: int, rows: list[tuple[int, Entry | None]]) -> None:
        """Bring the live tree to ``epoch``.

        Everything that changed is first taken out of its old place (whose directories are all owned before the first
        is taken out, or owning one would put it back), and then hung into its new one.
        """
        self._epoch = epoch
        self._compute(epoch, [number for number, _ in rows])
        live = self._live
        moving = [number for number, _ in rows if number != ROOT_NUMBER and number in live]
        for number in moving:
            for parent, _ in _places(live[number]):
                self._own(parent)
        for number in moving:
            for parent, name in _places(live[number]):
                directory = self._own(parent)
                directory.take(directory.key(name))
        for number, node in rows:
            before = live.get(number)
            if node is None:
                if isinstance(before, SyntheticDirectory):
                    self._own(ROOT_NUMBER).outlive(before)
                live.pop(number, None)
                continue
            if isinstance(node, Directory) and isinstance(before, SyntheticDirectory):
                node = before.described_as(node)
            elif isinstance(node, Directory) and isinstance(before, Directory):
                node.inherit(before)
            live[number] = node
            if number == ROOT_NUMBER and isinstance(node, Directory):
                self._share.root = node
        for number, node in rows:
            if node is not None and number != ROOT_NUMBER:
                node = live[number]
                for place in _places(node):
                    named = node
                    if place != (node.parent_number, node.name):
                        named = node.clone(epoch)
                        named.parent_number, named.name = place
                    self._own(named.parent_number).hang(named)

    def _compute(self, epoch: int, numbers: list[int]) -> None:
        """Bring a synthetic share's tree under the layers of ``epoch``, and compute what rows are about to change."""
        if self._share.synthetic is None:
            return
        view = self._share.synthetic.until(epoch)
        root = self._live[ROOT_NUMBER]
        if isinstance(root, SyntheticDirectory) and len(root.view.layers) < len(view.layers):
            for number in [n for n, node in self._live.items() if isinstance(node, SyntheticDirectory)]:
                directory = self._own(number)
                if isinstance(directory, SyntheticDirectory):
                    directory.under(view)
        for number in numbers:
            if number >= FIRST_COMPUTED_NUMBER:
                self._keep(number, view)

    def _keep(self, number: int, view: View) -> None:
        """Make a computed node one of the live tree, and the directories above it."""
        home = None if number in self._live else home_of(view, number)
        if home is None:
            return
        parent_number = directory_number(home)
        if parent_number not in self._live:
            self._keep(parent_number, view)
        parent = self._own(parent_number)
        node = parent.computed(number) if isinstance(parent, SyntheticDirectory) else None
        if node is not None:
            self._live[number] = node.clone(self._epoch)
            parent.hang(self._live[number])

    def _own(self, number: int) -> Directory:
        """Return a directory of the live tree for changing in this epoch."""
        node = self._live[number]
        if not isinstance(node, Directory):
            raise TypeError(f"node {number} has children and is not a directory")
        if node.epoch != self._epoch:
            node = self._live[number] = node.clone(self._epoch)
            if number == ROOT_NUMBER:
                self._share.root = node
            else:
                self._own(node.parent_number).hang(node)
        return node
