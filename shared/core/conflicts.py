"""What to do about a file or directory of a restore point, given what is at its place on the target."""

import datetime as dt
from dataclasses import replace
from enum import StrEnum
from typing import Final

from shared.model.entry import Entry
from shared.model.restore import Conflicts

NAME_CHARACTERS_MAX: Final = 255
"""Of one component of a path on Azure Files."""


class Action(StrEnum):
    """What a restore does about one file."""

    WRITE = "write"
    """Nothing is in its place."""
    REPLACE = "replace"
    BESIDE = "beside"
    """Under another name, because what is in its place stays."""
    LEAVE = "leave"
    """What is in its place stays, and it is not restored."""
    SAME = "same"
    """What is in its place is what was saved."""
    CLEAR = "clear"
    """Delete the directory in its place first."""
    BLOCKED = "blocked"
    """A directory is in its place, and is not to be deleted."""


WRITES: Final = frozenset({Action.WRITE, Action.REPLACE, Action.BESIDE, Action.CLEAR})
"""Actions after which the file is on the target as it was saved."""


def is_same(saved: Entry, there: Entry) -> bool:
    """Whether ``there`` is in the state that was saved: content, times, attributes, permission and metadata.

    By its change time, which every change moves, and which a restore sets to what was saved. A service that does not let it be set makes
    a restored file look different, which costs writing it again.
    """
    return (
        saved.is_directory == there.is_directory
        and saved.changed == there.changed
        and (saved.is_directory or saved.size_bytes == there.size_bytes)
    )


def half_done(changed: int) -> int:
    """The change time of a file between two requests of one step, if its own is, or will be, ``changed``: a tick too early.

    An undo copies a file back and then gives it its permission; a read-only file is made writable and then deleted or replaced. Nothing
    else gives a file that time, so a step that was broken off there is known, and not taken for done or for somebody's change.
    """
    return changed - 1


def is_half_done(whole: Entry | None, there: Entry | None) -> bool:
    """Whether ``there`` is the file ``whole`` in the middle of such a step."""
    if whole is None or there is None or whole.is_directory:
        return False
    return is_same(replace(whole, changed=half_done(whole.changed)), there)


def file_action(saved: Entry, there: Entry | None, conflicts: Conflicts) -> Action:
    """What to do about a file."""
    if there is None:
        return Action.WRITE
    if there.is_directory:
        match conflicts:
            case Conflicts.SKIP:
                return Action.LEAVE
            case Conflicts.KEEP_BOTH:
                return Action.BESIDE
            case Conflicts.MIRROR:
                return Action.CLEAR
            case _:
                return Action.BLOCKED
    match conflicts:
        case Conflicts.OVERWRITE:
            return Action.REPLACE
        case Conflicts.SKIP:
            return Action.SAME if is_same(saved, there) else Action.LEAVE
        case Conflicts.KEEP_BOTH:
            return Action.SAME if is_same(saved, there) else Action.BESIDE
        case _:
            return Action.SAME if is_same(saved, there) else Action.REPLACE


def name_beside(name: str, taken_at: dt.datetime, taken: str = "") -> str:
    """The name of a file that is restored beside another: ``report (2026-11-28 14.05).docx``.

    :param taken_at: time of the restore point.
    :param taken: what tells it from a file that has that name already.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem:  # no dot, or only the one that hides it
        stem, dot, extension = name, "", ""
    mark = f" ({taken_at.astimezone(dt.UTC):%Y-%m-%d %H.%M}{', ' + taken if taken else ''})"
    room = NAME_CHARACTERS_MAX - len(mark) - len(dot) - len(extension)
    if room < 1:
        stem, dot, extension, room = name, "", "", NAME_CHARACTERS_MAX - len(mark)
    return f"{stem[:room]}{mark}{dot}{extension}"
