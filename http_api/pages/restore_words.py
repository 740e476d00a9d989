"""Restores in words: what an order says, and what its choices do. Pure; templates read it."""

from dataclasses import dataclass
from typing import Final

from shared.model.restore import Change, Conflicts, Part, RestoreOrder, Selection
from shared.model.share import Share


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, and what it does."""

    value: str
    label: str
    does: str


CONFLICTS: Final = (
    Choice(
        Conflicts.OVERWRITE,
        "Overwrite",
        "A file that is there is replaced by the one of the restore point. What the restore point does not have stays.",
    ),
    Choice(
        Conflicts.DIFFERENT,
        "Overwrite if different",
        "As overwrite, but a file that is still as it was saved (same size and change time) is left alone: quicker, with the same result.",
    ),
    Choice(
        Conflicts.SKIP,
        "Skip",
        "Whatever is there stays as it is. Only what is missing is restored.",
    ),
    Choice(
        Conflicts.KEEP_BOTH,
        "Keep both",
        "A file that is there stays; the restored one gets a name with the time of the restore point, such as report (2026-11-28 14.05).docx.",
    ),
    Choice(
        Conflicts.MIRROR,
        "Mirror",
        "As overwrite if different, and everything that the restore point does not have is deleted there. The plan counts that, and it has to be confirmed.",
    ),
)
PARTS: Final = (
    Choice(
        Part.EVERYTHING,
        "Content and everything about it",
        "Files and directories with times, attributes, permissions and metadata.",
    ),
    Choice(
        Part.PERMISSIONS,
        "Only permissions",
        "Who may do what (the ACL) comes back on what is there now; no content is touched.",
    ),
    Choice(
        Part.TIMES,
        "Only times and attributes",
        "Created, written and changed, read-only, hidden; no content is touched.",
    ),
    Choice(Part.METADATA, "Only metadata", "Name and value pairs that programs have set; no content is touched."),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A restore in words."""

    what: list[str]
    where: str
    how: list[str]


def told(order: RestoreOrder, share: Share) -> Told:
    """What an order says."""
    return Told(what_of(order), where_of(order, share), how_of(order))


def what_of(order: RestoreOrder) -> list[str]:
    """What is restored: the places, then what narrows them down."""
    selection = order.selection
    shown = [f"/{path}" for path in selection.paths[:10]]
    if len(selection.paths) > len(shown):
        shown.append(f"and {len(selection.paths) - len(shown)} more")
    if not shown:
        shown = [f"everything in /{order.path}" if order.path else "the whole share"]
    return shown + narrowed(selection)


def narrowed(selection: Selection) -> list[str]:
    """What a file must be to be restored."""
    lines = []
    if selection.include:
        lines.append("only what matches " + ", ".join(selection.include))
    if selection.exclude:
        lines.append("not what matches " + ", ".join(selection.exclude))
    if selection.extensions:
        lines.append("only files that end with " + ", ".join(selection.extensions))
    if selection.written_from:
        lines.append(f"only files written at {selection.written_from:%Y-%m-%d %H:%M} UTC or later")
    if selection.written_before:
        lines.append(f"only files written before {selection.written_before:%Y-%m-%d %H:%M} UTC")
    if selection.changes:
        how = " or ".join(_CHANGES[change] for change in selection.changes)
        lines.append(f"only files that are {how} at restore point {selection.compared_with}")
    return lines


_CHANGES: Final = {Change.CHANGED: "different", Change.DELETED: "not there"}


def where_of(order: RestoreOrder, share: Share) -> str:
    """Where it is written: share and directory, and the account if it is another."""
    place = f"{order.share_name}/{order.target_path}".rstrip("/")
    if order.account_url.rstrip("/").lower() != share.account_url.rstrip("/").lower():
        return f"{place} in {order.account_url}"
    return f"{place} (where it was)" if order.share_name == share.share_name and not order.target_path else place


def how_of(order: RestoreOrder) -> list[str]:
    """What becomes of what is there."""
    if order.part is not Part.EVERYTHING:
        lines = [next(part.label.lower() for part in PARTS if part.value == order.part)]
    else:
        lines = [next(choice.label.lower() for choice in CONFLICTS if choice.value == order.conflicts)]
    if not order.keeps_undo:
        lines.append("cannot be undone")
    if order.close_handles:
        lines.append("closes files that others have open")
    return lines
