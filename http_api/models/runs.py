"""Runs, their counters and their journals."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from http_api.models.base import After, Limit, Paged, Part, Query, Shown
from shared.core.progress import AtWork, progress
from shared.model import run
from shared.model.run import ACTIVE, COUNTERS, Driver, RunKind, RunState
from shared.ports.journal import JournalLine


class Rate(Shown):
    """Per second of work."""

    files_per_s: float
    bytes_per_s: float


class Done(Shown):
    """How much of something is done, and how much it is expected to be, where that is known."""

    done: int
    expected: int | None


class Progress(Shown):
    """How far a run is."""

    directories: Done
    files: Done
    bytes: Done
    part: Annotated[
        float | None, Field(description="Of the whole, 0 to 1; null when there is nothing to compare with.")
    ]


class Expected(Shown):
    """What a run is expected to come to."""

    files: int
    bytes: int


class Run(Shown):
    """One execution of a job on a share."""

    run_no: int
    run_id: Annotated[int, Field(description="For `python -m worker --run`.")]
    kind: RunKind
    state: RunState
    active: Annotated[bool, Field(description="Whether it has not ended yet.")]
    driver: Driver
    requested_at: dt.datetime
    started_at: dt.datetime | None
    paused_at: dt.datetime | None
    paused_by: Annotated[
        Literal["window"] | None,
        Field(
            description="`window`: its share's window has ended, and it goes on when the next one opens; null: a person."
        ),
    ]
    held_until: Annotated[dt.datetime | None, Field(description="When the window opens that it waits for.")]
    schedule_id: Annotated[int | None, Field(description="Of the schedule that started it; null: somebody ordered it.")]
    finished_at: dt.datetime | None
    seconds: Annotated[float, Field(description="How long it has been worked on; pauses do not count.")]
    share_snapshot: str | None
    order: Annotated[
        dict[str, Any] | None, Field(description="What a restore, verify, rebuild, prune or sweep was asked to do.")
    ]
    counters: Annotated[dict[str, int], Field(description=f"What was done: {', '.join(sorted(COUNTERS))}.")]
    rate: Rate
    progress: Progress
    left: Annotated[int | None, Field(description="Work items not finished; null where it was not asked.")]
    workers: Annotated[int | None, Field(description="How many hold some now; null where it was not asked.")]
    waits_for: Annotated[str, Field(description="Who or what it waits for, in words; empty while it is at work.")]
    expected: Expected | None
    eta_s: Annotated[int | None, Field(description="Seconds to the end as it goes; null when unknown.")]
    report: Annotated[
        dict[str, Any] | None,
        Field(
            description="What a scan, restore, verify, rebuild, prune or sweep came to, and what a backup has repacked."
        ),
    ]
    errors: int
    error: Annotated[str | None, Field(description="Why it failed.")]
    restore_point: Annotated[int | None, Field(description="The one that it made.")]

    @classmethod
    def of(
        cls,
        value: run.Run,
        *,
        now: dt.datetime,
        at_work: AtWork | None = None,
        expected: run.RestorePoint | None = None,
        **more: Any,
    ) -> Self:
        """A run with its progress, its rate and, where there is something to reckon it from, its ETA.

        :param at_work: work items not finished (directories and spans of large files), and how many workers are at them.
        :param expected: what the run is expected to come to: of a backup the restore point before, of a restore its own.
        :param more: the fields that a subclass has beside these.
        """
        active = value.state in ACTIVE
        counters = value.counters
        ordered = value.order or value.verify or value.rebuild
        known = progress(value, now=now, expected=expected, at_work=at_work)
        return cls(
            run_no=value.run_no,
            run_id=value.run_id,
            kind=value.kind,
            state=value.state,
            active=active,
            driver=value.driver,
            requested_at=value.requested_at,
            started_at=value.started_at,
            paused_at=value.paused_at,
            paused_by="window" if value.paused_by else None,
            held_until=value.held_until,
            schedule_id=value.schedule_id,
            finished_at=value.finished_at,
            seconds=round(known.seconds, 3),
            share_snapshot=value.share_snapshot,
            order=ordered.to_wire() if ordered else value.retention,
            counters=counters.to_wire(),
            rate=Rate(files_per_s=round(known.files_per_s, 1), bytes_per_s=round(known.bytes_per_s)),
            progress=Progress(
                directories=Done(done=counters.directories, expected=expected.directories if expected else None),
                files=Done(done=counters.files, expected=expected.files if expected else None),
                bytes=Done(done=counters.bytes, expected=expected.bytes if expected else None),
                part=None if known.part is None else round(known.part, 4),
            ),
            left=(at_work.left if at_work else None) if active else 0,
            workers=(at_work.workers if at_work else None) if active else 0,
            waits_for=known.waits_for,
            expected=Expected(files=expected.files, bytes=expected.bytes) if expected else None,
            eta_s=known.eta_s,
            report=value.report,
            errors=counters.errors,
            error=value.error,
            restore_point=value.run_no if _made_a_point(value) else None,
            **more,
        )


def _made_a_point(value: run.Run) -> bool:
    return value.kind is RunKind.BACKUP and value.state in (RunState.SUCCEEDED, RunState.COMPLETED_WITH_ERRORS)


class PricesUsed(Shown):
    """What a cost was reckoned with."""

    as_of: dt.date
    region: str
    accuracy: str
    tier: str


class Cost(Shown):
    """What something cost by the price table: for comparing and planning, not what is on the bill."""

    currency: str
    files_operations: float
    vault_operations: float
    compute: float
    total: float
    storage_per_month: Annotated[float, Field(description="For what was added, every month that it is kept.")]
    prices: PricesUsed


class RunWithCost(Run):
    """One run, and what it has cost so far."""

    cost: Cost


class RunPage(Part):
    """Runs, the newest first."""

    runs: list[Run]


class JournalLinesQuery(Query):
    """Which lines of a journal, as many as there are."""

    after: After = ""
    kind: Annotated[
        str, Field(pattern="^[a-z_]{0,40}$", description="Only lines of this kind, such as unreadable or event.")
    ] = ""


class JournalQuery(JournalLinesQuery):
    """Which lines of a journal."""

    limit: Limit = 1_000


class Line(Shown):
    """Something that happened to a node, or to the run."""

    at: dt.datetime
    kind: str
    path: str
    node_id: int
    reason: str
    hint: Annotated[str, Field(description="What to do about it.")]
    details: Mapping[str, str]

    @classmethod
    def of(cls, value: JournalLine) -> Self:
        """As it is."""
        return cls.model_validate(value)


class JournalPart(Part):
    """Lines of a journal, in order."""

    lines: list[Line]


class RunsQuery(Paged):
    """Which runs."""

    kind: Annotated[RunKind | None, Field(description="Only runs of this kind.")] = None
    state: Annotated[RunState | None, Field(description="Only runs in this state.")] = None
