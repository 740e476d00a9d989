"""The versions of a file or a directory: which restore points show which, and what changed from one to the next.

A version is a stretch of neighbouring restore points that show the node alike. Whoever looks at one need not look at all the
others of its stretch: an entry names the run that saved it, and all restore points since then have it so; only a renaming that left
the ETag alone hides in there, and is found by halving. So each version costs two or three looks, however often its directory
changed in between.

A file that took the place of another of its name continues the other's history: many programs save that way. A directory that was moved is followed to where it was: among the directories that changed when it came, one had it before.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.core.changes import Change, changes
from shared.errors import InvalidInput, NotFound
from shared.model.content import NO_CONTENT
from shared.model.entry import Entry
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID, is_directory, parent_of_file
from shared.model.point import RootProperties
from shared.usecases.changed_between import RUN_NO_MAX, changed_directories
from shared.usecases.past import Past

SEARCHED_DIRECTORIES: Final = 2_000
"""Directories in which a moved one is looked for; beyond, it is said to have come from elsewhere."""


DEPTH_MAX: Final = 1_024
"""Directories above a node: the longest path that a share takes has 2,048 characters."""


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


async def versions(past: Past, node_id: int, at: int, *, after: str = "", limit: int) -> tuple[list[Version], str]:
    """Up to ``limit`` versions of a node, newest first, and what to ask ``after`` to go on; empty if that was all.

    :param at: a restore point that shows the node: by it a file is found of which there is nothing left.
    :raises NotFound: there is no such restore point, or it does not show the node. ``field`` says which.
    :raises InvalidInput: ``after`` is not what an earlier call gave.
    """
    points = await past.catalogue.restore_point_numbers(past.share_id)
    if after:
        at, node_id = _from_cursor(after)
    newest = bisect_left(points, at)
    if points[newest : newest + 1] != [at]:
        raise NotFound(f"share {past.share_id} has no restore point {at}", field="restore_point")
    node = _Node(past, node_id, points)
    if await node.look(newest) is None:
        raise NotFound(
            f"restore point {at} does not show node {node_id}; hint: name one that does as restore_point, which a search over all"
            " versions tells",
            field="node_id",
        )
    found: list[Version] = []
    if not after:
        newest = await _last(node, newest)
        # One that had another name before is followed through that name: its history would not lead back here.
        while (heir := await node.of_its_name(newest, newest + 1)) is not None and await heir.look(newest) is None:
            node, newest = heir, await _last(heir, newest + 1)
        if newest < len(points) - 1:
            gone = points[newest + 1 :]
            found.append(Version(gone[0], gone[-1], len(gone), (Change.DELETED,), None))
    while newest >= 0 and (top := await node.look(newest)) is not None:
        if len(found) >= limit:
            return found, f"{points[newest]}.{node.node_id}"
        oldest = await _oldest_alike(node, top, newest)
        previous = await node.look(oldest - 1) if oldest else None
        if previous is None and (replaced := await node.of_its_name(oldest, oldest - 1)) is not None:
            node = replaced
            previous = await node.look(oldest - 1)
        stretch = points[oldest : newest + 1]
        told = _told(previous, top)
        found.append(Version(stretch[0], stretch[-1], len(stretch), told, top.saved, top.directory_id))
        newest = oldest - 1
    return found, ""


async def whereabouts(past: Past, node_id: int, run_no: int) -> str:
    """The path of a node at a restore point that shows it, whatever it was called before and after.

    :raises NotFound: it was not there, or where it was cannot be found out. ``field`` is ``node_id``.
    """
    points = await past.catalogue.restore_point_numbers(past.share_id)
    above = await past.catalogue.parents_above(past.share_id, [directory_of(node_id)])
    names_now = await past.catalogue.paths_of(past.share_id, sorted(above))
    names: list[str] = []
    at = node_id
    while at != ROOT_ID:
        now = names_now.get(at, "").rpartition("/")[2]
        state = await _Node(past, at, points, now).placed(run_no) if at in above or not is_directory(at) else None
        if state is None or state.saved is None or state.directory_id is None or len(names) > DEPTH_MAX:
            raise NotFound(f"where node {node_id} was at restore point {run_no} is not known", field="node_id")
        names.append(state.saved.entry.name)
        at = state.directory_id
        if at not in above:
            above |= await past.catalogue.parents_above(past.share_id, [at])
            names_now |= await past.catalogue.paths_of(past.share_id, [at])
    return "/".join(reversed(names))


def directory_of(node_id: int) -> int:
    """The directory itself, or the one that a file is in."""
    return node_id if is_directory(node_id) else parent_of_file(node_id)


def _from_cursor(cursor: str) -> tuple[int, int]:
    parts = cursor.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in parts):
        raise InvalidInput(f"after is {cursor!r}; expected what an earlier answer gave as next", field="after")
    return int(parts[0]), int(parts[1])


async def _last(node: "_Node", low: int) -> int:
    """The last index that shows the node, as that of ``low`` does. Node ids are never given again, so nothing comes back."""
    high = len(node.points) - 1
    if await node.look(high) is not None:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if await node.look(middle) is None:
            high = middle
        else:
            low = middle
    return low


async def _oldest_alike(node: "_Node", top: _State, newest: int) -> int:
    """The first index of the stretch that ends at ``newest``."""

    async def alike(index: int) -> bool:
        found = await node.look(index)
        return found is not None and found.key == top.key

    low = min(bisect_left(node.points, top.since), newest)
    if await alike(low):
        return low
    high = newest
    while high - low > 1:
        middle = (low + high) // 2
        if await alike(middle):
            high = middle
        else:
            low = middle
    return high


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

    def __init__(self, past: Past, node_id: int, points: Sequence[int], name: str = "") -> None:
        """:param name: what it probably is called."""
        self.node_id = node_id
        self.points = points
        self._past = past
        self._name = name
        self._states: dict[int, _State | None] = {}
        self._homes: list[int] = [] if is_directory(node_id) else [parent_of_file(node_id)]
        """Directories that hold it or have held it, in the order they were found in."""
        self._searched: dict[tuple[int, int], int | None] = {}

    async def look(self, index: int) -> _State | None:
        """The node as a restore point shows it; None if it does not."""
        run_no = self.points[index]
        if run_no not in self._states:
            self._states[run_no] = await self._look(run_no)
        return self._states[run_no]

    async def of_its_name(self, index: int, neighbour: int) -> "_Node | None":
        """The file that a neighbouring restore point shows under the name, in the directory, that this has at ``index``; another than this."""
        state = await self.look(index)
        if is_directory(self.node_id) or state is None or state.saved is None or not 0 <= neighbour < len(self.points):
            return None
        found = await self._past.find_exactly_in(self._homes[0], self.points[neighbour], state.saved.entry.name)
        if found is None or found.entry.is_directory or found.node_id == self.node_id:
            return None
        return _Node(self._past, found.node_id, self.points)

    async def _look(self, run_no: int) -> _State | None:
        if not is_directory(self.node_id):
            return await self._entry(self._homes[0], run_no)
        content = await self._content(run_no)
        if self.node_id == ROOT_ID:
            if content is None:
                return None
            saved = root_entry((await self._past.point(run_no)).root)
            return _State(saved, None, since=content, content=content)
        state = await self._placed_now(run_no)
        if state is None and content is not None:
            state = await self._placed_then(run_no)
        if state is not None:
            return _State(state.saved, state.directory_id, max(state.since, content or 0), content or 0)
        return _State(None, None, content, content) if content is not None and self._homes else None

    async def placed(self, run_no: int) -> _State | None:
        """The node at a restore point, but of a directory not whether anything in it changed."""
        return await self._placed_now(run_no) or await self._placed_then(run_no)

    async def _placed_now(self, run_no: int) -> _State | None:
        """The same in a directory that is known to have held it."""
        if not self._homes:
            parents = await self._past.catalogue.parents_above(self._past.share_id, [self.node_id])
            parent = parents.get(self.node_id)
            if parent is None:
                return None
            self._homes.append(parent)
        for home in self._homes:
            if (state := await self._entry(home, run_no)) is not None:
                return state
        return None

    async def _placed_then(self, run_no: int) -> _State | None:
        """The same in one that has to be looked for."""
        if not self._homes or not is_directory(self.node_id):
            return None
        home = await self._home(run_no)
        state = await self._entry(home, run_no) if home is not None else None
        if state is not None and home is not None:
            self._homes.append(home)
        return state

    async def _entry(self, directory_id: int, run_no: int) -> _State | None:
        saved = await self._past.find_node_in(directory_id, run_no, self.node_id, self._name)
        if saved is None:
            return None
        self._name = saved.entry.name
        return _State(saved, directory_id, saved.saved_run)

    async def _content(self, run_no: int) -> int | None:
        """The newest run of which the directory has a record at ``run_no``; None if it was not there or not read."""
        then = await self._past.look(self.node_id, run_no)
        if then is None:
            return None
        return await self._past.newest_run(then)

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


def root_entry(root: RootProperties) -> SavedEntry:
    """The root as other directories are saved; no listing shows it."""
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
