"""What is on record about who may do what: members, API keys, and the storage accounts of tenants."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from shared.model.access import Grant


class MemberKind(StrEnum):
    """What an object id is of."""

    PERSON = "person"
    GROUP = "group"
    """Everybody in it, if sign-ins say which groups somebody is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A role that a person or a group has somewhere."""

    member_id: int
    object_id: str
    """Of Entra ID."""
    kind: MemberKind
    name: str
    grant: Grant
    created_at: dt.datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without its secret, which nobody has but whoever it was shown to."""

    key_id: str
    name: str
    grant: Grant
    digest: bytes
    """SHA-256 of the whole key: 32 bytes."""
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether it opens anything at ``now``."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantAccount:
    """A storage account that a tenant's shares may be in, with the credential by which it is reached."""

    account_id: int
    tenant_id: str
    account_url: str
    credential: str
    """Name of a credential; empty: the app's identity."""
    created_at: dt.datetime
    created_by: str
