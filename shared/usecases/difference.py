"""What is different in a directory and below it between two restore points.

Nothing is looked at that did not change: the indexes of the segments written since the older point name the directories that have changed
since, and the catalogue those above them. Two rules make that exact though the catalogue knows only where directories are *now*: a
directory that was moved later has left a parent that changed, so that parent is among those named; and a child that is no
longer where it was is looked into in any case.

Children are told in windows of names, each with the counts of all below it. Memory is that of one window, of the ids of changed
directories, and of the files that came or went and may prove to have moved (:mod:`shared.core.tally`).
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.core.changes import Change, changes
from shared.core.tally import Reckoning, Tally, settle
from shared.errors import IntegrityError, InvalidInput, NotFound
from shared.model.manifest import SavedEntry
from shared.usecases.changed_between import RUN_NO_MAX, changed_directories
from shared.usecases.past import WINDOW_PAGES, DirectoryThen, Past
from shared.usecases.read_manifests import Page

DIRECTORIES_MAX: Final = 2_000
"""Directories compared for one answer: some seconds. A window of children ends where they are used up."""
MARKED_MAX: Final = 200_000
"""Changed directories to keep in mind, 20 MB; with more, none is ruled out."""
AT_ONCE: Final = 32
"""Directories looked at together: neighbours mostly are in one segment, and one request reads them."""
UNMATCHED_MAX: Final = 20_000
"""Entries of one directory that are in one of the two states only and wait for their match under another name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One child of the directory that is compared: a node, or two files of which one has taken the other's name."""

    before: SavedEntry | None
    """As the older restore point shows it here; None: it does not."""
    after: SavedEntry | None
    changes: tuple[Change, ...]
    """Its own; of a directory beside that CONTENT if anything below it is different. Empty: it is unchanged with all below it."""
    below: Tally | None
    """Of a directory: all that is below it."""
    complete: bool = True
    """False: there is more below than one answer takes; ``below`` is a part of it. Ask for the directory itself."""

    @property
    def shown(self) -> SavedEntry:
        """Its newest state."""
        return _newest((self.before, self.after))


@dataclass(frozen=True, slots=True)
class Differences:
    """Some children of a directory, in order of their newest names."""

    children: tuple[Difference, ...]
    """Those that changed, and the unchanged subdirectories that were seen on the way: all others are as they were."""
    here: Tally
    """What is directly in the directory: all files, and the subdirectories among ``children``."""
    total: Tally
    """The same and all that is below ``children``."""
    following: str
    """What to ask ``after`` to go on; empty if that was all."""
    moves_known: bool
    """False: so much came and went that some of what moved is counted as deleted and added."""
    unreadable: tuple[int, ...]
    """Directories whose records are damaged or lost: what is in them is not counted."""


Pair = tuple[SavedEntry | None, SavedEntry | None]
"""One node of a directory at the older and at the newer restore point."""


async def difference(
    past: Past, directory_id: int, older: int, newer: int, *, after: str = "", limit: int
) -> Differences:
    """Compare a directory at two restore points.

    :param after: only children after this cursor.
    :raises NotFound: neither shows it.
    :raises InvalidInput: they are not an older and a newer one.
    :raises IntegrityError: the directory's own records are damaged or lost.
    """
    begin = _from_cursor(after)
    if older >= newer:
        raise InvalidInput(f"from is {older} and to is {newer}; expected an older and a newer one", field="from")
    comparison = _Comparison(past, older, newer)
    await comparison.prepare()
    before, then = [await past.look(directory_id, run_no) for run_no in (older, newer)]
    if before is None and then is None:
        raise NotFound(f"neither restore point {older} nor {newer} shows directory {directory_id}", field="node_id")
    here = Reckoning()
    children: list[Pair] = []
    async for pair in comparison.pairs(before, then):
        if not _is_directory(pair):
            here.file(*pair)
            if not _file_changes(pair):
                continue
        if _place(pair) > begin:
            children.append(pair)
        if len(children) > 2 * limit + 1:
            children = sorted(children, key=_place)[: limit + 1]
    children.sort(key=_place)
    told: list[tuple[Pair, tuple[Change, ...], Reckoning | None, bool]] = []
    for pair in children[:limit]:
        if comparison.left <= 0:
            break
        if not _is_directory(pair):
            found = _file_changes(pair)
            told.append((pair, found, None, True))
            continue
        [(found, into)] = await comparison.enter(
            directory_id, [pair], here, await comparison.not_ruled_out([directory_id])
        )
        below = Reckoning()
        told.append((pair, found, below, await comparison.walk(into, below)))
    return _answer(here, told, more=len(told) < len(children), unreadable=comparison.unreadable)


