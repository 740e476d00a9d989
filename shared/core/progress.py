"""How far a run is, how fast it is, when it will end, and what it waits for. Unknown is said rather than guessed."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from shared.core import queueing
from shared.model.run import ACTIVE, Driver, RestorePoint, Run, RunKind, RunState
from shared.model.verify_order import VerifyLevel

TOLD_AFTER_S: Final = 5.0
"""No estimate before a run has worked this long: the first seconds are those of opening it."""

TOLD_AFTER_PART: Final = 0.01
"""No estimate before this part is done: the first directories are not like the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What there is to tell of a run."""

    seconds: float
    """How long it has been worked on, pauses left out."""
    files_per_s: float
    bytes_per_s: float
    part: float | None
    """Of what is expected, 0 to 1; None when nothing is known to compare with."""
    eta_s: int | None
    """Seconds until it ends, as it goes; None when unknown."""
    waits_for: str
    """Who or what it waits for, for people; empty when it is at work or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """What a run's batches say."""

    workers: int
    """Workers that hold a batch now."""
    left: int
    """Work items not finished."""
    place: queueing.Place | None = None
    """In the queue, of a run that is not admitted."""


def is_measured(run: Run) -> bool:
    """Whether a restore point says what a run comes to: the one that it is about, or the one before it."""
    only_part = run.order is not None and not run.order.is_whole
    return run.kind not in (RunKind.REBUILD, RunKind.PRUNE, RunKind.SWEEP, RunKind.PURGE) and not only_part


def progress(run: Run, *, now: dt.datetime, expected: RestorePoint | None, at_work: AtWork | None) -> Progress:
    """Reckon it.

    :param expected: what the run is expected to come to: of a backup the restore point before, of the restore of a whole share its
        own. It is a guess: a share that has shrunk is done sooner, and one that has grown has no estimate at the end.
    """
    seconds = worked_seconds(run, now)
    done = run.counters
    part = eta_s = None
    if expected is not None:
        part = _part(run, expected)
    if part is not None and run.state is RunState.RUNNING and seconds >= TOLD_AFTER_S and TOLD_AFTER_PART <= part < 1.0:
        eta_s = round(seconds * (1.0 - part) / part)
    return Progress(
        seconds=seconds,
        files_per_s=done.files / seconds if seconds else 0.0,
        bytes_per_s=done.bytes / seconds if seconds else 0.0,
        part=part,
        eta_s=eta_s,
        waits_for=_waits_for(run, at_work, at_work.place if at_work is not None else None),
    )


def worked_seconds(run: Run, now: dt.datetime) -> float:
    """How long a run has been worked on."""
    if run.started_at is None:
        return 0.0
    until = run.finished_at or run.paused_at or now
    return max(0.0, (until - run.started_at).total_seconds() - run.paused_seconds)


def _part(run: Run, expected: RestorePoint) -> float | None:
    """The least of what is done of directories and files, and, where they are what takes the time, of bytes.

    A drill restores and compares few of the files, but goes through all directories for them.
    """
    done = run.counters
    if run.verify is not None and run.verify.level is VerifyLevel.DRILL:  # it goes through all directories twice
        return (
            min(1.0, (done.directories + done.records) / (2 * expected.directories)) if expected.directories else None
        )
    unwritten = done.same_files + done.left_files
    pairs = [(done.directories, expected.directories), (done.files + unwritten, expected.files)]
    if run.kind is RunKind.RESTORE and not unwritten:  # neither a backup nor such a restore moves all bytes
        pairs.append((done.bytes, expected.bytes))
    parts = [part / whole for part, whole in pairs if whole > 0]
    return min(1.0, *parts, 1.0) if parts else None


def _waits_for(run: Run, at_work: AtWork | None, place: queueing.Place | None) -> str:
    workers = run.driver is Driver.WORKERS
    if run.state not in ACTIVE:
        return ""
    if run.state is RunState.PAUSED and run.paused_by is not None:
        return "its share's next window" + (
            f", which opens at {run.held_until:%Y-%m-%d %H:%M} UTC" if run.held_until else ""
        )
    if run.state is RunState.PAUSED:
        return "somebody to resume or cancel it"
    if run.state is RunState.CANCELLING and run.kind is RunKind.VERIFY:
        return f"{'a worker' if workers else 'its orchestration'} to end it"
    if run.state is RunState.CANCELLING:
        return f"{'a worker' if workers else 'its orchestration'} to delete its share snapshot and what was left to do"
    if (
        run.state is RunState.QUEUED
        and run.admitted_at is None
        and place is not None
        and (turn := queueing.told(place))
    ):
        return turn
    if run.state is RunState.QUEUED:
        return "a worker to open it: is `python -m worker` running?" if workers else "its orchestration to open it"
    if not run.seeded:
        waited = {
            RunKind.RESTORE: "its target share",
            RunKind.VERIFY: "its opening",
            RunKind.REBUILD: "the list of its segments",
        }
        return waited.get(run.kind, "its share snapshot")
    if at_work is None:
        return ""
    if at_work.left == 0:
        return "its closing"
    if at_work.workers == 0:
        return f"a worker: none holds any of the {at_work.left} work items left"
    return ""
