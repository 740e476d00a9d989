"""What a restore is asked to do: which nodes, onto what, and what of them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Conflicts(StrEnum):
    """What happens to what is at the target already."""

    SKIP = "skip"
    """It stays, whatever it is."""
    OVERWRITE = "overwrite"
    DIFFERENT = "overwrite_if_different"
    """It stays if it is as it was saved: same size and same change time."""
    KEEP_BOTH = "keep_both"
    """It stays, and what is restored gets a name with the date of the restore point."""
    MIRROR = "mirror"
    """As ``DIFFERENT``, and what is not in the restore point is deleted."""

    @property
    def replaces(self) -> bool:
        """Whether what is there may be changed."""
        return self not in (Conflicts.SKIP, Conflicts.KEEP_BOTH)


class Part(StrEnum):
    """What of a node is restored. All but ``EVERYTHING`` are given to nodes that are there, and make none."""

    EVERYTHING = "everything"
    PERMISSIONS = "permissions"
    """Security descriptor; on NFS shares owner, group and mode."""
    TIMES = "times_and_attributes"
    METADATA = "metadata"
    """User metadata."""


class Change(StrEnum):
    """How a file of the restore point differs from what another one has in its place."""

    CHANGED = "changed"
    """It is there with another change time: other content, permission, times or metadata."""
    DELETED = "deleted"
    """It is not there, or in another directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which nodes of a restore point. Everything that is given must hold; the default is everything there is."""

    paths: tuple[str, ...] = ()
    """Files and directories with all below them, from the share's root; empty: all."""
    include: tuple[str, ...] = ()
    """gitignore patterns (:mod:`shared.core.rules`), of which a file or a directory above it must match one; empty: all."""
    exclude: tuple[str, ...] = ()
    """gitignore patterns of what is left out."""
    ignore_case: bool = True
    """For patterns."""
    extensions: tuple[str, ...] = ()
    """Ends of names such as ``.docx``, whatever their case; empty: all."""
    written_from: dt.datetime | None = None
    """Files last written at this time or later."""
    written_before: dt.datetime | None = None
    compared_with: int | None = None
    """Another restore point; with ``changes``: only files that differ so from what that has."""
    changes: tuple[Change, ...] = ()
    parts: int = 0
    """Only every so manieth version of a file, as good as drawn by lot (:mod:`shared.core.sampling`); 0: all."""
    part: int = 0
    """Which of the ``parts``."""

    @property
    def by_file(self) -> bool:
        """Whether files are chosen one by one. Then directories are restored only for what is chosen in them."""
        return bool(
            self.include
            or self.exclude
            or self.extensions
            or self.written_from
            or self.written_before
            or self.compared_with is not None
            or self.parts
        )

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON, without what is as by default."""
        return {name: _plain(value) for name, value in _told(self)}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in wire.items()}
        for name in ("written_from", "written_before"):
            if given.get(name) is not None:
                given[name] = dt.datetime.fromisoformat(given[name])
        given["changes"] = tuple(Change(word) for word in given.get("changes", ()))
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """What a restore run was asked to do."""

    restore_point: int
    """``run_no`` of the backup run to restore."""
    path: str = ""
    """Directory whose content goes to ``target_path``, from the share's root; empty for all of it."""
    account_url: str
    share_name: str
    credential: str
    target_path: str = ""
    """Directory below which to write, made if missing; empty for the root."""
    create_share: bool = True
    """Make the target share if it does not exist."""
    selection: Selection = field(default_factory=Selection)
    """What of the directory ``path``. What it names keeps its path relative to that."""
    conflicts: Conflicts = Conflicts.OVERWRITE
    part: Part = Part.EVERYTHING
    dry_run: bool = False
    """Write nothing, and say what would be written."""
    delete_at_most: int = 0
    """``MIRROR``: how many files and directories may be deleted, all together. One more and nothing else is."""
    close_handles: bool = False
    """A file that somebody has open in a way that keeps others out is closed on the server. They lose what they have not saved."""
    keeps_undo: bool = True
    """Take a share snapshot of the target first, by which the restore can be undone."""
    undoes: int = 0
    """``run_no`` of a restore, of which this is the order, that is to be undone; 0: none."""
    undo_snapshot: str = ""
    """The share snapshot that was taken before that; empty: there was nothing at its target."""
    requested_by: str = ""
    """Who asked for it, for the report."""

    @property
    def is_whole(self) -> bool:
        """Whether it is about all that the restore point has."""
        return not self.path and self.selection == Selection() and not self.undoes

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON. What is as by default is left out, as far as releases before it knew nothing of it."""
        told = {name: _plain(value) for name, value in _told(self)}
        always = ("path", "target_path", "create_share")
        return {**{name: getattr(self, name) for name in always}, **told}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`."""
        given = dict(wire)
        given["selection"] = Selection.from_wire(given.get("selection") or {})
        given["conflicts"] = Conflicts(given.get("conflicts", Conflicts.OVERWRITE))
        given["part"] = Part(given.get("part", Part.EVERYTHING))
        return cls(**given)


def _told(value: Selection | RestoreOrder) -> list[tuple[str, Any]]:
    """Names and values of the fields that are not as by default."""
    told = []
    for f in fields(value):
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if getattr(value, f.name) != default:
            told.append((f.name, getattr(value, f.name)))
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, Selection):
        return value.to_wire()
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
