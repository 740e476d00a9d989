"""The versions of a file or a directory: which restore points show which, and what changed from one to the next.

A version is a stretch of neighbouring restore points that show the node alike. Whoever looks at one need not look at all the
others of its stretch: an entry names the run that saved it, and all restore points since then have it so; only a renaming that left
the ETag alone hides in there, and is found by halving. So each version costs two or three looks, however often its directory
changed in between.

A directory that was moved is followed to where it was: among the directories that changed when it came, one had it before.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.core.changes import Change, changes
from shared.errors import NotFound
from shared.model.content import NO_CONTENT
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID, is_directory, parent_of_file
from shared.model.point import RootProperties
from shared.usecases.changed_between import RUN_NO_MAX, changed_directories
from shared.usecases.past import Past

SEARCHED_DIRECTORIES: Final = 2_000
"""Directories in which a moved one is looked for; beyond, it is said to have come from elsewhere."""


@dataclass(frozen=True, slots=True)
class Version:
    """A stretch of restore points that show a node alike."""

    first: int
    """The first restore point that shows it so."""
    last: int
    """The last."""
    restore_points: int
    """How many there are from the first to the last."""
    changes: tuple[Change, ...]
    """Against the version before."""
    saved: SavedEntry | None
    """None: it was deleted; or, of a directory, it was in another one that could not be found out."""
    directory_id: int | None = None
    """Of the directory that holds it; None when it was deleted or that is not known."""


@dataclass(frozen=True, slots=True)
class _State:
    """A node at one restore point."""

    saved: SavedEntry | None
    directory_id: int | None
    since: int
    """A run since which it surely is in this state, but for its name."""
    content: int = 0
    """Of a directory: the newest run of which it has a record then."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for what is one version."""
        saved = self.saved
        node = saved and (saved.entry.name, saved.entry.changed, saved.saved_run, saved.stale)
        return (self.directory_id, self.content, node)


async def versions(
    past: Past, node_id: int, at: int, *, before: int | None = None, limit: int
) -> tuple[list[Version], int | None]:
    """Up to ``limit`` versions of a node, newest first, and what to ask ``before`` to go on; None if that was all.

    :param at: a restore point that shows the node: by it a file is found of which there is nothing left.
    :param before: only versions that end before this restore point: the ``first`` of the last one before.
    :raises NotFound: there is no such restore point, or it does not show the node. ``field`` says which.
    """
    points = await past.catalogue.restore_point_numbers(past.share_id)
    known = bisect_left(points, at)
    if points[known : known + 1] != [at]:
        raise NotFound(f"share {past.share_id} has no restore point {at}", field="restore_point")
    node = _Node(past, node_id)
    if await node.look(at) is None:
        raise NotFound(
            f"restore point {at} does not show node {node_id}; hint: name one that does as restore_point, which a search over all"
            " versions tells",
            field="node_id",
        )

    async def shows(index: int) -> _State | None:
        return await node.look(points[index])

    found: list[Version] = []
    if before is None:
        newest = await _last(shows, known, len(points) - 1)
        if newest < len(points) - 1:
            gone = points[newest + 1 :]
            found.append(Version(gone[0], gone[-1], len(gone), (Change.DELETED,), None))
    else:
        newest = bisect_left(points, before) - 1
    while newest >= 0 and (top := await shows(newest)) is not None:
        if len(found) >= limit:
            return found, found[-1].first
        oldest = await _oldest_alike(shows, points, top, newest)
        previous = await shows(oldest - 1) if oldest else None
        stretch = points[oldest : newest + 1]
        told = _told(previous, top)
        found.append(Version(stretch[0], stretch[-1], len(stretch), told, top.saved, top.directory_id))
        newest = oldest - 1
    return found, None


_Look = Callable[[int], Awaitable[_State | None]]


async def _last(shows: _Look, low: int, high: int) -> int:
    """The last index that shows the node, which that of ``low`` does. Node ids are never given again, so nothing comes back."""
    if await shows(high) is not None:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if await shows(middle) is None:
            high = middle
        else:
            low = middle
    return low


async def _oldest_alike(shows: _Look, points: Sequence[int], top: _State, newest: int) -> int:
    """The first index of the stretch that ends at ``newest``."""
    low = min(bisect_left(points, top.since), newest)
    if await _is(shows, low, top):
        return low
    high = newest
    while high - low > 1:
        middle = (low + high) // 2
        if await _is(shows, middle, top):
            high = middle
        else:
            low = middle
    return high


