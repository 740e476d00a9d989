"""Mutations: a share of the files changes, by a plan that follows from seed, percentage and the files there are.

What is computed changes by one rule for all of it (``synthetic_layers``); what is in memory changes node by node, as if
a client had done it. The counts say what was done.
"""

from collections.abc import Iterator
from dataclasses import replace
from os.path import splitext

from localdev.files_emulator import smb
from localdev.files_emulator.account import Account
from localdev.files_emulator.filling import Counts
from localdev.files_emulator.mixing import derived, mix
from localdev.files_emulator.names import MAX_COMPONENT_CHARS, MAX_PATH_CHARS, key_of
from localdev.files_emulator.posix import shared
from localdev.files_emulator.share import Share
from localdev.files_emulator.synthetic import add_layer, effects
from localdev.files_emulator.synthetic_content import computed_id, whole
from localdev.files_emulator.synthetic_layers import (
    ADDED,
    ATTRIBUTES,
    CONTENT,
    DELETED,
    KINDS,
    METADATA,
    MOVED,
    RENAMED,
    Layer,
)
from localdev.files_emulator.synthetic_view import rewritten
from localdev.files_emulator.tree import Directory, Entry, File, Path

_NODES_A_STEP = 2_000
_CHANGES_A_STEP = 100
_HIDDEN = 0x2
_GROUP_WRITES = 0o020


def mutate(account: Account, share: Share, percent: float, seed: int) -> Iterator[Counts]:
    """Change ``percent`` of a share's files; yields after each step what it has done so far.

    :raises ShapeError: it is a synthetic share that was mutated too often.
    """
    counts = dict.fromkeys((*KINDS, "skipped"), 0)
    share.freeze()
    before, view = share.root, share.synthetic
    if view is not None:
        view = add_layer(share, view, percent, seed, account.clock.tick())
        for done in effects(view):
            yield {**counts, **done}
        counts |= done
        share.journal.share(share)
    files = 0
    for _ in _kept_files(before):
        files += 1
        if files % _NODES_A_STEP == 0:
            yield counts
    if not files:
        yield counts
        return
    plan = Layer(seed, percent, files, 0, 0)
    goals: dict[int, Path] = {}
    chosen: list[tuple[int, Path, int]] = []
    for n, (path, node) in enumerate(_kept_files(before)):
        if plan.kind(n) is not None:
            chosen.append((n, path, node.number))
        elif plan.origin(n) is not None:
            goals[n] = path[:-1]
        if n % _NODES_A_STEP == 0:
            yield counts
    for n, (at, path, number) in enumerate(chosen):
        goal = plan.goal(at)
        change = _Change(account, share, path, mix(derived("change", seed, at)))
        kind = change.make(plan.kind(at) or "", number, goals.get(goal) if goal is not None else None)
        counts[kind] += 1
        if n % _CHANGES_A_STEP == 0:
            yield counts
    yield counts


def _kept_files(directory: Directory, path: Path = ()) -> Iterator[tuple[Path, File]]:
    """Yield the files in memory below a directory, with their paths, in listing order."""
    waiting: list[tuple[Path, Directory]] = [(path, directory)]
    while waiting:
        above, inside = waiting.pop()
        for node in sorted(inside.kept(), key=lambda node: key_of(node.name)):
            if isinstance(node, Directory):
                waiting.append(((*above, node.name), node))
            else:
                yield (*above, node.name), node


class _Change:
    """One change of a file in memory."""

    def __init__(self, account: Account, share: Share, path: Path, bits: int) -> None:
        self._account = account
        self._share = share
        self._path = path
        self._bits = bits

    def make(self, kind: str, number: int, goal: Path | None) -> str:
        """Change the file and return what became of it: ``skipped``: it is not there any more, is leased, or a link."""
        share = self._share
        found: Entry | None = share.root
        for part in self._path:
            found = found.child(found.key(part)) if isinstance(found, Directory) else None
        if not isinstance(found, File) or found.number != number or number in share.leases:
            return "skipped"
        if found.posix is not None and (found.posix.link_text or found.posix.places):
            return "skipped"
        now = self._account.clock.tick()
        parent = share.own_directory(self._path[:-1])
        if kind == DELETED:
            share.take(parent, found)
            share.touch(parent, now)
        elif kind == ADDED:
            self._add(found, parent, now)
        elif kind in (RENAMED, MOVED):
            return self._move(parent, now, goal if kind == MOVED else None)
        else:
            self._rewrite(kind, now)
        return kind

    def _rewrite(self, kind: str, now: int) -> None:
        file = self._share.own(self._path)
        if not isinstance(file, File):
            return
        file.changed = now
        if kind == CONTENT:
            file.written = now
            file.size, file.extents = rewritten(file.size, file.extents, self._bits, self._suffix())
        elif kind == METADATA:
            file.metadata = (("mutation", f"{self._bits:x}"),)
        elif kind == ATTRIBUTES and file.posix is not None:
            file.posix = shared(file.posix.owner, file.posix.group, file.posix.mode ^ _GROUP_WRITES)
        elif kind == ATTRIBUTES:
            file.attributes ^= _HIDDEN
        self._share.changed(file)

    def _add(self, model: File, parent: Directory, now: int) -> None:
        share = self._share
        file = replace(
            model,
            number=share.take_number(),
            name=self._free_name(parent, "added"),
            epoch=share.epoch,
            attributes=smb.ARCHIVE,
            created=now,
            accessed=now,
            written=now,
            changed=now,
            size=model.size,
            extents=whole(model.size, computed_id(self._bits, self._suffix())),
            copied=None,
        )
        share.hang(parent, file)
        share.touch(parent, now)

    def _move(self, parent: Directory, now: int, goal: Path | None) -> str:
        share = self._share
        target = parent
        if (
            goal is not None
            and goal != self._path[:-1]
            and len("/".join((*goal, self._path[-1]))) + 40 < MAX_PATH_CHARS
        ):
            inside: Entry | None = share.root
            for part in goal:
                inside = inside.child(inside.key(part)) if isinstance(inside, Directory) else None
            if isinstance(inside, Directory):
                target = share.own_directory(goal)
        file = share.own(self._path)
        moved = target is not parent
        parent.take(parent.key(file.name))
        if not moved or target.child(target.key(file.name)) is not None:
            file.name = self._free_name(target, "moved" if moved else "renamed")
        file.changed = now
        share.hang(target, file)
        share.touch(parent, now)
        if moved:
            share.touch(target, now)
        return MOVED if moved else RENAMED

    def _suffix(self) -> str:
        return splitext(self._path[-1])[1].lower()

    def _free_name(self, directory: Directory, word: str) -> str:
        stem, suffix = splitext(self._path[-1])
        n = 1
        while True:
            tag = f" ({word} {n})"
            name = stem[: MAX_COMPONENT_CHARS - len(tag) - len(suffix)] + tag + suffix
            if directory.child(directory.key(name)) is None:
                return name
            n += 1
