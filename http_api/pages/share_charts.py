"""What the analytics page draws, from what the catalogue answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from http_api.models.analytics import Measure
from http_api.pages.charts import BOX, Curve, Rect, Scale, columns, curve, part, scale, thinned, treemap
from shared.db.backup_history import Backup
from shared.db.file_statistics import Group, Statistics
from shared.db.folder_changes import FolderChanges
from shared.db.folder_sizes import Folder, Sizes
from shared.model.run import RestorePoint

COLUMNS_LEAST: Final = 8
POINTS_DRAWN: Final = 120
"""A line has no more corners than a phone shows; the table has as many rows."""

AGE_NAMES: Final = (
    *("in the future", "under 30 days", "30 to 90 days", "90 days to a year", "1 to 2 years", "2 to 3 years"),
    *("3 to 5 years", "5 to 10 years", "over 10 years"),
)
"""Of :data:`shared.db.file_statistics.AGES_S`."""
SIZE_NAMES: Final = (
    *("empty", "under 4 KiB", "4 to 64 KiB", "64 KiB to 1 MiB", "1 to 16 MiB", "16 to 256 MiB", "256 MiB to 4 GiB"),
    "over 4 GiB",
)
"""Of :data:`shared.db.file_statistics.SIZES`."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A folder in a treemap."""

    rect: Rect
    label: str
    path: str
    """Where it leads; empty: nowhere."""
    directories: int
    files: int
    bytes: int
    part: float
    """Of all that the treemap shows, 0 to 1."""
    shade: int
    """0: a folder; 1: files right here; 2: smaller folders together."""
    strength: float
    """Of its colour: the more, the stronger; never so strong that texts are hard to read on it."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A treemap."""

    cells: Sequence[Cell]
    directories: int
    files: int
    bytes: int
    complete: bool


def cells_of(sizes: Sizes, path: str, by: Measure) -> Cells:
    """A treemap of the folders of a directory; those without a file, or without a byte, have no area in it."""

    def weight(one: Folder) -> int:
        return one.files if by is Measure.FILES else one.bytes

    shown = [one for one in sizes.folders if weight(one) > 0]
    rest = Folder(
        0,
        "",
        sizes.directories - sum(one.directories for one in shown),
        sizes.files - sum(one.files for one in shown),
        sizes.bytes - sum(one.bytes for one in shown),
    )
    drawn = sorted([*shown, *([rest] if weight(rest) > 0 else [])], key=lambda one: -weight(one))
    whole = sum(weight(one) for one in drawn)
    largest = max((weight(one) for one in drawn), default=1)
    base = f"{path}/" if path else ""
    cells = []
    for one, rect in zip(drawn, treemap([weight(one) for one in drawn]), strict=True):
        shade = 2 if one is rest else 0 if one.name else 1
        label = ("files right here" if shade else one.name) if shade != 2 else "smaller folders"
        place = base + one.name if shade == 0 else ""
        strength = round(0.12 + 0.26 * sqrt(weight(one) / largest), 2)
        cells.append(
            Cell(rect, label, place, one.directories, one.files, one.bytes, weight(one) / whole, shade, strength)
        )
    return Cells(cells, sizes.directories, sizes.files, sizes.bytes, sizes.complete)


@dataclass(frozen=True, slots=True)
class Growth:
    """A share over its restore points."""

    points: Sequence[RestorePoint]
    """Those that are drawn, the oldest first."""
    of: int
    """How many there are, or are looked at."""
    bytes: Curve
    bytes_scale: Scale
    files: Curve
    files_scale: Scale


def growth_of(newest_first: Sequence[RestorePoint]) -> Growth:
    """Files and bytes over time."""
    points = thinned(newest_first[::-1], POINTS_DRAWN)
    at = [point.taken_at.timestamp() for point in points]
    bytes_scale = scale(max(point.bytes for point in points), binary=True)
    files_scale = scale(max(point.files for point in points))
    return Growth(
        points,
        len(newest_first),
        curve(at, [point.bytes for point in points], bytes_scale),
        bytes_scale,
        curve(at, [point.files for point in points], files_scale),
        files_scale,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What one backup found."""

    backup: Backup
    new: int
    changed: int
    deleted: int
    bytes: int
    """Of the new and the changed, whole."""


@dataclass(frozen=True, slots=True)
class Churn:
    """What the last backups found to be new, changed and gone."""

    changes: Sequence[Change]
    """The oldest first."""
    columns: Sequence[Sequence[Rect]]
    """Of each change, and empty ones after them, so that a single one is not as wide as the chart."""
    scale: Scale
    first: Change | None
    """The share's first backup, for which everything was new; it is not drawn, for nothing else would be seen beside it."""


def churn_of(newest_first: Sequence[Backup]) -> Churn:
    """Files by what happened to them."""
    found = [
        Change(
            backup,
            backup.counters.new_files,
            max(0, backup.counters.changed_files - backup.counters.new_files),
            backup.counters.deleted_files,
            backup.counters.changed_bytes,
        )
        for backup in reversed(newest_first)
    ]
    first = found[0] if found and found[0].new and found[0].new == found[0].backup.counters.files else None
    drawn = found[1:] if first is not None else found
    stacks = [(one.new, one.changed, one.deleted) for one in drawn]
    across = scale(max((sum(stack) for stack in stacks), default=0))
    room = [()] * (COLUMNS_LEAST - len(stacks))
    return Churn(drawn, columns([*stacks, *room], across), across, first)


def folder_bars(found: Sequence[FolderChanges]) -> list[tuple[FolderChanges, Sequence[Rect]]]:
    """Of each folder a bar across the box: new, changed and deleted files side by side, in proportion to the folder with the most."""
    largest = max((one.all for one in found), default=1)
    bars: list[tuple[FolderChanges, Sequence[Rect]]] = []
    for one in found:
        at, rects = 0, []
        for count in (one.new, one.changed, one.deleted):
            rects.append(Rect(part(at, largest, least=0), 0.0, part(count, largest), BOX))
            at += count
        bars.append((one, rects))
    return bars


@dataclass(frozen=True, slots=True)
class Bar:
    """A class of files: how many of all they are, and how much."""

    label: str
    group: Group
    files_part: float
    """Of all files, 0 to 1."""
    bytes_part: float
    files_bar: float
    """Of the class with the most files, in per cent."""
    bytes_bar: float


def endings_of(found: Statistics) -> list[Bar]:
    """Files by their endings, and all others together."""
    named = [(f".{ending}" if ending else "without an ending", group) for ending, group in found.endings.items()]
    rest = Group(
        found.looked_at.files - sum(group.files for _, group in named),
        found.looked_at.bytes - sum(group.bytes for _, group in named),
    )
    return _bars([*named, *([("all others", rest)] if rest.files else [])])


def classes_of(groups: Sequence[Group], names: Sequence[str]) -> list[Bar]:
    """Files by class; classes before the first and after the last that has any are left out."""
    named = list(zip(names, groups, strict=True))
    there = [number for number, (_, group) in enumerate(named) if group.files]
    return _bars(named[there[0] : there[-1] + 1]) if there else []


def _bars(named: Sequence[tuple[str, Group]]) -> list[Bar]:
    files, size = sum(group.files for _, group in named), sum(group.bytes for _, group in named)
    most_files = max((group.files for _, group in named), default=0)
    most_bytes = max((group.bytes for _, group in named), default=0)
    return [
        Bar(
            label,
            group,
            group.files / files if files else 0.0,
            group.bytes / size if size else 0.0,
            part(group.files, most_files),
            part(group.bytes, most_bytes),
        )
        for label, group in named
    ]
