"""Schedules of a share, what becomes of their occurrences, and limits of runs at work."""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field

from http_api.models.base import DIGITS, Body, Name, Paged, Part, Query, Shown
from shared.core import schedule as times_of
from shared.model import schedule
from shared.model.schedule import CATCH_UP_S, SPREAD_S, Outcome, ScheduleOptions, Timing, What
from shared.model.verify_order import VerifyLevel

SHOWN_AHEAD = 5
"""Occurrences that are shown of each schedule."""

Cron = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00]*$",
        description="Five fields: minute, hour, day of month, month, day of week.",
        examples=["30 2 * * mon-fri"],
    ),
]
TimeZone = Annotated[str, Field(max_length=60, description="IANA name.", examples=["Europe/Berlin"])]
Spread = Annotated[
    int,
    Field(ge=0, le=86_400, description="It begins up to so many seconds after its time, always as many for one share."),
]
CatchUp = Annotated[
    int,
    Field(
        ge=0,
        le=604_800,
        description="What could not begin in time begins until so many seconds later, once; then it is skipped.",
    ),
]


class Options(Body):
    """How it is done; what is left out is as when somebody orders it."""

    level: Annotated[
        Literal["quick", "sample", "full"] | None,
        Field(description="Of a verify: how much it proves; quick unless given."),
    ] = None
    all_points: Annotated[
        bool, Field(strict=True, description="Of a verify: all restore points, not the newest alone.")
    ] = False
    over_runs: Annotated[
        int | None, Field(ge=1, le=10_000, description="Of a sample or a drill: after so many everything was read.")
    ] = None
    files: Annotated[int | None, Field(ge=1, le=10_000_000, description="Of a drill: about so many files.")] = None

    margin_days: Annotated[
        int | None,
        Field(ge=1, le=3_650, description="Of a sweep: what was let go so many days ago is deleted; 7 unless given."),
    ] = None

    def chosen(self) -> ScheduleOptions:
        """As the catalogue has them."""
        level = VerifyLevel(self.level) if self.level is not None else VerifyLevel.QUICK
        return ScheduleOptions(
            level=level,
            all_points=self.all_points,
            over_runs=self.over_runs,
            files=self.files,
            margin_days=self.margin_days,
        )


class NewSchedule(Body):
    """A schedule to be added to a share."""

    name: Name
    what: What
    cron: Cron
    time_zone: TimeZone = "UTC"
    spread_s: Spread = SPREAD_S
    catch_up_s: CatchUp = CATCH_UP_S
    enabled: Annotated[bool, Field(strict=True)] = True
    options: Options = Field(default_factory=Options)

    @property
    def timing(self) -> Timing:
        """When it comes round."""
        return Timing(cron=self.cron, time_zone=self.time_zone, spread_s=self.spread_s, catch_up_s=self.catch_up_s)


class ScheduleChange(Body):
    """What is to change of a schedule; all else stays. What it does cannot change: add another one."""

    name: Name | None = None
    cron: Cron | None = None
    time_zone: TimeZone | None = None
    spread_s: Spread | None = None
    catch_up_s: CatchUp | None = None
    enabled: Annotated[bool | None, Field(strict=True)] = None
    options: Options | None = None


class Times(Shown):
    """One occurrence."""

    due_at: Annotated[dt.datetime, Field(description="What the cron expression says.")]
    starts_at: Annotated[dt.datetime, Field(description="The same, spread over shares.")]


class OptionsShown(Shown):
    """How it is done."""

    level: str | None
    all_points: bool
    over_runs: int | None
    files: int | None
    margin_days: int | None


class Schedule(Shown):
    """When something is done by itself."""

    schedule_id: int
    tenant_id: str
    share_id: int
    name: str
    what: What
    cron: str
    time_zone: str
    spread_s: int
    catch_up_s: int
    enabled: bool
    options: OptionsShown
    last_at: Annotated[dt.datetime | None, Field(description="The last occurrence that was decided upon.")]
    last_outcome: Outcome | None
    last_run_no: int | None
    waits_for: Annotated[
        str, Field(description="Why the next occurrence has not begun, though it was due; empty if it is not.")
    ]
    next_at: Annotated[
        dt.datetime | None, Field(description="When it starts, or looks again; null while it is not enabled.")
    ]
    upcoming: Annotated[list[Times], Field(description="The next occurrences, while it is enabled.")]
    version: int
    created_at: dt.datetime

    @classmethod
    def of(cls, value: schedule.Schedule) -> Self:
        """As it is, with what comes next."""
        ahead: list[schedule.Times] = []
        if value.due_at is not None:
            just_before = value.due_at - dt.timedelta(seconds=1)
            ahead = times_of.upcoming(value.timing, value.share_id, just_before, SHOWN_AHEAD)
        options = value.options
        return cls(
            schedule_id=value.schedule_id,
            tenant_id=value.tenant_id,
            share_id=value.share_id,
            name=value.name,
            what=value.what,
            cron=value.timing.cron,
            time_zone=value.timing.time_zone,
            spread_s=value.timing.spread_s,
            catch_up_s=value.timing.catch_up_s,
            enabled=value.enabled,
            options=OptionsShown(
                level=options.level.value if value.what is What.VERIFY else None,
                all_points=options.all_points,
                over_runs=options.over_runs,
                files=options.files,
                margin_days=options.margin_days,
            ),
            last_at=value.last_at,
            last_outcome=None if value.last_outcome is None else Outcome(value.last_outcome),
            last_run_no=value.last_run_no,
            waits_for=value.waits_for,
            next_at=value.next_at,
            upcoming=[Times.model_validate(times) for times in ahead],
            version=value.version,
            created_at=value.created_at,
        )


class SchedulePage(Part):
    """Schedules by id."""

    schedules: list[Schedule]


class PreviewQuery(Query):
    """A schedule that is not saved yet."""

    cron: Cron
    time_zone: TimeZone = "UTC"
    spread_s: Annotated[int, DIGITS, Field(ge=0, le=86_400)] = SPREAD_S


class Preview(Shown):
    """When it would come round."""

    upcoming: list[Times]


class Occurrence(Shown):
    """What became of an occurrence."""

    due_at: dt.datetime
    decided_at: dt.datetime
    outcome: Outcome
    run_no: int | None
    note: Annotated[str, Field(description="Why it was skipped or refused.")]


class OccurrencesQuery(Paged):
    """A part of them."""


class OccurrencePage(Part):
    """Occurrences, the newest first."""

    occurrences: list[Occurrence]


class Limits(Body):
    """How many runs of a tenant may be at work at once."""

    runs_at_once: Annotated[int | None, Field(ge=1, le=1_000, description="null: no limit of its own.")]


class LimitsShown(Shown):
    """How many runs of a tenant may be at work at once, and of all tenants."""

    runs_at_once: int | None
    platform_runs_at_once: Annotated[int | None, Field(description="Of all tenants together: a setting of the app.")]
