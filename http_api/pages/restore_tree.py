"""The tree in the restore wizard: the root of a restore point, and of what is below it what is unfolded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from http_api import cursor
from http_api.models.nodes import Node, NodeKind
from shared.core.paths import is_within
from shared.errors import InvalidInput, NotFound
from shared.usecases.past import Past

ROWS: Final = 100
"""Of a directory at once."""


@dataclass(slots=True, kw_only=True)
class Row:
    """A node, and whether it is chosen."""

    path: str
    name: str
    is_directory: bool
    size: int | None
    chosen: bool
    within: str
    """What it is chosen with: a directory above it, or itself where that is ticked elsewhere on the page; empty: it can be ticked here."""
    below: "Level | None" = None


@dataclass(slots=True, kw_only=True)
class Level:
    """What is shown of a directory."""

    path: str
    rows: list[Row] = field(default_factory=list)
    more: str = ""
    """After which the next part begins."""
    from_the_middle: bool = False
    missing: str = ""
    """Why it cannot be shown."""

    def paths(self) -> set[str]:
        """All that is shown, here and below."""
        found = {row.path for row in self.rows if not row.within}
        return found.union(*(row.below.paths() for row in self.rows if row.below is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Reads levels of one restore point."""

    past: Past
    restore_point: int
    chosen: Sequence[str]

    async def level(self, path: str, *, after: str = "", elsewhere: bool = False) -> Level:
        """A part of one directory. ``elsewhere``: what is chosen of it is ticked elsewhere on the page already.

        A directory that the restore point has not is a level that says so: a wizard may be taken from one restore point to another.
        """
        shown = Level(path=path, from_the_middle=bool(after))
        try:
            place = await self.past.resolve(path, self.restore_point)
            if not place.is_directory:
                raise InvalidInput(f"'/{place.path}' is a file; expected a directory", field="open")
            start = str(cursor.decode(self._list(path), after, (str,))[0]) if after else ""
            window = await self.past.children(place.node_id, self.restore_point, after=start, limit=ROWS)
        except NotFound as error:
            shown.missing = str(error)
            return shown
        shown.more = cursor.encode(self._list(path), [window.following]) if window.following else ""
        for node in map(Node.of, window.entries):
            below = f"{path}/{node.name}" if path else node.name
            chosen = below in self.chosen
            with_ = next((one for one in self.chosen if one != below and is_within(below, one)), "")
            shown.rows.append(
                Row(
                    path=below,
                    name=node.name,
                    is_directory=node.kind is NodeKind.DIRECTORY,
                    size=node.size,
                    chosen=chosen or bool(with_),
                    within=with_ or (below if chosen and elsewhere else ""),
                )
            )
        return shown

    async def unfolded(self, opened: Sequence[str], more: str) -> Level:
        """The root with the directories that are open in it.

        :param more: ``cursor path`` of the directory that is shown from its middle on; empty: none is.
        """
        after, _, of = more.partition(" ")
        root = await self.level("", after=after if not of else "")
        levels = {"": root}
        for path in sorted(opened, key=lambda one: one.count("/")):
            above = levels.get(path.rpartition("/")[0])
            row = next((row for row in above.rows if row.path == path and row.is_directory), None) if above else None
            if row is not None:
                row.below = levels[path] = await self.level(path, after=after if of == path else "")
        return root

    def _list(self, path: str) -> str:
        return f"restore tree {self.restore_point} {path}"