def _answer(
    here: Reckoning,
    told: Sequence[tuple[Pair, tuple[Change, ...], Reckoning | None, bool]],
    *,
    more: bool,
    unreadable: set[int],
) -> Differences:
    reckonings = [here, *(below for *_, below, _ in told if below is not None)]
    (of_here, *rest), total = settle(reckonings)
    tallies = iter(rest)
    children = []
    for (before, after), found, below, complete in told:
        tally = next(tallies) if below is not None else None
        if tally and before is not None and after is not None:
            found = tuple(change for change in Change if change in {*found, Change.CONTENT})
        children.append(Difference(before, after, found, tally, complete))
    return Differences(
        children=tuple(children),
        here=of_here,
        total=total,
        following=_cursor(children[-1]) if more else "",
        moves_known=all(reckoning.moves_known for reckoning in reckonings),
        unreadable=tuple(sorted(unreadable)),
    )


@dataclass(slots=True)
class _Comparison:
    past: Past
    older: int
    newer: int
    left: int = field(default_factory=lambda: DIRECTORIES_MAX)
    """Directories that may still be compared."""
    unreadable: set[int] = field(default_factory=set)
    _changed: set[int] | None = None
    """Directories with a record newer than ``older``; None: too many to keep."""
    _marked: set[int] = field(default_factory=set)
    """They, and all above them now."""
    _parents: set[int] = field(default_factory=set)
    """The directories that have one of ``_marked`` in them now."""

    async def prepare(self) -> None:
        """Find out where not to look."""
        self._changed = await changed_directories(self.past, self.older, RUN_NO_MAX, limit=MARKED_MAX)
        above = await self.past.catalogue.parents_above(self.past.share_id, sorted(self._changed or ()))
        self._marked = set(above)
        self._parents = {parent for parent in above.values() if parent is not None}

    async def not_ruled_out(self, directory_ids: Sequence[int]) -> set[int] | None:
        """Children that these directories have now, of those which may have lost some since ``newer``; None: all may.

        A child that a restore point shows and that is not among these is looked into, whether anything says that it changed or not.
        """
        if self._changed is None:
            return None
        some = [directory_id for directory_id in directory_ids if directory_id in self._changed]
        heads = await self.past.catalogue.child_heads(self.past.share_id, some) if some else {}
        return {head.node_id for found in heads.values() for head in found}

    def _is_ruled_out(self, parent: int, child: int, there_now: set[int] | None) -> bool:
        if self._changed is None or there_now is None or child in self._marked:
            return False
        return parent not in self._changed or child in there_now

    async def enter(
        self, parent_id: int, pairs: Sequence[Pair], counts: Reckoning, there_now: set[int] | None
    ) -> list[tuple[tuple[Change, ...], list[int]]]:
        """Count subdirectories of a directory themselves; of each, what changed, and its id if it is to be looked into."""
        come = [after.node_id for before, after in pairs if before is None and after is not None]
        gone = [before.node_id for before, after in pairs if after is None and before is not None]
        elsewhere = {*await self._shown(come, self.older), *await self._shown(gone, self.newer)}
        entered: list[tuple[tuple[Change, ...], list[int]]] = []
        for before, after in pairs:
            node_id = _newest((before, after)).node_id
            if before is not None and after is not None:
                counts.directory(before, after)
                ruled_out = self._is_ruled_out(parent_id, node_id, there_now)
                entered.append((changes(before, after), [] if ruled_out else [node_id]))
                continue
            moved = node_id in elsewhere
            if moved:
                counts.moved_directories.add(node_id)
            elif after is not None:
                counts.counted.added_directories += 1
            else:
                counts.counted.deleted_directories += 1
            # What moved away is compared where it is now.
            entered.append((_one_sided((before, after), moved=moved), [] if moved and after is None else [node_id]))
        return entered

    async def walk(self, into: Sequence[int], counts: Reckoning) -> bool:
        """Compare all that is below these directories; False if there is more than may be looked at."""
        stack = list(into)
        while stack:
            if self.left <= 0:
                return False
            wave = [stack.pop() for _ in range(min(AT_ONCE, len(stack), self.left))]
            self.left -= len(wave)
            there_now = await self.not_ruled_out(wave)
            older, newer = await self._look(wave, self.older), await self._look(wave, self.newer)
            for directory_id in wave:
                if directory_id in self.unreadable:
                    continue  # with one side alone all of it would look new, or gone
                subdirectories: list[Pair] = []
                try:
                    async for pair in self.pairs(older.get(directory_id), newer.get(directory_id)):
                        if _is_directory(pair):
                            subdirectories.append(pair)
                        else:
                            counts.file(*pair)
                except IntegrityError:
                    self.unreadable.add(directory_id)
                entered = await self.enter(directory_id, subdirectories, counts, there_now)
                stack += [node_id for _, into in entered for node_id in into]
        return True

    async def pairs(self, older: DirectoryThen | None, newer: DirectoryThen | None) -> AsyncIterator[Pair]:
        """What a directory holds at either point, each once; nothing of the pages that are the same, where that is known unread.

        In order of name, but for what has another name now or is in one state only.
        """
        skipped = self._skipped(older, newer)
        streams = [_Entries(self.past, then, skipped) for then in (older, newer)]
        waiting: tuple[dict[int, SavedEntry], dict[int, SavedEntry]] = {}, {}
        before, after = await streams[0].next(), await streams[1].next()
        while before is not None or after is not None:
            if before is not None and after is not None and before.node_id == after.node_id:
                yield before, after
                before, after = await streams[0].next(), await streams[1].next()
                continue
            if after is None or (before is not None and before.entry.name <= after.entry.name):
                assert before is not None
                if (match := waiting[1].pop(before.node_id, None)) is not None:
                    yield before, match
                else:
                    waiting[0][before.node_id] = before
                before = await streams[0].next()
            else:
                if (match := waiting[0].pop(after.node_id, None)) is not None:
                    yield match, after
                else:
                    waiting[1][after.node_id] = after
                after = await streams[1].next()
            if len(waiting[0]) + len(waiting[1]) > UNMATCHED_MAX:
                for pair in _unmatched(waiting):
                    yield pair
        for pair in _unmatched(waiting):
            yield pair

    def _skipped(self, older: DirectoryThen | None, newer: DirectoryThen | None) -> set[Page]:
        """Pages that have not changed since the older point, of a directory of many, none of whose children is to be looked into."""
        if older is None or newer is None or len(newer.order) <= WINDOW_PAGES or self._changed is None:
            return set()
        if newer.directory_id in self._parents:
            return set()
        same = dict(older.order).keys() & dict(newer.order).keys()
        return {page for page, ref in newer.order if page in same and ref.run_no <= self.older}

    async def _shown(self, directory_ids: Sequence[int], run_no: int) -> dict[int, DirectoryThen]:
        return await self._look(directory_ids, run_no) if directory_ids else {}

    async def _look(self, directory_ids: Sequence[int], run_no: int) -> dict[int, DirectoryThen]:
        """Those that were there; the damaged ones are noted and left out."""
        try:
            return await self.past.look_at_many(directory_ids, run_no)
        except IntegrityError:
            found: dict[int, DirectoryThen] = {}
            for directory_id in directory_ids:
                try:
                    found |= await self.past.look_at_many([directory_id], run_no)
                except IntegrityError:
                    self.unreadable.add(directory_id)
            return found