async def _is(shows: _Look, index: int, state: _State) -> bool:
    found = await shows(index)
    return found is not None and found.key == state.key


def _told(before: _State | None, after: _State) -> tuple[Change, ...]:
    if before is None:
        return (Change.CREATED,)
    found = set[Change]()
    if before.saved is not None and after.saved is not None:
        found |= set(changes(before.saved, after.saved))
    if before.content != after.content:
        found.add(Change.CONTENT)
    if before.directory_id != after.directory_id:
        found.add(Change.MOVED)
    return tuple(change for change in Change if change in found)


class _Node:
    """A node, to be looked at through many restore points."""

    def __init__(self, past: Past, node_id: int) -> None:
        self._past = past
        self._node_id = node_id
        self._name = ""
        self._states: dict[int, _State | None] = {}
        self._homes: list[int] = [] if is_directory(node_id) else [parent_of_file(node_id)]
        """Directories that hold it or have held it, in the order they were found in."""
        self._searched: dict[tuple[int, int], int | None] = {}

    async def look(self, run_no: int) -> _State | None:
        """The node as a restore point shows it; None if it does not."""
        if run_no not in self._states:
            self._states[run_no] = await self._look(run_no)
        return self._states[run_no]

    async def _look(self, run_no: int) -> _State | None:
        if not is_directory(self._node_id):
            return await self._entry(self._homes[0], run_no)
        content = await self._content(run_no)
        if self._node_id == ROOT_ID:
            if content is None:
                return None
            saved = _root_entry((await self._past.point(run_no)).root)
            return _State(saved, None, since=content, content=content)
        if not self._homes:
            parents = await self._past.catalogue.parents_above(self._past.share_id, [self._node_id])
            parent = parents.get(self._node_id)
            if parent is None:
                return None
            self._homes.append(parent)
        for home in self._homes:
            if (state := await self._entry(home, run_no)) is not None:
                return _State(state.saved, home, max(state.since, content or 0), content or 0)
        if content is None:
            return None
        home_then = await self._home(run_no)
        if home_then is not None and (state := await self._entry(home_then, run_no)) is not None:
            self._homes.append(home_then)
            return _State(state.saved, home_then, max(state.since, content), content)
        return _State(None, None, content, content)

    async def _entry(self, directory_id: int, run_no: int) -> _State | None:
        then = await self._past.look(directory_id, run_no)
        saved = await self._past.find_node(then, self._node_id, self._name) if then is not None else None
        if saved is None:
            return None
        self._name = saved.entry.name
        return _State(saved, directory_id, saved.saved_run)

    async def _content(self, run_no: int) -> int | None:
        """The newest run of which the directory has a record at ``run_no``; None if it was not there or not read."""
        then = await self._past.look(self._node_id, run_no)
        if then is None:
            return None
        return max([record.run_no async for record in self._past.pages(then)])

    async def _home(self, run_no: int) -> int | None:
        """The directory that held it at ``run_no``: as it is not there any more, that has changed since, or is gone."""
        placed = [later for later, state in self._states.items() if later > run_no and state and state.saved]
        until = min(placed, default=RUN_NO_MAX)
        if (run_no, until) not in self._searched:
            self._searched[run_no, until] = await self._search(run_no, until)
        return self._searched[run_no, until]

    async def _search(self, run_no: int, until: int) -> int | None:
        changed = await changed_directories(self._past, run_no, until, limit=SEARCHED_DIRECTORIES)
        for directory_id in sorted(changed or ()):
            if directory_id not in self._homes and await self._entry(directory_id, run_no) is not None:
                return directory_id
        return None


def _root_entry(root: RootProperties) -> SavedEntry:
    entry = Entry(
        name="",
        is_directory=True,
        file_id=0,
        size_bytes=0,
        created=root.created,
        accessed=root.changed,
        written=root.written,
        changed=root.changed,
        modified=root.written,
        attributes=root.attributes,
        permission_key=root.permission_key,
    )
    return SavedEntry(entry, ROOT_ID, 0, NO_CONTENT, metadata=root.metadata, posix=root.posix)
