"""Nodes, now and at any restore point."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, RootModel

from http_api.models.base import DIGITS, After, Limit, Part, Query, QueryNumber, Shown
from shared.core.changes import Change
from shared.core.tally import Tally as Counted
from shared.model import ticks
from shared.model.content import ContentKind
from shared.model.entry import Attributes
from shared.model.manifest import SavedEntry
from shared.model.node import ROOT_ID
from shared.usecases import difference as differences
from shared.usecases import versions as histories

_Path = Annotated[
    str,
    Field(
        max_length=2_048,
        pattern=r"^[^\x00]*$",
        description="From the share's root. Names as they are spelled, or else in another case.",
        examples=["2026/invoices"],
    ),
]
_NodeId = Annotated[
    int,
    DIGITS,
    Field(ge=ROOT_ID, le=2**63 - 1, description="Of an earlier answer: faster than a path. Without either, the root."),
]
_Point = Annotated[QueryNumber | None, Field(description="A restore point; the newest unless given.")]


class NodeKind(StrEnum):
    """What a node is."""

    DIRECTORY = "directory"
    FILE = "file"
    SYMBOLIC_LINK = "symbolic_link"


class ChildrenQuery(Query):
    """Which part of which directory."""

    path: _Path | None = None
    node_id: _NodeId | None = None
    limit: Limit = 200
    after: After = ""
    begin: Annotated[
        str,
        Field(
            max_length=255,
            pattern=r"^[^\x00]*$",
            description="Only names from this on: names are in the order of their characters, `Z` before `a`.",
            examples=["IMG_2041"],
        ),
    ] = ""


class VersionsQuery(Query):
    """Which node's versions."""

    path: _Path | None = None
    node_id: _NodeId | None = None
    restore_point: Annotated[_Point, Field(description="Where the node is looked for; the newest unless given.")] = None
    limit: Annotated[int, DIGITS, Field(ge=1, le=200)] = 50
    after: After = ""


class DifferenceQuery(Query):
    """Between what, and of which directory."""

    older: Annotated[QueryNumber, Field(alias="from", description="The older restore point.")]
    newer: Annotated[_Point, Field(alias="to")] = None
    path: _Path | None = None
    node_id: _NodeId | None = None
    limit: Limit = 100
    after: After = ""


class Versions(StrEnum):
    """What a search looks through."""

    LATEST = "latest"
    ALL = "all"


class Case(StrEnum):
    """Of letters in a pattern."""

    IGNORE = "ignore"
    MATCH = "match"


class SearchQuery(Query):
    """What is looked for, and where."""

    pattern: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[^\x00]*$",
            description="A whole name: `*` is anything, `?` one character, `[a-z]` and `[!a-z]` sets.",
            examples=["budget*.xls?"],
        ),
    ]
    versions: Annotated[Versions, Field(description="`all`: whatever any restore point shows.")] = Versions.LATEST
    case: Case = Case.IGNORE
    limit: Limit = 100
    after: After = ""


class PermissionQuery(Query):
    """Which security descriptor."""

    key: Annotated[str, Field(pattern=r"^[0-9]{1,20}\*[0-9]{1,20}$", description="What a node has as `permission`.")]


class Posix(Shown):
    """Of a node of an NFS share."""

    owner: int
    group: int
    mode: Annotated[str, Field(examples=["0644"])]


class Node(Shown):
    """A node as it was saved. Times have all their digits, seven after the point."""

    node_id: int
    name: str
    kind: NodeKind
    size: Annotated[int | None, Field(description="Bytes; null of a directory.")]
    created: str
    written: str
    changed: str
    attributes: Annotated[list[str] | None, Field(description="Null on NFS shares.")]
    permission: Annotated[str | None, Field(description="Key of its security descriptor: see `permissions`.")]
    posix: Posix | None
    links_to: str | None
    metadata: dict[str, str]
    content_type: str | None
    digest: Annotated[str | None, Field(description="BLAKE3-256 of its content, of this share alone.")]
    quickxor: str | None
    saved_run: int
    state: Annotated[str, Field(description="saved, stale (an earlier version is there) or unreadable (none is).")]

    @classmethod
    def of(cls, saved: SavedEntry, **more: Any) -> Self:
        """As it was saved; ``more`` has what a subclass has beside that."""
        entry, posix = saved.entry, saved.posix
        link = posix.link_text if posix is not None else ""
        kind = NodeKind.SYMBOLIC_LINK if link else NodeKind.FILE
        return cls(
            node_id=saved.node_id,
            name=entry.name,
            kind=NodeKind.DIRECTORY if entry.is_directory else kind,
            size=None if entry.is_directory else entry.size_bytes,
            created=ticks.to_text(entry.created),
            written=ticks.to_text(entry.written),
            changed=ticks.to_text(entry.changed),
            attributes=[str(flag.name) for flag in Attributes(entry.attributes)] if posix is None else None,
            permission=entry.permission_key or None,
            posix=Posix(owner=posix.owner, group=posix.group, mode=f"{posix.mode:04o}") if posix else None,
            links_to=link or None,
            metadata=dict(saved.metadata),
            content_type=saved.headers.content_type or None,
            digest=saved.digest.hex() or None,
            quickxor=saved.quickxor.hex() or None,
            saved_run=saved.saved_run,
            state="unreadable" if saved.content.kind is ContentKind.UNSAVED else "stale" if saved.stale else "saved",
            **more,
        )