class _Entries:
    """The entries of a directory in order of name, one at a time."""

    def __init__(self, past: Past, then: DirectoryThen | None, skipped: set[Page]) -> None:
        self._records = past.pages(then, skipped) if then is not None else None
        self._entries: Iterator[SavedEntry] = iter(())

    async def next(self) -> SavedEntry | None:
        """None at the end."""
        while (saved := next(self._entries, None)) is None:
            record = await anext(self._records, None) if self._records is not None else None
            if record is None:
                return None
            self._entries = iter(record.entries)
        return saved


def _unmatched(waiting: tuple[dict[int, SavedEntry], dict[int, SavedEntry]]) -> Iterator[Pair]:
    """What found no match by node: files by name, as one that was replaced by another, and the rest alone."""
    by_name = {before.entry.name: before for before in waiting[0].values() if not before.entry.is_directory}
    for after in waiting[1].values():
        before = None if after.entry.is_directory else by_name.get(after.entry.name)
        if before is not None:
            del waiting[0][before.node_id]
        yield before, after
    yield from ((before, None) for before in waiting[0].values())
    for side in waiting:
        side.clear()


def _is_directory(pair: Pair) -> bool:
    return any(saved is not None and saved.entry.is_directory for saved in pair)


def _newest(pair: Pair) -> SavedEntry:
    before, after = pair
    saved = after if after is not None else before
    assert saved is not None
    return saved


def _place(pair: Pair) -> tuple[str, int]:
    """What children are in the order of: one that went may have the name of one that came."""
    saved = _newest(pair)
    return saved.entry.name, saved.node_id


def _cursor(child: Difference) -> str:
    return f"{child.shown.node_id}/{child.shown.entry.name}"


def _from_cursor(cursor: str) -> tuple[str, int]:
    number, slash, name = cursor.partition("/")
    if cursor and not (slash and number.isascii() and number.isdigit() and len(number) <= 19):
        raise InvalidInput(f"after is {cursor!r}; expected what an earlier answer gave as next", field="after")
    return (name, int(number)) if cursor else ("", 0)


def _file_changes(pair: Pair) -> tuple[Change, ...]:
    before, after = pair
    return changes(before, after) if before is not None and after is not None else _one_sided(pair, moved=False)


def _one_sided(pair: Pair, *, moved: bool) -> tuple[Change, ...]:
    if moved:
        return (Change.MOVED,)
    return (Change.CREATED,) if pair[0] is None else (Change.DELETED,)
