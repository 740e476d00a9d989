"""What an archive says of one node, beside its bytes."""

from dataclasses import dataclass

from shared.model.entry import Entry, Posix


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive. Times are ticks."""

    path: str
    """From the share's root, ``/`` between components; without one at either end, for a directory too."""
    size_bytes: int
    written: int
    accessed: int
    created: int
    attributes: int = 0
    """:class:`shared.model.entry.Attributes` bits."""
    posix: Posix | None = None
    """Of a node of an NFS share."""
    is_directory: bool = False


def member_of(path: str, entry: Entry, posix: Posix | None = None) -> Member:
    """The member for a node that lies at ``path``."""
    return Member(
        path,
        entry.size_bytes,
        entry.written,
        entry.accessed,
        entry.created,
        entry.attributes,
        posix,
        entry.is_directory,
    )
