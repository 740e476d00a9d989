"""Azure Files, to read from: one share, live or at a share snapshot."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.model.entry import Posix
from shared.model.manifest import ContentHeaders


@dataclass(frozen=True, slots=True)
class NodeProperties:
    """What a node's own response headers say, beyond the listing."""

    headers: ContentHeaders
    metadata: tuple[tuple[str, str], ...]
    size_bytes: int
    changed: int
    """ChangeTime in ticks, which is the ETag."""
    created: int = 0
    written: int = 0
    attributes: int = 0
    permission_key: str = ""
    file_id: int = 0
    posix: Posix | None = None
    """On NFS shares. The text of a symbolic link is not in it: :meth:`ShareReader.link_text`."""
    is_symbolic_link: bool = False


class ByteRange(NamedTuple):
    """Bytes ``[start, end)`` of a file."""

    start: int
    end: int
    cleared: bool = False
    """They were cleared, and read as zeros now."""


class ShareReader(Protocol):
    """Reads one share at one share snapshot (or live). Paths are from the root, ``/`` between components, not escaped."""

    async def list_page(self, path: str, marker: str = "") -> bytes:
        """The raw body of one List Directories and Files page with all four includes; at most 5,000 entries.

        Which bytes: the XML as the service wrote it; :mod:`shared.formats.listing` reads it. Raises ``NotFound``.
        """
        ...

    async def read_file(self, path: str, size_bytes: int) -> tuple[NodeProperties, bytes]:
        """The whole content of a file and its properties, in one request also when it is empty.

        ``size_bytes`` is what the listing said; a body of another length raises ``Unavailable``.
        """
        ...

    def stream_file(self, path: str, size_bytes: int, block_bytes: int) -> AsyncIterator[NodeProperties | bytes]:
        """First the properties, then the content in blocks of exactly ``block_bytes`` but the last; one request."""
        ...

    async def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes at ``offset``."""
        ...

    def ranges(self, path: str, size_bytes: int, since: str | None = None) -> AsyncIterator[Sequence[ByteRange]]:
        """Which parts of a file are allocated; with ``since``, an earlier share snapshot, which were written or cleared since.

        In order of offset, page by page, so that a file in very many pieces fits the memory; none ends beyond ``size_bytes``. What is
        in none is zeros, or as it was at ``since``. A heavily fragmented file that the service takes too long over is asked
        for in smaller parts.

        Raises ``Rejected`` when the service cannot tell: the file, or ``since``, was not there then, or the file was replaced.
        """
        ...

    async def file_properties(self, path: str, at: str | None = None) -> NodeProperties:
        """Properties of a file, without its content; ``at`` another share snapshot than the reader's."""
        ...

    async def directory_properties(self, path: str) -> NodeProperties:
        """Properties of a directory; the root's path is empty."""
        ...

    async def link_text(self, path: str) -> str:
        """Where a symbolic link points, as it was written. It is never followed."""
        ...

    async def permission(self, key: str) -> str:
        """The SDDL behind a permission key, asked of the live share (a share snapshot cannot answer)."""
        ...
