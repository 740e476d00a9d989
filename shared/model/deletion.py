"""Shares and tenants that were deleted, and may be brought back until they are purged."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

REASON_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A share or a tenant is deleted."""

    at: dt.datetime
    by: str
    """Who did it; empty: that is not known."""
    reason: str = ""
    purge_after: dt.datetime
    """It may be purged from then on. Decided when it was deleted: a setting that is changed later changes nothing of it."""
    purging_at: dt.datetime | None = None
    """Since when it is being purged. There is no way back from that."""
    trouble: str = ""
    """Of a tenant: why its purge has not come to its end."""


class DeletionKind(StrEnum):
    """What happened to a share or a tenant, as the vault has it."""

    DELETED = "deleted"
    UNDELETED = "undeleted"
    """It was brought back."""
    PURGING = "purging"
    """Its objects are being deleted. Nothing that is said later takes that back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionEvent:
    """One such thing: an object of its own that is never changed."""

    event_no: int
    """Counts up from 1; the highest counts."""
    kind: DeletionKind
    by: str
    reason: str
    at: dt.datetime
    purge_after: dt.datetime | None = None
    """Of DELETED."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What it is called, where it is and how many runs it had: when a purge has begun, nothing else in the vault may tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Something about the deletion of a share or a tenant that the vault does not know yet."""

    tenant_id: str
    share_id: int | None
    """None: of the tenant."""
    event: DeletionEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOfDeletion:
    """What a vault says of the deletion of a share or a tenant."""

    deletion: Deletion | None = None
    """None: it is not deleted."""
    event_no: int = 0
    """The last; 0: it was never deleted."""
    about: Mapping[str, str] = field(default_factory=dict)


NOT_DELETED: Final = SaidOfDeletion()


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOrder:
    """Who asked for a purge, and of what, for the audit when it is gone."""

    by: str
    actor_kind: str = ""
    actor_id: str = ""
    actor_name: str = ""
    name: str = ""
    """Of the share or the tenant."""

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The opposite of :meth:`to_wire`; missing names take their defaults."""
        return cls(**{f.name: wire[f.name] for f in fields(cls) if f.name in wire})
