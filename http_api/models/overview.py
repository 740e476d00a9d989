"""All shares at a glance."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from http_api.models.base import Part, Shown
from shared.core.health import Level
from shared.model.run import RunKind, RunState


class NewestPoint(Shown):
    """The newest restore point of a share."""

    restore_point: int
    taken_at: dt.datetime
    files: int
    bytes: int
    age_s: Annotated[int, Field(description="Seconds since it was taken.")]


class NewestRun(Shown):
    """The newest run of a share, of whatever kind."""

    run_no: int
    kind: RunKind
    state: RunState
    error: str | None


class ShareHealth(Shown):
    """How a share stands, and why."""

    level: Annotated[
        Level,
        Field(
            description="`bad`: what is promised is not kept, or may not be; `attention`: something went wrong and it is still kept;"
            " `none`: there is no restore point yet, and could not be one; `good`."
        ),
    ]
    reasons: Annotated[list[str], Field(description="At least one, the gravest first.")]


class ShareAtAGlance(Shown):
    """How one share stands."""

    tenant_id: str
    tenant_name: str
    share_id: int
    share_name: Annotated[str, Field(description="What people call it.")]
    restore_point: NewestPoint | None
    run: NewestRun | None
    health: ShareHealth


class OverviewPart(Part):
    """Shares by tenant and name."""

    shares: list[ShareAtAGlance]
