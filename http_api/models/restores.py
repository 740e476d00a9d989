"""Restores: which nodes, onto what, and what of them."""

import datetime as dt
from typing import Annotated

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator

from http_api.models.base import Body, Number, Text
from http_api.models.checks import ElsewhereOrHere, check_exclude, check_include, check_share_name
from shared.model.restore import Change, Conflicts, Part, Selection

PATHS_MAX = 1_000
_Path = Annotated[str, Field(max_length=2048, pattern=r"^[^\x00]*$")]


class Target(ElsewhereOrHere):
    """Where a restore writes."""

    share_name: Annotated[
        str,
        Field(description="To be said, also when it is the share that was backed up.", examples=["finance-restored"]),
    ]  # nobody overwrites that by leaving something out
    path: Annotated[_Path, Field(description="Directory below which to write; made if missing.")] = ""
    create: Annotated[bool, Field(strict=True, description="Make the share if it does not exist.")] = True

    _share_name = field_validator("share_name")(staticmethod(check_share_name))


class Selected(Body):
    """Which nodes; everything that is given must hold."""

    paths: Annotated[tuple[_Path, ...], Field(max_length=PATHS_MAX)] = ()
    include: tuple[Text, ...] = ()
    exclude: tuple[Text, ...] = ()
    ignore_case: Annotated[bool, Field(strict=True)] = True
    extensions: Annotated[tuple[Annotated[Text, Field(min_length=2, max_length=60)], ...], Field(max_length=200)] = ()
    written_from: AwareDatetime | None = None
    written_before: AwareDatetime | None = None
    compared_with: Number | None = None
    changes: Annotated[tuple[Change, ...], Field(validate_default=True)] = ()

    _exclude = field_validator("exclude")(staticmethod(check_exclude))
    _include = field_validator("include")(staticmethod(check_include))

    @field_validator("extensions")
    @classmethod
    def _extensions(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not value.startswith(".") or "/" in value:
                raise ValueError("ends of names that begin with a dot, such as .docx")
        return values

    @field_validator("written_before")
    @classmethod
    def _later(cls, value: dt.datetime | None, others: ValidationInfo) -> dt.datetime | None:
        begin = others.data.get("written_from")
        if value is not None and begin is not None and value <= begin:
            raise ValueError("a time later than written_from")
        return value

    @field_validator("changes")
    @classmethod
    def _changes(cls, value: tuple[Change, ...], others: ValidationInfo) -> tuple[Change, ...]:
        if others.data.get("compared_with") is not None and not value:
            raise ValueError("changed, deleted or both, as compared_with is given")
        return value


class NewRestore(Body):
    """A restore to be planned or started."""

    restore_point: Number
    path: Annotated[
        _Path, Field(description="Directory whose content goes to the target's path; empty for the whole share.")
    ] = ""
    selection: Selected = Field(default_factory=Selected)
    target: Target
    part: Part = Part.EVERYTHING
    conflicts: Conflicts = Conflicts.OVERWRITE
    undo: Annotated[
        bool, Field(strict=True, description="Take a share snapshot of the target first, by which it can be undone.")
    ] = True
    dry_run: Annotated[bool, Field(strict=True, description="Write nothing, and say what would be written.")] = False
    delete_at_most: Annotated[
        int | None,
        Field(ge=0, le=2**53, validate_default=True, description="How many nodes mirror may delete, all together."),
    ] = None
    close_handles: Annotated[bool, Field(strict=True, description="Close on the server what others have open.")] = False

    # Each complains of the later field of those that do not go together.

    @field_validator("conflicts")
    @classmethod
    def _conflicts(cls, value: Conflicts, others: ValidationInfo) -> Conflicts:
        if others.data.get("part", Part.EVERYTHING) is not Part.EVERYTHING and value is not Conflicts.OVERWRITE:
            raise ValueError(
                "nothing else than overwrite with a part: it is given to what is there, and nothing is made"
            )
        selection = others.data.get("selection")
        if value is Conflicts.MIRROR and selection is not None and selection_of(selection, 1).by_file:
            raise ValueError("anything but mirror when files are chosen one by one: it would delete all others")
        return value

    @field_validator("delete_at_most")
    @classmethod
    def _delete_at_most(cls, value: int | None, others: ValidationInfo) -> int | None:
        mirrors = others.data.get("conflicts") is Conflicts.MIRROR
        if mirrors and value is None and not others.data.get("dry_run"):
            raise ValueError(
                "how many files and directories mirror may delete: the report of the same restore with dry_run says"
            )
        if value is not None and not mirrors and "conflicts" in others.data:
            raise ValueError("nothing, unless conflicts is mirror: nothing else deletes")
        return value


class NewUndo(Body):
    """An undo of a restore."""

    dry_run: Annotated[bool, Field(strict=True)] = False


def selection_of(given: Selected, newest: int) -> Selection:
    """What was asked for, but for its paths. ``newest`` is the restore point to compare with unless one was given."""
    compared = given.compared_with if given.compared_with is not None else newest
    return Selection(
        include=given.include,
        exclude=given.exclude,
        ignore_case=given.ignore_case,
        extensions=given.extensions,
        written_from=_utc(given.written_from),
        written_before=_utc(given.written_before),
        compared_with=compared if given.changes else None,
        changes=given.changes,
    )


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(dt.UTC)
