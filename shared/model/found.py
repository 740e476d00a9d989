"""What a search in the catalogue finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A live node."""

    node_id: int
    directory_id: int
    """Of the directory that holds it."""
    name: str
    size_bytes: int | None
    """None: a directory."""
    mtime: int
    """Unix seconds of LastWriteTime."""
