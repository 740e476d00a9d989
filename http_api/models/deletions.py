"""Deletion of shares and tenants, and purges."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import Body, Paged, Shown, Text
from http_api.models.runs import Run
from shared.model.deletion import REASON_MAX


class WithDeleted(Paged):
    """A part of a list, perhaps with what is deleted."""

    deleted: Annotated[bool, Field(description="Also those that are deleted.")] = False


class NewDeletion(Body):
    """Why something is deleted."""

    reason: Annotated[Text, Field(max_length=REASON_MAX, description="Why, for whoever finds it deleted.")] = ""


class NewPurge(Body):
    """What somebody types who means it."""

    confirm: Annotated[
        Text,
        Field(max_length=200, description="The name of what is to be purged, letter for letter.", examples=["finance"]),
    ]


class ShownDeletion(Shown):
    """It is deleted."""

    at: dt.datetime
    by: Annotated[str, Field(description="Who did it; empty where that is not known.")]
    reason: str
    purge_after: Annotated[
        dt.datetime, Field(description="Until then it can be brought back; from then on it may be purged.")
    ]
    purging_at: Annotated[
        dt.datetime | None, Field(description="Since when it is being purged. There is no way back from that.")
    ]
    trouble: Annotated[str, Field(description="Of a tenant: why its purge does not come to its end.")] = ""


class PurgeRun(Run):
    """A purge of one share."""

    tenant_id: str
    share_id: int


class TenantPurge(Shown):
    """The purge of a tenant: one of each of its shares."""

    tenant_id: str
    runs: Annotated[list[PurgeRun], Field(description="Those that were queued now.")]
    shares_left: Annotated[
        int, Field(description="That it has yet, those of the runs included. When there are none the tenant goes, too.")
    ]
    state: Literal["purging"] = "purging"