class Children(Part):
    """Children of a directory, in the order of their names."""

    restore_point: int
    node_id: int
    path: str | None
    children: list[Node]


class Stretch(Shown):
    """Neighbouring restore points that show a node alike."""

    first: int
    last: int
    count: int


class Version(Shown):
    """A node as some neighbouring restore points show it."""

    restore_points: Stretch
    changes: Annotated[list[Change], Field(description="What is different from the version before.")]
    directory_id: int | None
    node: Annotated[Node | None, Field(description="Null: deleted, or in another directory that is not known.")]

    @classmethod
    def of(cls, value: histories.Version) -> Self:
        """As it is."""
        return cls(
            restore_points=Stretch(first=value.first, last=value.last, count=value.restore_points),
            changes=list(value.changes),
            directory_id=value.directory_id,
            node=Node.of(value.saved) if value.saved is not None else None,
        )


class VersionPart(Part):
    """Versions of a node, the newest first."""

    node_id: int
    path: str | None
    versions: list[Version]


class Tally(Shown):
    """Nodes by what happened to them. Bytes are sizes: of what was deleted its last, else its newest."""

    added_files: int
    added_bytes: int
    added_directories: int
    changed_files: int
    changed_bytes: int
    changed_directories: int
    deleted_files: int
    deleted_bytes: int
    deleted_directories: int
    moved_files: int
    moved_bytes: int
    moved_directories: int

    @classmethod
    def of(cls, value: Counted) -> Self:
        """As it is."""
        return cls.model_validate(value)


class Difference(Shown):
    """What is different of one child."""

    node_id: int
    name: str
    kind: NodeKind
    unchanged: Annotated[bool, Field(description="With all below it.")]
    changes: list[Change]
    before: Node | None
    after: Node | None
    below: Annotated[Tally | None, Field(description="Of a directory: everything below it.")]
    complete: Annotated[bool, Field(description="False: `below` is a part; ask for the directory itself.")]

    @classmethod
    def of(cls, child: differences.Difference) -> Self:
        """As it is."""
        shown = child.shown
        return cls(
            node_id=shown.node_id,
            name=shown.entry.name,
            kind=NodeKind.DIRECTORY if shown.entry.is_directory else NodeKind.FILE,
            unchanged=not child.changes,
            changes=list(child.changes),
            before=Node.of(child.before) if child.before is not None else None,
            after=Node.of(child.after) if child.after is not None else None,
            below=Tally.of(child.below) if child.below is not None else None,
            complete=child.complete,
        )


class DifferencePart(Part):
    """What is different in a directory between two restore points."""

    older: Annotated[int, Field(alias="from")]
    newer: Annotated[int, Field(alias="to")]
    node_id: int
    path: str | None
    children: list[Difference]
    here: Tally
    total: Tally
    moves_known: bool
    unreadable: Annotated[list[int], Field(description="Directories whose records are damaged; they are not counted.")]


class FoundNow(Shown):
    """A node of the latest tree."""

    node_id: int
    directory_id: int
    path: str
    name: str
    kind: NodeKind
    size: int | None
    written: str


class FoundEver(Node):
    """A node as some restore points show it."""

    directory_id: int
    path: str
    restore_points: Stretch


class FoundNowPart(Part):
    """What was found in the latest tree."""

    found: list[FoundNow]
    restore_point: int | None


class FoundEverPart(Part):
    """What was found in all that any restore point shows."""

    found: list[FoundEver]
    unreadable: list[int]


class Found(RootModel[FoundNowPart | FoundEverPart]):
    """What was found: of the latest tree, or of all versions."""


class Permission(Shown):
    """A security descriptor."""

    key: str
    sddl: str
