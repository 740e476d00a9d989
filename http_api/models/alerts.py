"""Alerts, the channels that they are told to, and what was told."""

import datetime as dt
import re
from typing import Annotated, Any, Self

from pydantic import Field, field_validator

from http_api.models.base import DIGITS, NUMBER_MAX, Body, Name, Paged, Part, Shown
from shared.model import alert
from shared.model.alert import AlertEvent, ChannelKind, Condition, DeliveryState

RECIPIENTS_MAX = 20
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


class Alert(Shown):
    """What somebody is to be told of a share."""

    alert_id: int
    tenant_id: str
    share_id: int
    condition: Condition
    about: Annotated[str, Field(description="The kind of run, where alerts of several kinds are different ones.")]
    open: bool
    opened_at: dt.datetime
    seen_at: Annotated[dt.datetime, Field(description="When it was last found to be so.")]
    times: Annotated[int, Field(description="How often.")]
    closed_at: dt.datetime | None
    closed_by: Annotated[str | None, Field(description="null: it is over by itself.")]
    acknowledged_at: dt.datetime | None
    acknowledged_by: str | None
    run_no: Annotated[int | None, Field(description="The run that found it last.")]
    title: str
    detail: Annotated[str, Field(description="What happened, and what to do.")]
    details: dict[str, Any]

    @classmethod
    def of(cls, value: alert.Alert) -> Self:
        """As it is."""
        return cls(
            alert_id=value.alert_id,
            tenant_id=value.tenant_id,
            share_id=value.share_id,
            condition=value.condition,
            about=value.about,
            open=value.closed_at is None,
            opened_at=value.opened_at,
            seen_at=value.seen_at,
            times=value.times,
            closed_at=value.closed_at,
            closed_by=value.closed_by,
            acknowledged_at=value.acknowledged_at,
            acknowledged_by=value.acknowledged_by,
            run_no=value.run_no,
            title=value.title,
            detail=value.detail,
            details=dict(value.details),
        )


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


class ShareAlertsQuery(Paged):
    """Which alerts of a share."""

    open: Annotated[bool | None, Field(description="Only those that are open, or that are not.")] = None

    @field_validator("open", mode="before")
    @classmethod
    def _open(cls, value: object) -> object:
        return _flag(value)


class AlertsQuery(ShareAlertsQuery):
    """Which alerts of a tenant."""

    share_id: Annotated[int | None, DIGITS, Field(ge=1, le=NUMBER_MAX, description="Only of this share.")] = None


class AlertPage(Part):
    """Alerts, the newest first."""

    alerts: list[Alert]


class _Told(Body):
    """What new and changed channels have alike."""

    @field_validator("recipients", check_fields=False)
    @classmethod
    def _recipients(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for address in value or ():
            if not _ADDRESS.fullmatch(address):
                raise ValueError("addresses such as backup-team@example.com")
        return value


_Url = Annotated[str, Field(max_length=2_000, description="Of a webhook: https, public.")]
_Credential = Annotated[
    str,
    Field(
        pattern=r"^(webhook-[A-Za-z0-9_-]{1,52})?$",
        description="Of a webhook: the name of the secret that it is signed with, which begins with `webhook-`; empty: not signed.",
    ),
]
_Recipients = Annotated[tuple[str, ...], Field(max_length=RECIPIENTS_MAX, description="Of e-mail.")]
_Conditions = Annotated[
    tuple[Condition, ...], Field(max_length=20, description="What it is told of; none: everything.")
]


class NewChannel(_Told):
    """Somebody who is to be told of a tenant's alerts."""

    name: Name
    kind: ChannelKind
    url: _Url = ""
    credential: _Credential = ""
    recipients: _Recipients = ()
    conditions: _Conditions = ()
    enabled: Annotated[bool, Field(strict=True)] = True


class ChannelChange(_Told):
    """What is to change of a channel; all else stays."""

    name: Name | None = None
    url: _Url | None = None
    credential: _Credential | None = None
    recipients: _Recipients | None = None
    conditions: _Conditions | None = None
    enabled: Annotated[bool | None, Field(strict=True)] = None


class Channel(Shown):
    """Who is told of a tenant's alerts."""

    channel_id: int
    tenant_id: str
    name: str
    kind: ChannelKind
    url: str
    credential: Annotated[str, Field(description="Its name, not the secret.")]
    recipients: tuple[str, ...]
    conditions: tuple[Condition, ...]
    enabled: bool
    version: int
    created_at: dt.datetime


class ChannelPage(Part):
    """Channels by id."""

    channels: list[Channel]


class DeliveriesQuery(Paged):
    """Which deliveries."""

    state: Annotated[DeliveryState | None, Field(description="Only those in this state.")] = None


class Delivery(Shown):
    """One message to a channel."""

    delivery_id: int
    alert_id: Annotated[int | None, Field(description="null: a test.")]
    event: AlertEvent
    state: DeliveryState
    created_at: dt.datetime
    next_at: Annotated[dt.datetime, Field(description="When it is tried next, while it is pending.")]
    attempts: int
    error: Annotated[str | None, Field(description="Why it could not be made the last time.")]
    ended_at: dt.datetime | None


class DeliveryPage(Part):
    """Deliveries, the newest first."""

    deliveries: list[Delivery]


class Retried(Shown):
    """How many deliveries are tried again."""

    deliveries: int


class Tested(Shown):
    """A test that is under way: look for it among the channel's deliveries."""

    delivery_id: int
