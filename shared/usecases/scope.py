"""What one activity works with: a run, its share, and the doors to the world."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.core.cost import Prices
from shared.core.hashing import ShareHasher
from shared.core.rules import Rules, rules_of
from shared.model.node import PAGE_ENTRIES_MAX
from shared.model.run import Counters, Run
from shared.model.share import Share
from shared.ports.audit import Audit
from shared.ports.catalogue import Catalogue
from shared.ports.journal import Journal
from shared.ports.purges import Purges
from shared.ports.rebuilds import Rebuilds
from shared.ports.retention import Retentions
from shared.ports.share_admin import ShareAdmin
from shared.ports.share_reader import ShareReader
from shared.ports.share_writer import ShareWriter
from shared.ports.sweeps import Sweeps
from shared.ports.system import Clock
from shared.ports.telemetry import Span, Telemetry
from shared.ports.vault import Vault
from shared.ports.verifies import Verifies
from shared.telemetry import NoTelemetry, tagged
from shared.usecases.stopping import StopSignal

if TYPE_CHECKING:
    from shared.usecases.verify_state import VerifyStates


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one activity and one batch may take. Each default says why."""

    workers: int = 4
    """Activities of one run side by side: for estimates only."""
    activity_s: float = 30.0
    """An activity claims no further batch after this long."""
    batch_s: float = 20.0
    """A walk goes no further after this long: bounds what a killed worker loses, and large files that were found get their turn."""
    batch_directories: int = 1_000
    batch_files: int = 20_000
    """Changed files after which a batch is closed."""
    batch_bytes: int = 48 * 1024 * 1024
    """Bytes of changed content after which a batch is closed: three quarters of a bundle, because the last wave goes beyond it.
    So most batches write one bundle, and no second one is filled while the first is on its way."""
    claim_directories: int = 16
    """Directories claimed at once; the walk goes down from them, so a few keep a worker busy and leave some for others. Also how many a
    walk must have left to do, beside those it lists already, to hand them over when another worker waits."""
    claim_part: int = 4
    """A quarter of the frontier is claimed at once if that is more. What is pending late in a run are mostly leaves: with 16 to a
    batch, 100,000 files in 8,300 directories took 104 batches instead of 40, each with a bundle and a segment of its own."""
    wave_directories: int = 64
    """Directories listed at once; of a restore, restored at once."""
    lease_s: float = 60.0
    """A claim not renewed for this long may be taken over."""
    look_s: float = 1.0
    """How often to ask whether the run was paused or cancelled; one row by its key."""
    poll_s: float = 0.2
    """Pause while other workers hold all there is to do."""
    wait_s: float = 3600.0
    """An activity that found nothing to claim for this long returns. Default: it waits as long as it may last."""
    concurrent_reads: int = 32
    """Small files on their way at once."""
    window_bytes: int = 32 * 1024 * 1024
    """Bytes of small files on their way at once."""
    page_entries: int = PAGE_ENTRIES_MAX
    """Entries in one page."""
    wide_entries: int = 20_000
    """A changed directory with more entries than this is backed up alone and in pieces. As many as a batch takes changed files: so
    a directory below it is no larger than other batches."""
    piece_entries: int = 20_000
    """Entries of changed pages in one piece of a wide directory, as many as a batch takes changed files. New files take 2.1 KB of memory
    each: with 50,000 a worker had 273 MiB at its peak, with 20,000 210, with 10,000 175. Larger is better for renames, which are
    recognized within a piece."""
    piece_bytes: int = 8 * 1024 * 1024 * 1024
    """Bytes of files, those read in spans apart, after which a piece is closed sooner: a piece must be done well within the ten
    minutes that Azure Functions gives an activity, or the directory would never get on."""
    wide_s: float = 240.0
    """No further piece of a wide directory this long after its walk began. Longer than ``activity_s``, because who goes on later lists
    again, which is 200 requests per million entries; with the piece that is under way it stays below ten minutes."""
    verify_pages: int = 2_048
    """Rows of the tree that a quick verify claims at once: a second's work or two."""
    verify_read_pages: int = 256
    """The same where files are read; what is not done in time goes back, so it may be too much."""
    sweep_pages: int = 2_048
    """Rows of the tree whose records a sweep marks in one piece: two seconds' work or so, and a megabyte of marks at most as a rule."""
    span_bytes: int = 64 * 1024 * 1024
    """A large file is read in spans of this size; a multiple of the chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """The world of one activity. Readers and writers are those of the run's kind; asking for the other kind is a bug."""

    run: Run
    share: Share
    catalogue: Catalogue
    verifies: Verifies
    retentions: Retentions
    sweeps: Sweeps
    vault: Vault
    journal: Journal
    clock: Clock
    hasher: ShareHasher
    limits: Limits
    prices: Prices
    take_requests: Callable[[], Counters]
    """Requests and vault traffic of this scope since the last call, in a fresh Counters."""
    verify_states: "VerifyStates"
    """Verify: what this process knows of the vault."""
    stop: StopSignal = field(default_factory=StopSignal)
    """Set when the work is to stop early."""
    reader: ShareReader | None = None
    """Backup: the share at the run's share snapshot (live while it has none yet). Scan: the live share."""
    writer: ShareWriter | None = None
    """Restore: the target share."""
    scratch: Callable[[Run], AbstractAsyncContextManager[ShareAdmin]]
    """The scratch share of an earlier drill. Raises ``InvalidInput`` when its credential is gone."""
    rebuilds: Rebuilds | None = None
    """Rebuild. Such a scope has no share to speak to."""
    purges: Purges | None = None
    """Purge, as the next three."""
    audit: Audit | None = None
    protected: Callable[[Share], AbstractAsyncContextManager[ShareAdmin]] | None = None
    """The Azure share. Raises ``InvalidInput`` when its credential is gone."""
    admin: ShareAdmin | None = None
    """The share that is read or written."""
    telemetry: Telemetry = field(default_factory=NoTelemetry)

    @contextmanager
    def batch(self, batch_no: int) -> Iterator[Span]:
        """Tell of the block as the work on a batch."""
        with tagged(batch_no=batch_no), self.telemetry.span("batch", batch_no=batch_no) as span:
            yield span

    @property
    def rules(self) -> Rules:
        """What of the share is left out."""
        settings = self.share.settings
        return rules_of(settings.exclude, settings.include, settings.rules_ignore_case)
