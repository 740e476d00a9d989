"""Which files of a restore point a restore is about."""

from collections.abc import Iterable
from typing import Final

from shared.core import sampling
from shared.core.rules import Rules
from shared.model import ticks
from shared.model.manifest import SavedEntry
from shared.model.restore import Change, Selection

_NEVER: Final = 1 << 63


class Selector:
    """A :class:`Selection` ready to be asked, but for its paths, which say where to begin.

    :raises BadRule: its patterns are not what :func:`shared.core.rules.parse` takes.
    """

    def __init__(self, selection: Selection) -> None:
        self._rules = Rules(selection.exclude, selection.include, ignore_case=selection.ignore_case)
        self._extensions = tuple({extension.casefold() for extension in selection.extensions})
        self._from = ticks.from_datetime(selection.written_from) if selection.written_from else 0
        self._before = ticks.from_datetime(selection.written_before) if selection.written_before else _NEVER
        self._changes = frozenset(selection.changes)
        self._parts, self._part = selection.parts, selection.part
        self.compared_with = selection.compared_with
        """The restore point that ``later`` of :meth:`files` is to be of; None: it is not needed."""

    def enters(self, directory: str, names: Iterable[str]) -> set[str]:
        """Which of the subdirectories ``names`` may have something in them."""
        keeps = self._rules.within(directory).keeps
        return {name for name in names if keeps(name, True)}

    def files(
        self, directory: str, files: Iterable[SavedEntry], later: Iterable[SavedEntry] | None = None
    ) -> list[SavedEntry]:
        """Those of the files of a directory that are meant.

        :param directory: its path from the share's root.
        :param later: what the other restore point has in that directory.
        """
        keeps = self._rules.within(directory).keeps
        known = None if later is None else _Known(later)
        return [
            saved
            for saved in files
            if self._from <= saved.entry.written < self._before
            and (not self._parts or sampling.part_of(saved.node_id, saved.saved_run, self._parts) == self._part)
            and (not self._extensions or saved.entry.name.casefold().endswith(self._extensions))
            and (known is None or self._differs(saved, known.same(saved)))
            and keeps(saved.entry.name, False)
        ]

    def _differs(self, saved: SavedEntry, later: SavedEntry | None) -> bool:
        if later is None:
            return Change.DELETED in self._changes
        return Change.CHANGED in self._changes and later.entry.changed != saved.entry.changed


class _Known:
    """Entries of a directory at another restore point."""

    def __init__(self, entries: Iterable[SavedEntry]) -> None:
        files = [saved for saved in entries if not saved.entry.is_directory]
        self._by_node = {saved.node_id: saved for saved in files}
        self._by_name = {saved.entry.name: saved for saved in files}

    def same(self, saved: SavedEntry) -> SavedEntry | None:
        """The same file, renamed or not, or else what is under its name: programs save by replacing a file with a new one."""
        return self._by_node.get(saved.node_id) or self._by_name.get(saved.entry.name)
