"""What is written down about those who change something, or get to see file content."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What became of it."""

    INTENDED = "intended"
    """It was about to be done. If nothing else is written about it, nobody knows: see docs/adr/0014."""
    DONE = "done"
    REFUSED = "refused"
    """Nothing was changed or shown: not allowed, not valid, not there, in conflict."""
    FAILED = "failed"
    """It broke off. What it was in the middle of is in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One request, at one moment of it."""

    audit_id: str
    """32 hexadecimal digits: the same for all that is written about a request."""
    at: dt.datetime
    """When it came, whatever became of it."""
    tenant_id: str | None
    """None: of the platform."""
    share_id: int | None
    actor_kind: str
    actor_id: str
    """Of a person the object id, of a key its id."""
    actor_name: str
    action: str
    method: str
    path: str
    source: str
    """Where it came from, as far as that is known."""
    outcome: Outcome
    status: int = 0
    """Of the answer; 0: there is none yet."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What was asked for: ``query``, ``body``. Without secrets."""
