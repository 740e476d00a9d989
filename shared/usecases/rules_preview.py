"""What rules would leave out of a share, before anybody saves them: of the latest tree, as far as one can look while somebody waits.

What the present rules leave out is in no tree, so nothing can be said about it; neither is what a run in progress has not found yet.
"""

from dataclasses import dataclass
from typing import Final

from shared.core.rules import Rules
from shared.model.found import SearchPlace
from shared.ports.system import Clock
from shared.usecases.past import Past

LOOK_S: Final = 0.5
"""After this long an answer is given about what was looked at."""
LOOKED_MAX: Final = 20_000
"""Directories and files that are looked at."""
SHOWN_MAX: Final = 200
"""Of those that are left out."""
_SLICE: Final = 2_000
_SLICE_PAGES: Final = 200
_ALL: Final = "[^/]*"
"""The pattern that every name matches."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A directory with all that is below it, or a file."""

    path: str
    size_bytes: int | None
    """None: a directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPreview:
    """What was looked at, and what of it the rules leave out."""

    looked: int
    """Directories and files."""
    left_out: int
    """Of these, those below directories that are left out included."""
    bytes_left_out: int
    shown: tuple[LeftOut, ...]
    """The first of them, by path; not what is below one that is shown."""
    complete: bool
    """Whether that was all there is."""


async def rules_preview(past: Past, clock: Clock, rules: Rules) -> RulesPreview:
    """Look at the first nodes in the order in which backups found their directories."""
    until = clock.monotonic() + LOOK_S
    looked = left_out = size = 0
    shown: list[LeftOut] = []
    asked = _Asked(rules)
    at: SearchPlace | None = SearchPlace()
    while at is not None and looked < LOOKED_MAX and clock.monotonic() < until:
        limit = min(_SLICE, LOOKED_MAX - looked)
        found, at = await past.catalogue.nodes_matching(past.share_id, _ALL, after=at, limit=limit, pages=_SLICE_PAGES)
        looked += len(found)
        for node, path in found:
            parent, _, name = path.rpartition("/")
            below = asked.is_left_out(parent)
            if not below and asked.keeps(parent, name, is_directory=node.size_bytes is None):
                continue
            left_out += 1
            size += node.size_bytes or 0
            if not below and len(shown) < SHOWN_MAX:
                shown.append(LeftOut(path, node.size_bytes))
    return RulesPreview(
        looked=looked,
        left_out=left_out,
        bytes_left_out=size,
        shown=tuple(sorted(shown, key=lambda one: one.path)),
        complete=at is None,
    )


class _Asked:
    """The rules with what they have said about directories."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._left_out: dict[str, bool] = {"": False}

    def is_left_out(self, directory: str) -> bool:
        """Whether a directory is left out, by itself or with one above it."""
        if directory not in self._left_out:
            parent, _, name = directory.rpartition("/")
            self._left_out[directory] = self.is_left_out(parent) or not self.keeps(parent, name, is_directory=True)
        return self._left_out[directory]

    def keeps(self, parent: str, name: str, *, is_directory: bool) -> bool:
        """Whether an entry of a directory that is kept is kept."""
        return self._rules.within(parent).keeps(name, is_directory)
