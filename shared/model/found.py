"""What a search in the catalogue finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """How far a search has come: pages are looked at in the order of their ids, some at a time."""

    begin: int = 0
    """Pages up to this id are done with."""
    last: int = 0
    """Of the pages up to this one more was found than was asked for; 0: they were not looked at."""
    told: int = 0
    """Of what was found there, nodes up to this id were told."""


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
