"""Where a saved file's bytes are in the vault."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Chunks lie on this grid, so that a range diff (which is aligned to 512 bytes) maps onto whole chunks; also the most
one Put Range takes, so a chunk is one restore request."""

HOLE: Final = bytes(32)
"""In a chunk list: a chunk that is all zeros and has no object."""


class ContentKind(IntEnum):
    """How the bytes of a file are kept."""

    NONE = 0
    """Nothing to keep: a directory, an empty file, or a symbolic link, whose text is in the manifest."""
    BUNDLED = 1
    """One zstd frame of a bundle; ``offset`` and ``length`` are the frame's."""
    PLAIN = 2
    """An object of its own, ``{node_id}/{run_no}``: one zstd frame."""
    CHUNKED = 3
    """Chunks, named in the manifest."""
    LISTED = 4
    """Chunks, named in a content list object ``{node_id}/{run_no}``."""
    UNSAVED = 5
    """The file was there but could not be read; the journal says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes are. Fields a kind does not use are 0 or empty."""

    kind: ContentKind
    run_no: int = 0
    """Run that stored it: part of the object's name for BUNDLED, PLAIN and LISTED."""
    batch_no: int = 0
    """BUNDLED: the batch that wrote the bundle."""
    part: int = 0
    """BUNDLED: which of the batch's bundles, from 0."""
    node_id: int = 0
    """PLAIN and LISTED: the node that names the object. Not always the node that holds the file now."""
    offset: int = 0
    """BUNDLED: first byte of the member's content frame in the bundle object."""
    length: int = 0
    """BUNDLED and PLAIN: bytes of the frame as stored."""
    chunks: tuple[bytes, ...] = ()
    """CHUNKED: one BLAKE3 digest per 4 MiB, in order; :data:`HOLE` for all zeros."""


NO_CONTENT: Final = Content(ContentKind.NONE)
UNSAVED: Final = Content(ContentKind.UNSAVED)
