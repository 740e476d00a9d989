"""Azure Files, to write to: one share, as the target of a restore."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.model.entry import Entry, Posix
from shared.model.manifest import ContentHeaders
from shared.ports.share_reader import NodeProperties


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProperties:
    """Properties to give a node. Times in ticks; 0, or a time before the year 1601, leaves one as it is."""

    created: int = 0
    written: int = 0
    changed: int = 0
    attributes: int | None = None
    """None: as they are."""
    permission_key: str = ""
    """Key on the target share; empty: inherited by a new node, and left alone otherwise."""
    posix: Posix | None = None
    """On an NFS share: instead of attributes and permission."""


class ShareWriter(Protocol):
    """Writes one live share. Every call may be repeated: the second has the same effect as the first."""

    async def create_directory(self, path: str, metadata: Sequence[tuple[str, str]]) -> bool:
        """Make a directory, or find it there; its metadata is ``metadata`` either way. The parent must exist.

        Returns whether it was made. The root is always found.
        """
        ...

    async def has_directory(self, path: str) -> bool:
        """Whether there is such a directory."""
        ...

    async def entries(self, path: str, at: str | None = None) -> list[Entry] | None:
        """What is in a directory, at a share snapshot or now; None if there is no such directory."""
        ...

    async def directory_properties(self, path: str, at: str) -> NodeProperties | None:
        """Properties of a directory at a share snapshot; None if it was not there."""
        ...

    async def copy_back(self, path: str, at: str, changed: int) -> None:
        """Make a file what it was at a share snapshot, in place of whatever file is there; the service moves the bytes.

        That takes several requests. Before the last the file has the change time ``changed``, ticks, by which one that was broken off is known
        (:func:`shared.core.conflicts.half_done`).
        """
        ...

    async def create_file(
        self,
        path: str,
        size_bytes: int,
        body: bytes | None,
        properties: NewProperties,
        headers: ContentHeaders,
        metadata: Sequence[tuple[str, str]],
    ) -> None:
        """Make or replace a file.

        With ``body`` (at most 4 MiB, as long as ``size_bytes``) everything is written in one request, times and read-only
        attribute included. With ``None`` the file is made sparse and writable: put ranges, then ``set_file_properties``.
        A read-only file that stands in the way is made writable, with :func:`shared.core.conflicts.half_done` as its change time, and replaced. On an NFS share what stands there keeps its other names, which would
        get the new content: :meth:`make_way` first.
        """
        ...

    async def make_way(self, path: str) -> None:
        """On an NFS share: delete the symbolic link, or the name of a file with several, at ``path``; leave anything else."""
        ...

    async def create_symbolic_link(
        self, path: str, properties: NewProperties, metadata: Sequence[tuple[str, str]]
    ) -> None:
        """Make a symbolic link with the text in ``properties.posix``, in place of whatever file or link is there."""
        ...

    async def create_hard_link(self, path: str, target: str) -> None:
        """Give the file at ``target`` one more name, ``path``, in place of whatever file or link is there."""
        ...

    async def put_range(self, path: str, offset: int, data: bytes) -> None:
        """Write at most 4 MiB at ``offset``."""
        ...

    async def rename_file(self, path: str, target: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Move a file to another path of the share, in place of what file is there, a read-only one too.

        When it is there it has ``properties``, and the content headers that it was made with, which are ``headers``.
        """
        ...

    async def delete_file(self, path: str) -> None:
        """Delete a file or a symbolic link; one that is gone is fine.

        One that is read-only is made writable first, with :func:`shared.core.conflicts.half_done` as its change time.
        """
        ...

    async def delete_directory(self, path: str) -> None:
        """Delete an empty directory; one that is gone is fine. Raises ``Conflict`` for one that is not empty."""
        ...

    async def close_handles(self, path: str) -> int:
        """Close what SMB clients have open of a file; returns how many handles that were."""
        ...

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file, at a share snapshot or now."""
        ...

    async def set_file_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a file's user metadata."""
        ...

    async def set_file_properties(self, path: str, properties: NewProperties, headers: ContentHeaders) -> None:
        """Give a file its times, attributes, permission and content headers; of the latter those not given are cleared."""
        ...

    async def set_directory_properties(self, path: str, properties: NewProperties) -> None:
        """Give a directory its times, attributes and permission; the root's path is empty."""
        ...

    async def set_directory_metadata(self, path: str, metadata: Sequence[tuple[str, str]]) -> None:
        """Replace a directory's user metadata; the root's path is empty."""
        ...

    async def create_permission(self, sddl: str) -> str:
        """Key of ``sddl`` on this share."""
        ...
