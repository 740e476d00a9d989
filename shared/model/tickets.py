"""What crosses the durable boundary: names of work, never the work itself.

Plain JSON objects through explicit ``to_wire`` and ``from_wire``. Receipts are verdicts, good or bad: an activity raises only
for bugs (docs/ARCHITECTURE.md, "Durable").
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Dict, Final, Self  # noqa: UP035

from shared.model.run import RunKind

Wire = Dict[str, Any]  # noqa: UP006
"""By its old name: on Python 3.11 and later the Functions worker refuses activities whose parameter is annotated ``dict[str, Any]``."""

BACKUP_SHARE: Final = "backup_share"
RESTORE_SHARE: Final = "restore_share"
SCAN_SHARE: Final = "scan_share"
VERIFY_SHARE: Final = "verify_share"
REBUILD_SHARE: Final = "rebuild_share"
PRUNE_SHARE: Final = "prune_share"
SWEEP_SHARE: Final = "sweep_share"
PURGE_SHARE: Final = "purge_share"
OPEN_RUN: Final = "open_run"
BACKUP_DIRECTORIES: Final = "backup_directories"
RESTORE_DIRECTORIES: Final = "restore_directories"
SCAN_DIRECTORIES: Final = "scan_directories"
VERIFY_PIECES: Final = "verify_pieces"
REBUILD_CATALOGUE: Final = "rebuild_catalogue"
PRUNE_POINTS: Final = "prune_points"
SWEEP_PIECES: Final = "sweep_pieces"
PURGE_PIECES: Final = "purge_pieces"
CLOSE_RUN: Final = "close_run"

ORCHESTRATOR_OF: Final = {
    RunKind.BACKUP: BACKUP_SHARE,
    RunKind.RESTORE: RESTORE_SHARE,
    RunKind.SCAN: SCAN_SHARE,
    RunKind.VERIFY: VERIFY_SHARE,
    RunKind.REBUILD: REBUILD_SHARE,
    RunKind.PRUNE: PRUNE_SHARE,
    RunKind.SWEEP: SWEEP_SHARE,
    RunKind.PURGE: PURGE_SHARE,
}


def instance_id(run_id: int, epoch: int) -> str:
    """The orchestration instance of a run in one of its epochs: always the same, so that starting it twice starts it once.

    A run gets a new epoch when it is resumed, because the instance that it had has ended, or is about to.
    """
    return f"run-{run_id}-{epoch}" if epoch else f"run-{run_id}"


class Stop(StrEnum):
    """Why work on a run stopped before it was done or the time was up. Not an error."""

    NO = ""
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """The run was taken up anew: its new epoch has an orchestration of its own."""
    ENDED = "ended"
    """Somebody else has ended the run."""
    LEAVING = "leaving"
    """This process was asked to go."""


def without_default(wire: Wire, name: str, default: object) -> Wire:
    """Leave out a field that the release before this one refuses, while it says nothing."""
    return {key: value for key, value in wire.items() if key != name or value != default}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTicket:
    """Which run, and under which name an activity works for it."""

    run_id: int
    worker: str = ""
    """Unique among activities at work at the same time, and the same when an activity is delivered again."""
    error: str = ""
    """Closing: why the run is given up; empty when it is done."""
    epoch: int = 0
    """Of the run that is meant: an activity of an earlier one does nothing."""

    def to_wire(self) -> Wire:
        """Plain JSON."""
        return without_default(asdict(self), "epoch", 0)

    @classmethod
    def from_wire(cls, wire: Wire) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**wire)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How an activity went."""

    left: int = 0
    """Work items not finished, by this or any other worker."""
    batches: int = 0
    """Batches committed by this activity: progress."""
    error: str = ""
    """Why the activity stopped early; the same work may succeed later when ``retryable``."""
    retryable: bool = True
    stop: Stop = Stop.NO

    def to_wire(self) -> Wire:
        """Plain JSON."""
        return without_default(asdict(self), "stop", Stop.NO)

    @classmethod
    def from_wire(cls, wire: Wire) -> Self:
        """The opposite of :meth:`to_wire`."""
        return cls(**(wire | {"stop": Stop(wire.get("stop", Stop.NO))}))
