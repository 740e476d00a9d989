"""What is different between two saved states of one node, or of two files that had one name after the other."""

from dataclasses import replace
from enum import StrEnum

from shared.model.content import ContentKind
from shared.model.manifest import SavedEntry


class Change(StrEnum):
    """One aspect of a node, or its coming and going."""

    CREATED = "created"
    DELETED = "deleted"
    REPLACED = "replaced"
    """Another file has taken its name: so it looks when a program saves by writing a new file and renaming it over the old one."""
    CONTENT = "content"
    """The bytes of a file, or what is in a directory."""
    NAME = "name"
    MOVED = "moved"
    """It is in another directory."""
    PERMISSION = "permission"
    """The security descriptor; on an NFS share owner, group or mode."""
    TIMES = "times"
    ATTRIBUTES = "attributes"
    METADATA = "metadata"
    HEADERS = "headers"
    """Content type, encoding and the like."""
    READABLE = "readable"
    """Whether the run could read it: what is shown of an unreadable file is nothing, or the last state that could be read."""


def changes(before: SavedEntry, after: SavedEntry) -> tuple[Change, ...]:
    """What changed from one state of a name or a node to the next, in the order of :class:`Change`; empty if nothing did.

    Directories say nothing about their content here: that is in records of their own. A node whose ChangeTime moved and nothing else
    has changed its times. When it was last accessed is nobody's change.
    """
    a, b = before.entry, after.entry
    found = set[Change]()
    if before.node_id != after.node_id:
        found.add(Change.REPLACED)
    if _differs_in_content(before, after):
        found.add(Change.CONTENT)
    if a.name != b.name:
        found.add(Change.NAME)
    if _permission(before) != _permission(after):
        found.add(Change.PERMISSION)
    if (a.created, a.written) != (b.created, b.written):
        found.add(Change.TIMES)
    if a.attributes != b.attributes:
        found.add(Change.ATTRIBUTES)
    if before.metadata != after.metadata:
        found.add(Change.METADATA)
    if replace(before.headers, md5=b"") != replace(after.headers, md5=b""):
        found.add(Change.HEADERS)
    if before.headers.md5 != after.headers.md5 and Change.CONTENT not in found:
        found.add(Change.HEADERS)
    if _is_readable(before) != _is_readable(after):
        found.add(Change.READABLE)
    if not found and a.changed != b.changed:
        found.add(Change.TIMES)
    return tuple(change for change in Change if change in found)


def _permission(saved: SavedEntry) -> tuple[object, ...]:
    posix = saved.posix
    return (saved.entry.permission_key, posix and (posix.owner, posix.group, posix.mode))


def _is_readable(saved: SavedEntry) -> bool:
    return not saved.stale and saved.content.kind is not ContentKind.UNSAVED


def _differs_in_content(before: SavedEntry, after: SavedEntry) -> bool:
    a, b = before.entry, after.entry
    if a.is_directory or b.is_directory:
        return a.is_directory != b.is_directory
    if a.size_bytes != b.size_bytes:
        return True
    links = [saved.posix.link_text if saved.posix is not None else "" for saved in (before, after)]
    if links[0] != links[1]:
        return True
    if not (_is_readable(before) and _is_readable(after)):
        return False  # what cannot be compared is told as READABLE
    # A digest depends on whether the content was cut into chunks, which can change with the settings of the share.
    return before.digest != after.digest and before.quickxor != after.quickxor
