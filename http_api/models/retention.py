"""Retention: policies, what is kept and why, pins and legal holds, prunes and sweeps."""

import datetime as dt
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field

from http_api.models.base import Body, Name, Number, Part, Shown, Text
from shared.model import retention
from shared.model.retention import COUNT_MAX, Said
from shared.model.sweep import MARGIN_S

_DEFAULT: Final = retention.RetentionPolicy()
_MARGIN_DAYS: Final = MARGIN_S // 86_400

Count = Annotated[int, Field(ge=0, le=COUNT_MAX)]
Reason = Annotated[Text, Field(min_length=1, max_length=1_000)]


class Rules(Body):
    """Which restore points are kept: each that any of these keeps. The newest always is."""

    keep_last: Annotated[int, Field(ge=1, le=COUNT_MAX, description="So many of the newest.")] = _DEFAULT.keep_last
    hourly: Annotated[Count, Field(description="The last one of each of so many newest hours that have one.")] = 0
    daily: Annotated[Count, Field(description="The same of days.")] = 0
    weekly: Annotated[Count, Field(description="The same of weeks, Monday to Sunday.")] = 0
    monthly: Annotated[Count, Field(description="The same of months.")] = 0
    yearly: Annotated[Count, Field(description="The same of years.")] = 0
    keep_days: Annotated[
        int, Field(ge=0, le=36_500, description="All that are younger than so many times 24 hours.")
    ] = 0
    time_zone: Annotated[
        Text, Field(min_length=1, max_length=100, description="IANA name.", examples=["Europe/Berlin"])
    ] = _DEFAULT.time_zone

    def policy(self) -> retention.RetentionPolicy:
        """As we have it."""
        return retention.RetentionPolicy(**self.model_dump())


class NewPolicy(Body):
    """A policy for shares of a tenant."""

    name: Name
    rules: Rules


class PolicyChange(Body):
    """What is to change of a policy. What is left out stays; rules are replaced as a whole."""

    name: Name | None = None
    rules: Rules | None = None


class ShownRules(Shown):
    """The rules of a policy."""

    keep_last: int
    hourly: int
    daily: int
    weekly: int
    monthly: int
    yearly: int
    keep_days: int
    time_zone: str


class Policy(Shown):
    """A policy of a tenant."""

    policy_id: int
    tenant_id: str
    name: str
    rules: ShownRules
    version: int
    changed_at: dt.datetime

    @classmethod
    def of(cls, value: retention.NamedPolicy) -> Self:
        """As it is."""
        return cls(
            policy_id=value.policy_id,
            tenant_id=value.tenant_id,
            name=value.name,
            rules=ShownRules.model_validate(value.retention),
            version=value.version,
            changed_at=value.changed_at,
        )


class PolicyPage(Part):
    """Policies of a tenant by name."""

    policies: list[Policy]


class ShareRetentionChange(Body):
    """Which policy a share is to have."""

    policy_id: Annotated[Number | None, Field(description="Null: none, and nothing is ever pruned.")]


class ShownPin(Shown):
    """Somebody wants a restore point kept."""

    by: str
    reason: str
    at: dt.datetime
    until: dt.datetime | None


class ShownHold(Shown):
    """A legal hold."""

    by: str
    reason: str
    at: dt.datetime


class Keeping(Shown):
    """What people have said about a restore point."""

    restore_point: int
    pin: ShownPin | None
    hold: ShownHold | None

    @classmethod
    def of(cls, run_no: int, said: Said) -> Self:
        """As it counts."""
        return cls(
            restore_point=run_no,
            pin=None if said.pin is None else ShownPin.model_validate(said.pin),
            hold=None if said.hold is None else ShownHold.model_validate(said.hold),
        )


class Decided(Shown):
    """What is to become of a restore point."""

    restore_point: int
    taken_at: dt.datetime
    keep: bool
    reasons: Annotated[list[str], Field(description="All that keep it; or why it goes.")]
    pin: ShownPin | None
    hold: ShownHold | None


class ShareRetention(Shown):
    """The policy of a share, and what it means for its restore points at this moment."""

    policy: Policy | None
    kept: int
    expiring: int
    next_prune_at: Annotated[dt.datetime | None, Field(description="By schedule; null: by nobody but people.")]
    next_sweep_at: Annotated[dt.datetime | None, Field(description="The same.")]
    restore_points: Annotated[list[Decided], Field(description="The newest first.")]


class Preview(Shown):
    """What rules would mean for the restore points of a share at this moment. Nothing is changed."""

    kept: int
    expiring: int
    restore_points: Annotated[list[Decided], Field(description="The newest first.")]


class NewPin(Body):
    """A restore point is to be kept."""

    reason: Reason
    until: Annotated[
        AwareDatetime | None, Field(description="RFC 3339 with an offset; null: until it is unpinned.")
    ] = None


class NewHold(Body):
    """A restore point is to stay until it is released, whatever else is said."""

    reason: Reason


class Reasoned(Body):
    """Why something is taken back."""

    reason: Reason


class NewPrune(Body):
    """Which restore points are to be let go."""

    restore_points: Annotated[
        list[Number] | None,
        Field(min_length=1, max_length=10_000, description="These. Null: those that the share's policy does not keep."),
    ] = None


class NewSweep(Body):
    """How careful a sweep is to be."""

    margin_days: Annotated[
        int,
        Field(
            ge=1,
            le=3_650,
            description="What was let go, or was left behind by a run that died, stays for so many days.",
        ),
    ] = _MARGIN_DAYS


class ExpiredPoint(Shown):
    """A restore point that is gone."""

    restore_point: int
    taken_at: dt.datetime
    expired_at: dt.datetime
    by: str
    reason: str


class ExpiredPage(Part):
    """Restore points that are gone, the newest first."""

    expired_points: list[ExpiredPoint]
