"""What a listing says of one file or directory."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final


class Attributes(IntFlag):
    """SMB attributes with the FILE_ATTRIBUTE_* values of MS-FSCC 2.6."""

    NONE = 0
    READ_ONLY = 0x1
    HIDDEN = 0x2
    SYSTEM = 0x4
    DIRECTORY = 0x10
    ARCHIVE = 0x20
    TEMPORARY = 0x100
    OFFLINE = 0x1000
    NOT_CONTENT_INDEXED = 0x2000
    NO_SCRUB_DATA = 0x20000


SETTABLE: Final = (
    Attributes.READ_ONLY
    | Attributes.HIDDEN
    | Attributes.SYSTEM
    | Attributes.ARCHIVE
    | Attributes.TEMPORARY
    | Attributes.OFFLINE
    | Attributes.NOT_CONTENT_INDEXED
    | Attributes.NO_SCRUB_DATA
).value
"""What the service lets anyone set. Others (compressed, reparse point) describe how NTFS stores a node."""


@dataclass(frozen=True, slots=True)
class Posix:
    """What a node of an NFS share has in place of attributes and a security descriptor. No listing shows it."""

    owner: int
    group: int
    mode: int
    """Permission bits with the three special ones: ``0o7777`` at most."""
    links: int = 1
    """Names that the file has, hard links all of them, anywhere in the share; 1 for a directory or a symbolic link."""
    link_text: str = ""
    """Where a symbolic link points, as it was written; empty for everything else."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory listing.

    Times are ticks (:mod:`shared.model.ticks`). ``changed`` is also the ETag, so two entries with equal ``file_id`` and
    ``changed`` are the same node in the same state: content, times, attributes, permission and metadata.
    """

    name: str
    is_directory: bool
    file_id: int
    """Azure's FileId, an unsigned 64-bit integer: stable across renames, moves and share snapshots."""
    size_bytes: int
    """0 for a directory."""
    created: int
    accessed: int
    written: int
    changed: int
    modified: int
    """Last-Modified, whole seconds in ticks."""
    attributes: int
    """:class:`Attributes` bits."""
    permission_key: str
    """Azure's key of the node's security descriptor; empty on NFS shares."""
