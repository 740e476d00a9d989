"""Alerts: what somebody is to be told of a share, and to whom."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Condition(StrEnum):
    """What there is to tell."""

    RUN_FAILED = "run_failed"
    """The last run of its kind failed."""
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    """The last run of its kind could not save or restore everything."""
    NO_RESTORE_POINT = "no_restore_point"
    """The newest restore point is older than the share's objective."""
    DAMAGE = "damage"
    """A verify or a drill found that something is not as it was saved."""
    UNUSUAL_CHANGE = "unusual_change"
    """A backup found that unusually much has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A condition that holds for a share now."""

    condition: Condition
    about: str = ""
    """The kind of run, where alerts of several kinds are different ones."""
    run_no: int | None = None
    title: str
    """One line, for a subject."""
    detail: str
    """What happened and what to do, some sentences."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """For programs; plain JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as its row says: open from its first sighting until its condition is over, or somebody closes it."""

    alert_id: int
    tenant_id: str
    share_id: int
    condition: Condition
    about: str
    opened_at: dt.datetime
    seen_at: dt.datetime
    """Its last sighting."""
    times: int
    closed_at: dt.datetime | None
    closed_by: str | None
    """None: its condition was over."""
    acknowledged_at: dt.datetime | None
    acknowledged_by: str | None
    run_no: int | None
    title: str
    detail: str
    details: Mapping[str, Any]


class ChannelKind(StrEnum):
    """How somebody is told."""

    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """To whom a tenant's alerts go."""

    channel_id: int
    tenant_id: str
    name: str
    kind: ChannelKind
    url: str = ""
    """WEBHOOK."""
    credential: str = ""
    """WEBHOOK: the name of the secret that it is signed with; empty: it is not signed."""
    recipients: tuple[str, ...] = ()
    """EMAIL."""
    conditions: tuple[Condition, ...] = ()
    """Those that it is told of; none: all."""
    enabled: bool = True
    version: int = 1
    created_at: dt.datetime


class AlertEvent(StrEnum):
    """Why somebody is told."""

    OPENED = "opened"
    CLOSED = "closed"
    TEST = "test"
    """Somebody tries a channel out."""


class DeliveryState(StrEnum):
    """Whether somebody was told."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    """Given up after a day of trying, or because it can never succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one channel."""

    delivery_id: int
    tenant_id: str
    channel_id: int
    event: AlertEvent
    state: DeliveryState
    created_at: dt.datetime
    next_at: dt.datetime
    attempts: int
    error: str | None = None
    ended_at: dt.datetime | None = None
    alert_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery that is claimed, with all that it takes to make it."""

    delivery: Delivery
    channel: Channel
    alert: Alert | None
    """None: it is a test."""
    tenant_name: str
    share_name: str
