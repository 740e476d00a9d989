"""The vault's record of one page of a directory at one run."""

from dataclasses import dataclass, field

from shared.model.content import Content
from shared.model.entry import Entry, Posix


@dataclass(frozen=True, slots=True)
class ContentHeaders:
    """The HTTP properties stored with a file. Empty text: not set. ``md5`` is 16 bytes or empty."""

    content_type: str = ""
    content_encoding: str = ""
    content_language: str = ""
    content_disposition: str = ""
    cache_control: str = ""
    md5: bytes = b""


NO_HEADERS = ContentHeaders()


@dataclass(frozen=True, slots=True)
class SavedEntry:
    """One entry as saved: what the listing said, what only its own headers say, and where its bytes are."""

    entry: Entry
    node_id: int
    saved_run: int
    """Run in which this version was saved."""
    content: Content
    digest: bytes = b""
    """BLAKE3-256 of the content, derived per share: 32 bytes. For CHUNKED and LISTED content, of the chunk digests in
    order. Empty for directories and UNSAVED."""
    quickxor: bytes = b""
    """QuickXorHash, 20 bytes. Empty for directories and UNSAVED."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata in the order and case the service gave."""
    headers: ContentHeaders = NO_HEADERS
    stale: bool = False
    """The share held a newer version that could not be read: this is the last one that could."""
    posix: Posix | None = None
    """Of a node of an NFS share. A symbolic link has its text here and no content; its digests are those of the text."""


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """Where a record lies: ``length`` bytes at ``offset`` of the segment that ``batch_no`` of ``run_no`` wrote.

    All four fit 32 bits. ``run_no`` is also the run whose state the record describes.
    """

    run_no: int
    batch_no: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A pointer to an older record of the same page; ``depth`` counts the records before it."""

    depth: int
    ref: ManifestRef


@dataclass(frozen=True, slots=True)
class PageRecord:
    """Everything known of one page of one directory at one run."""

    directory_id: int
    page_no: int
    run_no: int
    depth: int
    """Number of older records of this page."""
    ancestors: tuple[Ancestor, ...]
    """Newest first; the first is the predecessor. See :mod:`shared.core.history`."""
    entries: tuple[SavedEntry, ...]
    """In code point order of name."""
    page_nos: tuple[int, ...] = field(default=(0,))
    """Page 0 only: the pages of the directory at this run, in name order."""
