"""Work items: what a worker claims, and what it hands back in one transaction."""

from dataclasses import dataclass, field

from shared.model.chunk_list import DIGEST_BYTES
from shared.model.content import HOLE
from shared.model.page import DirectoryHead, Page
from shared.model.run import Counters
from shared.model.verify import Damage


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDirectory:
    """A directory of the frontier, ours until the lease ends."""

    head: DirectoryHead
    path: str
    """From the share's root, without a leading slash; empty for the root."""
    mtime: int
    """Unix seconds of its LastWriteTime as its parent's listing said when it was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A batch of directories to walk. ``batch_no`` is unique in the run and is the fence: see ``Catalogue.commit``."""

    run_id: int
    batch_no: int
    directories: tuple[ClaimedDirectory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDirectory:
    """A directory for the frontier: its row exists or is inserted in the same transaction."""

    node_id: int
    mtime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeFile:
    """A file to be read in spans before its directory can be committed."""

    directory_id: int
    file_id: int
    changed: int
    """Its ETag in ticks: the version to read."""
    name: str
    size_bytes: int
    span_bytes: int
    spans: tuple[tuple[int, int], ...]
    """``(span_no, chunks)`` of every span that has something to read; bit i of ``chunks`` is the span's chunk i. Not empty."""
    base: tuple[int, int] | None = None
    """``(node_id, run_no)`` of the content list that has the chunks which are not read; None: they are holes."""
    cleared: tuple[tuple[int, int], ...] = ()
    """``(first, how many)`` chunks that are holes although the base has something there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeContent:
    """A large file all of whose spans were read, or that could not be read."""

    directory_id: int
    file_id: int
    changed: int
    span_bytes: int
    spans: tuple[tuple[int, int], ...] = ()
    """As of :class:`LargeFile`, in order of number; chunks of -1 are all of the span's."""
    digests: bytes = b""
    """32 bytes per chunk that was read, in order; empty when ``error`` is set."""
    states: bytes = b""
    """20 bytes per chunk that was read; fewer when some span was read by a program that does not tell them."""
    quickxor: bytes = bytes(20)
    """QuickXorHash state of all that was read."""
    base: tuple[int, int] | None = None
    cleared: tuple[tuple[int, int], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanClaim:
    """Spans of one large file with at most one span's worth of chunks to read, ours until the lease ends."""

    run_id: int
    batch_no: int
    """Fence."""
    directory_id: int
    file_id: int
    path: str
    """Of the file, from the share's root."""
    file_size_bytes: int
    span_bytes: int
    spans: tuple[tuple[int, int], ...]
    """As of :class:`LargeFile`, in order of number; never empty. Chunks of -1 are all of the span's."""


@dataclass(frozen=True, slots=True)
class SpanRead:
    """What was read of one span."""

    span_no: int
    digests: bytes
    """32 bytes per chunk, in order."""
    states: bytes
    """QuickXorHash state of each chunk at its offset, without the file's length: 20 bytes per chunk."""
    quickxor: bytes
    """XOR of the states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanResult:
    """What a claim of spans came to."""

    read: tuple[SpanRead, ...] = ()
    """One per span of the claim, unless ``error`` is set."""
    counters: Counters
    error: str = ""

    @property
    def chunks(self) -> list[bytes]:
        """Digests of the chunks that were read, holes left out."""
        digests = b"".join(span.digests for span in self.read)
        pieces = (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
        return [digest for digest in pieces if digest != HOLE]


@dataclass(frozen=True, slots=True)
class Kept:
    """The batch that goes on with what another one kept."""

    batch_no: int
    node_ids: frozenset[int]
    """What it holds: all of ``BatchCommit.kept`` but what was found and is somebody else's already."""


@dataclass(slots=True, kw_only=True)
class BatchCommit:
    """Everything one batch of a backup changed; applied in one transaction or not at all."""

    run_id: int
    share_id: int
    run_no: int
    batch_no: int
    done: list[int] = field(default_factory=list)
    """Claimed directories that are finished; with ``waiting``, ``returned`` and ``kept``, exactly the claimed ones."""
    waiting: list[int] = field(default_factory=list)
    """Directories, claimed or found in this batch, that wait for large files of theirs."""
    returned: list[int] = field(default_factory=list)
    """Claimed directories that the budget did not reach: back to the frontier."""
    kept: list[int] = field(default_factory=list)
    """Directories, claimed or found in this batch, that the same worker goes on with in a batch that is opened by the same
    transaction. Between giving back and claiming again, workers that wait for something to do would take them, and begin with
    listing them again."""
    found: list[FoundDirectory] = field(default_factory=list)
    """New in the frontier; those also in ``waiting`` start out waiting."""
    pages: list[Page] = field(default_factory=list)
    """Rows to insert or replace whole, by ``(directory_id, page_no)``."""
    placed: list[DirectoryHead] = field(default_factory=list)
    """Existing directories whose name or parent changed: ``name``, ``parent_id`` are written, nothing else. A directory is
    in ``pages`` or here, not in both."""
    reopened: list[int] = field(default_factory=list)
    """Scan: directories that are to be compared by whoever lists them next, though nothing but their fingerprint changes."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """``(node_id, parent_id)`` of directories no longer listed where they were; decided when the run closes."""
    large: list[LargeFile] = field(default_factory=list)
    permissions: list[str] = field(default_factory=list)
    """Permission keys now in the vault."""
    checksums: dict[str, int] = field(default_factory=dict)
    """XXH3-64 of their security descriptors, by key."""
    chunks: list[bytes] = field(default_factory=list)
    """Digests of chunks, written or found in the vault, that records of this batch are the first to refer to."""
    mended: list[Damage] = field(default_factory=list)
    """What verifies had found damaged and this batch has saved again."""
    repacked: list[int] = field(default_factory=list)
    """Pages whose files have left the bundles that a sweep has found to be worth leaving, as far as they could."""
    segment_bytes: int = 0
    """Size of the segment object; 0 when none was written."""
    bundles: list[int] = field(default_factory=list)
    """Sizes of the bundle objects, by part."""
    counters: Counters = field(default_factory=Counters)


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Pages of directories that a closing deleted, to be noted in a segment."""

    batch_no: int
    """Whose segment it is."""
    page_ids: tuple[int, ...]
    """Directory plus page number."""
    pages: tuple[Page, ...]
    """Their rows, but of those that a later run has found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreItem:
    """A directory to restore, with what is needed to write it: the frontier of a restore."""

    node_id: int
    path: str
    """Where to write it, from the target share's root; empty for the root. Kept only while the run lasts."""
    properties: dict[str, object] = field(default_factory=dict)
    """The directory's own times, attributes and permission key (or owner, group and mode), written after everything below it. Of a
    lazy one also its metadata."""
    parent_id: int = 0
    """Directory above it in the restore; 0: the restore begins here."""
    fresh: bool = False
    """Nothing was in its place on the target, so nothing is in the way of what is in it."""
    lazy: bool = False
    """Made when something in it is restored, and given times and attributes only then."""
    only: tuple[str, ...] = ()
    """Names of the files in it that are restored; empty: all of them, and its subdirectories."""
    next_page: int = 0
    """How many of its pages are done, in order of name: a directory with very many is done in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreLink:
    """One name, in a restore, of a file that had several. Those with equal ``file_id`` and ``changed`` are one file."""

    node_id: int
    file_id: int
    changed: int
    path: str
    properties: dict[str, object] = field(default_factory=dict)
    """What to give the file when the name was made, which changes its times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkToMake:
    """A name to make a hard link of."""

    link: RestoreLink
    target: str
    """Path of the file's first name."""
    target_written: bool
    """The file is there. False: it could not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreClaim:
    """A batch of directories to restore (``finishing`` False) or to give their times and attributes (True)."""

    run_id: int
    batch_no: int
    items: tuple[RestoreItem, ...]
    finishing: bool


@dataclass(slots=True, kw_only=True)
class RestoreCommit:
    """What one batch of a restore did; applied in one transaction or not at all."""

    run_id: int
    batch_no: int
    done: list[int] = field(default_factory=list)
    """Claimed directories that are finished; with ``returned`` exactly the claimed ones."""
    returned: list[int] = field(default_factory=list)
    advanced: dict[int, int] = field(default_factory=dict)
    """Of returned directories of which a piece is done: ``next_page``."""
    found: list[RestoreItem] = field(default_factory=list)
    """Directories found and not yet restored."""
    filled: list[RestoreItem] = field(default_factory=list)
    """Directories found and restored in this batch: they wait for the finishing pass."""
    counters: Counters = field(default_factory=Counters)
